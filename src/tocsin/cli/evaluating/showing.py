"""The evaluation in the terminal, and as JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocsin.bench.evaluate.measuring import UNITS, many
from tocsin.cli.inert import inert
from tocsin.cli.printing import say
from tocsin.core.words import share
from tocsin.metrics._checks import reason_of

if TYPE_CHECKING:
    from tocsin.bench.evaluate import Evaluation, Line

SHOWN_GROUPS = 40
SHOWN_NOTES = 12


def print_json(evaluation: Evaluation, failed: Sequence[str]) -> None:
    """Print everything as one JSON object."""
    content = {**evaluation.to_dict(), "failed": list(failed)}
    sys.stdout.write(json.dumps(content, allow_nan=False, ensure_ascii=False, indent=2) + "\n")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print what was measured, the table with what detects nothing beside it, and what to keep in mind."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    say(headline(evaluation))
    if evaluation.average:
        say(f"  values: {evaluation.average}")
    say(f"  intervals: {evaluation.intervals}")
    if evaluation.threshold:
        say(f"  threshold: {evaluation.threshold}")
    say("")
    width = None if sys.stdout.isatty() else 160
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("  metric", "value", "interval", *evaluation.dummies, "what fools it"):
        table.add_column(
            heading, justify="left" if heading in ("  metric", "what fools it") else "right", overflow="fold"
        )
    for line in evaluation.lines:
        cells = (
            f"  {line.chosen.name}{mark(line)}",
            shown(line.value),
            interval(line),
            *(shown(line.dummies.get(name, math.nan)) for name in evaluation.dummies),
            line.chosen.metric.fooled_by,
        )
        table.add_row(*(Text(inert(cell)) for cell in cells))
    Console(width=width).print(table)
    for text in footnotes(evaluation):
        say(f"  {text}")
    if evaluation.groups:
        say(f"\nby {evaluation.grouped_by}")
        names = list(next(iter(evaluation.groups.values())))
        groups = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        groups.add_column(f"  {evaluation.grouped_by}", overflow="fold")
        for heading in (f"n ({UNITS.get(evaluation.modality, 'picture')})", *names):
            groups.add_column(heading, justify="right", overflow="fold")
        for name, row in list(evaluation.groups.items())[:SHOWN_GROUPS]:
            size = str(evaluation.group_sizes.get(name, ""))
            groups.add_row(Text(inert(f"  {name or '(none)'}")), size, *(Text(in_group(n, row[n])) for n in names))
        Console(width=width).print(groups)
        if len(evaluation.groups) > SHOWN_GROUPS:
            say(f"  ... and {len(evaluation.groups) - SHOWN_GROUPS} more (--json holds all)")


def headline(evaluation: Evaluation) -> str:
    """Return how much was measured, in a line."""
    whole = len(evaluation.members)
    members = f"{whole} pictures" if evaluation.modality == "image" else many(evaluation.modality, whole)
    events = {"image": "region", "events": ""}.get(evaluation.modality, "event")
    rare = share(evaluation.anomalous / evaluation.places)
    told = f"{members}, {evaluation.places:,} {evaluation.place}s, {rare} anomalous"
    return told + (f" in {evaluation.events} {events}{'' if evaluation.events == 1 else 's'}" if events else "")


def mark(line: Line) -> str:
    """Return the signs behind the name of a metric; `footnotes` says what they mean."""
    signs = (
        "*" if line.chosen.metric.oracle else "",
        "" if line.chosen.metric.higher_is_better else " (lower is better)",
        " !" if line.no_better else "",
    )
    return "".join(signs)


def shown(value: float) -> str:
    """Return a value as it stands in a table."""
    if math.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"


def in_group(name: str, value: float) -> str:
    """Return a value of the breakdown; numbers of regions are whole."""
    return f"{value:.0f}" if name == "regions" else shown(value)


def interval(line: Line) -> str:
    """Return the interval of a metric; empty where there is none."""
    found = line.interval
    return "" if found is None or math.isnan(found.low) else f"[{shown(found.low)}, {shown(found.high)}]"


def footnotes(evaluation: Evaluation) -> list[str]:
    """Return what to keep in mind, one sentence each."""
    told = []
    if any(line.chosen.metric.oracle for line in evaluation.lines):
        told.append("* an oracle: it chooses a threshold with the labels in hand, which no user can")
    for line in evaluation.lines:
        if line.no_better:
            told.append(f"! {line.chosen.name} is no better than that of the {line.no_better} score")
        reason = reason_of(line.value)
        if reason is not None:
            told.append(f"{line.chosen.name} has no value: {reason}")
        told += [f"{line.chosen.name}: {note}" for note in line.notes]
    told += sorted(
        {line.interval.note for line in evaluation.lines if line.interval is not None and line.interval.note}
    )
    if any(line.chosen.needs_threshold for line in evaluation.lines) and not evaluation.threshold.startswith("oracle"):
        told.append(
            "the alarms of the other columns are as many as the score's own, a constant score alarms everywhere"
        )
    told += [f"{name}: {why}" for name, why in evaluation.dummies.items()]
    rest = [note for note in evaluation.notes if note not in told]
    if len(rest) > SHOWN_NOTES:
        rest = [*rest[:SHOWN_NOTES], f"... and {len(rest) - SHOWN_NOTES} more remarks (--json holds all)"]
    return told + rest
