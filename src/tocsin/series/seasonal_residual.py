"""SeasonalResidual: what trend and seasons leave of a series, against the usual size of what they leave.

Seasons (a day, a week) are found from the data or named. The shape of each is the median of every phase, taken with the
others and the trend removed, so that some cycles may be anomalous. The trend is a running median of what the seasons
leave. Residuals are divided by their usual robust size; where some hours of the day are regularly wilder than others,
by the usual size at that phase.

With a clock, phases are counted in time, not in rows, so a gap does not shift the season and a later part keeps its
place in the day; a season within 2 % of a minute, an hour, half a day, a day or a week is taken to be that. Time is
UTC: where a season follows local clocks, the change to summer time shifts it by an hour.

Without a clock, phases are counted in rows from ``meta["first_row"]``, which cutting a series sets: parts of one
recording fit together, and recordings that know nothing of each other are taken to begin at the same phase. Where they
do not, a season does harm: on five hosts of the Server Machine Dataset, whose test parts go on where the training parts
end, mean average precision (over 30 rows) is .42 without the row number and .62 with it.

Reference: the decomposition is STL's idea (Cleveland, Cleveland, McRae and Terpenning, 1990) with medians for loess,
as in Hochenbaum, Vallis and Kejariwal, Automatic Anomaly Detection in the Cloud via Statistical Learning, 2017. There,
one constant level replaces the trend per fortnight; a running median follows faster changes and can score live data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.gaps import bridge
from tocsin.core.profile import CLIP, ChannelProfile
from tocsin.core.samples import Series
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.types import FloatArray, IntArray

NANO = 1_000_000_000
CALENDAR = {"minute": 60, "hour": 3600, "half a day": 43_200, "day": 86_400, "week": 604_800}
MOST_SEASONS = 2
LEAST_TREND, TREND_SEASONS = 1001, 3
LEAST_PER_PHASE = 30
UNEVEN = 2.0


class SeasonalResidual(Detector):
    """Distance from trend plus seasons, in robust standard deviations.

    Parameters
    ----------
    period : number or sequence of numbers, optional
        Rows per season; found from the data when left out, and ``()`` for none. Need not be whole.
    trend : int, optional
        Rows over which the trend's running median looks; 0 for one constant level. Three of the longest season, and
        at least 1001 rows, when left out. Anomalies longer than half of it are taken for trend.

    Raises
    ------
    InputError
        From `fit`, if a period is shorter than two rows or longer than half of the longest sample.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> load = 10 * np.sin(2 * np.pi * np.arange(1000) / 50) + rng.normal(size=1000)
    >>> load[625] = 9.0   # a usual value, at an hour at which it is not
    >>> found = SeasonalResidual().fit_detect(load, false_alarms="top 1")
    >>> found.anomalies[0].start, found.findings[0]
    (625, 'season of 50 rows, found from the data')
    """

    card: ClassVar[Card] = Card(
        name="seasonal-residual",
        summary="values far from the trend plus what is usual at that phase of the season",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        handles_missing=True,
        cost="n log n",
        cite="Cleveland et al. 1990; Hochenbaum et al. 2017",
    )
    clock_: bool
    periods_: tuple[float, ...]
    seasons_: tuple[FloatArray, ...]
    spread_: FloatArray
    level_: FloatArray
    trend_: int

    def __init__(self, period: float | Sequence[float] | None = None, trend: int | None = None) -> None:
        self.period = period
        self.trend = trend

    @property
    def reach(self) -> int:
        """The trend's running median looks at so many rows; 1 where the level is constant."""
        return max(1, int(getattr(self, "trend_", 1)))

    @property
    def blur(self) -> int:
        """A strange row makes no other row strange."""
        return 1

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"trend": 101}

    # -------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        steps = [s.step for s in samples if s.step is not None]
        self.clock_ = len(steps) == len(samples)
        step = float(np.median(steps)) if self.clock_ else 1.0
        longest = max(samples, key=len)
        self.periods_, self.seasons_ = (), ()
        self._find_seasons(samples, longest, step)
        self.trend_ = self._trend_rows(step, len(longest))
        self._find(f"trend: running median over {self.trend_} rows" if self.trend_ else "trend: one constant level")
        rests = [s.values - self._seasons_of(s) for s in samples]
        self.level_ = np.array([_median(np.concatenate([r[:, c] for r in rests])) for c in range(rests[0].shape[1])])
        residuals = [r - self._trend_of(r) for r in rests]
        self.spread_ = self._usual_size(samples, residuals)

    def _find_seasons(self, samples: Sequence[Series], longest: Series, step: float) -> None:
        wished = self._wished(longest)
        for period in wished if wished is not None else ():
            if not self._add_season(samples, period * step, "as asked", step):
                self._find(f"season of {period:g} rows, as asked: it explains nothing and is left out")
        while wished is None and len(self.periods_) < MOST_SEASONS:
            found = find_exact_period(self._on_grid(longest, longest.values - self._seasons_of(longest), step))
            length, why = (0.0, "") if found is None else self._in_calendar(found * step)
            if length == 0 or self._knows(length):
                break
            if not self._add_season(samples, length, why or "found from the data", step):
                break
        if not self.periods_ and not wished:
            self._find("no season was found" if wished is None else "no season, as asked")
        if self.periods_ and not self.clock_:
            self._find("without a clock, phases are counted in rows: give later parts their meta['first_row']")

    def _knows(self, length: float) -> bool:
        return any(abs(length / known - 1) < 0.02 for known in self.periods_)

    def _find(self, what: str) -> None:
        self.findings_ = (*self.findings_, what)

    def _wished(self, longest: Series) -> tuple[float, ...] | None:
        if self.period is None:
            return None
        wished = (self.period,) if isinstance(self.period, int | float | np.number) else tuple(self.period)
        for period in wished:
            if not 2 <= period <= len(longest) / 2:
                raise InputError(
                    f"a period of {period:g} rows cannot be learned from {len(longest)} rows: "
                    f"it must lie between 2 and {len(longest) // 2}"
                )
        return tuple(float(p) for p in wished)

    def _on_grid(self, sample: Series, values: FloatArray, step: float) -> FloatArray:
        """The values with a row for every step of the clock, so that rows left out do not break the rhythm."""
        if not self.clock_ or sample.time is None:
            return values
        row = np.rint((sample.time - sample.time[0]).astype(np.int64) / (step * NANO)).astype(np.int64)
        if row[-1] + 1 == len(row) or row[-1] > 4 * len(row):
            return values
        grid = np.full((int(row[-1]) + 1, values.shape[1]), np.nan)
        grid[row] = values
        return grid

    def _in_calendar(self, length: float) -> tuple[float, str]:
        """The season's length in seconds, set to the calendar's where it is close, or in rows without a clock."""
        for name, seconds in CALENDAR.items() if self.clock_ else ():
            if abs(length / seconds - 1) < 0.02:
                return float(seconds), f"found from the data and set to one {name}"
        return length, ""

    def _add_season(self, samples: Sequence[Series], length: float, why: str, step: float) -> bool:
        """Learn one more season, and the earlier ones again with it taken off; say whether it explains anything."""
        before = self.periods_, self.seasons_
        self.periods_ = (*self.periods_, length)
        phases = max(2, round(length / step))
        self.seasons_ = (*self.seasons_, np.zeros((phases, samples[0].values.shape[1])))
        span = max(self.periods_) / step
        flat = [s.values - (running_mean(bridge(s.values), span) if len(s) > 2 * span else 0) for s in samples]
        for _ in range(1 if len(self.periods_) == 1 else 2):
            for k in range(len(self.periods_)):
                others = tuple(i for i in range(len(self.periods_)) if i != k)
                rest = np.concatenate([f - self._seasons_of(s, others) for f, s in zip(flat, samples, strict=True)])
                phase = np.concatenate([self._phase(s, k) for s in samples])
                shape = phase_medians(rest, phase, len(self.seasons_[k]))
                helps = self._helps(rest, shape[phase], len(rest) / len(shape))
                self.seasons_ = tuple(np.where(helps, shape, 0.0) if i == k else s for i, s in enumerate(self.seasons_))
        if not self.seasons_[-1].any():
            self.periods_, self.seasons_ = before
            return False
        self._find(f"season of {length / step:.6g} rows, {why}")
        return True

    def _helps(self, rest: FloatArray, shape: FloatArray, cycles: float) -> FloatArray:
        """Whether a season leaves clearly less than was there, by channel; medians of few cycles always do a bit."""
        by_chance = np.sqrt(max(0.25, 1 - 1 / cycles))
        before, after = ChannelProfile.fit([rest]).scale, ChannelProfile.fit([rest - shape]).scale
        return np.asarray(after < 0.95 * by_chance * before)

    def _trend_rows(self, step: float, rows: int) -> int:
        wished = self.trend
        if wished is None:
            wished = round(max([LEAST_TREND, *(TREND_SEASONS * p / step for p in self.periods_)]))
        if wished < 0:
            raise InputError(f"the trend looks at 0 rows or more, not {wished}")
        return odd(min(wished, rows)) if wished else 0

    def _usual_size(self, samples: Sequence[Series], residuals: Sequence[FloatArray]) -> FloatArray:
        """Robust size of the residuals: shape (1, c), or (phases, c) of the first season where it differs by phase."""
        size = ChannelProfile.fit(residuals).scale
        if not self.periods_:
            return size[None]
        phases = len(self.seasons_[0])
        rest = np.abs(np.concatenate(residuals))
        # Neighbouring phases are pooled until each pool has enough rows to tell a size from.
        pools = int(np.clip(len(rest) // LEAST_PER_PHASE, 1, phases))
        phase = np.concatenate([self._phase(s, 0) for s in samples]) * pools // phases
        by_phase = 1.4826 * phase_medians(rest, phase, pools)
        low, high = np.quantile(by_phase, [0.1, 0.9], axis=0)
        uneven = high > UNEVEN * np.maximum(low, 0.05 * size)
        if not uneven.any() or pools < 4:
            return size[None]
        names = [n for n, u in zip(samples[0].channels, uneven, strict=True) if u]
        self._find(f"size of residuals differs by phase in {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}")
        local = np.maximum(by_phase[np.arange(phases) * pools // phases], 0.3 * size)
        return np.where(uneven, local, size[None])

    # --------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        distance = np.abs(sample.values - self._expected(sample)) / self._size_at(sample)
        parts = np.nan_to_num(np.minimum(distance, CLIP), nan=0.0)
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def _expected(self, sample: Series) -> FloatArray:
        """Trend plus seasons in the channels' own units; shape (n, c), also where the sample has no data."""
        seasons = self._seasons_of(sample)
        return np.asarray(self._trend_of(sample.values - seasons) + seasons)

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        assert scores.local is not None
        row = anomaly.start + int(np.nanargmax(scores.local[anomaly.start : anomaly.stop]))
        expected, size = self._expected(sample)[row], self._size_at(sample)
        size = size[row if len(size) > 1 else 0]
        found = []
        for name, share in scores.shares(row)[:8]:
            c = sample.channels.index(name)
            seen = float(sample.values[row, c])
            if share < 0.02 or not np.isfinite(seen):
                continue
            around = float(expected[c] - 2 * size[c]), float(expected[c] + 2 * size[c])
            text = f"{seen:.4g} where {expected[c]:.4g} ± {2 * size[c]:.2g} was expected"
            found.append(Evidence(name, share, seen, around, text))
        return found

    def _seasons_of(self, sample: Series, which: tuple[int, ...] | None = None) -> FloatArray:
        """Sum of the seasons at each row; shape (n, c)."""
        total = np.zeros(sample.values.shape)
        for k in range(len(self.periods_)) if which is None else which:
            total += self.seasons_[k][self._phase(sample, k)]
        return total

    def _phase(self, sample: Series, k: int) -> IntArray:
        """Number of the phase of each row in the k-th season, by the clock where there is one; shape (n,)."""
        phases = len(self.seasons_[k])
        if self.clock_:
            if sample.time is None:
                raise InputError(
                    f"{sample.id or 'the series'} has no time stamps, and seasons were learned by the clock: "
                    f"pass its time, or learn without"
                )
            length = round(self.periods_[k] * NANO)
            share: FloatArray = (sample.time.astype(np.int64) % length) / length
        else:
            rows = np.arange(len(sample)) + int(sample.meta.get("first_row", 0))
            share = (rows % self.periods_[k]) / self.periods_[k]
        # Rounding to the nearest phase keeps stamps that are a little early in their own.
        return np.asarray((share * phases + 0.5).astype(np.int64) % phases)

    def _trend_of(self, rest: FloatArray) -> FloatArray:
        """Trend of what the seasons leave; shape (n, c). Less than one window of rows is judged against the level."""
        if self.trend_ == 0 or len(rest) < self.trend_:
            return np.broadcast_to(self.level_, rest.shape)
        return running_median(bridge(rest), self.trend_)

    def _size_at(self, sample: Series) -> FloatArray:
        """Usual size of the residual at each row; shape (n, c) or (1, c)."""
        return self.spread_ if len(self.spread_) == 1 else self.spread_[self._phase(sample, 0)]


def find_exact_period(values: FloatArray) -> float | None:
    """Return the period of a series of shape (n, c) in rows, not rounded where the series is long enough to tell.

    A period wrong by a hundredth of a row is off by a whole cycle after a few thousand rows. The whole number that
    `find_period` gives is refined on the power at its first three harmonics, which n rows resolve to about 1 / n.
    """
    from scipy.signal import zoom_fft

    from tocsin.core.periods import find_period

    coarse = find_period(values)
    if coarse is None:
        return None
    rows = bridge(values)[: 1 << 17]
    rows = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-300)
    low, high = 1 / (coarse + 0.6), 1 / (coarse - 0.6)
    steps = int(np.clip(8 * len(rows) * (high - low), 16, 1 << 14))
    power = np.zeros(steps)
    for harmonic in range(1, min(4, coarse // 2) + 1):
        ends = [harmonic * low, harmonic * high]
        if ends[1] < 0.5:
            power += np.square(np.abs(zoom_fft(rows, ends, steps, fs=1.0, endpoint=True, axis=0))).sum(axis=1)
    exact = 1 / float(np.linspace(low, high, steps)[int(power.argmax())])
    resolved = coarse**2 / (2 * len(rows))
    return float(coarse) if abs(exact - coarse) <= resolved else exact


def phase_medians(values: FloatArray, phase: IntArray, phases: int) -> FloatArray:
    """Return the median of each channel at each phase, without NaN; phases never seen lie between their neighbours.

    Examples
    --------
    >>> phase_medians(np.array([[1.0], [5.0], [3.0], [np.nan]]), np.array([0, 2, 0, 1]), 3).ravel().tolist()
    [2.0, 3.5, 5.0]
    """
    found = np.zeros((phases, values.shape[1]))
    for c in range(values.shape[1]):
        seen = np.isfinite(values[:, c])
        column, group = values[seen, c], phase[seen]
        column = column[np.lexsort((column, group))]
        count = np.bincount(group, minlength=phases)
        known = np.flatnonzero(count)
        if known.size == 0:
            continue
        first = np.cumsum(count)[known] - count[known]
        lower, upper = first + (count[known] - 1) // 2, first + count[known] // 2
        found[:, c] = np.interp(np.arange(phases), known, (column[lower] + column[upper]) / 2, period=phases)
    return found


def running_mean(values: FloatArray, span: float) -> FloatArray:
    """Return the mean over `span` rows, which need not be whole, around each row; shape (n, c).

    Over exactly one season it is free of that season, which a median is not (that of a square wave jumps).
    """
    half = int(np.ceil(span / 2))
    centre = values.mean(axis=0)
    mirrored = np.pad(values - centre, ((half, half), (0, 0)), mode="symmetric")
    edges = np.arange(len(mirrored) + 1)
    middle = np.arange(len(values)) + half + 0.5
    found = np.empty(values.shape)
    for c in range(values.shape[1]):
        total = np.concatenate(([0.0], np.cumsum(mirrored[:, c])))
        found[:, c] = np.interp(middle + span / 2, edges, total) - np.interp(middle - span / 2, edges, total)
    return np.asarray(found / span + centre)


def running_median(values: FloatArray, window: int) -> FloatArray:
    """Return the median over `window` rows (odd) around each row; shape (n, c). Ends are continued in mirror image."""
    from scipy.ndimage import median_filter

    columns = [median_filter(values[:, c], size=window, mode="reflect") for c in range(values.shape[1])]
    return np.stack(columns, axis=1)


def odd(number: float) -> int:
    """Return the odd whole number at or just below `number`, at least 1."""
    return max(1, (int(number) - 1) // 2 * 2 + 1)


def _median(values: FloatArray) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if seen.size else 0.0
