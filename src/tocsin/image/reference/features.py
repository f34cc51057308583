"""Registration by features: SIFT points spread evenly, and a homography whose inliers cover the picture best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.image._preparation import opencv
from tocsin.image.reference.coverage import coverage

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

CELLS, PER_CELL = 16, 4
RATIO = 0.8
WITHIN = 3.0
TRIES = 2000
LEAST_MATCHES = 8
# Of any three of four points, in squared pixels, and of their equations: less is a line, which fixes no plane.
LEAST_AREA, LEAST_DETERMINANT = 1.0, 1e-12
# A hypothesis is believed if it explains this share of the matches and covers as much as one point in each quarter.
LEAST_SHARE, LEAST_COVERAGE = 0.2, 4 * (16 + 8 + 4 + 2)
CHUNK = 500


@dataclass(frozen=True, eq=False)
class Plane:
    """A homography found from matches.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        From pixels of the template to pixels of the picture judged.
    covered : float
        The coverage score of its inliers.
    share : float
        The share of matches that are inliers.
    """

    matrix: FloatArray
    covered: float
    share: float

    @property
    def believed(self) -> bool:
        """Whether it rests on enough, spread widely enough."""
        return self.share >= LEAST_SHARE and self.covered >= LEAST_COVERAGE


def matched_points(picture: Any, template: Any) -> tuple[FloatArray, FloatArray]:
    """Match SIFT points of two grey pictures (uint8): mutual best matches that are clearly better than the second.

    Returns
    -------
    (ndarray, ndarray), each of shape (n, 2)
        x and y of the same points in the template and in the picture.
    """
    cv2 = opencv()
    (here, mine), (there, theirs) = _described(picture), _described(template)
    if len(here) < 2 or len(there) < 2:
        return np.empty((0, 2)), np.empty((0, 2))
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    forward = matcher.knnMatch(theirs, mine, k=2)
    back = {m.queryIdx: m.trainIdx for m in matcher.match(mine, theirs)}
    kept = [a for a, b in forward if a.distance < RATIO * b.distance and back.get(a.trainIdx) == a.queryIdx]
    return there[[m.queryIdx for m in kept]].reshape(-1, 2), here[[m.trainIdx for m in kept]].reshape(-1, 2)


def _described(picture: Any) -> tuple[FloatArray, Any]:
    """Points and descriptors, in each of 16 x 16 cells no more than the four strongest."""
    cv2 = opencv()
    sift = cv2.SIFT_create()
    points = sift.detect(picture, None)
    if not points:
        return np.empty((0, 2)), np.empty((0, 128), dtype=np.float32)
    at = np.array([p.pt for p in points])
    cell = (at / picture.shape[1::-1] * CELLS).astype(int)
    order = np.argsort([-p.response for p in points], kind="stable")
    taken: dict[tuple[int, int], int] = {}
    kept = []
    for number in order:
        key = (int(cell[number, 0]), int(cell[number, 1]))
        taken[key] = taken.get(key, 0) + 1
        if taken[key] <= PER_CELL:
            kept.append(points[number])
    kept, described = sift.compute(picture, kept)
    return np.array([p.pt for p in kept]).reshape(-1, 2), described


def covering_homography(
    source: FloatArray,
    target: FloatArray,
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    within: float = WITHIN,
    tries: int = TRIES,
    by: str = "coverage",
) -> Plane | None:
    """Return the homography whose inliers cover the picture best.

    Parameters
    ----------
    source, target : ndarray, shape (n, 2)
        The same points in the template and in the picture.
    size : (int, int)
        Width and height of the picture.
    rng : Generator
        Draws the quadruples from which hypotheses are made.
    within : float
        Pixels between a point and where the hypothesis puts it.
    tries : int
        How many quadruples.
    by : {'coverage', 'count'}
        What hypotheses are ranked by; the number of inliers is the usual one, here for comparison.

    Returns
    -------
    Plane or None
        Fitted again to all inliers of the best hypothesis; None where there are too few matches.
    """
    if len(source) < LEAST_MATCHES:
        return None
    cv2 = opencv()
    inside = np.clip(target, 0, np.asarray(size) - 1e-6)
    best, most = np.zeros(len(source), dtype=bool), -1.0
    for matrices in np.array_split(_hypotheses(source, target, tries, rng), max(1, tries // CHUNK)):
        if not len(matrices):
            continue
        inliers = _distance(matrices, source, target) < within
        ranks = coverage(inside, size, inliers) if by == "coverage" else inliers.sum(axis=1).astype(float)
        # Among equals, the one with more inliers.
        ranks = ranks + inliers.sum(axis=1) / (10.0 * len(source))
        first = int(ranks.argmax())
        if ranks[first] > most:
            most, best = float(ranks[first]), inliers[first]
    if best.sum() < 4:
        return None
    matrix, _ = cv2.findHomography(source[best].astype(np.float32), target[best].astype(np.float32), 0)
    if matrix is None or not np.isfinite(matrix).all():
        return None
    kept: BoolArray = _distance(matrix[None], source, target)[0] < within
    covered = float(coverage(inside, size, kept[None])[0])
    return Plane(np.asarray(matrix, dtype=np.float64), covered, float(kept.mean()))


def _hypotheses(source: FloatArray, target: FloatArray, tries: int, rng: np.random.Generator) -> FloatArray:
    """Homographies through quadruples of matches, all solved at once; shape (k, 3, 3)."""
    fours: IntArray = rng.integers(len(source), size=(tries, 4))
    sound = (_flatness(source[fours]) > LEAST_AREA) & (_flatness(target[fours]) > LEAST_AREA)
    fours = fours[sound]
    # Coordinates about 0 of about 1, or the systems are badly conditioned.
    into, (a, b) = zip(*((_unit_frame(p), p[fours]) for p in (source, target)), strict=True)
    x, y, u, v = (
        into[i][axis, axis] * p[..., axis] + into[i][axis, 2] for i, p in enumerate((a, b)) for axis in (0, 1)
    )
    one, zero = np.ones_like(x), np.zeros_like(x)
    above = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    below = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    system = np.concatenate([above, below], axis=1)
    regular = np.abs(np.linalg.det(system)) > LEAST_DETERMINANT
    solved = np.linalg.solve(system[regular], np.concatenate([u, v], axis=1)[regular][..., None])[..., 0]
    matrices = np.concatenate([solved, np.ones((len(solved), 1))], axis=1).reshape(-1, 3, 3)
    return np.asarray(np.linalg.inv(into[1]) @ matrices @ into[0])


def _unit_frame(points: FloatArray) -> FloatArray:
    middle, spread = points.mean(axis=0), np.maximum(points.std(axis=0), 1e-9)
    return np.array([[1 / spread[0], 0, -middle[0] / spread[0]], [0, 1 / spread[1], -middle[1] / spread[1]], [0, 0, 1]])


def _flatness(four: FloatArray) -> FloatArray:
    """Twice the smallest area among the triangles of each quadruple: none of three points in a line."""
    triples = [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]
    areas = []
    for i, j, k in triples:
        p, q = four[:, j] - four[:, i], four[:, k] - four[:, i]
        areas.append(np.abs(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]))
    return np.asarray(np.min(areas, axis=0))


def _distance(matrices: FloatArray, source: FloatArray, target: FloatArray) -> FloatArray:
    """How far from its target each hypothesis puts each point; shape (k, n)."""
    lifted = np.concatenate([source, np.ones((len(source), 1))], axis=1)
    there = matrices @ lifted.T
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.hypot(there[:, 0] / there[:, 2] - target[:, 0], there[:, 1] / there[:, 2] - target[:, 1])
    return np.asarray(np.nan_to_num(off, nan=np.inf))
