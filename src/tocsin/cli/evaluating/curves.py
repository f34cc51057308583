"""Charts of an evaluation: ROC and precision-recall curves, and scores over what is labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.metrics.ranks import Ranking
from tocsin.metrics.runs import runs
from tocsin.report.figure import Axis, Band, Curve, Panel, stack
from tocsin.report.thin import above, jumps, pixel_starts, thin, with_breaks
from tocsin.report.words import chart_text

if TYPE_CHECKING:
    from tocsin.bench.evaluate import Pair

_POINTS = 300
_PIXELS = 1200
_DRAWN = 12
_MOST_BANDS = 400
_HEIGHT = 330
_COLOURS = ("--line", "--expected", "--alarm", "--score")


def pair_of_curves(rankings: Sequence[tuple[str, Ranking]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the ROC and the precision-recall chart of some rankings, one line each.

    Parameters
    ----------
    rankings : sequence of (name, Ranking)
        Those without anomalous or without normal places are left out.
    """
    drawn = [(n, r) for n, r in rankings if r.n_positive and r.n_negative][:_DRAWN]
    roc, pr = [], []
    for name, ranking in drawn:
        curves = ranking.curves()
        kept = _kept(len(curves.recall))
        roc.append((name, np.append(0.0, curves.fpr[kept]), np.append(0.0, curves.recall[kept])))
        pr.append((name, curves.recall[kept], curves.precision[kept]))
    shares = [r.n_positive / (r.n_positive + r.n_negative) for _, r in drawn]
    # Where a few lines differ in their share of anomalies each has its own; many are summed up by their mean.
    bases = sorted(set(shares)) if len(shares) <= len(_COLOURS) else [float(np.mean(shares))]
    return (
        _chart(roc, "false positive rate", "recall (true positive rate)", [[(0.0, 0.0), (1.0, 1.0)]]),
        _chart(pr, "recall", "precision", [[(0.0, base), (1.0, base)] for base in bases], steps=True),
    )


def scores_over_labels(pair: Pair) -> dict[str, Any]:
    """Return the chart of one series: its score, with what is labelled shaded behind it."""
    n = len(pair.scores)
    time = None if pair.time is None or (np.diff(pair.time) < 0).any() else pair.time.astype("datetime64[ns]")
    axis = Axis(np.arange(n), "row") if time is None else Axis(time, "time (UTC)")
    found = runs(pair.labels)
    tops = np.array(
        [a + int(np.argmax(pair.scores[a:b])) for a, b in zip(found.start, found.stop, strict=True)], np.int64
    )
    keep = np.unique(np.concatenate([tops, above(pair.scores, float(np.quantile(pair.scores, 0.999)))]))
    rows, holes = with_breaks(thin(pair.scores, pixel_starts(n, _PIXELS, time), keep), jumps(time))
    curve = Curve(rows, pair.scores[rows], holes, "score", "--score")
    bands = [Band(int(a), int(b)) for a, b in zip(found.start[:_MOST_BANDS], found.stop[:_MOST_BANDS], strict=True)]
    return stack([Panel("Score; shaded: labelled as anomalous", [curve], height=130)], axis, bands, (0, n))


def item_scores(labels: Any, scores: Any) -> dict[str, Any]:
    """Return the chart of items in falling order of score: anomalous ones are dots in the colour of alarms."""
    order = np.argsort(-scores, kind="stable")[:5000]
    data = []
    for marked, colour, name in ((False, "--muted", "normal"), (True, "--alarm", "anomalous")):
        place = np.flatnonzero(labels[order] == marked)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": (place + 1).tolist(),
                "y": [float(f"{v:.6g}") for v in scores[order][place]],
                "marker": {"color": colour, "size": 5},
            }
        )
    return {"data": data, "layout": _layout("rank, highest score first", "score", None) | {"height": 220}}


def _kept(count: int) -> Any:
    """Return which points of a long curve to draw: dense where few places are alarms, and both ends."""
    if count <= _POINTS:
        return np.arange(count)
    even = np.linspace(0, count - 1, _POINTS // 2)
    early = np.geomspace(1, count, _POINTS // 2) - 1
    return np.unique(np.concatenate([even, early]).astype(np.int64))


def _chart(
    lines: Sequence[tuple[str, Any, Any]],
    x: str,
    y: str,
    guides: Sequence[Sequence[tuple[float, float]]],
    *,
    steps: bool = False,
) -> dict[str, Any]:
    """Return the chart of some lines over dashed ones that stand for chance; a few lines are named inside it."""
    few = len(lines) <= len(_COLOURS)
    data: list[dict[str, Any]] = [
        _line("", [x for x, _ in guide], [y for _, y in guide], {"color": "--muted", "width": 1, "dash": "dash"})
        | {"hoverinfo": "skip"}
        for guide in guides
    ]
    for number, (name, across, up) in enumerate(lines):
        pen = {
            "color": _COLOURS[number] if few else "--line",
            "width": 1.6,
            "shape": "vh" if steps else "linear",
        }
        drawn = _line(name, np.round(across, 5).tolist(), np.round(up, 5).tolist(), pen)
        data.append(drawn | {"opacity": 1.0 if few else 0.55, "hovertemplate": "%{y:.3f}"})
    names = [
        _name(name, _COLOURS[number], number, top=steps)
        for number, (name, _, _) in enumerate(lines)
        if few and len(lines) > 1
    ]
    return {"data": data, "layout": _layout(x, y, (-0.02, 1.03)) | {"height": _HEIGHT, "annotations": names}}


def _line(name: str, x: Sequence[float], y: Sequence[float], pen: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": chart_text(name), "x": list(x), "y": list(y), "line": pen}


def _name(name: str, colour: str, number: int, *, top: bool) -> dict[str, Any]:
    """Write the name of a line in its colour, in the corner that such curves leave free."""
    return {
        "text": chart_text(name),
        "xref": "paper",
        "yref": "paper",
        "x": 0.99,
        "y": 0.98 - 0.06 * number if top else 0.04 + 0.06 * number,
        "xanchor": "right",
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": 11, "color": colour},
    }


def _layout(x: str, y: str, reach: tuple[float, float] | None) -> dict[str, Any]:
    def axis(title: str) -> dict[str, Any]:
        return {
            "type": "linear",
            "gridcolor": "--grid",
            "zeroline": False,
            "tickfont": {"size": 10, "color": "--muted"},
            "title": {"text": chart_text(title), "font": {"size": 10, "color": "--muted"}, "standoff": 6},
        } | ({} if reach is None else {"range": list(reach)})

    return {"margin": {"l": 52, "r": 12, "t": 8, "b": 42}, "xaxis": axis(x), "yaxis": axis(y)}
