"""Calibration: the scores from which thresholds and run lengths learn what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.types import BoolArray, FloatArray, IntArray

_KEPT = 200_000
_BLOCKS = 16


def _no_breaks() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of places that are believed to be (mostly) normal, in time order.

    Parameters
    ----------
    scores : ndarray of float, shape (m,)
        Finite scores. Places without a score are left out and the stretch is cut there.
    seconds : float, optional
        Seconds per place; None where the data have no clock: then there are rates per place only.
    contaminated : bool
        True if anomalies may be among them (calibrated on unlabelled data): the rules are then robust.
    source : str
        Where they come from, in words that fit after "data like": "the training part".
    breaks : ndarray of int
        Sorted positions at which a new uninterrupted stretch begins; position 0 goes without saying.

    Raises
    ------
    InputError
        If there is no score, a score is not finite, or the seconds are not positive.

    Examples
    --------
    >>> c = Calibration.from_scores([np.array([0.1, 0.2, np.nan, 0.3]), np.array([0.2, 0.1])], seconds=60.0)
    >>> c.scores.tolist(), c.breaks.tolist(), c.duration
    ([0.1, 0.2, 0.3, 0.2, 0.1], [2, 3], 300.0)
    """

    scores: FloatArray
    seconds: float | None = None
    contaminated: bool = False
    source: str = "the calibration part"
    breaks: IntArray = field(default_factory=_no_breaks)

    def __post_init__(self) -> None:
        scores = np.ascontiguousarray(self.scores, dtype=np.float64)
        if scores.ndim != 1 or scores.size == 0:
            raise InputError(
                f"no level can be found from {self.source}: it has no finite score; give more data to calibrate on"
            )
        if not np.isfinite(scores).all():
            raise InputError(f"calibration scores must be finite; place {int(np.argmin(np.isfinite(scores)))} is not")
        if self.seconds is not None and not (np.isfinite(self.seconds) and self.seconds > 0):
            raise InputError(f"seconds per place must be a positive number, not {self.seconds!r}")
        breaks = np.unique(np.asarray(self.breaks, dtype=np.int64))
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "breaks", breaks[(breaks > 0) & (breaks < scores.size)])

    @classmethod
    def from_scores(
        cls,
        scores_list: Sequence[FloatArray],
        *,
        seconds: float | None = None,
        contaminated: bool = False,
        source: str = "the calibration part",
    ) -> Calibration:
        """Gather the scores of several samples; each sample, and each place after missing scores, begins a stretch.

        Arrays of more than one axis (images) are read row by row; their run lengths mean nothing.

        Raises
        ------
        InputError
            If a score is infinite, or no sample has a score.
        """
        pieces: list[FloatArray] = []
        breaks: list[IntArray] = []
        length = 0
        for number, scores in enumerate(scores_list):
            flat = np.asarray(scores, dtype=np.float64).ravel()
            if np.isinf(flat).any():
                place = int(np.flatnonzero(np.isinf(flat))[0])
                raise InputError(f"the score of place {place} in sample {number} of {source} is infinite")
            seen = np.flatnonzero(~np.isnan(flat))
            if seen.size == 0:
                continue
            pieces.append(flat[seen])
            breaks.append(length + np.concatenate([[0], np.flatnonzero(np.diff(seen) > 1) + 1]))
            length += seen.size
        return cls(
            np.concatenate(pieces) if pieces else np.empty(0),
            seconds,
            contaminated,
            source,
            np.concatenate(breaks) if breaks else _no_breaks(),
        )

    def __len__(self) -> int:
        return int(self.scores.size)

    @property
    def duration(self) -> float | None:
        """Seconds that the scores cover; None without a clock."""
        return None if self.seconds is None else self.scores.size * self.seconds

    @property
    def starts(self) -> IntArray:
        """First positions of all stretches, 0 included."""
        return np.concatenate([[0], self.breaks]).astype(np.int64)

    @property
    def stops(self) -> IntArray:
        """One past the last positions of all stretches."""
        return np.concatenate([self.breaks, [self.scores.size]]).astype(np.int64)

    def without(self, places: BoolArray) -> Calibration:
        """Return a copy without the given places, cut where they were.

        Raises
        ------
        InputError
            If nothing is left.
        """
        kept = np.flatnonzero(~places)
        stretch = np.searchsorted(self.breaks, kept, side="right")
        cut = (np.diff(kept) > 1) | (np.diff(stretch) > 0)
        return Calibration(self.scores[kept], self.seconds, self.contaminated, self.source, np.flatnonzero(cut) + 1)

    def to_state(self) -> dict[str, Any]:
        """Return JSON scalars and arrays.

        More than 200 000 scores are cut down to 16 unbroken blocks spread evenly over time: dropping single places
        would destroy run lengths, and keeping only one end would forget slow changes.
        """
        kept = self
        if len(self) > _KEPT:
            block = _KEPT // _BLOCKS
            first = np.linspace(0, len(self) - block, _BLOCKS).astype(np.int64)
            outside = np.ones(len(self), dtype=bool)
            for start in first:
                outside[start : start + block] = False
            kept = self.without(outside)
        return {
            "scores": kept.scores,
            "breaks": kept.breaks,
            "seconds": self.seconds,
            "contaminated": self.contaminated,
            "source": self.source,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Calibration:
        """Return the calibration of `to_state`; the state may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If the state is damaged.
        """
        try:
            scores, breaks = np.asarray(state["scores"]), np.asarray(state["breaks"])
            seconds, contaminated, source = state["seconds"], state["contaminated"], state["source"]
        except (KeyError, TypeError) as missing:
            raise ArtifactError(f"the stored calibration is damaged: {missing} is missing") from missing
        sound = (
            scores.ndim == 1
            and scores.dtype.kind == "f"
            and breaks.ndim == 1
            and breaks.dtype.kind in "iu"
            and isinstance(contaminated, bool)
            and isinstance(source, str)
            and (seconds is None or (isinstance(seconds, (int, float)) and not isinstance(seconds, bool)))
        )
        if not sound:
            raise ArtifactError("the stored calibration is damaged: a part has the wrong type or shape")
        if breaks.size and (np.any(np.diff(breaks) <= 0) or breaks[0] <= 0 or breaks[-1] >= scores.size):
            raise ArtifactError("the stored calibration is damaged: its breaks do not fit its scores")
        try:
            return cls(scores, seconds, contaminated, source, breaks)
        except InputError as wrong:
            raise ArtifactError(f"the stored calibration is damaged: {wrong}") from wrong
