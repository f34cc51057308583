"""The benchmark average mAD."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tocsin.metrics._checks import MetricError, Undefined, reason_of

MEAN_AD_PARTS = ("image_auroc", "image_ap", "image_f1_max", "pixel_auroc", "pixel_ap", "pixel_f1_max", "au_pro@0.3")


def mean_ad(metrics: Mapping[str, float]) -> float:
    """Return mAD, the mean of seven metrics: image and pixel AUROC, AP and F1-max, and AU-PRO up to 0.3.

    Parameters
    ----------
    metrics : mapping
        Holds at least the names of ``MEAN_AD_PARTS``, all as shares or all in percent.

    Raises
    ------
    MetricError
        If one of the seven is missing.

    References
    ----------
    Zhang, J. et al. A Comprehensive Library for Benchmarking Multi-class Visual Anomaly Detection. arXiv 2406.03262
    (2024).

    Examples
    --------
    >>> patchcore = dict(zip(MEAN_AD_PARTS, (98.8, 99.5, 98.4, 98.3, 59.9, 61.0, 94.2)))
    >>> round(mean_ad(patchcore), 1)
    87.2
    """
    missing = [name for name in MEAN_AD_PARTS if name not in metrics]
    if missing:
        raise MetricError(f"mAD is the mean of seven metrics, and {', '.join(missing)} is missing")
    values = [metrics[name] for name in MEAN_AD_PARTS]
    for name, value in zip(MEAN_AD_PARTS, values, strict=True):
        if np.isnan(value):
            return Undefined(f"{name} is undefined: {reason_of(value) or 'it is NaN'}")
    return float(np.mean(values))
