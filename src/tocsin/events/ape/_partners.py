"""Partners: how often words of two columns were seen together, so that an explanation states what was counted.

Embeddings judge; counts explain. Only the most frequent combinations of each pair of columns are kept, and where some
were dropped, "never" becomes "hardly ever".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.ape._model import PairModel

MOST_PAIRS = 50_000
# Up to so many combinations, counting is one table.
DENSE_CELLS = 1 << 22


class Partners:
    """Counts of combinations for every pair of columns i < j, in the order of `numpy.triu_indices`.

    Parameters
    ----------
    columns : int
        How many columns there are.
    keys : list of ndarray of int64
        For each pair of columns the combinations, ascending, as `code_i << 32 | code_j`.
    counts : list of ndarray of float32
        How many events each combination was seen in.
    complete : list of bool
        Whether that is all combinations that were seen.
    """

    def __init__(self, columns: int, keys: list[IntArray], counts: list[FloatArray], complete: list[bool]) -> None:
        self.columns = columns
        self.keys = keys
        self.counts = counts
        self.complete = complete

    @classmethod
    def of(cls, codes: IntArray, weights: FloatArray | None) -> Self:
        """Count combinations in rows of codes of shape (n, m)."""
        m = codes.shape[1]
        keys, counts, complete = [], [], []
        for i, j in zip(*np.triu_indices(m, 1), strict=True):
            found, often = _counted(codes[:, i], codes[:, j], weights)
            found, often, whole = _most_frequent(found, often)
            keys.append(found)
            counts.append(often)
            complete.append(whole)
        return cls(m, keys, counts, complete)

    def add(self, codes: IntArray, weights: FloatArray | None) -> None:
        """Count more rows."""
        more = Partners.of(codes, weights)
        for p, (keys, counts) in enumerate(zip(more.keys, more.counts, strict=True)):
            joined, place = np.unique(np.concatenate((self.keys[p], keys)), return_inverse=True)
            summed = np.bincount(place, weights=np.concatenate((self.counts[p], counts))).astype(np.float32)
            self.keys[p], self.counts[p], whole = _most_frequent(joined, summed)
            self.complete[p] = self.complete[p] and more.complete[p] and whole

    def together(self, pair: int, left: int, right: int) -> float:
        """Return how many events a combination was seen in."""
        key = left << 32 | right
        at = int(np.searchsorted(self.keys[pair], key))
        return float(self.counts[pair][at]) if at < len(self.keys[pair]) and self.keys[pair][at] == key else 0.0

    def usual(self, pair: int, code: int, *, of_left: bool, most: int = 3) -> tuple[list[int], float]:
        """Return what a word was most often seen with, most frequent first, and the share of these among all."""
        keys, counts = self.keys[pair], self.counts[pair]
        if of_left:
            chosen = slice(*np.searchsorted(keys, [code << 32, (code + 1) << 32]))
            others, often = keys[chosen] & 0xFFFFFFFF, counts[chosen]
        else:
            rows = np.flatnonzero((keys & 0xFFFFFFFF) == code)
            others, often = keys[rows] >> 32, counts[rows]
        order = np.argsort(-often, kind="stable")[:most]
        total = float(often.sum())
        return [int(c) for c in others[order]], float(often[order].sum()) / total if total else 0.0

    def shortfall(self, codes: IntArray, counts: Sequence[FloatArray]) -> FloatArray:
        """Return how much rarer each pair of a row is than by chance: log (expected + 1) / (seen + 1).

        Parameters
        ----------
        codes : ndarray of int, shape (m,)
            The row.
        counts : sequence of ndarray
            How often each word of each column was seen.
        """
        total = float(counts[0].sum())
        often = [float(column[code]) for column, code in zip(counts, codes, strict=True)]
        found = np.zeros(len(self.keys))
        for p, (i, j) in enumerate(np.stack(np.triu_indices(self.columns, 1), axis=1).tolist()):
            expected = often[i] * often[j] / total
            found[p] = np.log((expected + 1) / (self.together(p, int(codes[i]), int(codes[j])) + 1))
        return found

    def moments(self, model: PairModel) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of each pair's potential over the rows that were counted."""
        means, spreads = np.zeros(len(self.keys)), np.zeros(len(self.keys))
        for p, (i, j) in enumerate(np.stack(np.triu_indices(self.columns, 1), axis=1).tolist()):
            left, right = model.column(i)[self.keys[p] >> 32], model.column(j)[self.keys[p] & 0xFFFFFFFF]
            values = model.weights[i, j] * np.einsum("nd,nd->n", left, right)
            means[p] = np.average(values, weights=self.counts[p])
            spreads[p] = np.sqrt(np.average((values - means[p]) ** 2, weights=self.counts[p]))
        return means, spreads

    def state(self) -> dict[str, Any]:
        """Return what a model stores."""
        return {
            "columns": self.columns,
            "sizes": np.array([len(k) for k in self.keys], dtype=np.int64),
            "keys": np.concatenate(self.keys),
            "counts": np.concatenate(self.counts),
            "complete": np.array(self.complete, dtype=bool),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from `state`, which may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        m, sizes = int(state["columns"]), np.asarray(state["sizes"])
        keys, counts, complete = (np.asarray(state[k]) for k in ("keys", "counts", "complete"))
        pairs = m * (m - 1) // 2
        sound = sizes.shape == complete.shape == (pairs,) and sizes.dtype.kind == keys.dtype.kind == "i"
        if not sound or (sizes < 0).any() or keys.shape != counts.shape or keys.shape != (int(sizes.sum()),):
            raise ArtifactError("the stored combinations are damaged: their sizes do not fit")
        cuts = np.cumsum(sizes)[:-1]
        made = cls(m, np.split(keys, cuts), np.split(counts, cuts), [bool(c) for c in complete])
        if any((np.diff(k) <= 0).any() for k in made.keys):
            raise ArtifactError("the stored combinations are damaged: they must ascend")
        return made


def _counted(left: IntArray, right: IntArray, weights: FloatArray | None) -> tuple[IntArray, FloatArray]:
    wide = int(right.max()) + 1
    if (int(left.max()) + 1) * wide <= DENSE_CELLS:
        cells = left * wide + right
        totals = np.bincount(cells, weights=weights)
        found = np.flatnonzero(np.bincount(cells))
        return (found // wide) << 32 | found % wide, totals[found].astype(np.float32)
    keys, place = np.unique(left << 32 | right, return_inverse=True)
    return keys, np.bincount(place, weights=weights).astype(np.float32)


def _most_frequent(keys: IntArray, counts: FloatArray) -> tuple[IntArray, FloatArray, bool]:
    if len(keys) <= MOST_PAIRS:
        return keys, counts, True
    kept = np.sort(np.argpartition(-counts, MOST_PAIRS)[:MOST_PAIRS])
    return keys[kept], counts[kept], False
