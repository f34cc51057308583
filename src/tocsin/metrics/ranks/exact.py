"""Collect scores batch by batch, and rank them exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, as_labels, as_scores, check_count, check_same_shape
from tocsin.metrics.ranks.ranking import Ranking


class ExactRanks:
    """Mergeable, exact accumulator of labelled scores: for the pixels of many maps, or the shards of a data set.

    A normal place costs its score and nothing else, an anomalous one its score, its group and the corners of the
    curve: for float32 (or float16) scores at most 6 bytes a place and 32 more for an anomalous one.

    Notes
    -----
    Scores keep the widest precision seen: float16 is stored as float32, float64 as float64 (then 8 bytes a place and
    more while growing).  Either every batch with anomalous places names groups, or none does.

    Examples
    --------
    >>> left, right = ExactRanks(), ExactRanks()
    >>> left.update([[0, 1]], [[0.2, 0.9]]).n_places
    2
    >>> right.update([0, 1], [0.3, 0.1]).merge(left).compute().auroc()
    0.5
    """

    def __init__(self) -> None:
        self._negatives = _Growing()
        self._positives = _Growing()
        self._groups = _Growing()
        self._ranking: Ranking | None = None

    def update(
        self, y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, groups: npt.ArrayLike | None = None
    ) -> ExactRanks:
        """Add one batch.

        Parameters
        ----------
        y_true, y_score : array-like of one shape
            Labels (1 = anomalous) and scores of places; maps and masks of any number of dimensions.
        groups : array-like of int, optional
            The group (region, defect, event) of each place, in the shape of the labels; read where anomalous only.

        Returns
        -------
        ExactRanks
            Itself.

        Raises
        ------
        MetricError
            If shapes differ, labels are not 0/1, scores are not finite, or groups come and go between batches.
        """
        labels, scores = as_labels(y_true), as_scores(y_score)
        check_same_shape(labels, scores, ("y_true", "y_score"))
        members = None
        if groups is not None:
            names = np.asarray(groups)
            check_same_shape(labels, names, ("y_true", "groups"))
            if names.dtype.kind not in "iu":
                raise MetricError(f"groups must hold whole numbers, not values of type {names.dtype}")
            members = names[labels]
        return self.extend(scores[~labels], scores[labels], members)

    def reserve(self, n_places: int) -> ExactRanks:
        """Make room for this many normal places at once, where their number is known; returns itself."""
        self._negatives.expected = check_count(n_places, "n_places")
        return self

    def merge(self, other: ExactRanks) -> ExactRanks:
        """Add everything that another accumulator holds, which stays as it is; returns itself."""
        return self.extend(other._negatives.values, other.positives, other.groups)

    def extend(
        self, negatives: FloatArray, positives: FloatArray, groups: npt.NDArray[np.int32] | None = None
    ) -> ExactRanks:
        """Add scores that the caller has checked and split already: finite ``(n,)`` arrays, groups of the positives."""
        if len(positives) and len(self._positives.values) and (groups is None) != (self.groups is None):
            raise MetricError("some batches name groups and some do not: give groups with every batch or with none")
        self._negatives.append(negatives)
        self._positives.append(positives)
        if groups is not None:
            self._groups.append(groups.astype(np.int32, casting="same_kind" if groups.dtype.kind == "i" else "unsafe"))
        self._ranking = None
        return self

    @property
    def n_places(self) -> int:
        """Number of places seen."""
        return len(self._negatives.values) + len(self._positives.values)

    @property
    def positives(self) -> FloatArray:
        """Scores of anomalous places; in rising order once `compute` has run."""
        return self._positives.values

    @property
    def groups(self) -> npt.NDArray[np.int32] | None:
        """The group of each of `positives`, aligned with it; None where no batch named groups."""
        return self._groups.values if len(self._groups.values) else None

    def compute(self) -> Ranking:
        """Rank everything seen so far; more batches may follow (they leave an earlier ranking untouched)."""
        if self._ranking is None:
            self._negatives.settle().sort()
            positives = self._positives.settle()
            if self.groups is None:
                positives.sort()
            else:
                order = np.argsort(positives)
                members = self._groups.settle()
                positives[:] = positives[order]
                members[:] = members[order]
            for store in (self._negatives, self._positives, self._groups):
                store.lent = True
            self._ranking = Ranking(*_one_kind(self._negatives.values, positives))
        return self._ranking


class _Growing:
    """A one-dimensional array that grows in place: a quarter of slack at most, no second copy at any time."""

    def __init__(self) -> None:
        self._store: npt.NDArray[Any] = np.empty(0, np.float32)
        self._used = 0
        self.expected = 0
        self.lent = False  # a ranking looks at this memory: leave it alone and go on in a copy

    @property
    def values(self) -> npt.NDArray[Any]:
        return self._store[: self._used]

    def append(self, fresh: npt.NDArray[Any]) -> None:
        if not len(fresh):
            return
        kind = np.result_type(self._store, fresh) if self._used else fresh.dtype
        needed = self._used + len(fresh)
        if kind != self._store.dtype or self.lent:
            self._store, self.lent = self.values.astype(kind), False
        if needed > len(self._store):
            capacity = max(needed, self.expected, len(self._store) + len(self._store) // 4)
            if self._used:
                self._store.resize(capacity, refcheck=False)
            else:
                self._store = np.empty(capacity, kind)
        self._store[self._used : needed] = fresh
        self._used = needed

    def settle(self) -> npt.NDArray[Any]:
        """Give the slack back and return the array, safe to reorder."""
        if self.lent:
            self._store, self.lent = self.values.copy(), False
        self._store.resize(self._used, refcheck=False)
        return self._store


def _one_kind(negatives: FloatArray, positives: FloatArray) -> tuple[FloatArray, FloatArray]:
    kind = np.result_type(negatives, positives)
    return negatives.astype(kind, copy=False), positives.astype(kind, copy=False)
