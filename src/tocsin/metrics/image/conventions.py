"""Other people's AU-PRO and pixel numbers, reproduced from the ranked pixels so that published tables can be compared.

None of these is better than the exact area; most move when the scores are rescaled, which the exact one never does.

=============  ====================================================================================================
``mvtec-ad``   MVTec AD evaluation code: every distinct score, linear in between.  The exact area.
``anomalib``   anomalib 2.3 and later: every distinct score, interpolated at the limit.  The exact area.
``mvtec-3d``   MVTec 3D-AD code: thresholds at equal rank steps of the *normal* scores (100; Real-IAD uses 1000),
               ``score > t``; low for few steps.
``adeval``     ADEval 1.1: 1000 equal bins between the lowest and highest score, float32 region weights.
``ader``       ADer as its benchmark is configured: ADEval with 50 bins.  An exponential of the maps costs it .37.
``ader-loop``  ADer's own loop: thresholds at equal steps of the score (200), ``score > t``, only points below the
               limit, whose false positive rates are stretched to fill 0 to 1.
=============  ====================================================================================================

References
----------
Bergmann, P. et al. IJCV 129 (2021); Bergmann, P. et al. The MVTec 3D-AD Dataset. VISAPP (2022); Zhang, J. et al.
A Comprehensive Library for Benchmarking Multi-class Visual Anomaly Detection. arXiv 2406.03262 (2024).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, Undefined, check_count
from tocsin.metrics.ranks import Ranking

Floats = npt.NDArray[np.float64]
GUARD = 1e-8  # what ADer adds to its denominators
ALL_EQUAL = "all scores are equal, and this convention spreads its thresholds between the lowest and the highest"


class WeightedCurve:
    """False positive rate, pixel and region recall of one class at any thresholds.

    Parameters
    ----------
    ranking : Ranking
    region_area : array of int, shape (anomalous pixels,)
        The area of the region of each anomalous pixel, in rising order of score.
    """

    def __init__(self, ranking: Ranking, region_area: npt.NDArray[np.int64]) -> None:
        self.ranking = ranking
        self.region_area = region_area

    def fpr(self, thresholds: FloatArray, *, strict: bool = False) -> Floats:
        """Return the share of normal pixels scored at least (``strict``: more than) each threshold."""
        return np.asarray(self.ranking.false_positives(thresholds, strict=strict) / self.ranking.n_negative)

    def pro(self, thresholds: FloatArray, *, strict: bool = False, weight_dtype: Any = np.float64) -> Floats:
        """Return the mean over regions of the share of their pixels found at each threshold."""
        weights = (1.0 / self.region_area).astype(weight_dtype).astype(np.float64)
        sums = np.concatenate(([0.0], np.cumsum(weights)))
        missed = len(self.region_area) - np.asarray(self.ranking.true_positives(thresholds, strict=strict))
        return np.asarray((sums[-1] - sums[missed]) / sums[-1])

    def span(self) -> tuple[float, float]:
        """Return the lowest and the highest score."""
        ends = [a[[0, -1]] for a in (self.ranking.negatives, self.ranking.positives) if len(a)]
        return float(min(e[0] for e in ends)), float(max(e[1] for e in ends))


def exact_au_pro(curve: WeightedCurve, limit: float, steps: int | None) -> float:
    """Return the area through every distinct score; ``steps`` must be None."""
    if steps is not None:
        raise MetricError("steps has no meaning where every distinct score is a threshold: leave it out")
    share = 1.0 / curve.region_area
    gains = curve.ranking.positive_areas(limit)
    return float(np.dot(share, gains) / (share.sum() * limit))


def mvtec_3d_au_pro(curve: WeightedCurve, limit: float, steps: int | None) -> float:
    """Return the area through thresholds at equal rank steps of the normal scores (default 100)."""
    normal = curve.ranking.negatives
    ranks = np.linspace(0, len(normal) - 1, num=_steps(steps, 100), dtype=int)
    # The rate is read off the rank, so tied normal scores count as if they were apart.
    rates = np.concatenate(([1.0], 1.0 - (ranks + 1) / len(normal)))
    overlaps = np.concatenate(([1.0], curve.pro(normal[ranks], strict=True)))
    return area_below(rates[::-1], overlaps[::-1], limit) / limit


def adeval_au_pro(curve: WeightedCurve, limit: float, steps: int | None) -> float:
    """Return the area through the edges of equal bins of the score (default 1000)."""
    edges = _edges(curve, _steps(steps, 1000))
    if edges is None:
        return Undefined(ALL_EQUAL)
    return area_below(curve.fpr(edges)[::-1], curve.pro(edges, weight_dtype=np.float32)[::-1], limit) / limit


def ader_au_pro(curve: WeightedCurve, limit: float, steps: int | None) -> float:
    """Return the ADEval area with the 50 bins of ADer's benchmark."""
    return adeval_au_pro(curve, limit, _steps(steps, 50))


