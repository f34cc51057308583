"""Relations: sums of event counts that come out even in nearly all traces, such as "as many open as close".

How many independent relations there can be is read off the singular values of the counts: a direction in which nearly
no trace goes anywhere is one. Which ones they are is searched among small whole numbers, sparsest first: one kind of
event that occurs a fixed number of times, two kinds in a fixed proportion, one kind that occurs as often as two others
together. A relation that follows from those found before is not listed again.

Source: Lou, Fu, Yang, Xu and Li, Mining invariants from console logs for system problem detection, USENIX ATC 2010.

Deviations: a relation is supported by the traces in which one of its events occurs, not by those in which both sides
are zero; otherwise any two rare events would be "equal" in nearly all traces. Three kinds are tried in the form
a = b + c only. When kinds of events are so many that triples cannot all be tried, the most frequent ones are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

#: Kinds of event that are tried in pairs, and in triples.
PAIRED, TRIPLED = 400, 60
LEAST_TRACES = 5


@dataclass(frozen=True)
class Relation:
    """The sum of coefficients times counts, plus a constant, is zero.

    Parameters
    ----------
    terms : tuple of (kind, coefficient)
        Kinds of event, by column of the table of counts.
    constant : int
        What is added.
    traces, held : int
        In how many training traces one of its events occurs (all, where there is a constant), and in how many of them
        it holds.
    """

    terms: tuple[tuple[int, int], ...]
    constant: int
    traces: int
    held: int

    @property
    def share(self) -> float:
        """In which share of the traces it holds."""
        return self.held / self.traces

    @property
    def surprise(self) -> float:
        """-ln of the chance that a normal trace breaks it, by Laplace's rule of succession."""
        return float(-np.log((self.traces - self.held + 1) / (self.traces + 2)))

    def excess(self, counts: IntArray) -> IntArray:
        """Return by how much the sum misses zero in each trace; `counts` has shape (t, kinds)."""
        found = np.full(len(counts), self.constant, dtype=np.int64)
        for kind, factor in self.terms:
            found += factor * counts[:, kind]
        return found


def null_space_size(counts: IntArray, share: float) -> int:
    """Return in how many independent directions nearly all traces stand still, a constant included.

    Parameters
    ----------
    counts : ndarray of int, shape (t, kinds)
        How often each kind of event occurs in each trace.
    share : float
        How many traces nearly all are.
    """
    table = np.column_stack((counts, np.ones(len(counts)))).astype(np.float64)
    _, vectors = np.linalg.eigh(table.T @ table)
    still = (np.abs(table @ vectors) < 0.5).mean(axis=0) >= share
    return int(np.argmin(still)) if not still.all() else len(still)


def mine(counts: IntArray, share: float, factors: int) -> list[Relation]:
    """Return independent relations, sparsest first and among equally sparse ones those of the most traces.

    Parameters
    ----------
    counts : ndarray of int, shape (t, kinds)
        How often each kind of event occurs in each trace.
    share : float
        In which share of its traces a relation must hold.
    factors : int
        The largest coefficient.

    Examples
    --------
    >>> counts = np.array([[1, 1, 2], [2, 2, 4], [3, 3, 6], [1, 1, 2], [4, 4, 8]])
    >>> [(r.terms, r.constant) for r in mine(counts, 1.0, 3)]
    [(((0, 1), (1, -1)), 0), (((0, 2), (2, -1)), 0)]
    """
    least = min(LEAST_TRACES, len(counts))
    most = null_space_size(counts, share)
    found: list[Relation] = []
    independent = _Independent(counts.shape[1] + 1)
    for size in (_fixed, _proportions, _sums):
        candidates = [r for r in size(counts, factors) if r.traces >= least and r.share >= share]
        candidates.sort(key=lambda r: (-r.held, sum(abs(f) for _, f in r.terms), r.terms))
        found += [relation for relation in candidates if independent.add(relation)]
        if len(found) >= most:
            break
    return found


def _fixed(counts: IntArray, factors: int) -> Iterator[Relation]:
    """One kind of event that occurs a fixed number of times: its most frequent count."""
    for kind in range(counts.shape[1]):
        values, times = np.unique(counts[:, kind], return_counts=True)
        usual = int(values[times.argmax()])
        # "Never" holds for whatever is rare, and says nothing of it.
        if usual > 0:
            yield Relation(((kind, 1),), -usual, len(counts), int(times.max()))


def _proportions(counts: IntArray, factors: int) -> Iterator[Relation]:
    """Two kinds in a fixed proportion."""
    steps = [(a, b) for a in range(1, factors + 1) for b in range(1, factors + 1) if gcd(a, b) == 1]
    kinds = _frequent(counts, PAIRED)
    for place, i in enumerate(kinds):
        others = kinds[place + 1 :]
        left, right = counts[:, [i]], counts[:, others]
        traces = ((left > 0) | (right > 0)).sum(axis=0)
        both = (left > 0) & (right > 0)
        for a, b in steps:
            held = (both & (a * left == b * right)).sum(axis=0)
            # Most pairs are unrelated: only what holds in half of the traces is worth an object.
            for j in np.flatnonzero(2 * held >= traces).tolist():
                low, high = sorted(((i, a), (others[j], -b)))
                sign = 1 if low[1] > 0 else -1
                terms = ((low[0], sign * low[1]), (high[0], sign * high[1]))
                yield Relation(terms, 0, int(traces[j]), int(held[j]))


def _sums(counts: IntArray, factors: int) -> Iterator[Relation]:
    """One kind that occurs as often as two others together."""
    kinds = _frequent(counts, TRIPLED)
    for place, j in enumerate(kinds):
        for k in kinds[place + 1 :]:
            whole = counts[:, [j]] + counts[:, [k]]
            others = [i for i in kinds if i not in (j, k)]
            left = counts[:, others]
            traces = ((left > 0) | (whole > 0)).sum(axis=0)
            held = ((left == whole) & (left > 0)).sum(axis=0)
            split = bool((counts[:, j] > 0).any() and (counts[:, k] > 0).any())
            for i in np.flatnonzero((2 * held >= traces) & split).tolist():
                terms = tuple(sorted(((others[i], 1), (j, -1), (k, -1))))
                yield Relation(terms, 0, int(traces[i]), int(held[i]))


def _frequent(counts: IntArray, most: int) -> list[int]:
    occurs = (counts > 0).sum(axis=0)
    best = np.argsort(-occurs, kind="stable")[:most]
    return [int(kind) for kind in best if occurs[kind] > 0]


class _Independent:
    """Keeps relations that do not follow from each other."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.basis: list[FloatArray] = []

    def add(self, relation: Relation) -> bool:
        """Return whether a relation says something new, and keep it then."""
        vector = np.zeros(self.width)
        for kind, factor in relation.terms:
            vector[kind] = factor
        vector[-1] = relation.constant
        vector /= np.linalg.norm(vector)
        for _ in range(2):  # once more, against rounding
            for known in self.basis:
                vector -= (known @ vector) * known
        length = float(np.linalg.norm(vector))
        if length < 1e-6:
            return False
        self.basis.append(vector / length)
        return True
