"""WindowNeighbours: how far the windows around a row are from their nearest relatives, at several lengths at once.

What happened before in much the same way is normal; a window without near relatives is not. Windows keep their
amplitude (only their own mean is taken off): dividing them by their deviation would make the noise of a quiet night as
large as the day's load. No single length suits both a spike and a wrong day, and no rule finds the right one reliably,
so several are used and their distances put on one scale: how rare each is among the distances of what was learned.

1. Channels are brought to robust standard deviations.
2. For each length, windows lose their mean and long ones are averaged down to 32 numbers. Their distance to the k-th
   nearest of a random set of learned windows is taken, leaving out windows that overlap them by more than half.
3. Distances of a channel are divided by their 99 % quantile in training and the channels joined (root mean square of
   logs). Channels that hold at most two values, such as switches, are left out while others are there.
4. Distances become scores of rows by straight lines between the windows' middles and a moving average.
5. For each length, the result becomes -ln of the share of learned rows that are at least as far away, and lengths are
   joined. The scale is fixed when it is learned, so a score never depends on what else is scored.

Lengths, averaging and the rule were chosen by measurement, see docs/choices.md. Reference: distance-based outliers go
back to Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import comparable, join, reference_of
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
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
STRIDES_PER_WINDOW = 16
LEAST_WINDOW = 4


class WindowNeighbours(Detector):
    """Distance of windows to their nearest relatives, joined over several lengths.

    Parameters
    ----------
    windows : sequence of int, optional
        Rows per window, each used where it is at most an eighth of the longest series learned from.
        32, 64 and 256 for one channel and 16 and 64 for several when left out.
    neighbours : int, optional
        Which neighbour counts; the fifth for one channel, so that an anomaly which happens a few times is still found,
        and the first for several when left out.
    references : int, optional
        How many learned windows of each length are kept to compare with; 5000 for one channel and 1500 for several
        when left out.
    smoothing : int
        Rows over which scores are averaged, at most an eighth of the longest series.
    rule : {'max', 'sum'}, optional
        How lengths are joined: the largest, or the sum. ``max`` for one channel, ``sum`` for several when left out.
    causal : bool
        Whether a score looks at the past only: windows and averages end at their row instead of lying around it.
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
        cost="linear: rows x channels x kept windows; about a second per 100 000 values",
        cite="Ramaswamy, Rastogi and Shim 2000",
    )
    least_places: ClassVar[int] = 16

    windows_: tuple[int, ...]
    neighbours_: int
    rule_: str
    smoothing_: int
    used_: BoolArray
    reference_: FloatArray
    scales_: tuple[FloatArray, ...]
    references_: tuple[FloatArray, ...]
    _own: list[Scores]

    def __init__(
        self,
        windows: Sequence[int] | None = None,
        *,
        neighbours: int | None = None,
        references: int | None = None,
        smoothing: int = 64,
        rule: Literal["max", "sum"] | None = None,
        causal: bool = False,
        random_state: int = 0,
    ) -> None:
        self.windows = windows
        self.neighbours = neighbours
        self.references = references
        self.smoothing = smoothing
        self.rule = rule
        self.causal = causal
        self.random_state = random_state

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        self._choose(samples)
        many = len(self.channels_) > 1
        keep = self.references or (1500 if many else 5000)
        lengths = [len(s) for s in samples]
        origins = np.cumsum([0, *(n + max(self.windows_) for n in lengths[:-1])])
        columns = [self._standard(s.values) for s in samples]
        references, scales = [], []
        self.reference_ = np.zeros((len(self.windows_), len(self.channels_)))
        parts = [np.zeros(s.values.shape, dtype=np.float32) for s in samples]
        rare: list[list[FloatArray]] = [[] for _ in samples]
        for level, window in enumerate(self.windows_):
            kept = self._draw(lengths, window, keep, rng)
            learned = self._gather(columns, kept, window)
            positions = np.concatenate([at + origin for at, origin in zip(kept, origins, strict=True)])
            far = [
                self._distances(column, window, learned, starts, origin=int(origin), positions=positions)
                for column, starts, origin in zip(columns, self._all_starts(samples, window), origins, strict=True)
            ]
            self.reference_[level] = reference_of(np.concatenate(far))
            joined = [self._joined(level, f, p) for f, p in zip(far, parts, strict=True)]
            scale = tail_scale(np.concatenate(joined))
            for own, values in zip(rare, joined, strict=True):
                own.append(tail(scale, values))
            references.append(learned)
            scales.append(scale)
        self.references_, self.scales_ = tuple(references), tuple(scales)
        self._own = [self._scores(s, r, p) for s, r, p in zip(samples, rare, parts, strict=True)]

    def _choose(self, samples: Sequence[Series]) -> None:
        """Check parameters, and settle what depends on the data's size."""
        many = len(self.channels_) > 1
        asked = self.windows if self.windows is not None else ((16, 64) if many else (32, 64, 256))
        self.neighbours_ = self.neighbours if self.neighbours is not None else (1 if many else 5)
        self.rule_ = self.rule or ("sum" if many else "max")
        if self.rule_ not in ("max", "sum"):
            raise InputError(f"lengths are joined by 'max' or 'sum', not {self.rule_!r}")
        if self.neighbours_ < 1:
            raise InputError(f"the neighbour that counts is the first or a later one, not number {self.neighbours_}")
        if self.references is not None and self.references < 2:
            raise InputError(f"at least 2 windows are kept to compare with, not {self.references}")
        if self.smoothing < 1:
            raise InputError(f"scores are averaged over at least 1 row, not {self.smoothing}")
        if not len(asked) or min(asked) < 2:
            raise InputError(f"windows have at least 2 rows, and there is at least one, unlike {tuple(asked)}")
        longest, shortest = max(map(len, samples)), min(map(len, samples))
        room = max(LEAST_WINDOW, min(longest // 8, shortest))
        self.windows_ = tuple(sorted({w for w in asked if w <= room})) or (min(room, min(asked)),)
        self.smoothing_ = max(1, min(self.smoothing, longest // 8))
        self.used_ = _more_than_switches(samples)
        step = samples[0].step
        lasts = "" if step is None else f" ({duration(step * self.smoothing_)})"
        self.findings_ += (
            f"windows of {', '.join(map(str, self.windows_))} rows; scores averaged over {self.smoothing_} rows{lasts}",
        )
        if not self.used_.all():
            left = [n for n, used in zip(self.channels_, self.used_, strict=True) if not used]
            self.findings_ += (
                "left out, having at most two values in what was learned from: "
                f"{', '.join(left[:5])}{' ...' if len(left) > 5 else ''}",
            )

    def _draw(self, lengths: Sequence[int], window: int, keep: int, rng: np.random.Generator) -> list[IntArray]:
        """Starts of the windows to keep, ascending, one array per sample."""
        counts = np.array([max(0, n - window + 1) for n in lengths])
        total = int(counts.sum())
        chosen = np.arange(total) if total <= keep else np.sort(rng.choice(total, keep, replace=False))
        edges = np.concatenate(([0], np.cumsum(counts)))
        cuts = np.searchsorted(chosen, edges)
        return [chosen[a:b] - edge for a, b, edge in zip(cuts[:-1], cuts[1:], edges[:-1], strict=True)]

    def _gather(self, columns: Sequence[FloatArray], kept: Sequence[IntArray], window: int) -> FloatArray:
        """Kept windows of all channels, shape (c, r, d)."""
        found = [
            np.concatenate([_windows(values[:, c], window, at) for values, at in zip(columns, kept, strict=True)])
            for c in range(len(self.channels_))
        ]
        return np.stack(found)

    def _all_starts(self, samples: Sequence[Series], window: int) -> list[IntArray]:
        return [_starts(len(s), window, int(s.meta.get("first_row", 0))) for s in samples]

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        if len(sample) < self.windows_[0]:
            raise InputError(
                f"the shortest window of {self.windows_[0]} rows is longer than the {len(sample)} rows of "
                f"{sample.id or 'the series'}: pass a longer series"
            )
        values = self._standard(sample.values)
        parts = np.zeros(sample.values.shape, dtype=np.float32)
        rare = []
        for level, window in enumerate(self.windows_):
            if window > len(sample):
                break
            starts = self._all_starts([sample], window)[0]
            far = self._distances(values, window, self.references_[level], starts)
            rare.append(tail(self.scales_[level], self._joined(level, far, parts)))
        return self._scores(sample, rare, parts)

    def _score_own(self, sample: Series, index: int) -> Scores:
        own = self._own[index]
        if index == len(self._own) - 1:
            del self._own
        return own

    def _distances(
        self,
        values: FloatArray,
        window: int,
        learned: FloatArray,
        starts: IntArray,
        *,
        origin: int = 0,
        positions: IntArray | None = None,
    ) -> FloatArray:
        """Distance of each row's window to its k-th neighbour in every channel, float32 of shape (n, c)."""
        n, count = values.shape
        found = np.zeros((n, count), dtype=np.float32)
        if not len(starts):
            return found
        at = starts + (window - 1 if self.causal else window // 2)
        for c in np.flatnonzero(self.used_):
            apart, _ = nearest(
                _windows(values[:, c], window, starts),
                learned[c],
                self.neighbours_,
                starts=starts + origin,
                reference_starts=positions,
                exclusion=0 if positions is None else max(1, window // 2),
            )
            far = apart[:, -1]
            short = ~np.isfinite(far)
            if short.any():
                # So few windows were learned that not enough are left: the farthest there is stands for it.
                far[short] = np.where(np.isfinite(apart[short]), apart[short], 0).max(axis=1)
            found[:, c] = np.interp(np.arange(n), at, far / np.sqrt(learned.shape[2]))
        return found

    def _joined(self, level: int, far: FloatArray, parts: FloatArray) -> FloatArray:
        """Join channels and average over time; `parts` takes up the largest of each channel over lengths."""
        scaled = comparable(far, self.reference_[level].astype(np.float32))
        np.maximum(parts, scaled, out=parts)
        return moving_average(join(scaled[:, self.used_]), self.smoothing_, causal=self.causal)

    def _scores(self, sample: Series, rare: Sequence[FloatArray], parts: FloatArray) -> Scores:
        joined = np.max(rare, axis=0) if self.rule_ == "max" else np.sum(rare, axis=0)
        smooth = np.stack([moving_average(p, self.smoothing_, causal=self.causal) for p in parts.T], axis=1)
        return Scores(joined, parts=smooth, part_names=sample.channels)

    def _standard(self, values: FloatArray) -> FloatArray:
        """Channels in robust standard deviations from their medians, float64."""
        assert self.profile_ is not None
        scaled = (values.astype(np.float64) - self.profile_.centre) / self.profile_.scale
        return np.asarray(np.clip(scaled, -CLIP, CLIP, out=scaled))

    @property
    def reach(self) -> int:
        """The longest window, the windows between which straight lines are drawn, and the average over them."""
        longest = self.windows_[-1]
        return longest + 2 * max(1, longest // STRIDES_PER_WINDOW) + self.smoothing_

    @property
    def blur(self) -> int:
        """The shortest window and the average: a short event makes no more rows than these look strange."""
        return self.windows_[0] + self.smoothing_

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return short windows, which fit into small samples."""
        return {"windows": (8, 32), "smoothing": 8, "references": 300}


def moving_average(values: FloatArray, width: int, *, causal: bool = False) -> FloatArray:
    """Return the mean of the `width` rows around each row, or up to it; the end values are held beyond the ends.

    Examples
    --------
    >>> moving_average(np.array([0.0, 0.0, 3.0, 0.0]), 3).tolist()
    [0.0, 1.0, 1.0, 1.0]
    """
    if width == 1:
        return values
    before = width - 1 if causal else width // 2
    padded = np.pad(values.astype(np.float64), (before, width - 1 - before), mode="edge")
    return np.asarray(running_sum(padded, width) / width, dtype=values.dtype)


def _starts(n: int, window: int, first_row: int) -> IntArray:
    """Where windows start: at every sixteenth of a window, and at both ends.

    Rows are counted from the beginning of the recording, so that a part of it has the windows of the whole.
    """
    if n < window:
        return np.empty(0, dtype=np.int64)
    stride = max(1, window // STRIDES_PER_WINDOW)
    regular = np.arange(-first_row % stride, n - window + 1, stride)
    return np.unique(np.concatenate(([0], regular, [n - window])))


def _windows(column: FloatArray, window: int, starts: IntArray) -> FloatArray:
    if not len(starts):
        return np.empty((0, min(window, LENGTH)), dtype=np.float32)
    return windows_at(column, window, starts, normalise="mean", length=LENGTH)


def _more_than_switches(samples: Sequence[Series]) -> BoolArray:
    """Which channels hold more than two values; all of them where none does."""
    count = samples[0].values.shape[1]
    found = np.zeros(count, dtype=bool)
    for c in range(count):
        seen = np.empty(0)
        for sample in samples:
            seen = np.unique(np.append(seen, sample.values[:, c]))
            if len(seen) > 2:
                found[c] = True
                break
    return found if found.any() else ~found
