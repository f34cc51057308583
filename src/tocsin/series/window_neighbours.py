"""WindowNeighbours: how far the windows around a row are from their nearest relatives, at several lengths at once.

What happened before in much the same way is normal; a window without near relatives is not. Windows keep their
amplitude (only their own mean is taken off): dividing them by their deviation would make the noise of a quiet night as
large as the day's load. No single length suits both a spike and a wrong day, and no rule finds the right one reliably,
so several are used and their distances put on one scale: how rare each is among the distances of what was learned.

1. Channels are brought to robust standard deviations.
2. For each length, windows are cut every eighth of a window; long ones are averaged down to 32 numbers. With one
   channel they lose their mean; with several they keep it, for there an unusual level is news. Their distance to the
   k-th nearest of a random set of learned windows is taken, leaving out windows that overlap them by more than half.
3. Channels are joined by the root mean square of log(1 + distance / unit). The unit is 0.3 standard deviations, and
   where more was learned than is kept, up to 0.6 of the channel's own 99 % quantile more. Little is not enough to know
   a channel's usual distance: nothing in it happens twice, so what changes slowly would count for nothing.
   Where too much of a channel's window is missing, the channel has no say in it.
4. A row gets the mean over all windows that cover it, or the 32 rows around it.
5. For each length, the result becomes -ln of the share of learned rows that are at least as far away, and a row's score
   is the largest over lengths. The scale is fixed when it is learned, so a score never depends on what else is scored.

Among several channels, those that hold at most two values while learning are switches (commands, flags, idle sensors):
they are judged by how far they are from the nearest value learned, and not by the pattern in which they flip.

Lengths and rules were chosen by measurement, see docs/choices.md. Reference: distance-based outliers go back to
Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import join, reference_of
from tocsin.core.detector import Detector
from tocsin.core.durations import in_rows, is_duration
from tocsin.core.errors import InputError
from tocsin.core.gaps import TOLERATED, bridge, long_gaps
from tocsin.core.neighbours import nearest
from tocsin.core.profile import CLIP
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.core.tails import tail, tail_scale
from tocsin.core.windows import running_sum, windows_at
from tocsin.core.words import duration

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

LENGTH = 32
STRIDES_PER_WINDOW = 8
LEAST_WINDOW = 4
# What the logarithm over channels counts as one: so many standard deviations, and so much of the usual distance.
UNIT, OF_USUAL = 0.3, 0.6
LEAST_ROWS = 32
# No window is longer than this part of the longest series learned from.
ROOM_OF_ONE, ROOM_OF_MANY = 8, 6
# Where kept windows with gaps are put.
FAR = np.float32(1e5)
ONE_CHANNEL: dict[str, Any] = {"windows": (32, 64, 256), "neighbours": 5, "references": 5000, "centred": True}
MANY_CHANNELS: dict[str, Any] = {"windows": (16, 64), "neighbours": 1, "references": 1500, "centred": False}


class WindowNeighbours(Detector):
    """Distance of windows to their nearest relatives, joined over several lengths.

    Parameters
    ----------
    windows : sequence of int or str, optional
        Rows per window, or durations such as ``("5min", "1h")`` of series with a clock; at most an eighth (several
        channels: a sixth) of the longest series learned from is taken. 32, 64 and 256 rows for one channel and 16 and
        64 for several when left out.
    neighbours : int, optional
        Which neighbour counts; the fifth for one channel, so that an anomaly which happens a few times is still found,
        and the first for several when left out.
    references : int, optional
        How many learned windows of each length are kept to compare with; 5000 for one channel and 1500 for several
        when left out.
    centred : bool, optional
        Whether windows lose their own mean; for one channel only when left out.
    patterns : bool
        Judge channels of at most two values like all others: for several channels that are all digital signals.
    rule : {'max', 'sum'}
        How lengths are joined: the largest, or the sum.
    causal : bool
        Whether a score looks at the past only: windows end at or before their row instead of lying around it.
    random_state : int
        Which learned windows are kept.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(4000) / 8) + 0.05 * np.random.default_rng(0).normal(size=4000)
    >>> x[3000:3040] *= 0.2
    >>> found = WindowNeighbours().fit_detect(x, false_alarms="top 1")
    >>> found.anomalies[0].start < 3040 and found.anomalies[0].stop > 3000
    True
    """

    card: ClassVar[Card] = Card(
        name="window-neighbours",
        summary="stretches, short or long, that resemble nothing that was learned",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        handles_missing=True,
        cost="linear: rows x channels x kept windows; about a second per 100 000 values",
        cite="Ramaswamy, Rastogi and Shim 2000",
    )
    least_places: ClassVar[int] = 16

    windows_: tuple[int, ...]
    neighbours_: int
    centred_: bool
    widths_: tuple[int, ...]
    switches_: BoolArray
    states_: FloatArray
    units_: FloatArray
    scales_: tuple[FloatArray, ...]
    references_: tuple[FloatArray, ...]
    _own: list[Scores]

    def __init__(
        self,
        windows: Sequence[int | str] | None = None,
        *,
        neighbours: int | None = None,
        references: int | None = None,
        centred: bool | None = None,
        patterns: bool = False,
        rule: Literal["max", "sum"] = "max",
        causal: bool = False,
        random_state: int = 0,
    ) -> None:
        self.windows = windows
        self.neighbours = neighbours
        self.references = references
        self.centred = centred
        self.patterns = patterns
        self.rule = rule
        self.causal = causal
        self.random_state = random_state

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        keep = self._choose(samples)
        lengths = [len(s) for s in samples]
        # Samples lie so far apart that no window of one counts as near to a window of another.
        origins = np.cumsum([0, *(n + max(self.windows_) for n in lengths[:-1])])
        columns = [self._standard(s.values) for s in samples]
        parts = [np.full(s.values.shape, np.nan, dtype=np.float32) for s in samples]
        rare: list[list[FloatArray]] = [[] for _ in samples]
        references, scales = [], []
        self.units_ = np.full((len(self.windows_), len(self.channels_)), UNIT)
        for level, window in enumerate(self.windows_):
            kept = self._draw(lengths, window, keep, rng)
            learned = self._gather(samples, columns, kept, window)
            positions = np.concatenate([at + origin for at, origin in zip(kept, origins, strict=True)])
            apart = [
                self._apart(s, values, window, learned, int(origin), positions)
                for s, values, origin in zip(samples, columns, origins, strict=True)
            ]
            known = 1 - len(positions) / sum(max(0, n - window + 1) for n in lengths)
            self.units_[level] += OF_USUAL * known * reference_of(np.concatenate(apart))
            joined = [self._joined(level, s, a, p) for s, a, p in zip(samples, apart, parts, strict=True)]
            seen = np.concatenate([j[np.isfinite(j)] for s, j in zip(samples, joined, strict=True) if len(s) >= window])
            if not len(seen):
                raise InputError(
                    f"no stretch of {window} rows is whole enough to learn from: fill gaps, or take shorter windows"
                )
            scale = tail_scale(seen)
            for own, values in zip(rare, joined, strict=True):
                own.append(tail(scale, values))
            references.append(learned)
            scales.append(scale)
        self.references_, self.scales_ = tuple(references), tuple(scales)
        self._own = [self._scores(s, r, p) for s, r, p in zip(samples, rare, parts, strict=True)]

    def _choose(self, samples: Sequence[Series]) -> int:
        """Check parameters, settle what depends on the data, and return how many windows to keep."""
        usual = ONE_CHANNEL if len(self.channels_) == 1 else MANY_CHANNELS
        asked, self.neighbours_, keep, self.centred_ = (
            usual[name] if (given := getattr(self, name)) is None else given for name in usual
        )
        if self.rule not in ("max", "sum"):
            raise InputError(f"lengths are joined by 'max' or 'sum', not {self.rule!r}")
        if self.neighbours_ < 1:
            raise InputError(f"the neighbour that counts is the first or a later one, not number {self.neighbours_}")
        if keep < 2:
            raise InputError(f"at least 2 windows are kept to compare with, not {keep}")
        if is_duration(asked) or np.ndim(asked) != 1:
            raise InputError(f"windows are a list such as (32, 256) or ('5min', '1h'), not {asked!r}")
        asked = tuple(in_rows(w, samples, least=2) for w in asked)
        if not asked or min(asked) < 2:
            raise InputError(f"windows have at least 2 rows, and there is at least one, unlike {asked}")
        longest, shortest = max(map(len, samples)), min(map(len, samples))
        room = max(LEAST_WINDOW, min(longest // (ROOM_OF_ONE if len(self.channels_) == 1 else ROOM_OF_MANY), shortest))
        self.windows_ = tuple(sorted({min(w, room) for w in asked}))
        self.widths_ = tuple(max(w, min(LEAST_ROWS, longest // 8)) for w in self.windows_)
        self._find_switches(samples)
        step = next((s.step for s in samples if s.step), None)
        lasts = "" if step is None else f" ({', '.join(duration(step * w) for w in self.windows_)})"
        self.findings_ += (f"windows of {', '.join(map(str, self.windows_))} rows{lasts}",)
        return int(keep)

    def _find_switches(self, samples: Sequence[Series]) -> None:
        """Find channels of at most two values, and keep those values."""
        count = len(self.channels_)
        self.switches_, self.states_ = np.zeros(count, dtype=bool), np.zeros((count, 2))
        if count == 1 or self.patterns:
            return
        for c in range(count):
            seen = np.empty(0)
            for sample in samples:
                column = sample.values[:, c]
                seen = np.unique(np.append(seen, column[np.isfinite(column)]))
                if len(seen) > 2:
                    break
            if 0 < len(seen) <= 2:
                self.switches_[c], self.states_[c] = True, (seen[0], seen[-1])
        if self.switches_.any():
            names = [n for n, switch in zip(self.channels_, self.switches_, strict=True) if switch]
            told = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
            self.findings_ += (
                f"at most two values in what was learned, so that only other values are strange: {told}",
            )

    def _draw(self, lengths: Sequence[int], window: int, keep: int, rng: np.random.Generator) -> list[IntArray]:
        """Starts of the windows to keep, ascending, one array per sample."""
        counts = np.array([max(0, n - window + 1) for n in lengths])
        total = int(counts.sum())
        chosen = np.arange(total) if total <= keep else np.sort(rng.choice(total, keep, replace=False))
        edges = np.concatenate(([0], np.cumsum(counts)))
        cuts = np.searchsorted(chosen, edges)
        return [chosen[a:b] - edge for a, b, edge in zip(cuts[:-1], cuts[1:], edges[:-1], strict=True)]

    def _gather(
        self, samples: Sequence[Series], columns: Sequence[FloatArray], kept: Sequence[IntArray], window: int
    ) -> FloatArray:
        """Kept windows of all channels, shape (c, r, d); those with gaps are put where nothing is near them."""
        found = [
            np.concatenate([self._windows(values[:, c], window, at) for values, at in zip(columns, kept, strict=True)])
            for c in range(len(self.channels_))
        ]
        learned = np.stack(found)
        gaps = np.concatenate([_gappy(s, window, at) for s, at in zip(samples, kept, strict=True)])
        learned[gaps.T] = FAR
        return learned

    def _windows(self, column: FloatArray, window: int, starts: IntArray) -> FloatArray:
        if not len(starts):
            return np.empty((0, min(window, LENGTH)), dtype=np.float32)
        return windows_at(column, window, starts, normalise="mean" if self.centred_ else "none", length=LENGTH)

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        if len(sample) < self.windows_[0]:
            raise InputError(
                f"the shortest window of {self.windows_[0]} rows is longer than the {len(sample)} rows of "
                f"{sample.id or 'the series'}: pass a longer series"
            )
        values = self._standard(sample.values)
        parts = np.full(sample.values.shape, np.nan, dtype=np.float32)
        rare = []
        for level, window in enumerate(self.windows_):
            # A sample that is too short for some lengths is judged by the others.
            if window <= len(sample):
                apart = self._apart(sample, values, window, self.references_[level])
                rare.append(tail(self.scales_[level], self._joined(level, sample, apart, parts)))
        return self._scores(sample, rare, parts)

    def _score_own(self, sample: Series, index: int) -> Scores:
        own = self._own[index]
        if index == len(self._own) - 1:
            del self._own
        return own

    def _apart(
        self,
        sample: Series,
        values: FloatArray,
        window: int,
        learned: FloatArray,
        origin: int = 0,
        positions: IntArray | None = None,
    ) -> FloatArray:
        """Distance of each window to its k-th neighbour, in standard deviations, of shape (windows, c).

        `positions` says where the learned windows stand if they are the sample's own, and `origin` where it begins.
        """
        starts = _starts(sample, window)
        found = np.zeros((len(starts), values.shape[1]), dtype=np.float32)
        for c in range(values.shape[1]):
            windows = self._windows(values[:, c], window, starts)
            if not learned[c].any():
                # A constant: all learned windows are zeros.
                found[:, c] = np.sqrt(np.einsum("ij,ij->i", windows, windows))
                continue
            apart, _ = nearest(
                windows,
                learned[c],
                self.neighbours_,
                starts=starts + origin,
                reference_starts=positions,
                exclusion=0 if positions is None else max(1, window // 2),
            )
            # Where so little was learned that there are not enough neighbours, the farthest there is stands for them.
            found[:, c] = np.where(np.isfinite(apart), apart, 0).max(axis=1)
        found /= np.float32(np.sqrt(learned.shape[2]))
        found[_gappy(sample, window, starts)] = np.nan
        # A channel of which nothing was learned.
        found[:, (learned == FAR).all(axis=(1, 2))] = np.nan
        return found

    def _joined(self, level: int, sample: Series, apart: FloatArray, parts: FloatArray) -> FloatArray:
        """From distances of windows to one per row; `parts` takes up the largest of each channel over lengths."""
        window, width = self.windows_[level], self.widths_[level]
        starts = _starts(sample, window)
        ends = starts + window - 1
        apart = apart / self.units_[level].astype(np.float32)
        for c in range(apart.shape[1] + 1):
            one = join(apart) if c == apart.shape[1] else apart[:, c]
            if self.causal:
                rows = _over_rows(one, ends, len(sample), width)
            else:
                rows = _over_rows(one, starts - (width - window) // 2, len(sample), width)
            if c < apart.shape[1]:
                np.fmax(parts[:, c], rows, out=parts[:, c])
        return rows

    def _scores(self, sample: Series, rare: Sequence[FloatArray], parts: FloatArray) -> Scores:
        joined = np.fmax.reduce(rare)
        if self.rule == "sum":
            joined = np.where(np.isfinite(joined), np.nansum(rare, axis=0), np.nan)
        return Scores(joined, parts=parts, part_names=sample.channels)

    def _standard(self, values: FloatArray) -> FloatArray:
        """Channels in robust standard deviations from their medians, switches by how far from a learned state."""
        assert self.profile_ is not None
        values = bridge(values)
        scaled = (values.astype(np.float64) - self.profile_.centre) / self.profile_.scale
        low, high = self.states_[self.switches_].T
        raw = values[:, self.switches_].astype(np.float64)
        apart = np.minimum(np.abs(raw - low), np.abs(raw - high))
        scaled[:, self.switches_] = apart / np.where(high > low, high - low, 1.0)
        return np.asarray(np.clip(scaled, -CLIP, CLIP, out=scaled))

    @property
    def reach(self) -> int:
        """The longest window and the rows that it is averaged over, and how far the last window may be shifted.

        A causal score looks as far, but to one side only.
        """
        longest = self.windows_[-1]
        return (longest + self.widths_[-1] + max(1, longest // STRIDES_PER_WINDOW)) * (2 if self.causal else 1)

    @property
    def blur(self) -> int:
        """What one strange row reaches through the shortest window."""
        return self.windows_[0] + self.widths_[0]

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return short windows, which fit into small samples."""
        return {"windows": (8, 32), "references": 300}


