"""Charts as plain JSON: rows of curves stacked over one common axis.

A figure is what plotly.js takes, with two liberties that the page's script resolves: positions along the axis come
packed (`compact.steps`), and colours are names of the page's own style (``--alarm``): one figure serves light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.report.compact import short, steps
from tocsin.report.words import chart_text

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray

_TITLE = 20
_TOP, _BOTTOM, _BETWEEN = 4, 40, 12
_LEFT, _RIGHT = 52, 10
_HEADROOM = 0.08
# Beyond this ratio of the largest score to the threshold, a linear axis would flatten everything but the largest.
_LOG_FROM = 40.0


@dataclass(frozen=True)
class Curve:
    """A line: rows of the sample, their values, and positions among them that are holes."""

    rows: IntArray
    values: FloatArray
    holes: IntArray
    name: str
    colour: str = "--line"
    dash: str = "solid"
    width: float = 1.2
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A numbered dot on a curve; a click on it opens the element `target` of the page."""

    row: int
    value: float
    label: str
    target: str


@dataclass(frozen=True)
class Panel:
    """One row of a figure.

    Parameters
    ----------
    title : str
        Written above it.
    curves : sequence of Curve
        Drawn in this order.
    height : int
        In pixels.
    usual : (low, high), optional
        A band behind the curves.
    level : float, optional
        A dashed line: the threshold.
    marks : sequence of Mark
        Dots on top.
    """

    title: str
    curves: Sequence[Curve]
    height: int = 74
    usual: tuple[float, float] | None = None
    level: float | None = None
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Band:
    """Rows `start` to `stop` (half open), shaded through all panels; a strong one is what the figure is about."""

    start: int
    stop: int
    strong: bool = False


@dataclass(frozen=True)
class Axis:
    """The common axis: the position of every row, as time stamps or whole numbers."""

    positions: AnyArray
    title: str

    @property
    def is_time(self) -> bool:
        """Whether positions are time stamps."""
        return bool(self.positions.dtype.kind == "M")

    def at(self, row: int) -> float:
        """Return one position as the chart counts it: milliseconds since 1970, or the number."""
        place = self.positions[min(max(row, 0), len(self.positions) - 1)]
        return float(place.astype("datetime64[ns]").astype(np.int64)) / 1e6 if self.is_time else float(place)


def stack(panels: Sequence[Panel], axis: Axis, bands: Sequence[Band], rows: tuple[int, int]) -> dict[str, Any]:
    """Return the figure of some panels from one row of the sample to another (half open)."""
    height = _TOP + _BOTTOM + sum(p.height + _TITLE for p in panels) + _BETWEEN * (len(panels) - 1)
    inner = height - _TOP - _BOTTOM
    data: list[dict[str, Any]] = []
    shapes = [_shade(band, axis) for band in bands]
    notes: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    top = 0
    for number, panel in enumerate(panels, start=1):
        suffix = "" if number == 1 else str(number)
        high, low = 1 - (top + _TITLE) / inner, 1 - (top + _TITLE + panel.height) / inner
        top += _TITLE + panel.height + _BETWEEN
        scale, reach = _scale(panel)
        layout[f"yaxis{suffix}"] = _y_axis(scale, reach) | {"domain": [round(max(low, 0.0), 5), round(high, 5)]}
        data += [_line(curve, axis, f"y{suffix}", reach[0] if scale == "log" else None) for curve in panel.curves]
        if panel.marks:
            data.append(_dots(panel.marks, axis, f"y{suffix}"))
        shapes += _behind(panel, f"y{suffix}", reach)
        title = panel.title + (" (logarithmic)" if scale == "log" else "")
        notes.append(_note(title, round(high, 5)))
    layout |= {
        "height": height,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM},
        "xaxis": _x_axis(axis, rows, "y" if len(panels) == 1 else f"y{len(panels)}"),
        "shapes": shapes,
        "annotations": notes,
    }
    return {"data": data, "layout": layout}


def _line(curve: Curve, axis: Axis, y: str, floor: float | None) -> dict[str, Any]:
    values = curve.values if floor is None else np.maximum(curve.values, floor)
    heights = short(values)
    for hole in curve.holes.tolist():
        heights[hole] = None
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers" if curve.dots else "lines",
        "name": chart_text(curve.name, 32),
        "yaxis": y,
        "x": steps(axis.positions[curve.rows]),
        "y": heights,
        "hovertemplate": "%{y:.5~g}",
    }
    if curve.dots:
        trace["marker"] = {"color": curve.colour, "size": 3}
    else:
        trace["line"] = {"color": curve.colour, "width": curve.width, "dash": curve.dash}
    return trace


