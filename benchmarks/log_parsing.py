"""Lines per second from a text log to events, beside drain3, and how well both group the lines.

    OMP_NUM_THREADS=1 python benchmarks/log_parsing.py --logs FOLDER     # FOLDER holds HDFS_2k.log, BGL_2k.log ...
    python benchmarks/log_parsing.py --logs FOLDER --repeat 100

Each log is repeated with fresh digits and fresh hexadecimals in its messages: hardly any line occurs twice.

drain3 is optional: it pins jsonpickle and cachetools exactly, so install it into an environment of its own together
with tocsin. It is given six general masks (UUID, IP, three kinds of hexadecimals, numbers) and its own defaults. The
target is 50,000 lines a second.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tocsin.io.logs import LogTemplates, read_log
from tocsin.metrics.events import parsing_scores

TARGET = 50_000
NAMES = ("HDFS", "BGL", "OpenStack")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{4,}(?![0-9A-Za-z])")
_EDGE = (r"((?<=[^A-Za-z0-9])|^)", r"((?=[^A-Za-z0-9])|$)")
_MASKS = (
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}",
    r"([0-9a-f]{6,} ?){3,}",
    r"([0-9A-F]{4} ?){4,}",
    r"0x[a-f0-9A-F]+",
    r"[\-\+]?\d+",
)


def truth(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """Return the messages of a log without their headers, and the true template of each."""
    with (folder / f"{name}_2k.log_structured.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["Content"] for row in rows], [row["EventId"] for row in rows]


def freshened(line: str, start: int, rng: random.Random) -> str:
    """Return a line with other digits and hexadecimals from `start` on."""
    digits = re.sub(r"\d", lambda _: str(rng.randrange(10)), line[start:])
    return line[:start] + _HEX.sub(lambda m: "".join(rng.choice("0123456789abcdef") for _ in m[0]), digits)


def drain3_fit() -> Callable[[Sequence[str]], list[int]] | None:
    """Return what mines templates with drain3, or None if it is not installed."""
    try:
        from drain3 import TemplateMiner
        from drain3.masking import MaskingInstruction
        from drain3.template_miner_config import TemplateMinerConfig
    except ImportError:
        return None

    def fit(messages: Sequence[str]) -> list[int]:
        config = TemplateMinerConfig()
        config.profiling_enabled = False
        config.masking_instructions = [MaskingInstruction(_EDGE[0] + mask + _EDGE[1], "*") for mask in _MASKS]
        miner = TemplateMiner(config=config)
        return [miner.add_log_message(message)["cluster_id"] for message in messages]

    return fit


def rate(step: Callable[[], object], lines: int) -> float:
    """Return lines per CPU second, the best of three."""
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        step()
        best = max(best, lines / (time.process_time() - start))
    return best


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--logs", type=Path, required=True)
    asked.add_argument("--repeat", type=int, default=20)
    given = asked.parse_args()
    peer = drain3_fit()
    for name in NAMES:
        rng = random.Random(0)
        messages, true = truth(given.logs, name)
        raw = (given.logs / f"{name}_2k.log").read_text(encoding="utf-8", errors="replace").splitlines()
        many = [freshened(message, 0, rng) for _ in range(given.repeat) for message in messages]
        for who, fit in (("tocsin", lambda m: LogTemplates().fit(m).tolist()), ("drain3", peer)):
            if fit is None:
                print(f"{name:<10} {who}: not installed")
                continue
            score = parsing_scores(true, fit(messages))
            speed = rate(lambda fit=fit, many=many: fit(many), len(many))
            print(
                f"{name:<10} {who}: templates {speed:>8,.0f} lines/s, grouping accuracy {score.accuracy:.3f}, "
                f"F1 of groups {score.f1:.3f}",
                flush=True,
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "big.log")
            starts = [max(0, line.find(message[:20])) for line, message in zip(raw, messages, strict=True)]
            with path.open("w", encoding="utf-8") as file:
                for _ in range(given.repeat):
                    file.writelines(freshened(line, start, rng) + "\n" for line, start in zip(raw, starts, strict=True))
            speed = rate(lambda path=path: read_log(path), given.repeat * len(raw))
        print(f"{name:<10} tocsin: file to events {speed:>8,.0f} lines/s; target {TARGET:,}", flush=True)


if __name__ == "__main__":
    main()
