"""What the page holds, as plain texts and named figures: the template only places them."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.report import story
from tocsin.report.compact import script_json
from tocsin.report.views import View, view_of
from tocsin.report.views.blocks import Block, Picture, Table
from tocsin.report.views.contact import Contact
from tocsin.report.views.diagram import Diagram
from tocsin.report.views.listing import Listing
from tocsin.report.words import count, number, visible

if TYPE_CHECKING:
    from tocsin.core.detection import Detection
    from tocsin.report.run import Run

_DETAILED, _SUMMARISED = 24, 500
_LISTED, _CLOSEUPS, _REASONS = 240, 48, 8
_OPEN = 3
_REPAIRS = 60
_STRIP_CELLS = 300
_AROUND_THUMB = 300


def page_content(detections: Sequence[Detection], room: int, run: Run | None = None) -> dict[str, Any]:
    """Return what the template needs to know of the detections.

    Parameters
    ----------
    detections : sequence of Detection
        At least one; sorted here, the most convincing first.
    room : int
        Bytes that texts, charts and pictures may take together.
    run : Run, optional
        What is said of all inputs, where these are only the strongest of them.
    """
    ranked = sorted(detections, key=story.strength)
    views = [view_of(d) for d in ranked]
    detailed = views[:_DETAILED]
    detail = min(1.0, max(0.3, 3 / len(detailed)))
    sections = [_section(view, place, len(detailed)) for place, view in enumerate(detailed, start=1)]
    summary = _summary(views, [s["id"] for s in sections]) if len(views) > 1 else []
    # Elements around the texts take about as much again as the texts themselves.
    figures = _Figures(room - 2 * len(repr((sections, summary))))
    whole = figures.add(run.blocks) if run is not None else []
    # Whole samples first, then single anomalies, so that when room runs out it is the least that is missing.
    for view, section in zip(detailed, sections, strict=True):
        section["overview"] = figures.add(view.overview([a["id"] for a in section["anomalies"]], detail))
    for view, section in zip(detailed, sections, strict=True):
        close = max(2, _CLOSEUPS // len(detailed))
        for anomaly, told in list(zip(view.detection.anomalies, section["anomalies"], strict=False))[:close]:
            told["charts"] = figures.add(view.closeup(anomaly))
    return {
        "headline": story.headline(ranked) if run is None else visible(run.headline, 300),
        "whole": whole,
        "whole_title": "" if run is None else visible(run.title, 100),
        "lede": story.lede(views),
        "warnings": story.warnings(ranked)[:20],
        "summary": summary,
        "unlisted": max(0, len(ranked) - _SUMMARISED),
        "sections": sections,
        "figures": figures.stored,
    }


def _section(view: View, place: int, of: int) -> dict[str, Any]:
    """Everything about one detection but its charts."""
    detection = view.detection
    prefix = f"d{place}"
    most = len(detection.anomalies)
    shown = detection.anomalies[: max(5, _LISTED // of)]
    return {
        "id": prefix,
        "name": story.called(detection),
        "extent": view.extent(),
        "found": count(most, "anomaly", "anomalies") if most else "no anomaly",
        "anomalies": [
            {
                "id": f"{prefix}-a{rank}",
                "rank": rank,
                "open": rank <= (_OPEN if place == 1 else 1),
                "where": view.where(a),
                "peak_at": view.at(a),
                "size": view.size(a),
                "peak": number(a.peak),
                "times": story.times(a, detection),
                "chance": story.chance(a),
                "sure": story.how_sure(a, detection),
                "doubts": [visible(d, 400) for d in a.doubts[:8]],
                "reasons": story.reasons(a, _REASONS if rank <= _CLOSEUPS else 3),
                "charts": [],
            }
            for rank, a in enumerate(shown, start=1)
        ],
        "unlisted": most - len(shown),
        "facts": view.facts(),
        "repairs": [visible(r, 300) for r in detection.sample.repairs[:_REPAIRS]],
        "more_repairs": max(0, len(detection.sample.repairs) - _REPAIRS),
        "profile": view.profile(),
        "judged": story.judged(detection),
        "detector": visible(detection.card.name, 80),
        "card": story.detector(detection),
        "parameters": story.parameters(detection),
    }


def _summary(views: Sequence[View], targets: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each sample; the first ones have a section to link to."""
    cells = _STRIP_CELLS if len(views) <= _DETAILED else _STRIP_CELLS // 5
    shown = views[:_SUMMARISED]
    return [_row(view, targets[n] if n < len(targets) else "", cells) for n, view in enumerate(shown)]


