"""Loss and gradient of noise contrast, with negatives that share the context of the row they are made from.

A negative differs from its row in one column j only, so S(negative) = S(row) + <v_negative - v_j, context_j>, where
context_j is the weighted sum of the other columns' embeddings. k negatives cost k inner products instead of k rows.
The gradient uses the same: what all negatives of a row do to the other columns depends on two sums over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray
    from tocsin.events.ape._model import PairModel


@dataclass(frozen=True)
class Batch:
    """Observed rows, and what stands in for their words.

    Parameters
    ----------
    ids : ndarray of int64, shape (m, b)
        The rows, as rows of the embeddings.
    shifts : ndarray of float32, shape (p, b)
        log(k P(word)), taken off the logits of the rows; every row is told from noise `p` times.
    slots : ndarray of int64, shape (s,)
        The columns whose words are replaced.
    negatives : ndarray of int64, shape (s, b, k)
        By what, as rows of the embeddings.
    negative_shifts : ndarray of float32, shape (s, b, k)
        log(k P(replacement)).
    kept : ndarray of bool, shape (s, b, k), optional
        Which negatives count; all when left out.
    """

    ids: IntArray
    shifts: FloatArray
    slots: IntArray
    negatives: IntArray
    negative_shifts: FloatArray
    kept: BoolArray | None = None


@dataclass(frozen=True)
class Gradient:
    """Gradient of the mean loss per row; `vectors` belongs to the embeddings `rows`, which may repeat."""

    rows: IntArray
    vectors: FloatArray
    weights: FloatArray
    constant: float


@dataclass(frozen=True)
class _Forward:
    embedded: FloatArray  # (m, b, d)
    contexts: FloatArray  # (m, b, d): for each column the weighted sum of all others
    replacing: FloatArray  # (s, b, k, d)
    logits: FloatArray  # (p, b)
    negative_logits: FloatArray  # (s, b, k)


def loss(model: PairModel, batch: Batch) -> float:
    """Return the mean loss per row.

    The loss of a row is the sum of -log sigma(S(row) + c - shift) over its shifts and of
    -log sigma(-(S(negative) + c - shift)) over its negatives.
    """
    found = _forward(model, batch)
    negative = np.logaddexp(0, found.negative_logits.astype(np.float64))
    if batch.kept is not None:
        negative = negative * batch.kept
    total = np.logaddexp(0, -found.logits.astype(np.float64)).sum() + negative.sum()
    return float(total / batch.ids.shape[1])


def gradient(model: PairModel, batch: Batch) -> Gradient:
    """Return the gradient of `loss`."""
    m, b = batch.ids.shape
    found = _forward(model, batch)
    embedded, replacing, d = found.embedded, found.replacing, found.embedded.shape[2]
    pull = (_sigmoid(found.logits) - 1).sum(axis=0)
    push = _sigmoid(found.negative_logits)
    if batch.kept is not None:
        push *= batch.kept
    own = np.zeros((m, b), dtype=embedded.dtype)
    own[batch.slots] = push.sum(axis=2)
    # What the negatives put in place of v_j, summed over them.
    difference = own[:, :, None] * -embedded
    difference[batch.slots] += (push[:, :, None, :] @ replacing)[:, :, 0]
    # All negatives of a row move it as a whole, but none of them holds the word that it replaces.
    total = pull + own.sum(axis=0)
    flat, changed = embedded.reshape(m, b * d), difference.reshape(m, b * d)
    of_rows = (total - own)[:, :, None] * found.contexts
    of_rows += (model.weights @ changed).reshape(m, b, d)
    of_negatives = push[:, :, :, None] * found.contexts[batch.slots][:, :, None, :]
    of_weights = (embedded * (0.5 * total)[:, None] + difference).reshape(m, b * d) @ flat.T
    # The two sums are equal but for rounding, which Adam would blow up where there is nothing else.
    of_weights = of_weights + of_weights.T
    np.fill_diagonal(of_weights, 0.0)
    share = embedded.dtype.type(1 / b)
    return Gradient(
        np.concatenate((batch.ids.ravel(), batch.negatives.ravel())),
        np.concatenate((of_rows.reshape(-1, d), of_negatives.reshape(-1, d))) * share,
        of_weights * share,
        float(total.sum()) / b,
    )


def _forward(model: PairModel, batch: Batch) -> _Forward:
    m = len(batch.ids)
    embedded = model.vectors.take(batch.ids, axis=0)
    contexts = (model.weights @ embedded.reshape(m, -1)).reshape(embedded.shape)
    # Each column's own share of S, twice that of every pair.
    shares = np.einsum("mbd,mbd->mb", embedded, contexts)
    potential = 0.5 * shares.sum(axis=0) + embedded.dtype.type(model.constant)
    replacing = model.vectors.take(batch.negatives, axis=0)
    replaced = (replacing @ contexts[batch.slots][:, :, :, None])[:, :, :, 0]
    negative_logits = replaced + (potential - shares[batch.slots])[:, :, None] - batch.negative_shifts
    return _Forward(embedded, contexts, replacing, potential - batch.shifts, negative_logits)


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