def _dots(marks: Sequence[Mark], axis: Axis, y: str) -> dict[str, Any]:
    ordered = sorted(marks, key=lambda m: m.row)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "yaxis": y,
        "x": [axis.at(m.row) for m in ordered],
        "y": [m.value for m in ordered],
        "text": [m.label for m in ordered],
        "customdata": [m.target for m in ordered],
        "textposition": "top center",
        "textfont": {"size": 11, "color": "--alarm"},
        "marker": {"color": "--alarm", "size": 6, "line": {"color": "--page", "width": 1}},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def _scale(panel: Panel) -> tuple[str, tuple[float, float]]:
    """Linear or logarithmic, and the range of values shown."""
    values = np.concatenate([c.values[np.isfinite(c.values)] for c in panel.curves] or [np.zeros(0)]).astype(np.float64)
    if not values.size:
        return "linear", (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    level = panel.level if panel.level is not None and np.isfinite(panel.level) else None
    if level is not None:
        if 0 < level * _LOG_FROM < high:
            return "log", (max(level / 100, low if low > 0 else 0.0), high * (high / level) ** 0.12)
        low, high = min(low, level), max(high, level)
    if panel.usual is not None and panel.usual[1] - panel.usual[0] < 10 * (high - low):
        low, high = min(low, panel.usual[0]), max(high, panel.usual[1])
    room = _HEADROOM * (high - low) or 0.5 * abs(high) or 1.0
    return "linear", (low - room, high + room * (2.5 if panel.marks else 1))


def _y_axis(scale: str, reach: tuple[float, float]) -> dict[str, Any]:
    shown = reach if scale == "linear" else tuple(float(np.log10(v)) for v in reach)
    return {
        "type": scale,
        "range": [float(f"{v:.7g}") for v in shown],
        "fixedrange": True,
        "nticks": 4,
        "zeroline": False,
        "gridcolor": "--grid",
        "tickfont": {"size": 10, "color": "--muted"},
        "exponentformat": "SI",
    } | ({"dtick": 1} if scale == "log" else {})


def _x_axis(axis: Axis, rows: tuple[int, int], anchor: str) -> dict[str, Any]:
    first, last = axis.at(rows[0]), axis.at(rows[1] - 1)
    margin = (last - first) * 0.004 or 0.5
    return {
        "type": "date" if axis.is_time else "linear",
        "range": [first - margin, last + margin],
        "anchor": anchor,
        "gridcolor": "--grid",
        "zeroline": False,
        "tickfont": {"size": 10, "color": "--muted"},
        "title": {"text": chart_text(axis.title), "font": {"size": 10, "color": "--muted"}, "standoff": 6},
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "dot",
        "spikecolor": "--muted",
    }


def _shade(band: Band, axis: Axis) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": axis.at(band.start),
        "x1": axis.at(band.stop - 1),
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "fillcolor": "--alarm",
        # The outline keeps an anomaly of a single row visible among a million.
        "line": {"color": "--alarm", "width": 1},
        "opacity": 0.2 if band.strong else 0.13,
    }


def _behind(panel: Panel, y: str, reach: tuple[float, float]) -> list[dict[str, Any]]:
    across = {"xref": "paper", "x0": 0, "x1": 1, "yref": y, "layer": "below"}
    shapes = []
    if panel.usual is not None:
        low, high = (float(f"{min(max(v, reach[0]), reach[1]):.7g}") for v in panel.usual)
        shapes.append(
            {"type": "rect", "y0": low, "y1": high, "fillcolor": "--usual", "line": {"width": 0}, "opacity": 0.55}
            | across
        )
    if panel.level is not None and np.isfinite(panel.level):
        level = float(f"{panel.level:.6g}")
        line = {"color": "--alarm", "width": 1, "dash": "dash"}
        shapes.append({"type": "line", "y0": level, "y1": level, "line": line} | across)
    return shapes


def _note(title: str, top: float) -> dict[str, Any]:
    return {
        "text": chart_text(title, 64),
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": top,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": "--ink"},
    }
