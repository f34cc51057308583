"""Grams: all sequences of up to so many events that occur in some traces, as a tree stored level by level.

A sequence of n events is a node of level n. Its key holds the number of the node of its first n - 1 events, and the
code of its last event, so a level is one sorted array of integers: learning is a sort for each level, looking up a
binary search, with nothing approximated and nothing looped over but the levels. What may follow a sequence stands side
by side.

Every trace begins with one step of padding, so that where a trace begins is known as well. A sequence that would begin
before the padding is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.events._sequences import PADDING, Traces

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, IntArray

UNKNOWN, NONE = -1, -2
_SHIFT = np.int64(32)
_CODE = np.int64((1 << 32) - 1)


@dataclass(frozen=True, eq=False)
class Level:
    """Sequences of one length.

    Parameters
    ----------
    keys : ndarray of int64, sorted
        Number of the node of all but the last event, times 2^32, plus the code of the last event.
    counts : ndarray of int64
        How often each occurs.
    traces : ndarray of int64
        In how many traces.
    """

    keys: IntArray
    counts: IntArray
    traces: IntArray

    @property
    def parents(self) -> IntArray:
        """The node of all but the last event of each, in the level above."""
        return np.asarray(self.keys >> _SHIFT)

    @property
    def codes(self) -> IntArray:
        """The code of the last event of each."""
        return np.asarray(self.keys & _CODE)

    def find(self, parents: IntArray, codes: IntArray) -> IntArray:
        """Return the node of each parent's sequence followed by a code, `UNKNOWN` where there is none."""
        asked = (parents << _SHIFT) | codes
        if not len(self.keys):
            return np.full(len(asked), UNKNOWN)
        places = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        return np.where(self.keys[places] == asked, places, UNKNOWN)


def at(values: AnyArray, nodes: IntArray, otherwise: float) -> AnyArray:
    """Return the values of nodes, and another value where there is no node."""
    if not len(values):
        return np.full(len(nodes), otherwise)
    return np.where(nodes >= 0, values[np.maximum(nodes, 0)], otherwise)


@dataclass(frozen=True, eq=False)
class Padded:
    """Traces with one step of padding before each.

    Parameters
    ----------
    codes, depth, owner : ndarray of int, shape (n + t,)
        Codes, the number of steps before each in its trace, and the number of its trace.
    """

    codes: IntArray
    depth: IntArray
    owner: IntArray

    @classmethod
    def of(cls, traces: Traces) -> Padded:
        """Return the padded form of traces."""
        lengths = traces.lengths + 1
        starts = np.concatenate(([0], np.cumsum(lengths)))
        owner = np.repeat(np.arange(len(traces)), lengths)
        depth = np.arange(starts[-1]) - starts[owner]
        codes = np.full(starts[-1], PADDING, dtype=np.int64)
        codes[depth > 0] = traces.codes
        return cls(codes, depth, owner)

    @property
    def events(self) -> BoolArray:
        """True where there is an event and no padding."""
        return np.asarray(self.depth > 0)