def _starts(sample: Series, window: int) -> IntArray:
    """Where windows start: at every eighth of a window, and at both ends.

    Rows are counted from the beginning of the recording, so that a part of it has the windows of the whole.
    """
    n, first_row = len(sample), int(sample.meta.get("first_row", 0))
    if n < window:
        return np.empty(0, dtype=np.int64)
    stride = max(1, window // STRIDES_PER_WINDOW)
    regular = np.arange(-first_row % stride, n - window + 1, stride)
    return np.unique(np.concatenate(([0], regular, [n - window])))


def _gappy(sample: Series, window: int, starts: IntArray) -> BoolArray:
    """Which windows say nothing about a channel, for too much of them is missing; shape (windows, c)."""
    missing = ~np.isfinite(sample.values)
    if not len(starts) or not missing.any():
        return np.zeros((len(starts), missing.shape[1]), dtype=bool)
    long = long_gaps(missing, TOLERATED * window)
    columns = [
        (running_sum(missing[:, c].astype(np.float64), window) > TOLERATED * window)
        | (running_sum(long[:, c].astype(np.float64), window) > 0)
        for c in range(missing.shape[1])
    ]
    return np.stack(columns, axis=1)[starts]


def _over_rows(window_scores: FloatArray, starts: IntArray, n: int, width: int) -> FloatArray:
    """Mean over all windows that cover a row, taking each to be `width` rows long; NaN where there is none.

    Rows before the first window, which only a causal score has, take its value.
    """
    first = max(0, int(starts[0])) if len(starts) else 0
    known = np.isfinite(window_scores)
    starts, window_scores = starts[known], window_scores[known]
    # Windows may begin before the first row once they are widened.
    placed, present = np.zeros(n + 3 * width), np.zeros(n + 3 * width)
    placed[starts + 2 * width - 1], present[starts + 2 * width - 1] = window_scores, 1.0
    count = running_sum(present, width)[width : width + n]
    rows = running_sum(placed, width)[width : width + n] / np.maximum(count, 1.0)
    rows = np.where(count > 0, rows, np.nan)
    rows[:first] = rows[first]
    return np.asarray(rows, dtype=window_scores.dtype)
