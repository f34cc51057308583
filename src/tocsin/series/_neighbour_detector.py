"""NeighbourDetector: what detectors have in common that compare windows with kept windows of each channel.

All learned windows are kept, as the series that they are cut from, or a random share of them where `references` says
so. Comparisons are exact among what is kept. A window is never compared with windows that overlap it by more than half.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.neighbours import nearest
from tocsin.core.window_search import WindowSearch
from tocsin.core.windows import Normalise, window_starts, windows_at
from tocsin.series._window_detector import WindowDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.scores import Scores
    from tocsin.core.types import FloatArray, IntArray


class NeighbourDetector(WindowDetector):
    """Judges windows by their nearest kept windows; see the module for what subclasses write."""

    window: int | str | None
    neighbours: int
    normalise: bool
    references: int | None
    #: By channel: the windows that were drawn, shape (r, window), or all learned values one sample after another.
    learned_: tuple[FloatArray, ...]
    positions_: IntArray
    lengths_: tuple[int, ...]
    _origins: IntArray
    _own: list[list[FloatArray]]

    @abstractmethod
    def _rate(self, c: int, distances: FloatArray, indices: IntArray) -> FloatArray:
        """Return raw scores from the distances to the nearest kept windows of channel `c`, shape (m, k), ascending."""

    def _know(self, c: int, distances: FloatArray, indices: IntArray) -> None:
        """Learn from the kept windows' own neighbours, where a subclass needs them."""

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.neighbours < 1:
            raise InputError(f"the number of neighbours is at least 1, not {self.neighbours}")
        if self.references is not None and self.references <= self.neighbours:
            raise InputError(
                f"{self.references} kept windows are too few for {self.neighbours} neighbours: keep more, or all"
            )
        lengths = [len(s) for s in samples]
        # Samples lie so far apart that no window of one counts as near to a window of another.
        self._origins = np.cumsum([0, *(n + self.window_ for n in lengths[:-1])])
        self._starts = [window_starts(n, self.window_, self.stride_) for n in lengths]
        everywhere = np.concatenate([s + o for s, o in zip(self._starts, self._origins, strict=True)])
        if self.references is not None and len(everywhere) > self.references:
            everywhere = np.sort(rng.choice(everywhere, self.references, replace=False))
            self.lengths_ = ()
        else:
            self.lengths_ = tuple(lengths)
        self.positions_ = everywhere
        self.learned_ = ()
        self._own = [[] for _ in samples]

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        # Constant channels are not learned from: their place stays empty.
        self.learned_ += tuple(np.empty((0, self.window_), dtype=np.float32) for _ in range(c - len(self.learned_)))
        for own in self._own:
            own += [np.empty(0)] * (c - len(own))
        if self.lengths_:
            self.learned_ += (np.concatenate(columns),)
            search = self._search(c)
            found = [self._nearest_of_all(search, column, index) for index, column in enumerate(columns)]
            self._know(c, *(np.concatenate(parts) for parts in zip(*found, strict=True)))
        else:
            self.learned_ += (self._drawn(columns),)
            self._know(c, *self._nearest(c, self.learned_[c], self.positions_))
            found = []
            for column, starts, origin in zip(columns, self._starts, self._origins, strict=True):
                windows = windows_at(column, self.window_, starts, normalise=self._normalise())
                found.append(self._nearest(c, windows, starts + origin))
        for own, (distances, indices) in zip(self._own, found, strict=True):
            own.append(self._rate(c, distances, indices))

    def _drawn(self, columns: list[FloatArray]) -> FloatArray:
        kept = []
        for column, origin in zip(columns, self._origins, strict=True):
            here = self.positions_[(self.positions_ >= origin) & (self.positions_ < origin + len(column))] - origin
            if len(here):
                kept.append(windows_at(column, self.window_, here, normalise=self._normalise()))
        return np.concatenate(kept)

    def _search(self, c: int) -> WindowSearch:
        samples = np.split(self.learned_[c], np.cumsum(self.lengths_)[:-1])
        return WindowSearch(samples, self.window_, normalise=self._normalise())

    def _nearest_of_all(
        self, search: WindowSearch, column: FloatArray, own: int | None = None
    ) -> tuple[FloatArray, IntArray]:
        """As `_nearest`, for all windows of a column among all that was learned, of which it is the `own`-th sample."""
        exclusion = -(-self.window_ // 2)
        return self._completed(*search.nearest(column, self.neighbours, own=own, exclusion=exclusion))

    def _nearest(self, c: int, windows: FloatArray, positions: IntArray | None = None) -> tuple[FloatArray, IntArray]:
        """Distances per row (root mean square) to the nearest kept windows, and which; `positions` if learned from."""
        distances, indices = nearest(
            windows,
            self.learned_[c],
            self.neighbours,
            starts=positions,
            reference_starts=None if positions is None else self.positions_,
            exclusion=0 if positions is None else -(-self.window_ // 2),
        )
        return self._completed(distances, indices)

    def _completed(self, distances: FloatArray, indices: IntArray) -> tuple[FloatArray, IntArray]:
        lacking = ~np.isfinite(distances)
        if lacking.all(axis=1).any():
            raise InputError(
                f"what was learned leaves nothing to compare a window of {self.window_} rows with: choose a shorter one"
            )
        # Where there are fewer neighbours than wanted, the farthest there is stands for the others.
        farthest = np.where(lacking, 0, distances).argmax(axis=1)[:, None]
        distances = np.where(lacking, np.take_along_axis(distances, farthest, axis=1), distances)
        indices = np.where(lacking, np.take_along_axis(indices, farthest, axis=1), indices)
        return distances / np.sqrt(self.window_, dtype=distances.dtype), indices

    def _judge_learned(self, c: int, columns: list[FloatArray]) -> FloatArray:
        return np.concatenate([own[c] for own in self._own])

    def _score_own(self, sample: Series, index: int) -> Scores:
        own = self._own[index]
        scores = self._assemble(sample, lambda c, column: own[c])
        if index == len(self._own) - 1:
            del self._own, self._starts, self._origins
        return scores

    def _judge_column(self, c: int, column: FloatArray) -> FloatArray:
        if not self.lengths_:
            return super()._judge_column(c, column)
        return self._rate(c, *self._nearest_of_all(self._search(c), column))

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        return self._rate(c, *self._nearest(c, windows))

    def _normalise(self) -> Normalise:
        return "z" if self.normalise else "mean"
