"""Windows over traces: where each begins, which of its events it judges, and batches of them as tables of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.events._sequences import PADDING

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray
    from tocsin.events._sequences import Traces


@dataclass(frozen=True, eq=False)
class Windows:
    """Overlapping stretches of traces; every event is judged in one of them, with half a window before it or all.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Codes of all events.
    begin, stop : ndarray of int, shape (m,)
        The first event of each window, and one past its last.
    fresh : ndarray of int, shape (m,)
        The first event that the window judges; those before are context.
    first : ndarray of bool, shape (m,)
        Whether the window begins with its trace.
    """

    codes: IntArray
    begin: IntArray
    stop: IntArray
    fresh: IntArray
    first: BoolArray

    @classmethod
    def of(cls, traces: Traces, size: int) -> Windows:
        """Cut traces into windows of `size` events, which go on by half of it."""
        half = max(1, size // 2)
        lengths = traces.lengths
        counts = 1 + np.maximum(0, -(-(lengths - size) // half))
        owner = np.repeat(np.arange(len(traces)), counts)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        begin = traces.starts[owner] + number * half
        stop = np.minimum(begin + size, traces.starts[owner + 1])
        fresh = np.where(number == 0, begin, begin + size - half)
        return cls(np.asarray(traces.codes), begin, stop, fresh, number == 0)

    def __len__(self) -> int:
        return len(self.begin)

    def batch(self, chosen: IntArray) -> tuple[IntArray, IntArray, BoolArray, IntArray]:
        """Return what goes in, what is to come out, where that counts, and the places of all events.

        Returns
        -------
        tuple of ndarray, shape (len(chosen), longest)
            The event before each, each event, whether it is judged here, and its place among all events.
        """
        longest = int((self.stop - self.begin)[chosen].max())
        places = self.begin[chosen, None] + np.arange(longest)
        inside = places < self.stop[chosen, None]
        places = np.where(inside, places, self.begin[chosen, None])
        before = self.codes[np.maximum(places - 1, 0)]
        before[self.first[chosen], 0] = PADDING
        judged = inside & (places >= self.fresh[chosen, None])
        return before, self.codes[places], judged, places
