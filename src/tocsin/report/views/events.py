"""The view of events: a timeline, the lines themselves, the pairs that do not belong together, and paths as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.extents import EventSet
from tocsin.core.samples import Events
from tocsin.report.figure import Axis, Curve, Mark, Panel, stack
from tocsin.report.thin import pixel_starts, thin
from tocsin.report.views.blocks import Block, Chart, Table
from tocsin.report.views.diagram import chains
from tocsin.report.views.listing import Listing
from tocsin.report.views.view import View
from tocsin.report.words import count, grouped, number, share, span, visible

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection
    from tocsin.core.types import FloatArray, IntArray

_PIXELS, _BINS = 900, 240
_NUMBERED, _TABLED, _USUAL = 12, 40, 3
_LINES, _AROUND, _LINE = 60, 3, 400
_PATHS, _NODE, _TEMPLATES = 4, 27, 200
_NO_ROWS = np.zeros(0, dtype=np.int64)


class EventsView(View):
    """Events: how many there were when, how strange each is, and what they say."""

    def __init__(self, detection: Detection) -> None:
        super().__init__(detection)
        assert isinstance(detection.sample, Events)
        self.events: Events = detection.sample

    def extent(self) -> str:
        """Return how many events, in how many traces, over how long."""
        told = [count(len(self.events), "event")]
        if self.events.trace is not None:
            told.append(count(len(self.events.by_trace()[0]), "trace"))
        long = self._seconds()
        return ", ".join([*told, *([span(long)] if long else [])])

    def facts(self) -> list[tuple[str, str]]:
        """Return how many events and traces, and from when to when."""
        events = self.events
        found = [("Events", grouped(len(events)))]
        if events.trace is not None:
            found.append(("Traces", grouped(len(events.by_trace()[0]))))
        if events.time is not None:
            found += [("From", f"{_stamp(events, 0)} UTC"), ("To", f"{_stamp(events, len(events) - 1)} UTC")]
        found.append(("Entities", ", ".join(visible(name, 40) for name in events.entities) or "none"))
        if events.numbers:
            found.append(("Numbers", ", ".join(visible(name, 40) for name in list(events.numbers)[:_TABLED])))
        return found

    def profile(self) -> Table:
        """Return how many values each column has and which are most frequent."""
        rows = []
        for name, column in list(self.events.entities.items())[:_TABLED]:
            present = column.codes[column.codes >= 0]
            often = np.bincount(present, minlength=len(column.vocabulary))
            top = np.argsort(-often, kind="stable")[:_USUAL]
            usual = [f"{visible(column.vocabulary[i], 60)} ({share(often[i] / len(self.events))})" for i in top]
            absent = 1 - present.size / len(self.events)
            rows.append((visible(name, 60), grouped(int((often > 0).sum())), share(absent), ", ".join(usual)))
        return Table(("column", "values", "missing", "most frequent"), rows, words=True)

    def overview(self, targets: Sequence[str], detail: float) -> list[Block]:
        """Return how many events there were over time, and how strange they are."""
        panels = [*self._score_panel(targets, detail), *self._rate_panel()]
        if not panels:
            return []
        axis, rows = self._axis(), (0, len(self.events))
        caption = "Numbered: the strongest anomalies. Dashed: the threshold."
        says = "How strange the events are, and how many there were"
        return [Chart(stack(panels, axis, [], rows), says, caption), *self._templates()]

    def closeup(self, anomaly: Anomaly) -> list[Block]:
        """Return the path, the lines and the pairs of one anomaly."""
        rows = anomaly.where.rows if isinstance(anomaly.where, EventSet) else np.arange(len(self.events))
        return [*self._paths(rows), *_pairs(anomaly), *self._listing(anomaly, rows)]

    def strip(self) -> list[tuple[float, float]]:
        """Return where along the events the anomalies lie."""
        whole = max(1, len(self.events))
        return [
            (float(a.where.rows[0]) / whole, (float(a.where.rows[-1]) - float(a.where.rows[0]) + 1) / whole)
            for a in self.detection.anomalies
            if isinstance(a.where, EventSet)
        ]

    def _seconds(self) -> float:
        time = self.events.time
        return 0.0 if time is None else float((time[-1] - time[0]) / np.timedelta64(1, "s"))

    def _axis(self) -> Axis:
        if self.events.time is not None:
            return Axis(self.events.time, "time (UTC)")
        return Axis(np.arange(len(self.events)), "event")

    def _score_panel(self, targets: Sequence[str], detail: float) -> list[Panel]:
        scores, level = self.detection.scores, self.detection.level.value
        values = scores.local
        if self.detection.card.decides == "traces" and scores.traces is not None:
            values = scores.traces[self.events.by_trace()[1]]
        if values is None or values.shape != (len(self.events),):
            return []
        marks = []
        for rank, (anomaly, target) in enumerate(zip(self.detection.anomalies, targets, strict=False), start=1):
            if rank > _NUMBERED or not isinstance(anomaly.where, EventSet):
                break
            row = int(anomaly.where.rows[np.nanargmax(values[anomaly.where.rows])])
            marks.append(Mark(row, float(values[row]), str(rank), target))
        starts = pixel_starts(len(values), max(150, int(_PIXELS * detail)), self.events.time)
        kept = thin(values, starts, np.array(sorted(m.row for m in marks), dtype=np.int64))
        holes = np.flatnonzero(~np.isfinite(values[kept]))
        what = "score of the trace" if values is not scores.local else "score"
        curve = Curve(kept, values[kept], holes, what, dots=len(values) > 2)
        return [Panel(what, [curve], 130, None, level if np.isfinite(level) else None, marks)]

    def _rate_panel(self) -> list[Panel]:
        """How many events fall into each of some equal parts of the time."""
        time = self.events.time
        if time is None or len(time) < 3 or time[0] == time[-1]:
            return []
        passed = (time - time[0]).astype(np.int64)
        edges = np.linspace(0, int(passed[-1]) + 1, min(_BINS, len(time)) + 1)
        often = np.histogram(passed, edges)[0].astype(np.float64)
        rows: IntArray = np.minimum(np.searchsorted(passed, edges[:-1]), len(time) - 1)
        rows, first = np.unique(rows, return_index=True)
        every = span((edges[1] - edges[0]) / 1e9)
        return [Panel(f"events in each {every}", [Curve(rows, often[first], _NO_ROWS, "events")], 70)]

    def _templates(self) -> list[Block]:
        """Each template with how often it came, how strange it was at most, and its first line."""
        column, local = self.events.entities.get("event"), self.detection.scores.local
        if column is None or self.events.text is None or local is None:
            return []
        kept = np.flatnonzero(column.codes >= 0)
        often = np.bincount(column.codes[kept], minlength=len(column.vocabulary))
        worst = np.full(len(column.vocabulary), -np.inf)
        np.fmax.at(worst, column.codes[kept], local[kept])
        seen, first = np.unique(column.codes[kept], return_index=True)
        order = np.argsort(-worst[seen], kind="stable")[:_TEMPLATES]
        rows = [
            (
                visible(column.vocabulary[seen[i]], _LINE),
                grouped(int(often[seen[i]])),
                number(float(worst[seen[i]])),
                visible(str(self.events.text[kept[first[i]]]), 160),
            )
            for i in order
        ]
        rest = int(seen.size) - len(rows)
        remark = f"{count(rest, 'less strange template')} not listed." if rest else ""
        label = f"the {count(int(seen.size), 'template')}"
        return [
            Table(
                ("template", "lines", "highest score", "first line"), rows, remark, "Templates", "", label, words=True
            )
        ]

    def _listing(self, anomaly: Anomaly, rows: IntArray) -> list[Block]:
        """The lines of the anomaly between their neighbours of the same trace; long ones wait behind a fold."""
        if not rows.size:
            return []
        _, numbers = self.events.by_trace()
        own = np.flatnonzero(np.isin(numbers, np.unique(numbers[rows])))
        at = np.searchsorted(own, rows)
        shown = np.unique(np.clip(at[:, None] + np.arange(-_AROUND, _AROUND + 1), 0, len(own) - 1))
        marked = set(rows.tolist())
        local = self.detection.scores.local
        if self.detection.card.decides == "traces" and local is not None:
            marked = _strangest(rows, local)
        cut = max(0, shown.size - _LINES)
        if cut:
            shown = _nearest(shown, own, marked, local)
        given = self.events.meta.get("lines")
        lines = [
            (
                grouped(int(given[row]) if given is not None else row),
                visible(self._line(row), _LINE),
                row in marked,
            )
            for row in own[shown].tolist()
        ]
        caption = f"{count(cut, 'more line')} around them not shown." if cut else ""
        says = f"The lines around {visible(anomaly.peak_at, 60)}"
        label = f"the {count(len(lines), 'line')}" if len(lines) > 1 else "the line"
        return [Listing(lines, says, caption, "" if len(lines) <= 12 else label)]

    def _line(self, row: int) -> str:
        """An event in its own words: the original line, or its columns."""
        if self.events.text is not None and self.events.text[row]:
            return str(self.events.text[row])
        parts = [] if self.events.time is None else [_stamp(self.events, row)]
        for name, column in self.events.entities.items():
            code = int(column.codes[row])
            parts.append(f"{name}={column.vocabulary[code] if code >= 0 else '?'}")
        parts += [f"{name}={number(float(values[row]))}" for name, values in list(self.events.numbers.items())[:8]]
        return "  ".join(parts)

    def _paths(self, rows: IntArray) -> list[Block]:
        """The ranked paths that run through the anomaly, where the detector found paths."""
        inside = set(rows.tolist())
        found = self.detection.scores.notes.get("paths", ())
        through = [path for path in found if any(inside.intersection(edge["rows"]) for edge in path["edges"])]
        if not through:
            return []
        drawn = [_chain(path) for path in through[:_PATHS]]
        caption = "Information flows from left to right. Red: the steps that make it strange."
        if len(through) > _PATHS:
            caption += f" {count(len(through) - _PATHS, 'more path')} not drawn."
        return [chains(drawn, f"{count(len(drawn), 'path')} through the anomaly", caption)]


view = EventsView


def _chain(path: dict[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, bool]]]:
    nodes = []
    for entity in path["entities"]:
        kind, _, name = str(entity).partition(":")
        known = kind in ("process", "file", "socket", "unix") and name
        nodes.append((_shortened(visible(name if known else entity, 200)), kind if known else "entity"))
    edges = [("new" if not e["seen"] else f"{grouped(int(e['seen']))} ×", bool(e["weak"])) for e in path["edges"]]
    return nodes, edges


def _shortened(name: str) -> str:
    """A name that fits into a box: of a path the end says more than the beginning."""
    return name if len(name) <= _NODE else "…" + name[-(_NODE - 1) :]


def _pairs(anomaly: Anomaly) -> list[Block]:
    """What was seen together, and what each is usually seen with."""
    rows = [
        (visible(e.name, 60), visible(e.seen, 120), visible(", ".join(str(v) for v in e.expected[:5]), 200))
        for e in anomaly.because
        if isinstance(e.seen, str) and e.expected
    ]
    return [Table(("what", "seen", "usually"), rows, words=True, says="Seen, and what is usual")] if rows else []


def _strangest(rows: IntArray, local: FloatArray) -> set[int]:
    """Of a trace, the events that carry its score: those of at least half the largest local score."""
    values = local[rows]
    if not np.isfinite(values).any():
        return set()
    low = np.nanmin(values)
    return set(rows[values >= low + 0.5 * (np.nanmax(values) - low)].tolist()) if np.nanmax(values) > low else set()


def _nearest(shown: IntArray, own: IntArray, marked: set[int], local: FloatArray | None) -> IntArray:
    """So many of the lines as fit, around the strangest marked one."""
    candidates = [i for i in range(shown.size) if int(own[shown[i]]) in marked] or [0]
    if local is not None:
        centre = max(candidates, key=lambda i: float(np.nan_to_num(local[own[shown[i]]], nan=-np.inf)))
    else:
        centre = candidates[0]
    first = min(max(0, centre - _LINES // 2), max(0, shown.size - _LINES))
    return shown[first : first + _LINES]


def _stamp(events: Events, row: int) -> str:
    assert events.time is not None
    return str(np.datetime_as_string(events.time[row], unit="ms")).replace("T", " ")
