"""`tocsin detectors` and `tocsin show`: what is there."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("detectors")(detectors)
    app.command("show")(show)


def detectors(
    modality: Annotated[
        str | None, typer.Argument(help="Only those for series, events, image, video, points ...")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> int:
    """List the detectors: what they look at, learn from and need."""
    from tocsin.core.registry import cards

    found = cards(modality)
    if as_json:
        for card in found:
            typer.echo(json.dumps(card.to_dict()))
        return 0
    if not found:
        typer.echo(f"no detector looks at {modality}")
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "looks at", "learns from", "localises", "needs", "what counts as strange"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    for card in found:
        marks = ", ".join(card.modality)
        table.add_row(card.name, marks, card.learns_from, card.localises, ", ".join(card.needs) or "-", card.summary)
    # A pipe has no width of its own; a file of narrow columns would serve nobody.
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    return 0


def show(
    name: Annotated[str, typer.Argument(help="A detector that `tocsin detectors` lists.")],
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> int:
    """Show one detector's card, its parameters and what they mean."""
    import inspect

    from tocsin.core.registry import find

    found = find(name)
    defaults: dict[str, Any] = {
        k: (None if p.default is inspect.Parameter.empty else p.default)
        for k, p in inspect.signature(found.__init__).parameters.items()
        if k in found.parameter_names()
    }
    text = inspect.cleandoc(found.__doc__ or "")
    if as_json:
        typer.echo(json.dumps({**found.card.to_dict(), "parameters": defaults, "text": text}, default=str))
        return 0
    typer.echo(f"{found.card.name}: {found.card.summary}\n")
    for key, value in found.card.to_dict().items():
        if key not in ("name", "summary") and value not in ("", []):
            typer.echo(f"  {key.replace('_', ' '):<16}{', '.join(value) if isinstance(value, list) else value}")
    typer.echo("\nparameters (change with --set name=value)")
    for key, value in defaults.items():
        typer.echo(f"  {key} = {value!r}")
    if not defaults:
        typer.echo("  none")
    typer.echo(f"\n{text}")
    return 0
