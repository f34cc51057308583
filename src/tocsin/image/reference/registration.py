"""Global registration: where the template lies in the frame of the picture judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tocsin.image._preparation import opencv
from tocsin.image.reference.features import covering_homography, matched_points

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

How = Literal["auto", "euclidean", "features", "none"]

# Degrees tried before iterations begin, which converge only from nearby.
ANGLES = range(-4, 5)
COARSE_SIDE, FINE_SIDE = 128, 320
COARSE_BLUR = 1.5
# The farthest shift tried, as a share of the side.
FARTHEST = 0.08
LEAST_SPREAD = 1e-3
RIM = 2
# Where the two share less than this, their agreement means nothing.
LEAST_SHARED = 0.25
ITERATIONS, PRECISION = 40, 1e-4
# With this correlation of blurred pictures a registration needs no second opinion.
AGREEMENT = 0.9


@dataclass(frozen=True, eq=False)
class Registration:
    """Where the template lies.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        From pixels of the template to pixels of the picture.
    how : str
        What found it, in a word or two.
    agreement : float
        Correlation of the two blurred pictures after it, -1 to 1.
    """

    matrix: FloatArray
    how: str
    agreement: float


def register(picture: Any, template: Any, how: How, start: FloatArray | None = None, seed: int = 0) -> Registration:
    """Find the template in the picture.

    Parameters
    ----------
    picture, template : ndarray of uint8, shape (h, w)
        Grey pictures, perhaps of different sizes.
    how : {'auto', 'euclidean', 'features', 'none'}
        ``euclidean``: shift and turn, by correlation at several angles and then by ECC, which maximises it.
        ``features``: a homography from matched points. ``auto``: the first, and where it does not agree well also the
        second, whichever agrees better. ``none``: only sizes are made equal.
    start : ndarray, shape (3, 3), optional
        A first homography from template to picture, such as that of a known turn of the camera.
    seed : int
        For the hypotheses of ``features``.

    Returns
    -------
    Registration
        Never one that agrees less than doing nothing.
    """
    fit = _frame(picture.shape[1] / template.shape[1], picture.shape[0] / template.shape[0])
    first = start if start is not None else fit
    best = Registration(first, "known turn" if start is not None else "as given", _agreement(picture, template, first))
    if how == "none":
        return best
    if how in ("auto", "euclidean"):
        best = _better(best, picture, template, _euclidean(picture, _warped(template, first, picture.shape)) @ first,
                       "shift and turn")  # fmt: skip
    if how == "features" or (how == "auto" and best.agreement < AGREEMENT):
        rng = np.random.default_rng(seed)
        source, target = matched_points(picture, _warped(template, first, picture.shape))
        plane = covering_homography(source, target, (picture.shape[1], picture.shape[0]), rng)
        if plane is not None and plane.believed:
            best = _better(best, picture, template, plane.matrix @ first, "matched points")
    return best


def warp(template: Any, matrix: FloatArray, shape: tuple[int, int]) -> tuple[Any, BoolArray]:
    """Return the template in the picture's frame, and where it really has something to say there."""
    cv2 = opencv()
    everywhere = np.full(template.shape[:2], 255, dtype=np.uint8)
    covers = cv2.warpPerspective(everywhere, matrix, shape[::-1], flags=cv2.INTER_NEAREST, borderValue=0)
    # The outermost places are half made of what was never there, and what they border on is out of sight.
    covers = cv2.erode(covers, np.ones((2 * RIM + 1,) * 2, np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return _warped(template, matrix, shape), np.asarray(covers > 0)


def _warped(template: Any, matrix: FloatArray, shape: tuple[int, ...]) -> Any:
    cv2 = opencv()
    if np.array_equal(matrix, np.eye(3)) and template.shape[:2] == shape[:2]:
        return template
    return cv2.warpPerspective(
        template, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _better(best: Registration, picture: Any, template: Any, matrix: FloatArray, how: str) -> Registration:
    agreement = _agreement(picture, template, matrix)
    return Registration(matrix, how, agreement) if agreement > best.agreement else best


def _euclidean(picture: Any, template: Any) -> FloatArray:
    """Shift and turn between two pictures of one size, from coarse to fine."""
    cv2 = opencv()
    matrix: FloatArray = np.eye(3)
    for side in (COARSE_SIDE, FINE_SIDE):
        scale = min(1.0, side / max(picture.shape))
        small, other = (_shrunk(p, scale) for p in (picture, template))
        if min(small.shape) < 16 or min(small.std(), other.std()) < LEAST_SPREAD:
            return matrix
        if side == COARSE_SIDE:
            # Everything below lives in the small frame, from the picture to the template, as ECC has it.
            inner = _best_turn(small, other)
        else:
            inner = _to_frame(np.linalg.inv(matrix), scale)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, PRECISION)
        start = np.ascontiguousarray(inner[:2], dtype=np.float32)
        try:
            _, found = cv2.findTransformECC(small, other, start, cv2.MOTION_EUCLIDEAN, criteria, None, 5)
        except cv2.error:  # it says in this way that it did not converge
            found = start
        whole = np.vstack([found, [0, 0, 1]]).astype(np.float64)
        matrix = np.linalg.inv(_from_frame(whole, scale))
    return matrix


def _best_turn(small: Any, other: Any) -> FloatArray:
    """The turn by whole degrees, and its shift, at which the middle of the template is found most clearly."""
    cv2 = opencv()
    blurred, turned = (cv2.GaussianBlur(p, (0, 0), COARSE_BLUR) for p in (small, other))
    height, width = small.shape
    margins = (round(FARTHEST * height), round(FARTHEST * width))
    centre = ((width - 1) / 2, (height - 1) / 2)
    best, highest = np.eye(3), -np.inf
    for angle in ANGLES:
        turn = np.vstack([cv2.getRotationMatrix2D(centre, angle, 1.0), [0, 0, 1]])
        moved = cv2.warpAffine(turned, turn[:2], (width, height), borderMode=cv2.BORDER_REPLICATE)
        middle = moved[margins[0] : height - margins[0], margins[1] : width - margins[1]]
        if middle.std() < LEAST_SPREAD:
            continue
        _, correlation, _, at = cv2.minMaxLoc(cv2.matchTemplate(blurred, middle, cv2.TM_CCOEFF_NORMED))
        if correlation > highest:
            highest = correlation
            shift = np.array([[1, 0, at[0] - margins[1]], [0, 1, at[1] - margins[0]], [0, 0, 1.0]])
            best = np.linalg.inv(shift @ turn)
    return best


def _shrunk(picture: Any, scale: float) -> Any:
    cv2 = opencv()
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)


def _frame(across: float, down: float) -> FloatArray:
    """From pixels of a picture to those of the same picture at another size; centres of pixels are whole numbers."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])


def _to_frame(matrix: FloatArray, scale: float) -> FloatArray:
    return np.asarray(_frame(scale, scale) @ matrix @ np.linalg.inv(_frame(scale, scale)))


def _from_frame(matrix: FloatArray, scale: float) -> FloatArray:
    return np.asarray(np.linalg.inv(_frame(scale, scale)) @ matrix @ _frame(scale, scale))


def _agreement(picture: Any, template: Any, matrix: FloatArray) -> float:
    """Correlation of the blurred, shrunken pictures where both have something."""
    cv2 = opencv()
    scale = min(1.0, FINE_SIDE / max(picture.shape))
    small, other = (cv2.GaussianBlur(_shrunk(p, scale), (0, 0), 1.0) for p in (picture, template))
    there, inside = warp(other, _to_frame(matrix, scale), small.shape)
    if inside.mean() < LEAST_SHARED:
        return -1.0
    a, b = small[inside], there[inside]
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > LEAST_SPREAD**2 else 0.0
