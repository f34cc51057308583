"""`tocsin audit`: what is wrong with a data set, before anyone measures a detector on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.codes import FOUND, NOTHING

if TYPE_CHECKING:
    from tocsin.bench.audit import AuditReport, Limits
    from tocsin.core.dataset import Dataset


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("audit")(audit)


def audit(
    data: Annotated[
        Path,
        typer.Argument(help="The folder or archive of a public data set, or one laid out alike.", show_default=False),
    ],
    layout: Annotated[
        str | None, typer.Option("--layout", help="Which data set it is; recognised by its files when left out.")
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=0, help="Files or pictures to look at, of more an even part; 0 for all.")
    ] = 5000,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No output but errors; the exit code tells.")] = False,
) -> int:
    """Look for copies across the split, contradicting labels, leaks, and one-liners that solve a data set.

    Exit codes: 0 nothing found (notes do not count), 1 something found, 2 usage or input.
    """
    from tocsin.bench.audit import Limits, as_text
    from tocsin.cli.printing import say
    from tocsin.io.datasets import read_dataset

    report = _audited(read_dataset(data, layout=layout), Limits(entries=most), quiet=quiet or as_json)
    if as_json:
        _print_json(report)
    elif not quiet:
        for line in as_text(report).splitlines():
            say(line)
    return FOUND if report.flawed else NOTHING


def _audited(dataset: Dataset, limits: Limits, *, quiet: bool) -> AuditReport:
    """Run the audit, with a bar on standard error where there is a terminal."""
    import sys

    from tocsin.bench.audit import audit as run

    if quiet or not sys.stderr.isatty():
        return run(dataset, limits)
    from rich.console import Console
    from rich.progress import Progress

    total = min(len(dataset), limits.entries or len(dataset))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=total)
        return run(dataset, limits, observe=lambda count: bar.update(task, completed=count))


def _print_json(report: AuditReport) -> None:
    import json
    import sys
    from dataclasses import asdict

    from tocsin.io.writing import as_line

    found = {**asdict(report), "flawed": report.flawed, "sentences": [str(f) for f in report.findings]}
    sys.stdout.write(json.dumps(json.loads(as_line(found)), indent=2, ensure_ascii=False) + "\n")
