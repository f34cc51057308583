"""Speed of APE in CPU seconds of one thread, as a ratio to a naive twin that evaluates every negative as a whole row.

OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/ape.py       # about half a minute

Six columns of 24 to 5000 words, embeddings of 10. The twin is NumPy as well, with the same batches, five negatives for
one column, sums of gradients by `np.add.at` and Adam over all embeddings.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from tocsin.core.samples import Column, Events
from tocsin.events.ape._model import PairModel
from tocsin.events.ape._noise import Noise, scheme
from tocsin.events.ape._training import Plan, Table, make_batch, train
from tocsin.events.ape.detector import APE

SIZES = (24, 100, 500, 1000, 3000, 5000)
DIMENSION = 10


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--steps", type=int, default=400)
    given = asked.parse_args()
    rng = np.random.default_rng(0)
    # Frequencies as words have them.
    codes = np.stack([1 + np.minimum(rng.zipf(1.3, given.rows) - 1, size - 1) for size in SIZES], axis=1)
    sizes = np.array(SIZES) + 1
    counts = [np.bincount(codes[:, j], minlength=size).astype(float) for j, size in enumerate(sizes)]
    for column in counts:
        column[0] = 0.01 * len(codes)
    table = Table(codes, None)

    print("| learning, one thread | rows per CPU second | ratio to the twin |")
    print("|---|---|---|")
    rates = {}
    for name, kind, negatives, batch in (
        ("twin, 5 negatives as whole rows, 512 rows a step", "corrected", 5, 512),
        ("corrected, 5 negatives of one column, 512", "corrected", 5, 512),
        ("corrected, 5 negatives of one column, 4096", "corrected", 5, 4096),
        ("per-slot (the default), 1 negative of each column, 512", "per-slot", 1, 512),
        ("per-slot, 1 negative of each column, 4096", "per-slot", 1, 4096),
    ):
        steps = max(8, given.steps * 512 // batch)
        plan = Plan(scheme(kind, 1.0), negatives, batch, 0.01, steps, steps, 0.01, False)
        noise = [Noise(column, plan.scheme) for column in counts]
        model = PairModel.start(sizes, DIMENSION, np.random.default_rng(0))
        if name.startswith("twin"):
            steps = max(8, steps // 10)
            seconds = cpu(lambda m=model, n=noise, p=plan, s=steps: naive(m, table, n, p, s))
            done = steps
        else:
            start = time.process_time()
            done, _ = train(model, table, table, noise, plan, np.random.default_rng(0))
            seconds = time.process_time() - start
        rates[name] = done * batch / seconds
        ratio = rates[name] / next(iter(rates.values()))
        print(f"| {name} | {rates[name]:,.0f} | {ratio:.1f} |", flush=True)

    print("\n| scoring, one thread | rows per CPU second |")
    print("|---|---|")
    columns = {
        f"c{j}": Column((codes[:, j] - 1).astype(np.int32), tuple(f"w{i}" for i in range(size)))
        for j, size in enumerate(SIZES)
    }
    events = Events(columns)
    detector = APE(least_steps=100, most_steps=100).fit(events.take(0, 200_000))
    learned = detector.encoder_.encode(events)
    model = detector._model()
    best = min(cpu(lambda: model.potential(learned)) for _ in range(3))
    print(f"| potential of coded rows | {len(learned) / best:,.0f} |")
    best = min(cpu(lambda: detector.score(events)) for _ in range(3))
    print(f"| `score`, from columns of words to scores and counts of unseen words | {len(learned) / best:,.0f} |")
    detector.scoring = "lift"
    part = events.take(0, 20_000)
    print(f"| `score` by lift | {len(part) / cpu(lambda: detector.score(part)):,.0f} |")


def cpu(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def naive(model: PairModel, table: Table, noise: list[Noise], plan: Plan, steps: int) -> None:
    """Every negative is a row: its embeddings are looked up, multiplied and differentiated like those of any row."""
    rng = np.random.default_rng(0)
    first, second = np.zeros_like(model.vectors), np.zeros_like(model.vectors)
    for t in range(1, steps + 1):
        batch = make_batch(model, table.draw(plan.batch, rng), noise, plan, rng)
        m, b = batch.ids.shape
        k = batch.negatives.shape[2]
        slot = int(batch.slots[0])
        rows = np.repeat(batch.ids.T, 1 + k, axis=0).reshape(b, 1 + k, m)
        rows[:, 1:, slot] = batch.negatives[0]
        embedded = model.vectors[rows]
        contexts = np.einsum("ij,bkjd->bkid", model.weights, embedded)
        shift = np.concatenate((batch.shifts[0][:, None], batch.negative_shifts[0]), axis=1)
        logits = 0.5 * np.einsum("bkid,bkid->bk", embedded, contexts) + model.constant - shift
        slope = 1 / (1 + np.exp(-logits))
        slope[:, 0] -= 1
        full = np.zeros_like(model.vectors)
        np.add.at(full, rows, slope[:, :, None, None] * contexts / b)
        weights = np.einsum("bk,bkid,bkjd->ij", slope, embedded, embedded) / b
        first += 0.1 * (full - first)
        second += 0.001 * (full * full - second)
        model.vectors -= 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * first / (np.sqrt(second) + 1e-7)
        # For so few numbers the kind of step does not matter for time.
        model.weights -= np.float32(0.01) * np.sign(weights)
        np.fill_diagonal(model.weights, 0)


if __name__ == "__main__":
    main()
