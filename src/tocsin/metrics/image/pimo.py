"""AUPIMO: how much of each defect is found while good pictures stay all but free of false alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, Undefined, check_fraction
from tocsin.metrics.image._inputs import NO_ANOMALOUS_PIXEL, Maps, Masks, check_image, pairs
from tocsin.metrics.ranks import Ranking

LEAST_PIXELS = 10  # false positives that the lower bound must allow, or the curve's left end hangs on single pixels


@dataclass(frozen=True)
class PerImageOverlap:
    """AUPIMO of one class.

    Attributes
    ----------
    mean : float
        Mean over the anomalous pictures.
    per_image : array of float, shape (images,)
        The score of each picture, in the order given; NaN for good ones.
    bounds : tuple of float
        The false positive rates between which the curves were averaged.
    thresholds : tuple of float
        The scores at which good pictures reach those rates: the lower bound's and the upper bound's.
    """

    mean: float
    per_image: npt.NDArray[np.float64]
    bounds: tuple[float, float]
    thresholds: tuple[float, float]


def aupimo(maps: Maps, masks: Masks, bounds: tuple[float, float] = (1e-5, 1e-4)) -> PerImageOverlap:
    """Return the area under each picture's recall over the logarithm of the false positive rate on good pictures.

    Parameters
    ----------
    maps : iterable of array-like, each (height, width)
    masks : iterable of array-like or None
        One per map; None or all zero for good pictures.
    bounds : (low, high)
        False positive rates between which to average.

    Returns
    -------
    PerImageOverlap
        Its values are NaN with a reason where there is no anomalous picture, or where good pictures have too few
        pixels to allow 10 false positives at the lower bound.

    Raises
    ------
    MetricError
        If a map and its mask differ in size, or the bounds do not rise within (0, 1].

    Notes
    -----
    The shared rate is the mean over good pictures of each one's rate.  Every distinct score is a threshold and the
    curve is straight between their points on the logarithmic axis; pixels tied with the very highest normal score,
    whose line would start at rate 0, count only from the rate at which they are in.  The reference samples thresholds
    and interpolates, so it differs in the third digit.

    References
    ----------
    Bertoldo, J. P. C. et al. AUPIMO: Redefining Visual Anomaly Detection Benchmarks with High Speed and Low Tolerance.
    BMVC (2024).

    Examples
    --------
    >>> good, bad = np.arange(100.0).reshape(10, 10), np.full((2, 2), 95.5)
    >>> round(aupimo([good, bad], [None, [[1, 1], [1, 1]]], bounds=(0.1, 0.2)).mean, 3)
    1.0
    """
    low, high = (check_fraction(b, "bounds", open_left=True) for b in bounds)
    if low >= high:
        raise MetricError(f"bounds must rise, but are {bounds}")
    normal: list[FloatArray] = []
    anomalous: list[FloatArray | None] = []
    for number, (score_map, mask) in enumerate(pairs(maps, masks)):
        scores, foreground = check_image(score_map, mask, f"image {number}")
        if foreground is None or not foreground.any():
            normal.append(scores.ravel())
            anomalous.append(None)
        else:
            anomalous.append(scores[foreground])
    per_image = np.full(len(anomalous), np.nan)
    reason = _why_undefined(sum(map(len, normal)), any(a is not None for a in anomalous), low)
    if reason is not None:
        nothing = Undefined(reason)
        return PerImageOverlap(nothing, per_image, (low, high), (nothing, nothing))
    ranking = _rank(normal)
    for number, scores_or_none in enumerate(anomalous):
        if scores_or_none is not None:
            per_image[number] = _gain(ranking, scores_or_none, low, high).mean() / np.log(high / low)
    thresholds = (_threshold(ranking, low), _threshold(ranking, high))
    return PerImageOverlap(float(np.nanmean(per_image)), per_image, (low, high), thresholds)


def _why_undefined(n_normal: int, any_anomalous: bool, low: float) -> str | None:
    if not any_anomalous:
        return NO_ANOMALOUS_PIXEL
    if n_normal * low < LEAST_PIXELS:
        return (
            f"a false positive rate of {low:g} needs {int(np.ceil(LEAST_PIXELS / low))} pixels of good pictures, and "
            f"there are {n_normal}: raise the lower bound"
        )
    return None


def _rank(normal: list[FloatArray]) -> Ranking:
    """Rank the pixels of good pictures so that every picture weighs the same."""
    scores = np.concatenate(normal)
    if len({len(picture) for picture in normal}) == 1:
        return Ranking(np.sort(scores), scores[:0])
    weights = np.concatenate([np.full(len(picture), 1.0 / len(picture)) for picture in normal])
    order = np.argsort(scores)
    return Ranking(scores[order], scores[:0], weights[order], np.empty(0))


def _gain(ranking: Ranking, scores: FloatArray, low: float, high: float) -> npt.NDArray[np.float64]:
    """Return what each pixel adds to the area over ln(rate) between the bounds."""
    above = ranking.false_positives(scores, strict=True) / ranking.n_negative
    level = ranking.false_positives(scores) / ranking.n_negative
    with np.errstate(divide="ignore"):
        end = np.log(level)
        start = np.where(above > 0, np.log(above), end)
    return _ramp(np.log(high), start, end) - _ramp(np.log(low), start, end)


def _ramp(x: float, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Integrate up to ``x`` a function that climbs from 0 at ``start`` to 1 at ``end``.

    A pixel above every normal one (``end`` is minus infinity) is found from the first bound on.
    """
    floor = -1e3  # far left of any bound: rates below exp(-1000) do not occur
    start, end = np.maximum(start, floor), np.maximum(end, floor)
    width = np.maximum(end - start, np.finfo(np.float64).tiny)
    climbing = np.square(np.clip(x - start, 0.0, end - start)) / (2.0 * width)
    return climbing + np.maximum(x - end, 0.0)


def _threshold(ranking: Ranking, rate: float) -> float:
    """Return the lowest normal score whose false positive rate does not exceed ``rate``."""
    distinct = np.unique(ranking.negatives)
    allowed = ranking.false_positives(distinct) / ranking.n_negative <= rate
    return float(distinct[int(np.argmax(allowed))]) if allowed.any() else float("inf")
