"""WindowDetector: what detectors have in common that judge the windows of each channel on its own.

A subclass learns from one channel (`_learn_channel`) and gives raw scores to a matrix of that channel's windows
(`_judge`). Everything else happens here: the window is chosen, channels are standardised, raw scores are put on one
scale over channels, brought back to rows (a window's score belongs to the row in its middle) and joined.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.channels import comparable, join, reference_of
from tocsin.core.detector import Detector
from tocsin.core.durations import in_rows
from tocsin.core.errors import InputError
from tocsin.core.periods import choose_window
from tocsin.core.profile import CLIP
from tocsin.core.scores import Scores
from tocsin.core.windows import Normalise, chunks, running_sum, spread, window_starts, windows_at

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import BoolArray, FloatArray

REFERENCE_WINDOWS = 20_000


class WindowDetector(Detector):
    """Judges windows channel by channel; see the module for what subclasses write."""

    least_places: ClassVar[int] = 16
    #: Whether a raw score of zero means nothing, so that the median raw score is taken as zero.
    zero_is_arbitrary: ClassVar[bool] = False
    window: int | str | None
    window_: int
    stride_: int
    flat_: BoolArray
    centre_: FloatArray
    reference_: FloatArray

    @abstractmethod
    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        """Learn from the standardised values of channel `c`, one array per sample."""

    @abstractmethod
    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        """Return the raw scores, shape (m,), of windows of channel `c`, shape (m, window)."""

    def _normalise(self) -> Normalise:
        """What is taken off a window before it is judged."""
        return "none"

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        """What a subclass does once before its channels are learned."""

    def _judge_column(self, c: int, column: FloatArray) -> FloatArray:
        """Raw scores of all windows of one standardised channel."""
        scores = [self._judge(c, windows) for _, windows in self._chunks(column)]
        return np.concatenate(scores)

    def _chunks(self, column: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        return chunks(column, self.window_, stride=self.stride_, normalise=self._normalise())

    def _judge_learned(self, c: int, columns: list[FloatArray]) -> FloatArray:
        """Raw scores of what was just learned, enough of them to see their usual range."""
        return self._judge(c, self._some_windows(columns, REFERENCE_WINDOWS))

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        asked = None if self.window is None else in_rows(self.window, samples)
        self.window_, why = choose_window([s.values for s in samples], asked)
        self.findings_ += (why,) if why else ()
        self.stride_ = int(getattr(self, "stride", 1))
        if self.stride_ < 1:
            raise InputError(f"the stride is at least 1 row, not {self.stride_}")
        names = self.channels_
        self.flat_ = np.zeros(len(names), dtype=bool)
        self.centre_, self.reference_ = np.zeros(len(names)), np.zeros(len(names))
        self._prepare(samples, rng)
        for c in range(len(names)):
            columns = [self._standard(s.values, c) for s in samples]
            first = columns[0][0]
            self.flat_[c] = all(bool((column == first).all()) for column in columns)
            if self.flat_[c]:
                continue
            self._learn_channel(c, columns, rng)
            raw = self._judge_learned(c, columns)
            self.centre_[c] = float(np.median(raw)) if self.zero_is_arbitrary else 0.0
            self.reference_[c] = usual_height(raw - self.centre_[c])
        if self.flat_.any():
            constant = [n for n, flat in zip(names, self.flat_, strict=True) if flat]
            told = ", ".join(constant[:5]) + (" ..." if len(constant) > 5 else "")
            self.findings_ += (f"constant in what was learned from, so that any change there is strange: {told}",)

    def _some_windows(self, columns: Sequence[FloatArray], most: int) -> FloatArray:
        """At most about `most` evenly spaced windows of one channel over all samples."""
        total = sum(len(column) - self.window_ + 1 for column in columns)
        step = max(1, -(-total // most))
        found = [
            windows_at(c, self.window_, window_starts(len(c), self.window_, step), normalise=self._normalise())
            for c in columns
        ]
        return np.concatenate(found)

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        # Raises for a sample shorter than the window.
        window_starts(len(sample), self.window_, self.stride_)
        return self._assemble(sample, self._judge_column)

    def _assemble(self, sample: Series, judge: Callable[[int, FloatArray], FloatArray]) -> Scores:
        """From raw window scores, `judge(c, column)`, to scores of rows."""
        n, count = sample.values.shape
        parts = np.empty((n, count), dtype=np.float32)
        for c in range(count):
            column = self._standard(sample.values, c)
            raw = self._departure(column) if self.flat_[c] else judge(c, column) - self.centre_[c]
            parts[:, c] = spread(raw, n, self.window_, self.stride_)
        parts = comparable(parts, self.reference_.astype(np.float32))
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def _departure(self, column: FloatArray) -> FloatArray:
        """Root mean square of each window: for channels that never moved while learning, where zero is the constant."""
        rms = np.sqrt(running_sum(np.square(column), self.window_) / self.window_)
        return np.asarray(rms[window_starts(len(column), self.window_, self.stride_)])

    def _standard(self, values: FloatArray, c: int) -> FloatArray:
        """Column `c` of `values` in robust standard deviations from its median, float64 of shape (n,)."""
        assert self.profile_ is not None
        column = (values[:, c].astype(np.float64) - self.profile_.centre[c]) / self.profile_.scale[c]
        return np.asarray(np.clip(column, -CLIP, CLIP, out=column))


def usual_height(raw: FloatArray) -> float:
    """The 99 % quantile of raw scores, but at most four times their 95 % quantile.

    An anomaly among the data learned from that fills more than a hundredth of the windows would otherwise set the scale
    of the very channel it is in, and vanish beside the others. Ordinary tails stay below twice the 95 % quantile.
    """
    high = float(reference_of(raw[:, None])[0])
    body = float(np.quantile(raw, 0.95))
    return min(high, 4.0 * body) if body > 0 else high
