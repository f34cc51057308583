"""Which detector `tocsin detect` uses on series when none is named: every candidate on public labelled data.

    python benchmarks/series_default.py DATA [--work FOLDER] [--only ROW ...] [--kind one|many|causes]
    python benchmarks/series_default.py DATA --write docs/choices.md      # and puts all tables there

DATA holds one folder per set (nab, kpi_netman, ecg_sed, ucr_anomaly; smd, asd, smap_msl, skab, hpc_ldms, rosa), as
their readers take them. What a row reached on a series is kept in FOLDER/results.jsonl and not computed again, so the
command can be stopped and goes on where it was; FOLDER/*.csv hold all numbers. One thread; times are CPU seconds of
learning and scoring together. From nothing it takes about an hour
of CPU time.

One channel: a series is learned from and scored by the same call, labels aside, as a user without labels would. Many
channels: learned from the training part of each set, scored on its test part (SKAB: first 400 rows against the rest).
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from series_choice import tables, tasks  # noqa: E402 - after the threads are pinned
from series_choice.documents import as_markdown, put  # noqa: E402
from series_choice.measures import Results, judge_many, judge_one, measure  # noqa: E402
from series_choice.rows import ONE_CHANNEL_ONLY, Rows  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("series-default"))
    parser.add_argument("--only", nargs="*", default=[], help="names of rows")
    parser.add_argument("--kind", choices=["one", "many", "causes"], help="only a part")
    parser.add_argument("--tables", action="store_true", help="only tables, of what was measured so far")
    parser.add_argument("--write", type=Path, help="a document with markers for the tables")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    results = Results(options.work / "results.jsonl")
    rows = Rows()
    for row in options.only:
        if row not in rows.names:
            sys.exit(f"there is no row {row!r}; there are {', '.join(rows.names)}")
    asked = [row for row in rows.names if not options.only or row in options.only]
    print(f"data {tasks.version(options.data)}; random rows are seeded by the series' name, detectors by 0")

    def show(name: str, table: tables.Table) -> None:
        made = as_markdown(table)
        print(f"\n{name}\n\n{made}")
        with (options.work / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
        if options.write:
            put(options.write, name, made)

    if options.kind in (None, "one"):
        if not options.tables:
            measure(tasks.one_channel(options.data), asked, rows, judge_one, results)
        show("one", tables.one_channel(results, asked))
        show("pairs", tables.differences(results, tables.DEFAULT, asked))
        show("combinations", tables.combinations(results))
        show("windows", tables.windows(results))
    if options.kind in (None, "many"):
        if not options.tables:
            measure(tasks.many_channels(options.data), asked, rows, judge_many, results)
        modes = tables.rosa_modes(options.data)
        several = [row for row in asked if row not in ONE_CHANNEL_ONLY]
        part = tables.the_part(results)
        show("many", tables.several_channels(results, several, modes, tables.whole(results)))
        others = [row for row in several if not row.startswith(f"{tables.DEFAULT}, ")]
        show("many-part", tables.several_channels(results, others, modes, part))
        show("many-pairs", tables.intervals(results, several, modes, part))
        show("severity", tables.severity(results, several, modes, tables.rosa_loads(options.data)))
    if options.kind in (None, "causes"):
        show("causes", tables.causes(options.data))
    return 0


if __name__ == "__main__":
    sys.exit(main())
