"""Averages over classes, and the benchmark average mAD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tocsin.metrics._checks import MetricError, Undefined, reason_of

MEAN_AD_PARTS = ("image_auroc", "image_ap", "image_f1_max", "pixel_auroc", "pixel_ap", "pixel_f1_max", "au_pro@0.3")


@dataclass(frozen=True)
class MacroMean:
    """The arithmetic mean over classes that have a value, and why the others have none."""

    value: float
    n_classes: int
    skipped: dict[str, str]


def macro_mean(by_class: Mapping[str, float]) -> MacroMean:
    """Average one metric over classes; pixels of several classes are never pooled.

    Examples
    --------
    >>> macro_mean({"bottle": 0.9, "cable": 0.7, "screw": Undefined("no anomaly")})
    MacroMean(value=0.8, n_classes=2, skipped={'screw': 'no anomaly'})
    """
    skipped = {name: reason_of(value) or "no value" for name, value in by_class.items() if np.isnan(value)}
    known = [float(value) for value in by_class.values() if not np.isnan(value)]
    value = float(np.mean(known)) if known else Undefined("no class has a value")
    return MacroMean(value, len(known), skipped)


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
