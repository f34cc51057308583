"""Write the leaderboard page from the folder of a run of the suite `public`.

    python docs/make_leaderboard.py RUN

It writes docs/leaderboard.md and docs/leaderboard/results.csv, from which the pages of detectors take their rows; run
docs/make_detectors.py after it.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from measured import COLUMNS, LEADERBOARD

from tocsin.bench.leaderboard import Board, Section, Standing, read_board
from tocsin.bench.leaderboard.text import LEVEL, number
from tocsin.core.defaults import DEFAULT
from tocsin.core.registry import find

HERE = Path(__file__).resolve().parent
PAGE = HERE / "leaderboard.md"
# Extras that a default may not need, as the core installation has to do.
CORE: dict[str, tuple[str, ...]] = {"series": (), "events": (), "image": ("deep", "image")}
# Below it an exact paired exchange has no p-value under `LEVEL`: 2 / 2**5 is above, 2 / 2**6 below.
LEAST = 6
SHOWN = ("tocsin", "python", "numpy", "torch")
HEAD = """# Leaderboard

Detectors that can be measured in about two hours of two processors, on every public set that a suite can read, with
constructor defaults. Those of some detectors were chosen by looks at parts of the same sets ([series](choices.md),
[pictures](images.md)), so it is no blind test. Made by `tocsin bench public --data DATA --hours {hours}` and
`python docs/make_leaderboard.py bench-public`.

{done}.
Seed 0; {environment}. On a machine shared with other work, so that
seconds repeat to about a factor of two; the run was interrupted and went on. What was left out, and which part of large
sets was taken, stands in the suite (`src/tocsin/bench/suites/public.toml`); the detectors that train for minutes are in
[series](choices.md) and [pictures](images.md). Rows per group are in `docs/leaderboard/results.csv`.