def ader_loop_au_pro(curve: WeightedCurve, limit: float, steps: int | None) -> float:
    """Return the area of ADer's threshold loop (default 200 steps)."""
    low, high = curve.span()
    if low == high:
        return Undefined(ALL_EQUAL)
    kind = curve.ranking.negatives.dtype.type
    first, last = kind(low), kind(high)
    thresholds = np.arange(first, last, (last - first) / _steps(steps, 200))
    rates, overlaps = curve.fpr(thresholds, strict=True), curve.pro(thresholds, strict=True)
    kept = rates < limit
    rates, overlaps = rates[kept], overlaps[kept]
    if not len(rates) or rates.max() == rates.min():
        return Undefined("too few thresholds of this convention have a false positive rate below the limit")
    stretched = (rates - rates.min()) / (rates.max() - rates.min())
    return _trapezoid(overlaps[::-1], stretched[::-1])


AU_PRO_CONVENTIONS: dict[str, Callable[[WeightedCurve, float, int | None], float]] = {
    "mvtec-ad": exact_au_pro,
    "anomalib": exact_au_pro,
    "mvtec-3d": mvtec_3d_au_pro,
    "adeval": adeval_au_pro,
    "ader": ader_au_pro,
    "ader-loop": ader_loop_au_pro,
}


def adeval_pixels(curve: WeightedCurve, steps: int = 1000) -> dict[str, float]:
    """Return ADEval's binned pixel AUROC, trapezoid PR area (without the point at recall 0) and AU-PRO up to 0.3."""
    edges = _edges(curve, steps)
    if edges is None:
        nothing = Undefined(ALL_EQUAL)
        return {"pixel_auroc": nothing, "pixel_pr_trapezoid": nothing, "au_pro": nothing}
    tp = np.asarray(curve.ranking.true_positives(edges), np.float64)[::-1]
    fp = np.asarray(curve.ranking.false_positives(edges), np.float64)[::-1]
    recall, rate = tp / curve.ranking.n_positive, fp / curve.ranking.n_negative
    precision = np.divide(tp, tp + fp, out=np.ones_like(tp), where=tp + fp > 0)
    return {
        "pixel_auroc": _trapezoid(recall, rate),
        "pixel_pr_trapezoid": _trapezoid(precision, recall),
        "au_pro": adeval_au_pro(curve, 0.3, steps),
    }


def ader_pixels(curve: WeightedCurve) -> dict[str, float]:
    """Return ADer's grid numbers: best F1 and IoU over 21 thresholds of the min-max scaled maps, and means over 7.

    Maps of the class are scaled together to 0-1; thresholds are 0, .05, ..., 1 (``score > t``) and .2, .3, ..., .8 for
    ``pixel_f1_.2_.8``, ``pixel_acc_.2_.8`` (recall of anomalous pixels) and ``pixel_iou_.2_.8``.
    """
    names = ("pixel_f1_max", "pixel_iou_max", "pixel_f1_.2_.8", "pixel_acc_.2_.8", "pixel_iou_.2_.8")
    low, high = curve.span()
    if low == high:
        return dict.fromkeys(names, Undefined(ALL_EQUAL))
    f1, _, iou = _on_grid(curve, np.arange(21, dtype=np.float64) * 0.05, low, high)
    means = [float(values.mean()) for values in _on_grid(curve, np.arange(2, 9, dtype=np.float64) * 0.1, low, high)]
    return dict(zip(names, (float(f1.max()), float(iou.max()), *means), strict=True))


def _on_grid(curve: WeightedCurve, grid: Floats, low: float, high: float) -> tuple[Floats, Floats, Floats]:
    """Return ADer's F1, recall and IoU where the scaled score exceeds each threshold of the grid."""
    tp, fp = (
        len(scores) - np.searchsorted((scores - low) / (high - low), grid, side="right")
        for scores in (curve.ranking.positives, curve.ranking.negatives)
    )
    n = curve.ranking.n_positive
    precision, recall = tp / (tp + fp + GUARD), tp / (n + GUARD)
    return 2 * precision * recall / (precision + recall + GUARD), recall, tp / (fp + n + GUARD)


def area_below(x: Floats, y: Floats, limit: float) -> float:
    """Return the area under straight lines between points of rising ``x`` up to ``limit``, interpolating at it.

    The curve is held flat where the points do not reach the limit.
    """
    inside = x <= limit
    xs, ys = x[inside], y[inside]
    after = int(np.count_nonzero(inside))
    if 0 < after < len(x) and xs[-1] < limit:
        slope = (y[after] - ys[-1]) / (x[after] - xs[-1])
        xs, ys = np.append(xs, limit), np.append(ys, ys[-1] + slope * (limit - xs[-1]))
    return _trapezoid(ys, xs)


def _trapezoid(y: Floats, x: Floats) -> float:
    return float(np.dot(np.diff(x), y[1:] + y[:-1]) / 2.0)


def _edges(curve: WeightedCurve, steps: int) -> npt.NDArray[np.float32] | None:
    low, high = curve.span()
    if low == high:
        return None
    scale = np.linspace(0.0, 1.0, num=steps + 1, dtype=np.float32)
    return np.asarray(scale * np.float32(high - low) + np.float32(low))


def _steps(steps: int | None, default: int) -> int:
    return default if steps is None else check_count(steps, "steps", least=2)