def _row(view: View, target: str, cells: int) -> dict[str, Any]:
    """One sample's row of the summary."""
    detection = view.detection
    top = detection.anomalies[0] if detection.anomalies else None
    return {
        "target": target,
        "name": story.called(detection),
        "extent": view.extent(),
        "found": len(detection),
        "strip": [(f"{1000 * at:.0f}", f"{1000 * length:.0f}") for at, length in _merged(view.strip(), cells)],
        "top": view.at(top) if top else "",
        "why": visible(top.because[0].name, 80) if top and top.because else "",
        "times": story.times(top, detection) if top else "",
    }


def _merged(spans: Sequence[tuple[float, float]], cells: int) -> list[tuple[float, float]]:
    """Spans widened to whole cells of a strip and joined where they touch: few, and none too narrow to be seen."""
    joined: list[tuple[int, int]] = []
    for at, length in spans:
        first = min(int(at * cells), cells - 1)
        stop = min(max(first + 1, math.ceil((at + length) * cells)), cells)
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((first, stop))
    return [(first / cells, (stop - first) / cells) for first, stop in joined]


@dataclass
class _Figures:
    """The figures of a page, by name, as long as there is room."""

    room: int
    stored: dict[str, str] = field(default_factory=dict)

    def add(self, blocks: Sequence[Block]) -> list[dict[str, Any]]:
        """Store what fits; return what the template needs to know about it."""
        placed = []
        for block in blocks:
            told = {"says": block.says, "caption": block.caption, "behind": block.behind}
            if isinstance(block, Picture):
                placed.append(told | self._picture(block))
                continue
            if isinstance(block, Contact):
                placed.append(told | self._contact(block))
                continue
            if isinstance(block, Table | Listing | Diagram):
                placed.append(told | self._drawn(block))
                continue
            content = script_json(block.figure)
            if len(content) > self.room:
                placed.append(told | {"kind": "left out"})
                continue
            self.room -= len(content)
            name = f"figure-{len(self.stored) + 1}"
            self.stored[name] = content
            placed.append(told | {"kind": "chart", "name": name, "height": block.figure["layout"]["height"]})
        return placed

    def _drawn(self, block: Table | Listing | Diagram) -> dict[str, Any]:
        """What the template writes out by itself, element by element."""
        room = 2 * len(repr(block))
        if room > self.room:
            return {"kind": "left out"}
        self.room -= room
        return {"kind": type(block).__name__.lower(), "block": block}

    def _contact(self, block: Contact) -> dict[str, Any]:
        """As many of the small copies as fit, the first ones."""
        kept = []
        for thumb in block.thumbs:
            content = base64.b64encode(thumb.content).decode()
            if len(content) + _AROUND_THUMB > self.room:
                break
            self.room -= len(content) + _AROUND_THUMB
            told = {"name": visible(thumb.name, 80), "text": visible(thumb.text, 40), "marked": thumb.marked}
            kept.append(told | {"source": _data_uri(thumb.kind, content)})
        return {"kind": "contact", "thumbs": kept, "missing": len(block.thumbs) - len(kept)}

    def _picture(self, block: Picture) -> dict[str, Any]:
        content = base64.b64encode(block.content).decode()
        if len(content) > self.room:
            return {"kind": "left out"}
        self.room -= len(content)
        return {"kind": "picture", "source": _data_uri(block.kind, content)}


def _data_uri(kind: str, content: str) -> Any:
    """An address that holds the picture itself, marked as what the template need not cut or escape."""
    from markupsafe import Markup

    return Markup(f"data:image/{'jpeg' if kind not in ('png', 'webp') else kind};base64,") + Markup(content)
