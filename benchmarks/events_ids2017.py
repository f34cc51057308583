"""APE on the categorical flows of IDS2017, beside the plainest scores there are.

python benchmarks/events_ids2017.py ../shared/data                 # the default, five seeds: about two minutes
python benchmarks/events_ids2017.py ../shared/data --choices       # also the settings that were tried on the dev half

Label 1 is normal and -1 an attack. Rows of the dev half have an odd MD5 of their text; settings were chosen there.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import time
from pathlib import Path

import numpy as np

from tocsin.core.samples import Events
from tocsin.events.ape.detector import APE
from tocsin.metrics.ranks import Ranking

CHOICES = {
    "ape": {},
    "ape, lift": {"scoring": "lift"},
    "ape, conditional": {"scoring": "conditional"},
    "ape, noise corrected": {"noise": "corrected"},
    "ape, noise corrected, lift": {"noise": "corrected", "scoring": "lift"},
    "ape, noise author": {"noise": "author"},
    "ape, noise author, lift": {"noise": "author", "scoring": "lift"},
    "ape, 3 negatives": {"negatives": 3},
    "ape, dimension 20": {"dimension": 20},
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--choices", action="store_true")
    given = asked.parse_args()
    train, counts, _ = read(given.data / "netflow_categorical" / "ids2017_train.csv.gz")
    test, _, attack = read(given.data / "netflow_categorical" / "ids2017_test.csv.gz")
    text = [",".join(row) for row in np.stack([c.words() for c in test.entities.values()], axis=1).tolist()]
    dev = np.array([int(hashlib.md5(row.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1 for row in text])
    print(f"{len(train)} distinct rows for {counts.sum():.0f} flows; test {attack.sum()} attacks in {len(test)} rows")
    print("| score | AUROC | AP | dev AUROC | dev AP | other AUROC | other AP | lowest AUROC | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")

    def show(name: str, scores: list[np.ndarray], seconds: float) -> None:
        rows = np.array([figures(s, attack, dev) for s in scores])
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        told = [f"{m:.3f}" + (f" ± {s:.3f}" if len(rows) > 1 else "") for m, s in zip(mean, spread, strict=True)]
        print(f"| {name} | {' | '.join(told)} | {rows[:, 0].min():.3f} | {seconds:.1f} |", flush=True)

    show("random", [np.random.default_rng(s).random(len(test)) for s in range(given.seeds)], 0.0)
    show("constant", [np.zeros(len(test))], 0.0)
    show("marginals by count", [marginals(train, test, counts)], 0.0)
    show("marginals, each distinct row once", [marginals(train, test, np.ones(len(train)))], 0.0)
    start = time.process_time()
    near = hamming(train, test)
    show("Hamming distance to 20 nearest", [near], time.process_time() - start)
    for name in CHOICES if given.choices else list(CHOICES)[:3]:
        start = time.process_time()
        scores = []
        for seed in range(given.seeds):
            detector = APE(**CHOICES[name], random_state=seed).fit(train)
            scores.append(np.asarray(detector.score(test).local))
        show(name, scores, (time.process_time() - start) / given.seeds)


def read(path: Path) -> tuple[Events, np.ndarray, np.ndarray]:
    with gzip.open(path, "rt") as file:
        names, *rows = csv.reader(file)
    table = dict(zip(names, np.array(rows).T, strict=True))
    attack = table.pop("label").astype(int) == -1
    counts = table.pop("count").astype(float) if "count" in table else np.ones(len(rows))
    return Events(table, id=path.stem, meta={"count": counts}), counts, attack


def figures(scores: np.ndarray, attack: np.ndarray, dev: np.ndarray) -> list[float]:
    found = []
    for rows in (np.ones(len(dev), dtype=bool), dev, ~dev):
        ranking = Ranking.from_scores(attack[rows], scores[rows])
        found += [ranking.auroc(), ranking.average_precision()]
    return found


def marginals(train: Events, test: Events, weights: np.ndarray) -> np.ndarray:
    total = np.zeros(len(test))
    for name, column in train.entities.items():
        often = np.bincount(column.codes, weights=weights, minlength=len(column.vocabulary))
        share = dict(zip(column.vocabulary, often / weights.sum(), strict=True))
        total -= np.log([max(share.get(w, 0.0), 1e-9) for w in test.entities[name].words()])
    return total


def hamming(train: Events, test: Events) -> np.ndarray:
    there = np.stack([c.words() for c in train.entities.values()], axis=1).astype(str)
    here = np.stack([c.words() for c in test.entities.values()], axis=1).astype(str)
    return np.array([np.sort((there != row).sum(axis=1), kind="stable")[:20].mean() for row in here])


if __name__ == "__main__":
    main()
