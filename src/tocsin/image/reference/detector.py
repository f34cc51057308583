"""Reference comparison: what differs between a picture and a reference of the same thing, after registration.

A board and its template, a part and its drawing, a place on a patrol route and the same place on an earlier day. The
reference is registered globally, then block by block, because what is left of a shift varies over the picture. Places
count as changed only if nothing within a few pixels explains them. Pictures of two levels are compared as sets of
pixels whose changes are gathered into regions; all others by the smallest difference of patches, in the picture's own
light. Nothing is learned: good pairs, where there are some, only set the threshold.

Registration by matched points ranks hypotheses by how well their inliers cover the picture, and uses a known turn of
the camera where the cameras stood close together, both after Li et al., "UMAD: University of Macau Anomaly Detection
Benchmark Dataset", IROS 2024. The change model of that work is a net trained on labelled pairs; this one needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.scores import Scores
from tocsin.image._maps import picture_score
from tocsin.image.reference.blocks import block_shifts, shifted
from tocsin.image.reference.grey import lit_alike, patch_difference
from tocsin.image.reference.pair import grey_of, pair_of
from tocsin.image.reference.registration import register, warp
from tocsin.image.reference.two_level import bright_level, changes, has_two_levels

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Bundle
    from tocsin.core.types import BoolArray, FloatArray

PARTS = ("brighter", "darker")
# The share of highest places whose mean is the score of a grey picture: a defect of 20 x 20 in 640 x 640.
HIGHEST = 0.001
# With less correlation than this after registration, two pictures hardly show the same thing.
DOUBTFUL = 0.3


class ReferenceComparison(Detector):
    """Differences between a picture and its reference.

    Parameters
    ----------
    registration : {'auto', 'euclidean', 'features', 'none'}
        How the reference is brought into the picture's frame: by shift and turn (up to 8 % of the side and about 4
        degrees), by a homography from matched points, or by the first and, where the two then do not agree well, by
        the second.
    levels : {'auto', 'two', 'grey'}
        Whether pictures are compared as two levels; ``auto`` does so if all pictures given to `fit` have only two.
    tolerance : int
        Pixels by which something may be off without having changed.
    local : bool
        Whether blocks are registered one by one after the whole.
    least : int
        Changed pixels of a region below which it is left out; for two levels.
    reference : str
        The member of a bundle to compare with; the other one of two when left out.
    random_state : int
        For the hypotheses of matched points.

    Raises
    ------
    InputError
        From `fit` and `score`, if a parameter is out of range or a bundle does not hold two pictures.

    Notes
    -----
    A score of two levels is a length in pixels: the cube root of changed pixels times the half width of the thickest
    spot among them. All of a region, and 6 pixels around it, has the region's score. A score of grey pictures is a
    difference of brightness, 0 to 1. Map and overall score are in the same unit. Where the reference has nothing to
    say, because it does not reach there, and at the outermost 2 pixels the score is 0.
    `tocsin.image.reference.boxes.boxes` draws boxes around regions.

    ``Bundle.meta["camera"]`` may hold ``intrinsics`` and ``rotation`` (3 x 3, from the reference camera to the other)
    and ``distance`` in metres: below 0.03 m the turn is undone before anything is searched for.

    A homography is exact for a plane or a pure turn only: what stands out of the plane moves otherwise and may look
    changed. What has gone since the reference was taken counts as much as what has come.

    References
    ----------
    Li et al., "UMAD: University of Macau Anomaly Detection Benchmark Dataset", IROS 2024, arXiv 2408.12527.
    Tang et al., "Online PCB defect detector on a new PCB defect dataset", arXiv 1902.06197, for boards.

    Examples
    --------
    >>> from tocsin import Bundle, Image
    >>> template = np.zeros((64, 96), dtype=np.uint8)
    >>> template[20:30] = 255
    >>> board = template.copy()
    >>> board[20:30, 40:52] = 0
    >>> pair = Bundle({"test": Image(board), "template": Image(template)}, primary="test")
    >>> good = Bundle({"test": Image(template), "template": Image(template)}, primary="test")
    >>> found = ReferenceComparison().fit(good).detect(pair)
    >>> found.anomalies[0].where.box
    (34, 14, 58, 36)
    """

    card = Card(
        name="reference-comparison",
        summary="places that differ from a reference picture of the same thing, beyond a small tolerance",
        modality=("bundle",),
        learns_from="nothing",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("image",),
        cost="linear in pixels; about 0.05 s for 640 x 640 of two levels",
        cite="Li et al. 2024, UMAD, arXiv 2408.12527",
    )
    two_levels_: bool
    least_places: ClassVar[int] = 1

    def __init__(
        self,
        registration: Literal["auto", "euclidean", "features", "none"] = "auto",
        levels: Literal["auto", "two", "grey"] = "auto",
        tolerance: int = 2,
        local: bool = True,
        least: int = 20,
        reference: str = "",
        random_state: int = 0,
    ) -> None:
        self.registration = registration
        self.levels = levels
        self.tolerance = tolerance
        self.local = local
        self.least = least
        self.reference = reference
        self.random_state = random_state

    def _fit(self, samples: Sequence[Bundle], rng: np.random.Generator) -> None:
        for name, options in (("registration", ("auto", "euclidean", "features", "none")),
                              ("levels", ("auto", "two", "grey"))):  # fmt: skip
            if getattr(self, name) not in options:
                raise InputError(f"{name}={getattr(self, name)!r} is unknown: choose {', '.join(options)}")
        if not 0 <= self.tolerance <= 16:
            raise InputError(f"tolerance={self.tolerance} is out of range: 0 to 16 pixels")
        self.two_levels_ = self.levels == "two"
        if self.levels == "auto":
            pairs = (pair_of(sample, self.reference) for sample in samples)
            self.two_levels_ = all(has_two_levels(grey) for pair in pairs for grey in pair.greys())
        self.findings_ = (
            "pictures are compared as two levels: scores are lengths in pixels"
            if self.two_levels_
            else "pictures are compared by brightness and colour: scores are differences, 0 to 1",
        )

    def _score(self, sample: Bundle) -> Scores:
        pair = pair_of(sample, self.reference)
        grey, grey_template = pair.greys()
        start = None if pair.pose is None else pair.pose.homography()
        placed = register(grey, grey_template, self.registration, start, self.random_state)
        notes: dict[str, Any] = {"registration": placed.how, "agreement": round(placed.agreement, 4)}
        if self.two_levels_:
            template, valid = warp(grey_template, placed.matrix, grey.shape)
            template = self._in_place(grey, template, template, notes)
            return self._of_two_levels(bright_level(grey), bright_level(template), valid, notes)
        picture, colours = pair.colours()
        warped, valid = warp(colours, placed.matrix, grey.shape)
        alike = lit_alike(picture, warped, valid)
        return self._of_grey(picture, self._in_place(grey, grey_of(alike), alike, notes), valid, notes)

    def _in_place(self, grey: Any, grey_template: Any, template: Any, notes: dict[str, Any]) -> Any:
        """The template after its blocks have been registered one by one, by how it looks in grey."""
        if not self.local:
            return template
        shifts = block_shifts(grey, grey_template)
        notes["farthest_local_shift"] = round(float(np.hypot(shifts[..., 0], shifts[..., 1]).max()), 2)
        return shifted(template, shifts)

    def _of_two_levels(self, picture: Any, template: Any, valid: BoolArray, notes: dict[str, Any]) -> Scores:
        found = changes(picture, template, valid, tolerance=self.tolerance, least=self.least)
        share = found.added / np.maximum(found.added + found.missing, 1)
        strength = found.strength.astype(np.float32)
        by_region = np.stack([strength * share, strength * (1 - share)], axis=-1).astype(np.float32)
        local = np.zeros(picture.shape, dtype=np.float32)
        parts = np.zeros((*picture.shape, len(PARTS)), dtype=np.float32)
        where = np.nonzero(found.label)  # few places: most of a picture has not changed
        local[where], parts[where] = strength[found.label[where]], by_region[found.label[where]]
        notes["changed_pixels"] = int(found.added.sum() + found.missing.sum())
        return Scores(local, float(strength.max()), parts, PARTS, notes=notes)

    def _of_grey(self, picture: FloatArray, template: FloatArray, valid: BoolArray, notes: dict[str, Any]) -> Scores:
        apart, signed = patch_difference(picture, template, tolerance=self.tolerance)
        local = np.where(valid, apart, 0).astype(np.float32)
        brighter = np.where(signed > 0, local, 0)
        parts = np.stack([brighter, local - brighter], axis=-1)
        return Scores(local, picture_score(local, HIGHEST, border=0), parts, PARTS, notes=notes)

    def _explain(self, sample: Bundle, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say what has become brighter or darker than in the reference, and how well the two fit on each other."""
        assert scores.local is not None
        assert scores.parts is not None
        left, top, right, bottom = getattr(anomaly.where, "box", (0, 0, *scores.local.shape[::-1]))
        inside = scores.parts[top:bottom, left:right].astype(np.float64).sum(axis=(0, 1))
        total = float(inside.sum()) or 1.0
        fit = f"registered by {scores.notes['registration']}, correlation {scores.notes['agreement']:.2f}"
        if scores.notes["agreement"] < DOUBTFUL:
            fit += ": the two hardly show the same thing, look at them before you believe this"
        where = f"{right - left} x {bottom - top} pixels at x={left}, y={top}"
        return [
            Evidence(f"{name} than the reference", share, text=f"{where}; {fit}")
            for name, share in sorted(zip(PARTS, (inside / total).tolist(), strict=True), key=lambda p: -p[1])
            if share > 0
        ]
