"""`tocsin fit` and `tocsin score`: models and scores as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.commands_data import Channels, DetectorName, Fresh, OnBad, Period, Quiet, Settings, Sources, TimeColumn


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("fit")(fit)
    app.command("score")(score)


def fit(
    sources: Sources,
    out: Annotated[Path, typer.Option("-o", "--out", help="The model: a folder, or one file with a suffix.")],
    detector: DetectorName = None,
    settings: Settings = [],  # noqa: B006 - typer reads the default, nobody changes it
    channels: Channels = None,
    time: TimeColumn = None,
    on_bad: OnBad = "raise",
    period: Period = None,
    quiet: Quiet = False,
) -> int:
    """Learn what is normal and store it as a model."""
    from tocsin.cli.modelling import run_fit

    return run_fit(sources, out, detector, settings, channels, time, on_bad, period, quiet)


def score(
    model: Annotated[Path, typer.Argument(help="A model that `tocsin fit` wrote.")],
    sources: Sources,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="A .parquet file for one input; a folder, written as it goes, for more.")
    ],
    time: TimeColumn = None,
    on_bad: OnBad = "raise",
    quiet: Quiet = False,
    fresh: Fresh = False,
) -> int:
    """Score data with a stored model; a folder of inputs is resumed where an earlier run stopped."""
    from tocsin.cli.modelling import run_score

    return run_score(model, sources, out, time, on_bad, quiet, fresh)