Rows with `-` detect nothing: what others have to beat. *p* compares with the best row (paired exchange over groups,
Holm). Read [benchmarks](benchmarks.md#reading-the-leaderboard) for the rest, and [limits](limits.md) for what no table
here says.

## Defaults

The rule, for each kind of data: of the detectors that are not told apart from the best one (*p* of at least {level})
and that run with {extras},
the one that took the least time. With fewer than {least} groups no difference can have a *p* below {level}: such a
table decides nothing, and only says at which rank the default stands.

{defaults}

The defaults of `tocsin detect` were set by the rule in [choices](choices.md#the-rule), on halves of the series and with
costs; this table is the check of it.
"""


def main(arguments: Sequence[str]) -> int:
    """Write both files; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("give the folder of a run\n")
        return 2
    run = Path(arguments[0])
    board = read_board(run)
    LEADERBOARD.parent.mkdir(exist_ok=True)
    write_results(run)
    PAGE.write_text("\n".join(page(board, run)).rstrip() + "\n", encoding="utf-8")
    return 0


def write_results(run: Path) -> None:
    """Write the value of each detector and metric in each group: means over what a group consists of."""
    wanted = ", ".join(f'"{name}"' for name in COLUMNS if name != "value")
    query = (
        f"SELECT {wanted}, avg(value) AS value FROM read_parquet('{run / 'results.parquet'}') "
        f"WHERE value IS NOT NULL GROUP BY {wanted} ORDER BY {wanted}"
    )
    with LEADERBOARD.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for row in duckdb.sql(query).fetchall():
            rows.writerow([*row[:-1], f"{row[-1]:.4f}"])


def page(board: Board, run: Path) -> Iterator[str]:
    """Yield the lines of the page."""
    versions = board.environment
    yield HEAD.format(
        hours=2,
        done=counted(board.jobs),
        environment=", ".join(
            f"{name} {versions[name]}" for name in ("tocsin", "python", "numpy", "torch") if name in versions
        ),
        level=LEVEL,
        least=LEAST,
        extras="the core installation (pictures: with the extras `image` and `deep`)",
        defaults="\n".join(decided(board.sections)),
    )
    for section in board.sections:
        yield f"## {section.title[0].upper()}{section.title[1:]}\n"
        better = "" if section.higher_is_better else " (lower is better)"
        yield f"{section.metric}{better}; intervals: {section.intervals}.\n"
        yield from standings(section)
        yield ""
        for line in notes(section):
            yield f"- {line}"
        yield ""
    if board.failures:
        yield "## Jobs that were given up\n"
        yield from failures(board)


def counted(jobs: dict[str, int]) -> str:
    """Say how many jobs there were, and how they ended."""
    whole, done = sum(jobs.values()), jobs.get("done", 0)
    rest = ", ".join(f"{count} {status}" for status, count in jobs.items() if status != "done")
    return f"{done:,} of {whole:,} jobs were done" + (f" ({rest})" if rest else "")


def decided(sections: Sequence[Section]) -> Iterator[str]:
    """Yield a table of what the rule picks, beside the default."""
    yield "| table | groups | best | not told apart | the rule picks | the default | its rank |"
    yield "|---|---:|---|---|---|---|---|"
    for section in sections:
        real = [s for s in section.standings if not s.floor]
        if section.modality not in CORE or not section.best or not real:
            continue
        groups = sum(section.groups.values())
        others, picked = told_apart(section, real) if groups >= LEAST else ("too few groups", "nothing")
        default = "trace-neighbours" if "trace-neighbours" in {s.detector for s in real} else ""
        default = DEFAULT.get(section.modality, default)
        place = next((n for n, s in enumerate(real, 1) if s.detector == default), 0)
        yield (
            f"| {section.title} | {groups} | `{section.best}` | {others} | {picked} "
            f"| {f'`{default}`' if default else 'by the columns'} | {f'{place} of {len(real)}' if place else '-'} |"
        )


def told_apart(section: Section, real: Sequence[Standing]) -> tuple[str, str]:
    """Return the detectors that are not told apart from the best, and the cheapest of them all."""
    close = [s for s in real if s.detector == section.best or s.p_value >= LEVEL]
    able = [s for s in close if set(find(s.detector).card.needs) <= set(CORE[section.modality])]
    others = ", ".join(f"`{s.detector}`" for s in close if s.detector != section.best) or "none"
    return others, f"`{min(able, key=lambda s: s.seconds).detector}`" if able else "none"


def standings(section: Section) -> Iterator[str]:
    """Yield the table of a section."""
    others = list(section.standings[0].others) if section.standings else []
    header = ["detector", "mean", "interval", "rank", "wins", "p", *section.datasets, *others, "s", "MB"]
    yield "| " + " | ".join(header) + " |"
    yield "|---|" + "---:|" * (len(header) - 1)
    for s in section.standings:
        yield "| " + " | ".join(cells(s, section, others)) + " |"


def cells(s: Standing, section: Section, others: Sequence[str]) -> list[str]:
    """Return a row of the table."""
    return [
        f"- {s.detector}" if s.floor else f"`{s.detector}`{' *' if s.missing else ''}",
        number(s.mean),
        "" if math.isnan(s.low) else f"{number(s.low)} to {number(s.high)}",
        number(s.rank, 2),
        str(s.wins),
        "best" if s.detector == section.best else number(s.p_value),
        *(number(s.by_dataset[name]) for name in section.datasets),
        *(number(s.others[name]) for name in others),
        f"{s.seconds:,.1f}",
        f"{s.memory / 1e6:,.0f}",
    ]


def notes(section: Section) -> Iterator[str]:
    """Yield what to mistrust, and what is missing."""
    groups = ", ".join(f"{name} {count}" for name, count in section.groups.items())
    yield f"groups: {groups}"
    for s in section.standings:
        if s.missing:
            yield f"\\* `{s.detector}`: {s.missing}"
    yield from section.remarks


def failures(board: Board) -> Iterator[str]:
    """Yield a table of jobs that were given up, by detector, data set and reason."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for name, _, message in board.failures:
        detector, _, rest = name.partition(" on ")
        found[(detector, rest.partition("/")[0], message)] += 1
    yield "| detector | data set | jobs | why |"
    yield "|---|---|---:|---|"
    for (detector, dataset, message), count in found.items():
        yield f"| `{detector}` | {dataset} | {count} | {message} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
