"""`tocsin templates`: what a log says, and how well that was made out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin.core.samples import Events

# Columns of a table of true templates: the first that is there counts.
_TRUE = ("EventId", "event_id", "EventTemplate", "template", "event")
_LINE = ("LineId", "line_id", "line")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("templates")(templates)


def templates(
    files: Annotated[
        list[str], typer.Argument(help="A text log, or the files of one that was rotated.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the templates as JSON, to use again.")] = None,
    known: Annotated[
        Path | None, typer.Option("--known", help="Templates written by -o: known messages keep their names.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="A CSV of true templates (LineId, EventId): how well they fit."),
    ] = None,
    masks: Annotated[
        list[str], typer.Option("--mask", help="A regular expression of further values; repeatable.")
    ] = [],  # noqa: B006 - typer reads the default, nobody changes it
    on_bad: Annotated[str, typer.Option("--on-bad", help="Stamps that are no moment: raise, or skip.")] = "raise",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per template, and nothing else.")] = False,
) -> int:
    """List the message templates of a log, with counts and an example each."""
    from tocsin.cli.printing import say
    from tocsin.io.logs import LogTemplates, read_log

    named = LogTemplates(masks=masks) if known is None else LogTemplates.load(known, masks=masks)
    if known is not None:
        named.freeze()
    truth = None if against is None else _truth(against)
    found = read_log(files, templates=named, on_bad=on_bad)  # type: ignore[arg-type]
    if out is not None:
        named.save(out)
    _list(found, as_json)
    if not as_json:
        formats = ", ".join(found.meta["formats"]) or "lines without a header"
        say(f"\n{found.id}: {len(found):,} events of {len(found.meta['templates']):,} templates; format: {formats}")
        for repair in found.repairs:
            say(f"  {repair}")
    if truth is not None and against is not None:
        _compare(found, truth, against, as_json)
    return 0


def _list(found: Events, as_json: bool) -> None:
    import numpy as np

    from tocsin.cli.inert import inert
    from tocsin.cli.printing import say

    event, lines, text = found.entities["event"], found.meta["lines"], found.text
    assert text is not None
    _, first = np.unique(event.codes, return_index=True)
    counts = np.bincount(event.codes)
    for code in np.argsort(-counts, kind="stable"):
        at = int(first[code])
        row = {"template": event.vocabulary[code], "count": int(counts[code]), "line": int(lines[at])}
        if as_json:
            typer.echo(json.dumps({**row, "example": text[at]}))
            continue
        say(f"{row['count']:>9,}  {row['template']}")
        # A line feed in an example would look like another template.
        say(f"{'':>9}    line {row['line']:,}: {_short(inert(text[at]))}")


def _short(example: str) -> str:
    first = example.split("\n", 1)[0]
    return first if len(first) <= 200 else f"{first[:197]}..."


def _truth(path: Path) -> dict[int, str]:
    """Read which template each line has.

    Raises
    ------
    InputError
        If the table has no such column, or a line is no number.
    """
    from tocsin.core.errors import InputError

    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            held, table = list(rows.fieldnames or []), list(rows)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except csv.Error as error:
        raise InputError(f"{path} is no CSV: {error}") from None
    column = next((name for name in _TRUE if name in held), None)
    line = next((name for name in _LINE if name in held), None)
    if column is None:
        raise InputError(
            f"{path} has no column of true templates ({', '.join(_TRUE)}); there are {', '.join(held[:12])}"
        )
    try:
        return {int(row[line]) if line else number: row[column] or "" for number, row in enumerate(table, 1)}
    except (ValueError, TypeError):
        raise InputError(f"{path}: column {line!r} must hold the number of a line in each row") from None


def _compare(found: Events, truth: dict[int, str], path: Path, as_json: bool) -> None:
    from tocsin.cli.printing import say
    from tocsin.core.errors import InputError
    from tocsin.metrics.events import parsing_scores

    codes, lines = found.entities["event"].codes.tolist(), found.meta["lines"].tolist()
    pairs = [(truth[line], code) for line, code in zip(lines, codes, strict=True) if line in truth]
    if not pairs:
        raise InputError(f"{path} names no line that an event begins with: compare the log with its own table")
    result = parsing_scores([t for t, _ in pairs], [f for _, f in pairs])
    if as_json:
        typer.echo(json.dumps({"against": str(path), "lines": len(pairs), **result._asdict()}))
        return
    say(f"against {path} ({len(pairs):,} lines):")
    say(f"  grouping accuracy {result.accuracy:.3f} (share of lines in a group that is exactly right)")
    say(
        f"  F1 of groups      {result.f1:.3f} (precision {result.precision:.3f}, recall {result.recall:.3f}: "
        f"{result.right} of {result.found} found and of {result.true} true groups)"
    )
