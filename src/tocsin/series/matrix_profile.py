"""MatrixProfile: how far each window is from the window most like it.

Whatever happens again, normal or not, has a close relative somewhere; a window without one is strange. Distances are
exact and Euclidean, between windows with their own mean taken off but with their amplitude kept: on labelled
telemetry that finds far more than the classical form, which divides each window by its deviation as well and so calls
the noise of a quiet night as large as the day's load. The classical form is there for data where only shape counts.

Reference: Yeh et al., Matrix Profile I: All Pairs Similarity Joins for Time Series, 2016. Deviations: amplitude is kept
unless `normalise`; the exclusion zone is half a window; the k-th neighbour can be asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.errors import InputError, TocsinWarning
from tocsin.core.extents import Interval
from tocsin.core.profile_kernel import cross_profile, nearest_window, self_profile
from tocsin.core.windows import Normalise
from tocsin.series._window_detector import WindowDetector

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Series
    from tocsin.core.scores import Scores
    from tocsin.core.types import FloatArray

WARM_UP = 4
PATIENCE = 600.0
LEAST_SHARE = 0.02


class MatrixProfile(WindowDetector):
    """Distance of each window to its nearest relative in what was learned.

    `fit_score` compares a series with itself, leaving out windows that overlap by more than half; `fit` and `score`
    compare new data with the training part. Comparing n windows with m costs n x m x window multiply-adds, half of that
    within one series: at window 100 and 100 000 rows about 45 s of one core, at a million over an hour, and twice
    that to score as many new rows against them. `fit` itself compares the training part with itself, to know
    what is usual.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    normalise : bool
        Divide each window by its own deviation too, so that only shape counts.
    neighbours : int
        Which neighbour counts. With 2, an anomaly that happens twice is still found.
    left : bool
        Within learned data compare with the past only, as an online detector would have done; the first four windows'
        length has no score (zero) for want of a past. New data are always compared with what was learned before
        them; `update` then adds them to that.
    exclusion : float
        How close windows may start to be compared at all, in windows.
    memory : int, optional
        Rows that `update` keeps at most; the oldest are forgotten.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 6); x[1200:1230] = 0.0
    >>> scores = MatrixProfile(window=40).fit_score(x)
    >>> 1160 < int(np.argmax(scores.local)) < 1270
    True
    """

    card: ClassVar[Card] = Card(
        name="matrix-profile",
        summary="windows without a close relative anywhere in the data",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        online=True,
        cost="quadratic: rows x training rows x window; 45 s for 100 000 rows with themselves at window 100",
        cite="Yeh et al. 2016",
    )

    references_: tuple[FloatArray, ...]
    _own: list[list[FloatArray]]

    def __init__(
        self,
        window: int | str | None = None,
        *,
        normalise: bool = False,
        neighbours: int = 1,
        left: bool = False,
        exclusion: float = 0.5,
        memory: int | None = None,
    ) -> None:
        self.window = window
        self.normalise = normalise
        self.neighbours = neighbours
        self.left = left
        self.exclusion = exclusion
        self.memory = memory

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.neighbours < 1:
            raise InputError(f"the neighbour that counts is the first or a later one, not number {self.neighbours}")
        if not self.exclusion > 0:
            raise InputError(f"the exclusion is above 0 windows, not {self.exclusion}")
        self.references_ = tuple(s.values.copy() for s in samples)
        # The training part's own distances are needed twice: for their usual range, and as its scores.
        self._own = [[np.empty(0)] * len(self.channels_) for _ in samples]
        warn_if_long(sum(len(s) for s in samples) ** 2 * len(self.channels_) / 2, self.window_)

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        found = False
        for index in range(len(columns)):
            raw = self._own_profile(columns, index)
            if self.left and index == 0:
                raw[: WARM_UP * self.window_] = np.inf
            compared = np.isfinite(raw)
            found |= bool(compared.any())
            self._own[index][c] = np.where(compared, raw, 0.0)
        if not found:
            rows = max(map(len, columns))
            raise InputError(
                f"{rows} rows leave nothing to compare a window of {self.window_} rows with: choose a shorter window"
            )

    def _own_profile(self, columns: list[FloatArray], index: int) -> FloatArray:
        settings: dict[str, Any] = {"normalise": self._normalise(), "exclusion": self._zone}
        column = columns[index]
        if len(columns) == 1 and self.neighbours == 1:
            nearest = self_profile(column, self.window_, left=self.left, **settings)
        else:
            nearest = cross_profile(
                column, columns, self.window_, neighbours=self.neighbours, own=index, left=self.left, **settings
            )
        return np.asarray(nearest / np.sqrt(self.window_))

    def _judge_learned(self, c: int, columns: list[FloatArray]) -> FloatArray:
        return np.concatenate([own[c] for own in self._own])

    def _score(self, sample: Series) -> Scores:
        warn_if_long(len(sample) * sum(map(len, self.references_)) * len(self.channels_), self.window_)
        return super()._score(sample)

    def _score_own(self, sample: Series, index: int) -> Scores:
        own = self._own[index]
        scores = self._assemble(sample, lambda c, column: own[c])
        if index == len(self._own) - 1:
            del self._own
        return scores

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        raise NotImplementedError("windows are compared with references by whole columns")

    def _judge_column(self, c: int, column: FloatArray) -> FloatArray:
        references = [self._standard(r, c) for r in self.references_]
        nearest = cross_profile(
            column,
            references,
            self.window_,
            normalise=self._normalise(),
            neighbours=self.neighbours,
            exclusion=self._zone,
        )
        return np.asarray(nearest / np.sqrt(self.window_))

    def _update(self, samples: Sequence[Series]) -> None:
        """Samples are taken to go on where the last learned one ended."""
        *earlier, last = self.references_
        kept = [*earlier, np.concatenate((last, *(s.values for s in samples)))]
        spare = sum(map(len, kept)) - (self.memory or sum(map(len, kept)))
        while spare > 0:
            # What is left of the oldest stretch must still hold a window.
            if len(kept) > 1 and len(kept[0]) - spare < self.window_:
                spare -= len(kept.pop(0))
            else:
                kept[0] = kept[0][min(spare, len(kept[0]) - self.window_) :]
                spare = 0
        self.references_ = tuple(kept)

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """Channels by their part in the peak, each with its nearest relative."""
        if scores.local is None or not isinstance(anomaly.where, Interval):
            return None
        assert self.profile_ is not None
        inside = scores.local[anomaly.where.start : anomaly.where.stop]
        peak = anomaly.where.start + int(np.nanargmax(inside))
        start = int(np.clip(peak - self.window_ // 2, 0, len(sample) - self.window_))
        found = []
        assert scores.parts is not None
        parts = np.nan_to_num(scores.parts[peak].astype(np.float64)).clip(min=0.0)
        shares = parts / (parts.sum() or 1.0)
        for c in np.argsort(-shares, kind="stable")[:8]:
            if shares[c] < LEAST_SHARE:
                break
            seen = sample.values[start : start + self.window_, c]
            low, high = float(self.profile_.low[c]), float(self.profile_.high[c])
            found.append(
                Evidence(
                    sample.channels[c],
                    float(shares[c]),
                    float(seen[np.abs(seen - self.profile_.centre[c]).argmax()]),
                    (low, high),
                    self._relative(sample, c, start),
                )
            )
        return found

    def _relative(self, sample: Series, c: int, start: int) -> str:
        """Say which learned stretch the window at `start` resembles most."""
        column = self._standard(sample.values, c)
        if self.flat_[c]:
            return "was constant before"
        own = next(
            ((r, start, self._zone) for r, ref in enumerate(self.references_) if _same(ref, sample.values)), None
        )
        references = [self._standard(r, c) for r in self.references_]
        one = column[start : start + self.window_]
        nearest = nearest_window(one, references, normalise=self._normalise(), own=own)
        if nearest is None:
            return "nothing to compare with"
        which, at, distance = nearest
        times = distance / np.sqrt(self.window_) / (self.reference_[c] or 1.0)
        if own is not None and which == own[0]:
            place = f"at {sample.name(at)}"
        else:
            place = f"at row {at} of what was learned" + (f", part {which + 1}" if len(references) > 1 else "")
        return f"resembles most the {self.window_} rows {place}, at {times:.2g} times the usual distance"

    def _normalise(self) -> Normalise:
        return "z" if self.normalise else "mean"

    @property
    def _zone(self) -> int:
        return max(1, int(np.ceil(self.exclusion * self.window_)))


def warn_if_long(pairs: float, window: int) -> None:
    """Warn before comparing so many pairs of windows if that takes more than ten minutes."""
    seconds = pairs * (2.0 + 0.07 * window) * 1e-9
    if seconds > PATIENCE:
        warnings.warn(
            f"matrix-profile will take about {seconds / 60:.0f} minutes for these rows and channels: take fewer, "
            "or use subsequence-pca, which is linear",
            TocsinWarning,
            stacklevel=2,
        )


def _same(one: FloatArray, other: FloatArray) -> bool:
    return one is other or (one.shape == other.shape and bool(np.array_equal(one, other)))
