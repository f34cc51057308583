"""Detectors of traces on public labelled traces: ADFA-LD, HDFS, OpenStack, Hadoop; and how fast they are.

    python benchmarks/events_sequences.py DATA                    # everything
    python benchmarks/events_sequences.py DATA --only adfa --rows trace-neighbours markov-backoff

DATA holds the folders adfa_ld, hdfs_sequences and log_sequences, as their readers take them. The tables of
docs/events.md are printed. One thread; times are CPU seconds of a shared machine.

Settings (lengths of sequences, which likenesses are joined) were chosen on the "dev" half of ADFA-LD: normal traces
whose text has an odd MD5, attacks from directories with an odd number. Identical traces stay together. Thresholds never
see a label.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - after the threads are pinned

from tocsin.core.detector import Detector  # noqa: E402
from tocsin.core.samples import Events  # noqa: E402
from tocsin.core.thresholds import Budget  # noqa: E402
from tocsin.core.thresholds.quantile import Quantile  # noqa: E402
from tocsin.events.event_transformer.detector import EventTransformer  # noqa: E402
from tocsin.events.invariants import Invariants  # noqa: E402
from tocsin.events.markov_backoff import MarkovBackoff  # noqa: E402
from tocsin.events.ngram_novelty import NgramNovelty  # noqa: E402
from tocsin.events.trace_neighbours import TraceNeighbours  # noqa: E402
from tocsin.io.datasets import read_dataset  # noqa: E402
from tocsin.metrics.events import trace_report  # noqa: E402
from tocsin.metrics.ranks import Ranking  # noqa: E402

FAMILIES = ("Hydra_FTP", "Hydra_SSH", "Meterpreter", "Web_Shell")
ROWS: dict[str, Callable[[], Detector]] = {
    "trace-neighbours": TraceNeighbours,
    "markov-backoff": MarkovBackoff,
    "markov-backoff, order 8": lambda: MarkovBackoff(order=8),
    "markov-backoff, order 20": lambda: MarkovBackoff(order=20),
    "markov-backoff, order 1": lambda: MarkovBackoff(order=1),
    "ngram-novelty": NgramNovelty,
    "ngram-novelty, 5 only": lambda: NgramNovelty(n=5, graded=False),
    "ngram-novelty, 7 only": lambda: NgramNovelty(n=7, graded=False),
    "ngram-novelty, 2 only": lambda: NgramNovelty(n=2, graded=False),
    "invariants": Invariants,
    "invariants, relations only": lambda: Invariants(nearest=False),
    "event-transformer": EventTransformer,
    "event-transformer, top 9": lambda: EventTransformer(judge="top-k"),
}


@dataclass(frozen=True, eq=False)
class Task:
    """Traces to learn from, traces to judge, and what is known of these."""

    train: Events
    test: Events
    labels: np.ndarray
    texts: list[str]
    seen: set[str]
    names: list[str]
    families: list[str]


@dataclass(frozen=True, eq=False)
class Result:
    """What a row gave."""

    scores: np.ndarray
    detector: Detector | None = None
    learning: float = float("nan")
    scoring: float = float("nan")


def read(folder: Path, system: str) -> Task:
    """Read what is learned from and what is judged."""
    parts = {e.split: e.load()[0] for e in read_dataset(folder) if not system or e.group == system}
    if not system:  # a set of one system groups by part
        parts = {e.id.rpartition("/")[2]: e.load()[0] for e in read_dataset(folder)}
    train, test = parts["train"], parts["test"]
    assert isinstance(train, Events)
    assert isinstance(test, Events)
    return Task(
        train,
        test,
        np.asarray(test.meta["trace_labels"]),
        _texts(test),
        set(_texts(train)),
        list(test.by_trace()[0]),
        list(test.meta["trace_kinds"]),
    )


def _texts(sample: Events) -> list[str]:
    """All events of each trace in one line."""
    words = sample.entities["event"].words()
    _, numbers = sample.by_trace()
    cuts = np.cumsum(np.bincount(numbers))[:-1]
    return [" ".join(part) for part in np.split(words[np.argsort(numbers, kind="stable")], cuts)]


def results(task: Task, rows: tuple[str, ...]) -> Iterator[tuple[str, Result]]:
    """Scores of the test traces by every row, worst possible ones first."""
    yield "random", Result(np.random.default_rng(0).random(len(task.labels)))
    yield "constant", Result(np.zeros(len(task.labels)))
    yield "length of the trace", Result(np.log(np.bincount(task.test.by_trace()[1])))
    for name, made in ROWS.items():
        if not name.startswith(rows):
            continue
        begun = time.process_time()
        detector = made().fit(task.train)
        learned = time.process_time()
        scores = detector.score(task.test).traces
        assert scores is not None
        yield name, Result(scores, detector, learned - begun, time.process_time() - learned)


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    return Ranking.from_scores(labels, scores).auroc()


def adfa(task: Task, rows: tuple[str, ...]) -> None:
    """The three figures, the halves and the families."""
    dev = np.array(
        [
            int(name.split("/")[0].rsplit("_", 1)[1]) % 2 == 1 if bad else _odd(text)
            for name, bad, text in zip(task.names, task.labels, task.texts, strict=True)
        ]
    )
    train, test = len(task.train), len(task.test)
    print(f"{train} events learned, {test} scored, {int(task.labels.sum())} attacks of {len(task.labels)} traces\n")
    head = "row|all|no copies|unique|dev|other|AP|FTP|SSH|Met|Web|learns, events/s|scores, events/s"
    print(f"| {' | '.join(head.split('|'))} |\n|{'---|' * 13}")
    for name, result in results(task, rows):
        s, y = result.scores, task.labels
        figures = [row.auroc for row in trace_report(y, s, task.texts, seen=task.seen)]
        figures += [auroc(y[half], s[half]) for half in (dev, ~dev)]
        figures.append(Ranking.from_scores(y, s).average_precision())
        for family in FAMILIES:
            chosen = ~y | np.array([f == family for f in task.families])
            figures.append(auroc(y[chosen], s[chosen]))
        cells = " | ".join(f"{value:.3f}".removeprefix("0") for value in figures)
        speed = f"{_speed(train, result.learning)} | {_speed(test, result.scoring)}"
        print(f"| {name} | {cells} | {speed} |", flush=True)
        if result.detector is not None and result.detector.findings_:
            print(f"  {name}: {'; '.join(result.detector.findings_)}", file=sys.stderr)


def logs(task: Task, rows: tuple[str, ...]) -> None:
    """Ranks, and decisions at levels that no label was used for."""
    train, test = len(task.train), len(task.test)
    print(f"{train} events learned, {test} scored, {int(task.labels.sum())} of {len(task.labels)} traces anomalous\n")
    levels = {"0.1%": Budget("0.1%"), "1% (default)": Budget("1%"), "quantile .99": Quantile(0.99)}
    print(f"| row | AUROC | AP | {' | '.join(f'F1 at {name} | false alarms' for name in levels)} |")
    print(f"|---|---|---|{'---|---|' * len(levels)}")
    for name, result in results(task, rows):
        ranking = Ranking.from_scores(task.labels, result.scores)
        cells = [f"{ranking.auroc():.4f}", f"{ranking.average_precision():.4f}"]
        for level in levels.values():
            if result.detector is None:
                cells += ["", ""]
                continue
            flags = level.fit(result.detector.calibration_).flags(result.scores)
            hits = int((flags & task.labels).sum())
            cells += [
                f"{2 * hits / max(1, int(flags.sum() + task.labels.sum())):.4f}",
                f"{float(flags[~task.labels].mean()):.4f}",
            ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def hadoop(task: Task, rows: tuple[str, ...]) -> None:
    """By container, by job, and the most that any score of single containers can reach."""
    jobs, of = np.unique([name.split("/")[0] for name in task.names], return_inverse=True)
    bad = np.bincount(of, weights=task.labels) > 0
    print(f"{len(task.labels)} containers, {len(jobs)} jobs of which {int(bad.sum())} anomalous\n")
    print("| row | containers AUROC | AP | jobs by mean AUROC | jobs by maximum AUROC |")
    print("|---|---|---|---|---|")
    _, same = np.unique(task.texts, return_inverse=True)
    oracle = (np.bincount(same, weights=task.labels) / np.bincount(same))[same]
    listed = [("*label read off for each sequence (ceiling)*", Result(oracle)), *results(task, rows)]
    for name, result in listed:
        ranking = Ranking.from_scores(task.labels, result.scores)
        mean = np.bincount(of, weights=result.scores) / np.bincount(of)
        most = np.full(len(jobs), -np.inf)
        np.maximum.at(most, of, result.scores)
        print(
            f"| {name} | {ranking.auroc():.3f} | {ranking.average_precision():.3f} | "
            f"{auroc(bad, mean):.3f} | {auroc(bad, most):.3f} |",
            flush=True,
        )


def _odd(text: str) -> bool:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


def _speed(events: int, seconds: float) -> str:
    return "" if not seconds > 0 else f"{events / seconds:.2g}"


TASKS = {
    "adfa": ("adfa_ld", "", adfa),
    "hdfs": ("hdfs_sequences", "hdfs", logs),
    "openstack": ("log_sequences", "openstack", logs),
    "hadoop": ("log_sequences", "hadoop", hadoop),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("TOCSIN_SHARED", "../shared") + "/data")
    parser.add_argument("--only", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--rows", nargs="*", default=[""], help="only rows whose name begins so")
    options = parser.parse_args()
    if not Path(options.data).is_dir():
        print(f"{options.data} holds no data: nothing to measure")
        return
    warnings.simplefilter("ignore")
    for name in options.only:
        folder, system, table = TASKS[name]
        print(f"\n### {name}\n")
        table(read(Path(options.data) / folder, system), tuple(options.rows))


if __name__ == "__main__":
    main()
