"""The loss of noise contrast as it is defined: every negative is a row of its own, every pair a term of its own."""

from __future__ import annotations

import math

import numpy as np


def potential(vectors: np.ndarray, weights: np.ndarray, ids: list[int]) -> float:
    """Sum over pairs."""
    total = 0.0
    for i in range(len(ids)):
        for j in range(i + 1, len(ids)):
            total += float(weights[i, j]) * float(np.dot(vectors[ids[i]], vectors[ids[j]]))
    return total


def loss(vectors, weights, constant, batch) -> float:
    """Mean over rows of the losses of the row and of its negatives."""
    b = batch.ids.shape[1]
    total = 0.0
    for row in range(b):
        ids = [int(i) for i in batch.ids[:, row]]
        for shift in batch.shifts[:, row]:
            total += -math.log(_sigmoid(potential(vectors, weights, ids) + constant - float(shift)))
        for s, slot in enumerate(batch.slots):
            for k in range(batch.negatives.shape[2]):
                if batch.kept is not None and not batch.kept[s, row, k]:
                    continue
                negative = list(ids)
                negative[slot] = int(batch.negatives[s, row, k])
                logit = potential(vectors, weights, negative) + constant - float(batch.negative_shifts[s, row, k])
                total += -math.log(1 - _sigmoid(logit))
    return total / b


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
