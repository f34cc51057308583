"""Whether scores that claim to be probabilities are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, check_count, check_pair

CLIP = 1e-12  # keeps the logarithm finite for a probability of 0 or 1 that was wrong


@dataclass(frozen=True)
class CalibrationErrors:
    """How far claimed probabilities are from observed shares; lower is better for each.

    Attributes
    ----------
    ece, mce : float
        Expected and maximum gap between mean probability and share of anomalies, over equal-width bins.
    ace : float
        The expected gap over bins of equal numbers of places (equal probabilities stay together).
    brier : float
        Mean squared error.
    nll : float
        Mean negative log-likelihood in nats.
    bins : int
    """

    ece: float
    mce: float
    ace: float
    brier: float
    nll: float
    bins: int


def calibration_errors(y_true: npt.ArrayLike, probability: npt.ArrayLike, *, bins: int = 15) -> CalibrationErrors:
    """Measure the calibration of probabilities.

    Parameters
    ----------
    y_true : array-like, shape (n,)
    probability : array-like, shape (n,)
        Each in 0-1.  Scores that are not probabilities must be calibrated on validation data first.
    bins : int
        Bins are [k / bins, (k + 1) / bins), the last one closed.

    Raises
    ------
    MetricError
        If a value lies outside 0-1.

    Notes
    -----
    ECE depends on ``bins`` and hides errors that cancel inside one; it is small for a constant equal to the share of
    anomalies.  Read it beside Brier or NLL, which reward telling places apart as well.

    References
    ----------
    Guo, C. et al. On Calibration of Modern Neural Networks. ICML (2017); Nixon, J. et al. Measuring Calibration in Deep
    Learning. CVPR workshops (2019).

    Examples
    --------
    >>> errors = calibration_errors([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.7], bins=5)
    >>> round(errors.ece, 3), round(errors.brier, 3)
    (0.2, 0.045)
    """
    labels, scores = check_pair(y_true, probability, ("y_true", "probability"))
    check_count(bins, "bins", least=1)
    if scores.min() < 0 or scores.max() > 1:
        worst = scores.min() if scores.min() < 0 else scores.max()
        raise MetricError(f"probability holds {worst}, outside 0-1: calibrate the scores on validation data first")
    p, y = scores.astype(np.float64), labels.astype(np.float64)
    width = np.minimum(np.searchsorted(np.linspace(0, 1, bins + 1), p, side="right") - 1, bins - 1)
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - count / 2)[place]
    mass = np.minimum((middle * bins / len(p)).astype(np.intp), bins - 1)
    clipped = np.clip(np.where(labels, p, 1 - p), CLIP, 1.0)
    gaps, share = _gaps(width, p, y)
    equal_mass, mass_share = _gaps(mass, p, y)
    return CalibrationErrors(
        ece=float(np.dot(gaps, share)),
        mce=float(gaps.max()),
        ace=float(np.dot(equal_mass, mass_share)),
        brier=float(np.mean((p - y) ** 2)),
        nll=float(-np.mean(np.log(clipped))),
        bins=bins,
    )


def _gaps(
    bin_of: npt.NDArray[np.intp], p: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return |mean probability - share of anomalies| of each bin in use, and the share of places in it."""
    count = np.bincount(bin_of)
    used = count > 0
    difference = np.abs(np.bincount(bin_of, weights=p) - np.bincount(bin_of, weights=y))
    return difference[used] / count[used], count[used] / len(p)