@dataclass(frozen=True, eq=False)
class Grams:
    """Sequences of lengths 1, 2, ... that were learned.

    Parameters
    ----------
    levels : tuple of Level
        By length; padding alone is a sequence of length 1 that counts for nothing.

    Examples
    --------
    >>> two = Traces(np.array([3, 4, 3, 4, 4]), np.array([0, 3, 5]), np.arange(5))
    >>> learned = Grams.learn(two, 2)
    >>> [level.counts.tolist() for level in learned.levels]
    [[0, 2, 3], [1, 1, 1, 1, 1]]
    """

    levels: tuple[Level, ...]

    @classmethod
    def learn(cls, traces: Traces, longest: int) -> Grams:
        """Count all sequences of up to `longest` events."""
        return cls(tuple(level for level, _ in _learned(Padded.of(traces), longest)))

    def walk(self, padded: Padded) -> Iterator[IntArray]:
        """Yield for each length the nodes of the sequences that end at each step.

        Yields
        ------
        ndarray of int64, shape (n + t,)
            `UNKNOWN` where the sequence was not learned, `NONE` where it would begin before the padding.
        """
        found = np.zeros(len(padded.codes), dtype=np.int64)
        for number, level in enumerate(self.levels):
            # A longer sequence cannot be known where all but its last event is not.
            parents = found if number == 0 else np.concatenate(([NONE], found[:-1]))
            found = np.where(padded.depth >= number, UNKNOWN, NONE)
            asked = np.flatnonzero((parents >= 0) & (padded.depth >= number))
            found[asked] = level.find(parents[asked], padded.codes[asked])
            yield found

    def joined(self, other: Grams) -> Grams:
        """Return the sum of two, with equally many lengths; traces in both are different ones."""
        levels = []
        mine: IntArray = np.zeros(1, dtype=np.int64)
        yours: IntArray = np.zeros(1, dtype=np.int64)
        for a, b in zip(self.levels, other.levels, strict=True):
            left = (mine[a.parents] << _SHIFT) | a.codes
            right = (yours[b.parents] << _SHIFT) | b.codes
            keys, places = np.unique(np.concatenate((left, right)), return_inverse=True)
            sums = [
                np.bincount(places, weights=np.concatenate(pair), minlength=len(keys)).astype(np.int64)
                for pair in ((a.counts, b.counts), (a.traces, b.traces))
            ]
            levels.append(Level(keys, sums[0], sums[1]))
            mine, yours = places[: len(left)], places[len(left) :]
        return Grams(tuple(levels))

    def translated(self, other: Grams) -> list[IntArray]:
        """Return for each level the nodes that another tree's sequences have here, `UNKNOWN` where they have none."""
        found: list[IntArray] = []
        above: IntArray = np.zeros(1, dtype=np.int64)
        for mine, yours in zip(self.levels, other.levels, strict=False):
            parents = above[yours.parents]
            above = np.where(parents >= 0, mine.find(np.maximum(parents, 0), yours.codes), UNKNOWN)
            found.append(above)
        return found

    def after(self, history: Sequence[int]) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield, for the last 0, 1, 2, ... events of a history, the codes that followed, and how often.

        Parameters
        ----------
        history : sequence of int
            Codes from the beginning of the trace on. Stops at the first length that was never seen.
        """
        steps = [PADDING, *history]
        for length, level in enumerate(self.levels):
            if length > len(steps):
                return
            node = self._node(steps[len(steps) - length :])
            if node < 0:
                return
            first, last = np.searchsorted(level.keys, np.array([node << 32, (node + 1) << 32]))
            codes, counts = level.codes[first:last], level.counts[first:last]
            if not counts.any():
                return
            yield codes[counts > 0], counts[counts > 0]

    def _node(self, steps: Sequence[int]) -> int:
        node: IntArray = np.zeros(1, dtype=np.int64)
        for level, code in zip(self.levels, steps, strict=False):
            node = level.find(node, np.array([code], dtype=np.int64))
            if node[0] < 0:
                return UNKNOWN
        return int(node[0])

    def to_state(self) -> list[dict[str, Any]]:
        """Return arrays for storing."""
        return [{"keys": l.keys, "counts": l.counts, "traces": l.traces} for l in self.levels]

    @classmethod
    def from_state(cls, state: Any, longest: int) -> Grams:
        """Return what `to_state` stored; the state may come from a stranger's file.

        Raises
        ------
        InputError
            If it is damaged.
        """
        levels = []
        above = 1
        if len(state) != longest:
            raise InputError(f"counts of {len(state)} lengths are stored where there should be {longest}")
        for number, stored in enumerate(state):
            arrays = [np.asarray(stored[name]) for name in ("keys", "counts", "traces")]
            keys = arrays[0]
            sound = all(a.dtype == np.int64 and a.ndim == 1 and len(a) == len(keys) for a in arrays)
            if not sound or not _ordered(keys, above) or any(len(a) and a.min() < 0 for a in arrays[1:]):
                raise InputError(f"the counts of sequences of {number + 1} events are damaged")
            levels.append(Level(*arrays))
            above = len(keys)
        return cls(tuple(levels))


def counted(traces: Traces, longest: int) -> tuple[Grams, list[tuple[IntArray, IntArray, IntArray]]]:
    """Learn sequences and count them trace by trace.

    Returns
    -------
    Grams
        Of these traces.
    list of (trace, node, count)
        For each length, three arrays with one entry for each sequence of each trace, sorted by trace. Padding alone is
        left out.
    """
    padded = Padded.of(traces)
    levels, found = [], []
    for number, (level, nodes) in enumerate(_learned(padded, longest)):
        levels.append(level)
        inside = np.flatnonzero(padded.events if number == 0 else nodes >= 0)
        size = max(len(level.keys), 1)
        pairs, counts = np.unique(padded.owner[inside] * size + nodes[inside], return_counts=True)
        found.append((pairs // size, pairs % size, counts))
    return Grams(tuple(levels)), found


def _learned(padded: Padded, longest: int) -> Iterator[tuple[Level, IntArray]]:
    """For each length its level, and the node of the sequence that ends at each step."""
    nodes = np.zeros(len(padded.codes), dtype=np.int64)
    for number in range(longest):
        parents = nodes if number == 0 else np.concatenate(([NONE], nodes[:-1]))
        inside = np.flatnonzero(padded.depth >= number)
        keys = (parents[inside] << _SHIFT) | padded.codes[inside]
        order = np.argsort(keys, kind="stable")
        ranked, owner = keys[order], padded.owner[inside][order]
        new = np.ones(len(ranked), dtype=bool)
        new[1:] = ranked[1:] != ranked[:-1]
        # Steps stand in the order of traces, and the sort keeps it, so a trace's own ones lie together.
        first = new.copy()
        first[1:] |= owner[1:] != owner[:-1]
        starts = np.flatnonzero(new)
        counts = np.diff(np.append(starts, len(ranked)))
        seen = np.add.reduceat(first.astype(np.int64), starts) if len(starts) else counts
        nodes = np.full(len(padded.codes), NONE)
        nodes[inside[order]] = np.cumsum(new) - 1
        level = Level(ranked[starts], counts.astype(np.int64), seen)
        if number == 0:
            level.counts[level.codes == PADDING] = 0
        yield level, nodes


def _ordered(keys: IntArray, above: int) -> bool:
    if not len(keys):
        return True
    return bool((np.diff(keys) > 0).all() and keys[0] >= 0 and int(keys[-1] >> _SHIFT) < above)
