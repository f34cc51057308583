"""A matrix as a chart: places of a sample against places of the same sample, the anomaly framed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.report.compact import steps
from tocsin.report.figure import Axis
from tocsin.report.words import chart_text

if TYPE_CHECKING:
    from tocsin.core.pictures import Matrix
    from tocsin.core.types import FloatArray, IntArray

# More cells than this in a line are narrower than can be told apart, and cost more than they show.
MOST_CELLS = 96
_HEIGHT = 380
_FINENESS = 100
_TICKS = {"size": 10, "color": "--muted"}


def heat_map(matrix: Matrix, axis: Axis) -> dict[str, Any]:
    """Return the figure of a matrix whose places are rows on `axis`."""
    values, down, across = thinned(matrix)
    span = [(axis.at(a), axis.at(b - 1)) for a, b in (matrix.span, *matrix.related)]
    whole = [(axis.at(int(starts[0])), axis.at(int(starts[-1]))) for starts in (matrix.across, matrix.down)]
    heat = {
        "type": "heatmap",
        "x": steps(axis.positions[np.minimum(across, len(axis.positions) - 1)]),
        "y": steps(axis.positions[np.minimum(down, len(axis.positions) - 1)]),
        "z": _rounded(values, (matrix.high - matrix.low) / _FINENESS),
        "zmin": matrix.low,
        "zmax": matrix.high,
        "colorscale": [[0, "--card"], [1, "--line"]],
        "colorbar": {"thickness": 8, "outlinewidth": 0, "tickfont": _TICKS, "nticks": 5},
        "hovertemplate": "%{x}<br>%{y}<br>%{z}<extra></extra>",
    }
    layout = {
        "height": _HEIGHT,
        "margin": {"l": 64, "r": 10, "t": 26, "b": 40},
        "hovermode": "closest",
        "xaxis": _axis(axis, axis.title),
        # Time runs down as it runs to the right: the diagonal is every moment against itself.
        "yaxis": _axis(axis, "") | {"autorange": "reversed"},
        "shapes": [
            _frame(span[0], whole[1], strong=False),
            _frame(whole[0], span[0], strong=False),
            *(_frame(other, span[0], strong=True) for other in span[1:]),
        ],
        "annotations": [
            {
                "text": chart_text(matrix.title, 64),
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": "--ink"},
            }
        ],
    }
    return {"data": [heat], "layout": layout}


def thinned(matrix: Matrix) -> tuple[FloatArray, IntArray, IntArray]:
    """Return means over blocks of cells, at most `MOST_CELLS` a side, and the place in the middle of each.

    Examples
    --------
    >>> from tocsin.core.pictures import Matrix
    >>> m = Matrix(np.eye(2), np.array([0, 4]), np.array([0, 4]), "", "", (0, 4))
    >>> thinned(m)[0].tolist(), thinned(m)[1].tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [2, 6])
    """
    values = matrix.values.astype(np.float64)
    for side in (0, 1):
        n = values.shape[side]
        edges = _edges(n)
        known = np.isfinite(values)
        total = np.add.reduceat(np.where(known, values, 0.0), edges[:-1], axis=side)
        count = np.add.reduceat(known.astype(np.float64), edges[:-1], axis=side)
        values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return values, _middles(matrix.down), _middles(matrix.across)


def _edges(n: int) -> IntArray:
    return np.unique(np.linspace(0, n, min(n, MOST_CELLS) + 1).astype(np.int64))


def _middles(starts: IntArray) -> IntArray:
    """The place in the middle of each block; the last cell is as wide as the one before it."""
    width = int(starts[-1] - starts[-2]) if len(starts) > 1 else 1
    ends = np.append(starts, starts[-1] + width)
    edges = ends[_edges(len(starts))]
    return np.asarray((edges[:-1] + edges[1:]) // 2)


def _rounded(values: FloatArray, step: float) -> list[list[float | None]]:
    digits = max(0, int(np.ceil(-np.log10(step))))
    return [[None if v != v else v for v in line] for line in np.round(values, digits).tolist()]


def _axis(axis: Axis, title: str) -> dict[str, Any]:
    return {
        "type": "date" if axis.is_time else "linear",
        "showgrid": False,
        "zeroline": False,
        "nticks": 6,
        "tickfont": _TICKS,
        "title": {"text": chart_text(title), "font": _TICKS, "standoff": 6},
    }


def _frame(across: tuple[float, float], down: tuple[float, float], *, strong: bool) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "y",
        "x0": across[0],
        "x1": across[1],
        "y0": down[0],
        "y1": down[1],
        "line": {"color": "--alarm", "width": 2 if strong else 1, "dash": "solid" if strong else "dot"},
    }
