"""What a person reads in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from tocsin.cli.inert import inert
from tocsin.core.extents import EventSet, Interval
from tocsin.core.samples import Events, Series
from tocsin.core.words import duration, number, plural

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection

SHOWN = 20
# How much of one event is shown in a table; the stored results hold all of it.
WIDEST = 120


def say(text: str) -> None:
    """Print one line to standard output, harmless for the terminal."""
    print(inert(text))  # noqa: T201


def warn(text: str) -> None:
    """Print one line to standard error."""
    print(f"tocsin: {' '.join(inert(text).split())}", file=sys.stderr)  # noqa: T201


def print_detection(detection: Detection, source: str) -> None:
    """Print what was read, how it was judged, and a table of what was found."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    say(f"{source}: {_extent(detection)}")
    for repair in detection.sample.repairs[:6]:
        say(f"  {repair}")
    if len(detection.sample.repairs) > 6:
        say(f"  ... and {len(detection.sample.repairs) - 6} more remarks on the data (the report lists them)")
    say(f"  {detection.card.name}, calibrated on {detection.calibrated_on}")
    for finding in detection.findings[:4]:
        say(f"  {finding}")
    say(f"  level {number(detection.level.value)}: {detection.level.promise}")
    if detection.level.support:
        say(f"  ! {detection.level.support}")
    found = detection.anomalies
    if not found:
        say("  nothing found\n")
        return
    say(f"  {plural(len(found), 'anomaly').replace('anomalys', 'anomalies')}{_strongest(len(found))}\n")
    shown = found[:SHOWN]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    if isinstance(detection.sample, Events):
        for heading, wrapped in (
            ("  when", False),
            ("score", False),
            ("by chance", False),
            ("what", True),
            ("why", True),
        ):
            table.add_column(heading, overflow="fold", no_wrap=not wrapped, ratio=1 if wrapped else None)
        shown = tuple(sorted(shown, key=lambda a: int(a.where.rows[0]) if isinstance(a.where, EventSet) else 0))
        rows = [_event_cells(anomaly, detection.sample) for anomaly in shown]
    else:
        for heading in ("  when", "how long", "score", "by chance", "why"):
            table.add_column(heading, overflow="fold", no_wrap=heading != "why")
        shown = tuple(sorted(shown, key=lambda a: a.where.start if isinstance(a.where, Interval) else 0))
        rows = [_cells(anomaly, detection) for anomaly in shown]
    for cells in rows:
        table.add_row(*(Text(inert(cell)) for cell in cells))
    # A pipe has no width of its own; a file of narrow columns would serve nobody.
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if any(anomaly.extrapolated for anomaly in shown):
        say("  * extrapolated: nothing this rare was seen in calibration, it is read off a fitted tail")
    say("")


def _cells(anomaly: Anomaly, detection: Detection) -> tuple[str, ...]:
    return (
        f"  {anomaly.where.first if isinstance(anomaly.where, Interval) else anomaly.where}",
        _length(anomaly, detection),
        number(anomaly.peak),
        _chance(anomaly),
        _why(anomaly),
    )


def _event_cells(anomaly: Anomaly, events: Events) -> tuple[str, ...]:
    """When it began, and what stands there: the original of its first event if there is one, its values if not."""
    if not isinstance(anomaly.where, EventSet):
        return (f"  {anomaly.where}", number(anomaly.peak), _chance(anomaly), "", _why(anomaly))
    first = int(anomaly.where.rows[0])
    lines = events.meta.get("lines")
    place = f"line {lines[first]}" if lines is not None and len(lines) == len(events) else f"event {first}"
    when = place if events.time is None else f"{np.datetime_as_string(events.time[first], unit='s')} {place}"
    what = _cut(events.name(first).partition(" (")[2].removesuffix(")") or events.name(first))
    if events.text is not None and events.text[first]:
        what = _cut(str(events.text[first]))
    trace = "" if anomaly.where.trace is None else f"trace {_cut(anomaly.where.trace)}: "
    more = f" and {anomaly.where.size - 1} more" if anomaly.where.size > 1 else ""
    return (f"  {when}", number(anomaly.peak), _chance(anomaly), f"{trace}{what}{more}", _why(anomaly))


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= WIDEST else f"{plain[: WIDEST - 3]}..."


def _why(anomaly: Anomaly) -> str:
    return "; ".join(str(e) for e in anomaly.because[:3]) or "-"


def _strongest(count: int) -> str:
    return f", the {SHOWN} strongest:" if count > SHOWN else ":"


def _extent(detection: Detection) -> str:
    sample = detection.sample
    if isinstance(sample, Events):
        text = f"{plural(len(sample), 'event')} of {plural(len(sample.entities) + len(sample.numbers), 'column')}"
        if sample.trace is not None:
            text += f" in {plural(len(sample.by_trace()[0]), 'trace')}"
        if sample.time is not None:
            first, last = (np.datetime_as_string(sample.time[i], unit="s") for i in (0, -1))
            text += f", {first} to {last}"
        return text
    if not isinstance(sample, Series):
        return " x ".join(str(n) for n in sample.grid)
    rows, channels = sample.values.shape
    text = f"{plural(rows, 'row')} x {plural(channels, 'channel')}"
    if sample.time is not None:
        text += f", {sample.name(0)} to {sample.name(rows - 1)}"
        if sample.step:
            text += f", every {duration(sample.step)}"
    return text


def _length(anomaly: Anomaly, detection: Detection) -> str:
    step = getattr(detection.sample, "step", None)
    if isinstance(anomaly.where, Interval) and step:
        return duration(anomaly.where.size * step)
    return plural(anomaly.where.size, "row" if isinstance(anomaly.where, Interval) else "place")


def _chance(anomaly: Anomaly) -> str:
    """How sure: how often chance alone does this."""
    mark = "*" if anomaly.extrapolated else ""
    if anomaly.expected_per_day is not None:
        often = number(anomaly.expected_per_day) if anomaly.expected_per_day >= 1e-4 else "< 0.0001"
        return f"{often}/day{mark}"
    if anomaly.p_value is not None:
        return f"p {number(anomaly.p_value)}{mark}"
    return "-"
