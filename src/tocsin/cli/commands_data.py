"""`tocsin detect` and `tocsin demo`: from files to what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sources = Annotated[
    list[str], typer.Argument(help="Files, folders, globs, or - for standard input.", show_default=False)
]
DetectorName = Annotated[
    str | None, typer.Option("--detector", "-d", help="Which detector; chosen by the kind of data when left out.")
]
Settings = Annotated[list[str], typer.Option("--set", help="A parameter of the detector, as key=value; repeatable.")]
FalseAlarms = Annotated[
    str | None,
    typer.Option(
        "--false-alarms",
        "-f",
        help='What you can put up with: "1/day", "0.1%", "top 10". When left out: 1 in all, or 1/day with --train.',
    ),
]
Channels = Annotated[
    str | None, typer.Option("--channels", help="Only these columns, comma-separated; cpu.* stands for all that fit.")
]
TimeColumn = Annotated[str | None, typer.Option("--time", help="The time column; found when left out.")]
OnBad = Annotated[str, typer.Option("--on-bad", help="Bad cells and rows: raise, or skip to leave them out.")]
Entities = Annotated[
    str | None,
    typer.Option("--entities", help="Events: the columns that name who, what and where, comma-separated."),
]
Trace = Annotated[
    str | None, typer.Option("--trace", help="Events: the column that tells runs apart (session, process, block).")
]
Numbers = Annotated[
    str | None, typer.Option("--numbers", "--number", help="Events: the columns to read as amounts, comma-separated.")
]
Marked = Annotated[
    list[str],
    typer.Option(
        "--marked",
        help="Pictures: a folder of defects with masks (NAME.png and NAME_mask.png, or a folder masks); repeatable.",
    ),
]
Modality = Annotated[
    str | None, typer.Option("--modality", help="Read as series, events or image; found when left out.")
]
Templates = Annotated[
    Path | None, typer.Option("--templates", help="Logs: message templates that `tocsin templates -o` wrote.")
]
Period = Annotated[str | None, typer.Option("--period", help="The period in rows, for detectors that use one.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="A folder for report.html, anomalies.ndjson, anomalies.parquet and scores/."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Anomalies as one JSON object per line, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No output but errors; the exit code tells.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Do not go on with what an earlier run left in the out folder.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("detect")(detect)
    app.command("demo")(demo)


def detect(
    sources: Sources,
    detector: DetectorName = None,
    settings: Settings = [],  # noqa: B006 - typer reads the default, nobody changes it
    train: Annotated[
        list[str],
        typer.Option(
            "--train",
            help="What is normal: files, or 25% for the first quarter of each input. Left out: the input itself.",
        ),
    ] = [],  # noqa: B006
    marked: Marked = [],  # noqa: B006
    model: Annotated[Path | None, typer.Option("--model", help="A model that `tocsin fit` wrote, instead.")] = None,
    false_alarms: FalseAlarms = None,
    threshold: Annotated[
        str | None,
        typer.Option("--threshold", help="Another rule: quantile:0.999, peaks-over-threshold, conformal:0.05 ..."),
    ] = None,
    channels: Channels = None,
    time: TimeColumn = None,
    on_bad: OnBad = "raise",
    period: Period = None,
    entities: Entities = None,
    trace: Trace = None,
    numbers: Numbers = None,
    modality: Modality = None,
    templates: Templates = None,
    merge_gap: Annotated[
        int | None, typer.Option("--merge-gap", help="Join alarms at most so many rows apart.")
    ] = None,
    min_length: Annotated[int, typer.Option("--min-length", help="Drop alarms shorter than so many rows.")] = 1,
    suppress: Annotated[int, typer.Option("--suppress", help="Rows of silence after an alarm.")] = 0,
    max_memory: Annotated[
        float | None, typer.Option("--max-memory", help="MB that one input may take; larger ones go in chunks.")
    ] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Pictures: write what was found as masks, too.")] = False,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    fresh: Fresh = False,
) -> int:
    """Find what is wrong in data: read, pick a detector, calibrate, report."""
    from tocsin.cli.detecting import run
    from tocsin.cli.request import Request

    request = Request(
        sources=sources,
        detector=detector,
        settings=settings,
        train=train,
        marked=marked,
        model=model,
        false_alarms=false_alarms,
        threshold=threshold,
        channels=channels,
        time=time,
        on_bad=on_bad,
        period=period,
        entities=entities,
        trace=trace,
        numbers=numbers,
        modality=modality,
        templates=templates,
        merge_gap=merge_gap,
        min_length=min_length,
        suppress=suppress,
        max_memory=max_memory,
        masks=masks,
        out=out,
        as_json=as_json,
        quiet=quiet,
        fresh=fresh,
    )
    return run(request)


def demo(
    what: Annotated[str, typer.Argument(help="Which recording: host (telemetry) or events (processes).")] = "host",
    out: Out = Path("tocsin-demo"),
    quiet: Quiet = False,
) -> int:
    """Find the faults or intrusions in a recording that comes with tocsin, and compare with what was staged."""
    from tocsin.cli.demonstration import run

    return run(what, out or Path("tocsin-demo"), quiet)
