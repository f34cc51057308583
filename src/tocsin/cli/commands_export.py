"""`tocsin export`: a model for pictures as one file that other programs can run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("export")(export)


def export(
    model: Annotated[Path, typer.Argument(help="A model of a picture detector that `tocsin fit` wrote.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .onnx file; its description is put beside it.")],
    size: Annotated[
        str | None,
        typer.Option("--size", help="Height and width of your pictures, as 480x640; a square when left out."),
    ] = None,
    false_alarms: Annotated[
        str, typer.Option("--false-alarms", help='Budget for the level in the description: "1%", "1 in all".')
    ] = "1%",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing.")] = False,
) -> int:
    """Write a model as ONNX, compared with the detector; level and preparation of pictures stand in a JSON beside it.

    Exit codes: 0 done, 2 usage or input.
    """
    from tocsin.cli.exporting import run

    return run(model, out, size, false_alarms, quiet)
