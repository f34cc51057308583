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
    base = float(np.mean(shares)) if shares else 0.0
    return (
        _chart(roc, "false positive rate", "recall (true positive rate)", [(0.0, 0.0), (1.0, 1.0)]),
        _chart(pr, "recall", "precision", [(0.0, base), (1.0, base)], steps=True),
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
    lines: Sequence[tuple[str, Any, Any]], x: str, y: str, guide: Sequence[tuple[float, float]], *, steps: bool = False
) -> dict[str, Any]:
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [p[0] for p in guide],
            "y": [p[1] for p in guide],
            "line": {"color": "--muted", "width": 1, "dash": "dash"},
            "hoverinfo": "skip",
        }
    ]
    for name, across, up in lines:
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": chart_text(name),
                "x": np.round(across, 5).tolist(),
                "y": np.round(up, 5).tolist(),
                "line": {"color": "--line", "width": 1.6, "shape": "vh" if steps else "linear"},
                "opacity": 1.0 if len(lines) == 1 else 0.55,
                "hovertemplate": "%{y:.3f}",
            }
        )
    return {"data": data, "layout": _layout(x, y, (-0.02, 1.03)) | {"height": _HEIGHT}}


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
