"""`tocsin bench`: suites of detectors and data sets, run, resumed, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.codes import NOTHING, PARTIAL
from tocsin.cli.engines import Address, Engine, named_engine

if TYPE_CHECKING:
    from tocsin.bench.leaderboard import Board
    from tocsin.bench.plan.suite import Suite
    from tocsin.bench.runner import Engine as Runs
    from tocsin.bench.runner import RunReport

# Between two lines of progress where there is no terminal to draw a bar on.
PAUSE = 30.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("bench")(bench)


def bench(
    suite: Annotated[
        str,
        typer.Argument(
            help="A TOML file, or a suite that comes along (small, ader ...); `show RUN` prints a run's leaderboard, "
            "`suites` lists what comes along.",
            show_default=False,
        ),
    ],
    run: Annotated[str | None, typer.Argument(help="With `show`: the folder of a run.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The run's folder; bench-<suite> when left out.")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="The folder that paths of data sets start from.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=1, help="Jobs at one time; one per processor when left out.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option("--hours", min=0.0, help="Stop after so long; what tells most is run first.")
    ] = None,
    engine: Engine = "local",
    address: Address = None,
    retry: Annotated[bool, typer.Option("--retry", help="Run jobs again that failed before.")] = False,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out data sets that are not there.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be run, and run nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The leaderboard as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no leaderboard.")] = False,
) -> int:
    """Run detectors x data sets x protocols x seeds; whatever is done already in the run's folder is kept.

    Exit codes: 0 done, 2 usage or input, 3 some jobs failed or are left.
    """
    from tocsin.bench.suites import find_suite, shipped
    from tocsin.cli.printing import say

    if suite == "suites":
        for name, path in shipped().items():
            say(f"{name}: {_title(path)}")
        return NOTHING
    if suite == "show":
        return _show(run, as_json=as_json)
    from tocsin.bench.plan.reading import read_suite

    chosen = read_suite(find_suite(suite), data=data, skip_missing=skip_missing)
    if plan:
        return _plan(chosen)
    report = _run(chosen, out or Path(f"bench-{chosen.name}"), _engine(engine, workers, address), hours, retry, quiet)
    _finish(report, quiet=quiet, as_json=as_json)
    return PARTIAL if report.failed or report.left else NOTHING


def _engine(name: str, workers: int | None, address: str | None) -> Runs:
    if named_engine(name) == "ray":
        from tocsin.scale import RayEngine

        return RayEngine(workers, address)
    from tocsin.bench.runner import LocalEngine

    return LocalEngine(workers)


def _run(suite: Suite, out: Path, engine: Runs, hours: float | None, retry: bool, quiet: bool) -> RunReport:
    """Run a suite with progress on standard error."""
    import sys
    import time

    from tocsin.bench.runner import run_suite
    from tocsin.cli.inert import inert
    from tocsin.cli.printing import warn

    def tell(text: str) -> None:
        if not quiet:
            warn(text)

    if quiet:
        return run_suite(suite, out, engine, hours=hours, retry=retry)
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=None)

            def draw(progress: object) -> None:
                bar.update(
                    task,
                    description=inert(progress.line()),  # type: ignore[attr-defined]  # the runner's Progress
                    total=progress.total,  # type: ignore[attr-defined]
                    completed=progress.done + progress.failed,  # type: ignore[attr-defined]
                )
                if trouble := progress.trouble():  # type: ignore[attr-defined]
                    tell(trouble)

            return run_suite(suite, out, engine, hours=hours, retry=retry, say=tell, observe=draw)
    last = time.monotonic()

    def write(progress: object) -> None:
        nonlocal last
        if trouble := progress.trouble():  # type: ignore[attr-defined]
            tell(trouble)
        if time.monotonic() - last >= PAUSE:
            last = time.monotonic()
            tell(progress.line())  # type: ignore[attr-defined]

    return run_suite(suite, out, engine, hours=hours, retry=retry, say=tell, observe=write)


def _finish(report: RunReport, *, quiet: bool, as_json: bool) -> None:
    """Write the leaderboard and say what is to be said."""
    from tocsin.bench.leaderboard import read_board, write_board
    from tocsin.cli.printing import warn

    board = read_board(report.folder.path)
    text, page = write_board(board, report.folder)
    if as_json:
        _print_json(board)
    elif not quiet:
        _print(text.read_text(encoding="utf-8"))
    if quiet:
        return
    if report.stopped:
        warn(report.stopped)
    warn(f"{report.done} of {report.planned} jobs done, {report.failed} given up; {page} shows the leaderboard")


def _show(run: str | None, *, as_json: bool) -> int:
    from tocsin.bench.leaderboard import as_text, read_board
    from tocsin.core.errors import InputError

    if run is None:
        raise InputError("which run? give its folder: tocsin bench show FOLDER")
    board = read_board(run)
    if as_json:
        _print_json(board)
    else:
        _print(as_text(board))
    return NOTHING


def _plan(suite: Suite) -> int:
    from collections import Counter

    from tocsin.bench.plan.planning import plan_jobs
    from tocsin.cli.printing import say

    plan = plan_jobs(suite)
    say(f"{suite.name}: {len(plan.jobs)} jobs")
    for (label, dataset, protocol), count in Counter(job.cell for job in plan.jobs).items():
        say(f"  {count:5d}  {label} on {dataset} ({protocol})")
    for what, why in {**plan.left_out, **suite.missing}.items():
        say(f"  left out: {what}: {why}")
    return NOTHING


def _print(text: str) -> None:
    from tocsin.cli.printing import say

    say(text.rstrip("\n"))


def _print_json(board: Board) -> None:
    import json
    import sys
    from dataclasses import asdict

    from tocsin.io.writing import as_line

    sys.stdout.write(json.dumps(json.loads(as_line(asdict(board))), indent=2, ensure_ascii=False) + "\n")


def _title(path: Path) -> str:
    import tomllib

    return str(tomllib.loads(path.read_text(encoding="utf-8")).get("title", ""))
