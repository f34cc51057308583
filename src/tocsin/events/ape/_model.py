"""PairModel: the potential of a row as a weighted sum of inner products of its entities' embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

CHUNK_CELLS = 1 << 16
# Cells of one block of all alternatives to a word; exponentials of more do not stay in the cache.
LIFT_CELLS = 1 << 18


@dataclass(eq=False)
class PairModel:
    """Embeddings, pair weights and what words of a column are worth without any context.

    Parameters
    ----------
    vectors : ndarray of float32, shape (e, d)
        Embeddings of all words of all columns, one column after the other; code 0 of each column is its unseen word.
    weights : ndarray of float32, shape (m, m)
        Symmetric, not negative, nothing on the diagonal.
    offsets : ndarray of int64, shape (m + 1,)
        Where each column begins among the embeddings.
    constant : float
        The learned logarithm of the partition function.
    """

    vectors: FloatArray
    weights: FloatArray
    offsets: IntArray
    constant: float = 0.0

    @classmethod
    def start(cls, sizes: IntArray, dimension: int, rng: np.random.Generator) -> PairModel:
        """Small random embeddings, and weights of one."""
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        m = len(sizes)
        vectors = rng.uniform(-0.05, 0.05, (int(offsets[-1]), dimension)).astype(np.float32)
        weights = np.ones((m, m), dtype=np.float32) - np.eye(m, dtype=np.float32)
        return cls(vectors, weights, offsets)

    def column(self, j: int) -> FloatArray:
        """Embeddings of one column's words."""
        return self.vectors[self.offsets[j] : self.offsets[j + 1]]

    def potential(self, codes: IntArray) -> FloatArray:
        """S(e), the sum over pairs of w_ij <v_i, v_j>, of rows of codes of shape (n, m)."""
        found = np.empty(len(codes), dtype=np.float32)
        for rows, embedded, contexts in self._chunks(codes):
            found[rows] = 0.5 * np.einsum("mbd,mbd->b", embedded, contexts)
        return found

    def pairs(self, codes: IntArray) -> FloatArray:
        """w_ij <v_i, v_j> of every pair i < j in the order of `numpy.triu_indices`, shape (n, m (m - 1) / 2)."""
        m = codes.shape[1]
        left, right = np.triu_indices(m, 1)
        found = np.empty((len(codes), len(left)), dtype=np.float32)
        for rows, embedded, _ in self._chunks(codes):
            found[rows] = np.einsum("pbd,pbd->bp", embedded[left], embedded[right])
        return found * self.weights[left, right]

    def lifts(self, codes: IntArray, log_p: list[FloatArray]) -> FloatArray:
        """Log p(word) - log P(word | all others) in each column, by an exact softmax over the column's words.

        P(word | others) is p(word) exp(S) over its sum for all words of the column, so that the lift of a word is
        log E_p exp(S with another word in its place) - S.

        Parameters
        ----------
        codes : ndarray of int, shape (n, m)
            Rows.
        log_p : list of ndarray
            Logarithms of how frequent each word of each column is; -inf takes a word out of the softmax.
        """
        found = np.empty(codes.shape, dtype=np.float32)
        for rows, embedded, contexts in self._chunks(codes):
            for j in range(codes.shape[1]):
                own = np.einsum("bd,bd->b", embedded[j], contexts[j])
                found[rows, j] = self._log_mean(contexts[j], j, log_p[j]) - own
        return found

    def _log_mean(self, context: FloatArray, j: int, log_p: FloatArray) -> FloatArray:
        words = np.flatnonzero(np.isfinite(log_p))
        vectors, prior = self.column(j)[words].T, log_p[words]
        found = np.empty(len(context), dtype=np.float32)
        step = max(1, LIFT_CELLS // len(words))
        for a in range(0, len(context), step):
            logits = context[a : a + step] @ vectors
            logits += prior
            top = logits.max(axis=1)
            logits -= top[:, None]
            np.exp(logits, out=logits)
            found[a : a + step] = np.log(logits.sum(axis=1)) + top
        return found

    def _chunks(self, codes: IntArray) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Rows, their embeddings (m, b, d), and the weighted sum of each column's partners (m, b, d)."""
        m, d = codes.shape[1], self.vectors.shape[1]
        step = max(64, CHUNK_CELLS // (m * d))
        for a in range(0, len(codes), step):
            ids = codes[a : a + step].T + self.offsets[:-1, None]
            embedded = self.vectors.take(ids, axis=0)
            contexts = (self.weights @ embedded.reshape(m, -1)).reshape(embedded.shape)
            yield slice(a, a + ids.shape[1]), embedded, contexts
