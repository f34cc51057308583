"""Learning by noise contrast: batches, steps, when to stop, and cooling down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.events.ape._adam import Adam
from tocsin.events.ape._gradient import Batch, gradient, loss

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.ape._model import PairModel
    from tocsin.events.ape._noise import Noise, NoiseScheme

HELD_OUT, MOST_HELD_OUT = 0.05, 4096
CHECK_EVERY, PATIENCE = 250, 3
COOLING = 0.5


@dataclass(frozen=True)
class Plan:
    """How to learn.

    Parameters
    ----------
    scheme : NoiseScheme
        What is told from what.
    negatives : int
        How many replacements each replaced word gets.
    batch : int
        Rows per step.
    rate : float
        Adam's step size, before cooling.
    least_steps, most_steps : int
        Bounds of the number of steps before cooling, which takes half as many again.
    masking : float
        Share of words that are replaced by the unseen word, which so learns to stand for any.
    mask_collisions : bool
        Leave out negatives that equal the word they replace.
    """

    scheme: NoiseScheme
    negatives: int
    batch: int
    rate: float
    least_steps: int
    most_steps: int
    masking: float
    mask_collisions: bool


class Table:
    """Rows to learn from: codes of shape (n, m), and for how many events each row stands."""

    def __init__(self, codes: IntArray, weights: FloatArray | None) -> None:
        self.codes = np.ascontiguousarray(codes.T, dtype=np.int32)
        self._steps = None
        if weights is not None:
            self._steps = np.cumsum(weights, dtype=np.float64)
            self._steps /= self._steps[-1]

    def draw(self, count: int, rng: np.random.Generator) -> IntArray:
        """Draw rows by how many events they stand for; shape (m, count)."""
        n = self.codes.shape[1]
        if self._steps is None:
            chosen = rng.integers(n, size=count)
        else:
            chosen = np.minimum(np.searchsorted(self._steps, rng.random(count), side="right"), n - 1)
        return self.codes.take(chosen, axis=1).astype(np.int64)


def split(codes: IntArray, weights: FloatArray | None, rng: np.random.Generator) -> tuple[Table, Table]:
    """Hold out a twentieth of the events; where rows stand for several, a twentieth of those of each row."""
    n = len(codes)
    if weights is None:
        held = rng.random(n) < HELD_OUT
        if n >= 20 and held.any():
            return Table(codes[~held], None), Table(codes[held], None)
        return Table(codes, None), Table(codes, None)
    taken = rng.binomial(np.minimum(weights, 1e15).astype(np.int64), HELD_OUT).astype(np.float64)
    if not taken.any():
        return Table(codes, weights), Table(codes, weights)
    left, rows = weights - taken, taken > 0
    return Table(codes[left > 0], left[left > 0]), Table(codes[rows], taken[rows])


def make_batch(model: PairModel, rows: IntArray, noise: Sequence[Noise], plan: Plan, rng: np.random.Generator) -> Batch:
    """Draw what stands in for the words of some rows (codes of shape (m, b))."""
    m, b = rows.shape
    k = plan.negatives
    if plan.masking:
        rows = np.where(rng.random(rows.shape) < plan.masking, 0, rows)
    slots = np.arange(m) if plan.scheme.every_slot else rng.integers(m, size=1)
    ratio = np.float32(np.log(plan.scheme.ratio or k))
    negatives = np.empty((len(slots), b, k), dtype=np.int64)
    shifts = np.empty((len(slots), b), dtype=np.float32)
    negative_shifts = np.empty(negatives.shape, dtype=np.float32)
    for i, j in enumerate(slots):
        negatives[i] = noise[j].draw((b, k), rng)
        noise[j].log_p.take(negatives[i], out=negative_shifts[i])
        noise[j].log_p.take(rows[j], out=shifts[i])
    kept = negatives != rows[slots][:, :, None] if plan.mask_collisions else None
    if plan.scheme.every_slot:
        shifts = shifts.mean(axis=0, keepdims=True)
    begins = model.offsets[:-1]
    return Batch(
        rows + begins[:, None],
        shifts + ratio,
        slots,
        negatives + begins[slots][:, None, None],
        negative_shifts + ratio,
        kept,
    )


def train(
    model: PairModel,
    learned: Table,
    held_out: Table,
    noise: Sequence[Noise],
    plan: Plan,
    rng: np.random.Generator,
    pace: FloatArray | None = None,
) -> tuple[int, float]:
    """Change the model in place; return the number of steps and the held-out loss at the end.

    Steps of full size go on until the held-out loss has not fallen for 750 steps (within the plan's bounds); then
    half as many again shrink to nothing, which takes the noise of single batches out of the embeddings.

    Parameters
    ----------
    pace : ndarray of float, shape (e, 1), optional
        By how much the steps of each embedding are shortened; pair weights and constant then move at the smallest.
    """
    slow = None if pace is None else np.full(1, pace.min(), dtype=np.float32)
    constant = np.full(1, model.constant, dtype=np.float32)
    vectors, weights, partition = Adam(model.vectors, pace), Adam(model.weights, slow), Adam(constant, slow)
    probe = make_batch(model, held_out.draw(MOST_HELD_OUT, rng), noise, plan, rng)

    def step(rate: float) -> None:
        found = gradient(model, make_batch(model, learned.draw(plan.batch, rng), noise, plan, rng))
        vectors.step_rows(found.rows, found.vectors, rate)
        weights.step(found.weights, rate)
        np.maximum(model.weights, 0, out=model.weights)
        if plan.scheme.constant:
            partition.step(np.full(1, found.constant, dtype=np.float32), rate)
            model.constant = float(constant[0])

    steps, best, since = 0, np.inf, 0
    while steps < plan.most_steps and (steps < plan.least_steps or since < PATIENCE):
        for _ in range(min(CHECK_EVERY, plan.most_steps - steps)):
            step(plan.rate)
            steps += 1
        now = loss(model, probe)
        best, since = (now, 0) if now < best - 1e-4 * abs(best) else (best, since + 1)
    cooling = round(steps * COOLING)
    for i in range(cooling):
        step(plan.rate * (1 - i / cooling))
    return steps + cooling, loss(model, probe)
