"""WindowNeighbours: how far the windows around a row are from their nearest relatives, at several lengths at once.

What happened before in much the same way is normal; a window without near relatives is not. Windows keep their
amplitude (only their own mean is taken off): dividing them by their deviation would make the noise of a quiet night as
large as the day's load. No single length suits both a spike and a wrong day, and no rule finds the right one reliably,
so several are used and their distances put on one scale: how rare each is among the distances of what was learned.

1. Channels are brought to robust standard deviations.
2. For each length, windows are cut every eighth of a window; long ones are averaged down to 32 numbers. With one
   channel they lose their mean; with several they keep it, for there an unusual level is news. Their distance to the
   k-th nearest of a random set of learned windows is taken, leaving out windows that overlap them by more than half.
3. Channels are joined by the root mean square of log(1 + distance), distances in halves of a standard deviation. They
   are not divided by what is usual for each channel: a channel that hardly ever moves would then shout all others down.
4. A row gets the mean over all windows that cover it.
5. For each length, the result becomes -ln of the share of learned rows that are at least as far away, and a row's score
   is the largest over lengths. The scale is fixed when it is learned, so a score never depends on what else is scored.

Lengths and rules were chosen by measurement, see docs/choices.md. Reference: distance-based outliers go back to
Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import join
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
    from tocsin.core.types import FloatArray, IntArray

LENGTH = 32
STRIDES_PER_WINDOW = 8
LEAST_WINDOW = 4
# Distances, in standard deviations, that the logarithm over channels counts as one.
UNIT = 0.5
ONE_CHANNEL: dict[str, Any] = {"windows": (32, 64, 256), "neighbours": 5, "references": 5000, "centred": True}
MANY_CHANNELS: dict[str, Any] = {"windows": (16, 64), "neighbours": 1, "references": 1500, "centred": False}


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
    centred : bool, optional
        Whether windows lose their own mean; for one channel only when left out.
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
        cost="linear: rows x channels x kept windows; about a second per 100 000 values",
        cite="Ramaswamy, Rastogi and Shim 2000",
    )
    least_places: ClassVar[int] = 16

    windows_: tuple[int, ...]
    neighbours_: int
    centred_: bool
    scales_: tuple[FloatArray, ...]
    references_: tuple[FloatArray, ...]
    _own: list[Scores]

    def __init__(
        self,
        windows: Sequence[int] | None = None,
        *,
        neighbours: int | None = None,
        references: int | None = None,
        centred: bool | None = None,
        rule: Literal["max", "sum"] = "max",
        causal: bool = False,
        random_state: int = 0,
    ) -> None:
        self.windows = windows
        self.neighbours = neighbours
        self.references = references
        self.centred = centred
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
        parts = [np.zeros(s.values.shape, dtype=np.float32) for s in samples]
        rare: list[list[FloatArray]] = [[] for _ in samples]
        references, scales = [], []
        for window in self.windows_:
            kept = self._draw(lengths, window, keep, rng)
            learned = self._gather(columns, kept, window)
            positions = np.concatenate([at + origin for at, origin in zip(kept, origins, strict=True)])
            joined = [
                self._joined(values, window, learned, _starts(s, window), part, int(origin), positions)
                for s, values, part, origin in zip(samples, columns, parts, origins, strict=True)
            ]
            scale = tail_scale(np.concatenate([j for s, j in zip(samples, joined, strict=True) if len(s) >= window]))
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
        if not len(asked) or min(asked) < 2:
            raise InputError(f"windows have at least 2 rows, and there is at least one, unlike {tuple(asked)}")
        longest, shortest = max(map(len, samples)), min(map(len, samples))
        room = max(LEAST_WINDOW, min(longest // 8, shortest))
        self.windows_ = tuple(sorted({int(w) for w in asked if w <= room})) or (min(room, int(min(asked))),)
        step = next((s.step for s in samples if s.step), None)
        lasts = "" if step is None else f" ({', '.join(duration(step * w) for w in self.windows_)})"
        self.findings_ += (f"windows of {', '.join(map(str, self.windows_))} rows{lasts}",)
        return int(keep)

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
            np.concatenate([self._windows(values[:, c], window, at) for values, at in zip(columns, kept, strict=True)])
            for c in range(len(self.channels_))
        ]
        return np.stack(found)

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
        parts = np.zeros(sample.values.shape, dtype=np.float32)
        rare = []
        for window, learned, scale in zip(self.windows_, self.references_, self.scales_, strict=True):
            # A sample that is too short for some lengths is judged by the others.
            if window <= len(sample):
                rare.append(tail(scale, self._joined(values, window, learned, _starts(sample, window), parts)))
        return self._scores(sample, rare, parts)

    def _score_own(self, sample: Series, index: int) -> Scores:
        own = self._own[index]
        if index == len(self._own) - 1:
            del self._own
        return own

    def _joined(
        self,
        values: FloatArray,
        window: int,
        learned: FloatArray,
        starts: IntArray,
        parts: FloatArray,
        origin: int = 0,
        positions: IntArray | None = None,
    ) -> FloatArray:
        """Distance of each row for one length; `parts` takes up the largest of each channel over lengths.

        `positions` says where the learned windows stand if they are the sample's own, and `origin` where it begins.
        """
        apart = np.stack(
            [self._apart(values[:, c], window, learned[c], starts, origin, positions) for c in range(values.shape[1])],
            axis=1,
        )
        ends = starts + window - 1
        rows = partial(_over_rows, starts=ends if self.causal else starts, n=len(values), window=window)
        for c in range(values.shape[1]):
            np.maximum(parts[:, c], rows(apart[:, c]), out=parts[:, c])
        return rows(join(apart))

    def _apart(
        self,
        column: FloatArray,
        window: int,
        learned: FloatArray,
        starts: IntArray,
        origin: int,
        positions: IntArray | None,
    ) -> FloatArray:
        """Distance of each window of one channel to its k-th neighbour, in units per row."""
        own = positions is not None
        apart, _ = nearest(
            self._windows(column, window, starts),
            learned,
            self.neighbours_,
            starts=starts + origin,
            reference_starts=positions,
            exclusion=max(1, window // 2) if own else 0,
        )
        far = apart[:, -1].copy()
        short = ~np.isfinite(far)
        if short.any():
            # So little was learned that there are not enough neighbours: the farthest there is stands for them.
            far[short] = np.where(np.isfinite(apart[short]), apart[short], 0).max(axis=1)
        return np.asarray(far / np.float32(UNIT * np.sqrt(learned.shape[1])))

    def _scores(self, sample: Series, rare: Sequence[FloatArray], parts: FloatArray) -> Scores:
        joined = np.max(rare, axis=0) if self.rule == "max" else np.sum(rare, axis=0)
        return Scores(joined, parts=parts, part_names=sample.channels)

    def _standard(self, values: FloatArray) -> FloatArray:
        """Channels in robust standard deviations from their medians, float64."""
        assert self.profile_ is not None
        scaled = (values.astype(np.float64) - self.profile_.centre) / self.profile_.scale
        return np.asarray(np.clip(scaled, -CLIP, CLIP, out=scaled))

    @property
    def reach(self) -> int:
        """Two of the longest window, for a row looks at all windows that cover it, and what the last one may shift.

        A causal score looks as far, but to one side only.
        """
        longest = self.windows_[-1]
        return (2 * longest + max(1, longest // STRIDES_PER_WINDOW)) * (2 if self.causal else 1)

    @property
    def blur(self) -> int:
        """Twice the shortest window: a short event makes no more rows than these look strange."""
        return 2 * self.windows_[0]

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


def _over_rows(window_scores: FloatArray, starts: IntArray, n: int, window: int) -> FloatArray:
    """Mean over all windows that cover a row; rows that none covers take the nearest value. Zeros without windows."""
    if not len(starts):
        return np.zeros(n, dtype=window_scores.dtype)
    placed, present = np.zeros(n + 2 * window), np.zeros(n + 2 * window)
    placed[starts + window - 1], present[starts + window - 1] = window_scores, 1.0
    count = running_sum(present, window)[:n]
    bare = count == 0
    rows = running_sum(placed, window)[:n] / np.maximum(count, 1.0)
    if bare.any():
        rows[bare] = np.interp(np.flatnonzero(bare), np.flatnonzero(~bare), rows[~bare])
    return np.asarray(rows, dtype=window_scores.dtype)
