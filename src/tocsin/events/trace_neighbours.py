"""TraceNeighbours: a trace is strange when no learned trace is like it, neither in what it does nor in which order.

Two likenesses are looked at. The first is the cosine between the sets of events that occur. The second is the cosine
between counts of all sequences of one to `n` events, each weighted by how rare it is among the learned traces (tf-idf).
For both, the distance to the nearest learned trace is taken and divided by how much such distances usually vary; the
score is the sum.

How much distances vary is learned with the training traces in `folds` contiguous parts, each compared with the other
parts only; copies are reduced to one before, so they stay in one part. Contiguous, because recorders split long runs
into files that follow one another.

Sources: cosine between vectors of system calls, with nearest neighbours: Liao and Vemuri, Use of k-nearest neighbor
classifier for intrusion detection, Computers and Security 21, 2002. Weights: Salton and Buckley 1988, in the smoothed
form ln((1 + n) / (1 + df)) + 1. Two likenesses in a sum, one nearest neighbour instead of several, sequences up to five
instead of single calls: chosen on one half of ADFA-LD's test traces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.events._grams import UNKNOWN, Grams, Padded, at, counted
from tocsin.events._sequences import Traces, contents
from tocsin.events._trace_detector import Judgement, TraceDetector

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from tocsin.core.types import FloatArray, IntArray

MOST_N, LEAST_SPREAD = 32, 0.01
#: Events and products in memory at a time.
EVENTS, CELLS = 1 << 18, 1 << 22
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Terms:
    """Unit rows of traces, for both likenesses.

    Parameters
    ----------
    kinds : csr_array, shape (t, words)
        Which events occur.
    orders : csr_array, shape (t, sequences)
        Weighted counts of sequences.
    """

    kinds: csr_array
    orders: csr_array


class TraceNeighbours(TraceDetector):
    """Distance to the nearest learned trace, by events and by weighted sequences of events.

    Parameters
    ----------
    n : int
        Events of the longest sequence, up to 32.
    folds : int
        Parts of the training traces for learning how much distances vary.
    column : str, optional
        Which column is the event; ``event``, or else the first, when left out.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, or the column is absent or empty.

    Notes
    -----
    An event's score is the trace's score times the share of the weight of the sequences ending with that event which
    the nearest learned trace (by sequences) lacks. A training trace is judged by the others; a copy of it counts as
    another, so data full of copies are calibrated at zero, and any trace that is no copy stands out.

    Sequences that were never seen count in the length of a trace's vector, with the weight of the rarest; events never
    seen do not count in the set, where this ranked a little worse.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> usual = Events({"event": "open read close open stat close".split()}, trace=[1, 1, 1, 2, 2, 2])
    >>> detector = TraceNeighbours(n=2).fit(usual)
    >>> seen = Events({"event": "open read close exec exec close".split()}, trace=["a"] * 3 + ["b"] * 3)
    >>> (detector.score(seen).traces > 1).tolist()
    [False, True]
    """

    card: ClassVar[Card] = Card(
        name="trace-neighbours",
        summary="traces that are like no learned trace, in their events or in the order of these",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
        streams=False,
        cost="different traces scored x different traces learned, as products of sparse rows in chunks",
        cite="Liao and Vemuri, Computers and Security 21, 2002",
    )

    grams_: Grams
    names_: tuple[str, ...]
    contents_: IntArray
    copies_: IntArray
    spread_: FloatArray
    learned_: Terms

    def __init__(self, n: int = 5, *, folds: int = 5, column: str | None = None) -> None:
        self.n = n
        self.folds = folds
        self.column = column

    # ------------------------------------------------------------- learning

    def _learn_traces(self, traces: Traces, rng: np.random.Generator) -> None:
        for name, least, most in (("n", 1, MOST_N), ("folds", 2, 1000)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} of trace-neighbours is a whole number from {least} to {most}, not {value!r}")
        found, first, copies = np.unique(contents(traces), return_index=True, return_counts=True)
        order = np.argsort(first)
        single = traces.take(first[order])
        self.names_ = tuple(traces.names[i] for i in first[order].tolist())
        self.contents_, self.copies_ = found[order], copies[order]
        self.grams_ = Grams.learn(single, self.n)
        parts = [self._terms(part) for part in _portions(single, len(single))]
        self.learned_ = _stacked(parts)
        self.spread_ = self._learn_spread(len(single))
        self.findings_ += (f"{len(single)} different traces among {len(traces)}",)

    def _learn_spread(self, count: int) -> FloatArray:
        """Standard deviation of the distances between parts of what was learned."""
        fold = np.arange(count) * self.folds // count
        found = np.ones((2, count))
        step = max(1, CELLS // count)
        for start in range(0, count, step):
            rows = slice(start, min(start + step, count))
            same = fold[rows, None] == fold[None, :]
            one = Terms(self.learned_.kinds[rows], self.learned_.orders[rows])
            found[:, rows] = [1 - np.where(same, 0.0, likeness).max(axis=1) for likeness in self._likenesses(one)]
        return np.asarray(np.maximum(found.std(axis=1), LEAST_SPREAD))

    # -------------------------------------------------------------- vectors

    def _terms(self, traces: Traces) -> Terms:
        """Unit rows of traces in the terms that were learned."""
        from scipy.sparse import csr_array

        mine, entries = counted(traces, self.n)
        translated = self.grams_.translated(mine)
        weights = self._weights()
        rows, columns, values, offset = [], [], [], 0
        lost = np.zeros(len(traces))
        for level, (owner, node, times) in enumerate(entries):
            here = translated[level][node]
            known = here != UNKNOWN
            weighted = times * at(weights[level], here, self._rarest)
            lost += np.bincount(owner[~known], weights=weighted[~known] ** 2, minlength=len(traces))
            rows.append(owner[known])
            columns.append(here[known] + offset)
            values.append(weighted[known])
            offset += len(weights[level])
        shape = (len(traces), offset)
        orders = csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
        kinds = csr_array((np.ones(len(rows[0])), (rows[0], columns[0])), shape=(len(traces), len(weights[0])))
        return Terms(_unit(kinds, np.zeros(len(traces))), _unit(orders, lost))

    def _weights(self) -> list[FloatArray]:
        """How much a sequence counts, by length: the more, the fewer learned traces hold it."""
        return [np.log((1 + len(self.names_)) / (1 + level.traces)) + 1 for level in self.grams_.levels]

    @property
    def _rarest(self) -> float:
        return float(np.log(1 + len(self.names_)) + 1)

    def _likenesses(self, terms: Terms) -> Iterator[FloatArray]:
        """Cosines with all learned traces, by events and by sequences, as two dense arrays."""
        yield (terms.kinds @ self.learned_.kinds.T).toarray()
        yield (terms.orders @ self.learned_.orders.T).toarray()

    # -------------------------------------------------------------- scoring

    def _judge(self, traces: Traces, own: bool) -> Judgement:
        # Copies get one score, worked out once.
        _, first, of_trace = np.unique(contents(traces), return_index=True, return_inverse=True)
        single = traces.take(first)
        scores, shares = [], []
        for part in _portions(single, len(self.names_)):
            distance, nearest = self._nearest(part, own)
            scores.append((distance / self.spread_[:, None]).sum(axis=0))
            shares.append(self._lacking(part, nearest))
        found = np.concatenate(scores)[of_trace]
        share = np.concatenate(shares)
        places = np.repeat(single.starts[:-1][of_trace] - traces.starts[:-1], traces.lengths) + np.arange(
            len(traces.codes)
        )
        return Judgement(found[traces.owner] * share[places], found)

    def _nearest(self, traces: Traces, own: bool) -> tuple[FloatArray, IntArray]:
        """Distances to the nearest learned trace, shape (2, t), and which one is nearest by sequences."""
        banned = np.full(len(traces), -1)
        if own:
            order = np.argsort(self.contents_)
            mine = order[np.searchsorted(self.contents_[order], contents(traces))]
            banned = np.where(self.copies_[mine] > 1, -1, mine)
        distance, nearest = np.empty((2, len(traces))), np.zeros(len(traces), dtype=np.int64)
        alone = np.flatnonzero(banned >= 0)
        for row, likeness in enumerate(self._likenesses(self._terms(traces))):
            likeness[alone, banned[alone]] = -1.0
            nearest = likeness.argmax(axis=1)
            best = np.clip(likeness.max(axis=1), 0.0, 1.0)
            # Cosines of equal rows miss 1 by rounding.
            distance[row] = np.where(best > 1 - 1e-12, 0.0, 1 - best)
        return distance, nearest

    def _lacking(self, traces: Traces, nearest: IntArray) -> FloatArray:
        """The share of the weight of the sequences ending at each event that the nearest trace lacks."""
        padded = Padded.of(traces)
        held = self.learned_.orders[nearest]
        size = held.shape[1]
        owner = np.repeat(np.arange(len(traces)), np.diff(held.indptr))
        pairs = np.sort(owner * size + held.indices.astype(np.int64))
        lacking, whole, offset = np.zeros(len(padded.codes)), np.zeros(len(padded.codes)), 0
        for weights, nodes in zip(self._weights(), self.grams_.walk(padded), strict=True):
            weight = at(weights, nodes, self._rarest) * (nodes >= UNKNOWN)
            asked = padded.owner * size + nodes + offset
            place = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
            has = (nodes >= 0) & (at(pairs, place, -1) == asked)
            lacking += weight * ~has
            whole += weight
            offset += len(weights)
        return np.asarray((lacking / np.maximum(whole, 1e-300))[padded.events])

    # ---------------------------------------------------------- explanation

    def _likely(self, codes: IntArray, place: int) -> tuple[list[str], str]:
        return self._followers(self.grams_, codes[:place])

    def _about(self, codes: IntArray, said: Sequence[str]) -> list[Evidence]:
        """The nearest learned trace, and the first of the sequences that it lacks where this trace departs from it."""
        one = Traces(codes, np.array([0, len(codes)]), np.arange(len(codes)), ("",))
        # Of data that were judged by themselves, a trace is its own nearest: the others are told of.
        own = self.itself_ and bool(np.isin(contents(one), self.contents_).all())
        distance, nearest = self._nearest(one, own)
        lacking = self._lacking(one, nearest)
        name = self.names_[int(nearest[0])] or "the only one"
        missed: list[str] = []
        for place in np.argsort(-lacking, kind="stable").tolist():
            words = ", ".join(said[max(0, place - 2) : place + 1])
            if lacking[place] <= 0 or len(missed) == SHOWN:
                break
            if words not in missed:
                missed.append(words)
        without = f"; it has no {' / '.join(missed)}" if missed else ""
        text = f"the nearest learned trace is {name}, at a distance of {distance[1, 0]:.2f} by sequences{without}"
        return [Evidence("nearest trace", 0.0, name, (), text)]

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        held = {
            name: {"data": m.data, "indices": m.indices, "indptr": m.indptr, "columns": int(m.shape[1])}
            for name, m in (("kinds", self.learned_.kinds), ("orders", self.learned_.orders))
        }
        return super()._state() | {"grams_": self.grams_.to_state(), "learned_": held}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.grams_ = Grams.from_state(state["grams_"], self.n)
        widths = {
            "kinds": len(self.grams_.levels[0].keys),
            "orders": sum(len(level.keys) for level in self.grams_.levels),
        }
        kinds, orders = (
            _restored(state["learned_"][name], (len(self.names_), width), name) for name, width in widths.items()
        )
        self.learned_ = Terms(kinds, orders)
        sound = len(self.names_) == len(self.contents_) == len(self.copies_) and self.spread_.shape == (2,)
        if not sound or not (self.spread_ > 0).all():
            raise InputError("its learned traces do not fit together")


def _unit(rows: csr_array, lost: FloatArray) -> csr_array:
    """Rows divided by their length, to which the squares of what was never seen belong."""
    rows.sum_duplicates()
    owner = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    length = np.sqrt(np.bincount(owner, weights=rows.data**2, minlength=rows.shape[0]) + lost)
    rows.data = rows.data / np.maximum(length[owner], 1e-300)
    return rows


def _stacked(parts: list[Terms]) -> Terms:
    from scipy.sparse import csr_array, vstack

    return Terms(
        csr_array(vstack([part.kinds for part in parts], format="csr")),
        csr_array(vstack([part.orders for part in parts], format="csr")),
    )


def _portions(traces: Traces, columns: int) -> Iterator[Traces]:
    """Traces in runs that are small enough to be worked on at once; a trace is never cut."""
    start = 0
    while start < len(traces):
        stop = int(np.searchsorted(traces.starts, traces.starts[start] + EVENTS, side="right")) - 1
        stop = min(max(stop, start + 1), start + max(1, CELLS // max(columns, 1)), len(traces))
        yield traces.take(np.arange(start, stop))
        start = stop


def _restored(stored: Any, shape: tuple[int, int], name: str) -> csr_array:
    """Rows from a stranger's file, after checking that every index is inside."""
    from scipy.sparse import csr_array

    data, indices, indptr = (np.asarray(stored[key]) for key in ("data", "indices", "indptr"))
    sound = (
        data.dtype.kind == "f"
        and data.ndim == indices.ndim == indptr.ndim == 1
        and len(data) == len(indices)
        and len(indptr) == shape[0] + 1
        and int(stored["columns"]) == shape[1]
        and int(indptr[0]) == 0
        and int(indptr[-1]) == len(data)
        and bool((np.diff(indptr) >= 0).all())
        and (not len(indices) or (int(indices.min()) >= 0 and int(indices.max()) < shape[1]))
        and bool(np.isfinite(data).all())
    )
    if not sound:
        raise InputError(f"the rows of its learned traces ({name}) are damaged")
    return csr_array((data, indices, indptr), shape=shape)
