"""The leaderboard as a self-contained page: no script, nothing fetched, plots drawn as SVG."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.bench.leaderboard.text import LEVEL, _notes, as_text, number, span
from tocsin.bench.runner.outcome import MEANING
from tocsin.bench.runner.run_folder import RunFolder

if TYPE_CHECKING:
    from tocsin.bench.leaderboard.board import Board
    from tocsin.bench.leaderboard.section import Section

WIDTH, HEIGHT, MARGIN = 640, 320, 48
# Of a name in the drawing: about how wide a letter is, and how high a line.
LETTER, LINE = 6.6, 13.0


def write_board(board: Board, folder: RunFolder) -> tuple[Path, Path]:
    """Write ``leaderboard.txt`` and ``leaderboard.html`` into a run's folder.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    text, page = folder.path / "leaderboard.txt", folder.path / "leaderboard.html"
    folder.write_text(text, as_text(board))
    folder.write_text(page, as_page(board))
    return text, page


def as_page(board: Board) -> str:
    """Return the leaderboard as HTML."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("tocsin.bench.leaderboard"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = number
    environment.filters["span"] = span
    return environment.get_template("leaderboard.html").render(
        board=board,
        sections=[_section(section) for section in board.sections],
        meaning=MEANING,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _section(section: Section) -> dict[str, Any]:
    low, high = _range(section)
    return {
        "section": section,
        "others": list(section.standings[0].others) if section.standings else [],
        "notes": _notes(section),
        "bars": {s.detector: _bar(s.mean, s.low, s.high, low, high) for s in section.standings},
        "level": LEVEL,
        "plot": _plot(section),
    }


def _range(section: Section) -> tuple[float, float]:
    """Return the ends of the scale that intervals are drawn on."""
    values = [v for s in section.standings for v in (s.mean, s.low, s.high) if not math.isnan(v)]
    low, high = min([0.0, *values]), max([1.0, *values])
    return low, high


def _bar(mean: float, low: float, high: float, start: float, stop: float) -> dict[str, float] | None:
    if math.isnan(mean):
        return None
    span = stop - start
    left, right = (mean, mean) if math.isnan(low) else (low, high)
    return {name: 100 * (value - start) / span for name, value in (("at", mean), ("from", left), ("to", right))}


def _plot(section: Section) -> dict[str, Any] | None:
    """Return the points of quality over time, in the coordinates of the drawing."""
    shown = [s for s in section.standings if not math.isnan(s.mean) and s.seconds > 0]
    if len(shown) < 2:
        return None
    times = [math.log10(s.seconds) for s in shown]
    first, last = math.floor(min(times)), math.ceil(max(times))
    last = last if last > first else first + 1
    low, high = min(s.mean for s in shown), max(s.mean for s in shown)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - first) / (last - first)

    def y(value: float) -> float:
        return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / span

    points = [
        {"x": x(t), "y": y(s.mean), "name": s.detector, "floor": s.floor, "front": s.on_front}
        for t, s in zip(times, shown, strict=True)
    ]
    _place_names(points)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "base": HEIGHT - MARGIN,
        "left": MARGIN,
        "right": WIDTH - MARGIN,
        "points": points,
        "ticks": [{"x": x(t), "text": f"{10.0**t:g} s"} for t in range(first, last + 1)],
        "levels": [{"y": y(v), "text": number(v)} for v in (low, low + span / 2, low + span)],
    }


def _place_names(points: list[dict[str, Any]]) -> None:
    """Give each point a place for its name, right of it or left, as near in height as no other name is in the way."""
    taken: list[tuple[float, float, float]] = []
    for point in points:
        wide = LETTER * len(point["name"])
        places = [
            (left, point["y"] + 4 + sign * LINE * step)
            for step in range(len(points))
            for sign in ((1,) if step == 0 else (-1, 1))
            for left in (point["x"] + 8, point["x"] - 8 - wide)
            if left >= 0 and left + wide <= WIDTH
        ]
        free = (
            place
            for place in places
            if all(place[0] > right or place[0] + wide < left or abs(place[1] - y) >= LINE for left, right, y in taken)
        )
        left, height = next(free, (point["x"] + 8, point["y"] + 4))
        taken.append((left, left + wide, height))
        point |= {"name_x": left, "name_y": height}
