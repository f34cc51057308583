"""`tocsin fit` and `tocsin score`: models and scores as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.commands_data import (
    Channels,
    DetectorName,
    Entities,
    Fresh,
    Marked,
    Modality,
    Numbers,
    OnBad,
    Period,
    Quiet,
    Settings,
    Sources,
    Templates,
    TimeColumn,
    Trace,
)
from tocsin.cli.engines import Address, Engine, named_engine


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("fit")(fit)
    app.command("score")(score)


def fit(
    sources: Sources,
    out: Annotated[Path, typer.Option("-o", "--out", help="The model: a folder, or one file with a suffix.")],
    detector: DetectorName = None,
    settings: Settings = [],  # noqa: B006 - typer reads the default, nobody changes it
    marked: Marked = [],  # noqa: B006
    channels: Channels = None,
    time: TimeColumn = None,
    on_bad: OnBad = "raise",
    period: Period = None,
    entities: Entities = None,
    trace: Trace = None,
    numbers: Numbers = None,
    modality: Modality = None,
    templates: Templates = None,
    quiet: Quiet = False,
) -> int:
    """Learn what is normal and store it as a model."""
    from tocsin.cli.modelling import run_fit
    from tocsin.cli.request import Request

    request = Request(
        sources=sources,
        detector=detector,
        settings=settings,
        marked=marked,
        channels=channels,
        time=time,
        on_bad=on_bad,
        period=period,
        entities=entities,
        trace=trace,
        numbers=numbers,
        modality=modality,
        templates=templates,
        quiet=quiet,
    )
    return run_fit(request, out)


def score(
    model: Annotated[Path, typer.Argument(help="A model that `tocsin fit` wrote.")],
    sources: Sources,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="A .parquet file for one input; a folder, written as it goes, for more.")
    ],
    time: TimeColumn = None,
    on_bad: OnBad = "raise",
    entities: Entities = None,
    trace: Trace = None,
    numbers: Numbers = None,
    modality: Modality = None,
    templates: Templates = None,
    quiet: Quiet = False,
    fresh: Fresh = False,
    engine: Engine = "local",
    address: Address = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=1, help="With ray: parts at one time.")] = None,
) -> int:
    """Score data with a stored model; a folder of inputs is resumed where an earlier run stopped."""
    from tocsin.cli.modelling import run_score
    from tocsin.cli.request import Request

    request = Request(
        sources=sources,
        time=time,
        on_bad=on_bad,
        entities=entities,
        trace=trace,
        numbers=numbers,
        modality=modality,
        templates=templates,
        out=out,
        quiet=quiet,
        fresh=fresh,
    )
    if named_engine(engine) == "ray":
        from tocsin.cli.scoring_on_ray import run_score_on_ray

        return run_score_on_ray(model, request, address, workers)
    return run_score(model, request)
