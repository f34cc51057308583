"""Each image metric as one call on masks and maps of one class; `PixelEvaluation` gives all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tocsin.metrics._checks import MetricError
from tocsin.metrics.image._inputs import Maps, Masks, pairs
from tocsin.metrics.image.pixels import PixelEvaluation
from tocsin.metrics.image.result import PixelResult
from tocsin.metrics.image.saturated import DefectChannel, SaturatedEvaluation
from tocsin.metrics.ranks import OraclePoint


def evaluate_pixels(masks: Masks, maps: Maps, *, connectivity: int = 8, resampling: bool = False) -> PixelResult:
    """Rank the pixels of one class of pictures.

    Parameters
    ----------
    masks : iterable of array-like (height, width), or None for good pictures
        0 where normal, above 0 where anomalous.
    maps : iterable of array-like (height, width)
        Higher is stranger.
    connectivity, resampling
        See `PixelEvaluation`.
    """
    known = sum(np.size(m) for m in maps) if isinstance(maps, Sequence | np.ndarray) else 0
    evaluation = PixelEvaluation(connectivity=connectivity, expected_pixels=known, resampling=resampling)
    for score_map, mask in pairs(maps, masks):
        evaluation.update(score_map, mask)
    return evaluation.compute()


def pixel_auroc(masks: Masks, maps: Maps, max_fpr: float = 1.0, *, standardised: bool = False) -> float:
    """Return the AUROC of all pixels, up to a false positive rate if one is given.

    Examples
    --------
    >>> pixel_auroc([[[0, 1, 0]]], [[[0.2, 0.6, 0.9]]])
    0.5
    """
    return evaluate_pixels(masks, maps).auroc(max_fpr, standardised=standardised)


def pixel_average_precision(masks: Masks, maps: Maps) -> float:
    """Return the average precision (step sum) of all pixels."""
    return evaluate_pixels(masks, maps).average_precision()


def pixel_pr_area_trapezoid(masks: Masks, maps: Maps) -> float:
    """Return the precision-recall area of all pixels under straight lines; only to reproduce published numbers."""
    return evaluate_pixels(masks, maps).pr_area_trapezoid()


def pixel_oracle_f1(masks: Masks, maps: Maps) -> OraclePoint:
    """Return the best pixel F1 of any threshold, and that threshold."""
    return evaluate_pixels(masks, maps).oracle_f1()


def pixel_oracle_iou(masks: Masks, maps: Maps) -> OraclePoint:
    """Return the best pooled intersection over union of any threshold, and that threshold."""
    return evaluate_pixels(masks, maps).oracle_iou()


def pixel_f1_at(masks: Masks, maps: Maps, threshold: float) -> float:
    """Return the pixel F1 at a threshold chosen elsewhere (SegF1 of MVTec AD 2)."""
    return evaluate_pixels(masks, maps).at_threshold(threshold).f1


def au_pro(
    masks: Masks, maps: Maps, limit: float = 0.3, *, convention: str = "exact", steps: int | None = None
) -> float:
    """Return the area under the per-region overlap curve; see `PixelResult.au_pro`.

    Examples
    --------
    >>> mask = [[0, 0, 1], [0, 0, 1]]
    >>> au_pro([mask], [[[0.1, 0.2, 0.9], [0.3, 0.1, 0.8]]])
    1.0
    >>> round(au_pro([mask], [[[1, 1, 1], [1, 1, 1]]], limit=0.05), 6)  # a constant map gets half the limit
    0.025
    """
    return evaluate_pixels(masks, maps).au_pro(limit, convention=convention, steps=steps)


def au_spro(
    channels: Sequence[Sequence[DefectChannel]],
    maps: Maps,
    limit: float = 0.05,
    *,
    kinds: Sequence[str] | None = None,
) -> float:
    """Return the area under the saturated per-region overlap curve; see `SaturatedEvaluation`.

    Parameters
    ----------
    channels : sequence of sequences of DefectChannel
        Per picture; empty for good ones.
    maps : iterable of array-like (height, width)
    limit : float in (0, 1]
    kinds : sequence of str, optional
        "logical" or "structural" of each picture; the kinds are scored apart and averaged.
    """
    evaluation = SaturatedEvaluation()
    pictures = 0
    for number, score_map in enumerate(maps):
        pictures += 1
        if number >= len(channels) or (kinds is not None and number >= len(kinds)):
            break
        evaluation.update(score_map, channels[number], kind="anomalous" if kinds is None else kinds[number])
    if pictures != len(channels) or (kinds is not None and len(kinds) != len(channels)):
        raise MetricError("maps, channels and kinds must describe the same pictures, but their numbers differ")
    return evaluation.au_spro(limit)
