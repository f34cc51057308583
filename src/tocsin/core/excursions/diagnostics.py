"""Checks of whether a score is of the kind that the run-length approximation is made for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tocsin.core.types import FloatArray, IntArray
from tocsin.core.words import plural

NEGATIVE_MASS = 1e-4
_OSCILLATION = 0.1
_SIGMAS = 5.0


@dataclass
class Findings:
    """What the checks found: reasons against the approximation, other remarks, and the numbers behind them."""

    against: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


def noise_of(correlation: FloatArray, count: int) -> float:
    """Return the standard error of an autocorrelation at long lags (Bartlett), from its first positive stretch."""
    ends = np.flatnonzero(correlation < 1e-3)
    positive = correlation[1 : int(ends[0])] if ends.size else correlation[1:]
    return float(np.sqrt((1.0 + 2.0 * float((positive**2).sum())) / max(count, 1)))


def check_autocorrelation(findings: Findings, correlation: FloatArray, count: int) -> None:
    """Look for oscillation: the approximation needs an autocorrelation that only falls.

    A negative correlation or a rebound counts when it is beyond a tenth and beyond five standard errors.
    """
    noise = noise_of(correlation, count)
    lowest = np.minimum.accumulate(correlation)
    rebound = float((correlation - lowest).max())
    least = float(correlation.min())
    findings.numbers |= {"least_correlation": least, "largest_rebound": rebound, "correlation_noise": noise}
    if least < -max(_OSCILLATION, _SIGMAS * noise):
        lag = int(np.argmin(correlation))
        findings.against.append(
            f"the score oscillates (its autocorrelation falls to {least:.2f} at a lag of {lag} places): "
            "run lengths are counts of what was seen; remove the season, or use a detector that does"
        )
    elif rebound > max(1.5 * _OSCILLATION, 2 * _SIGMAS * noise):
        lag = int(np.argmax(correlation - lowest))
        findings.against.append(
            f"the score has a season (its autocorrelation rises again by {rebound:.2f} at a lag of {lag} places): "
            "run lengths are counts of what was seen; remove the season, or use a detector that does"
        )


def check_masses(findings: Findings, masses: FloatArray, tolerance: float) -> None:
    """Negative probabilities of run lengths beyond a tolerance show that the approximation has no solution."""
    least = float(masses.min())
    findings.numbers |= {"least_mass": least, "mass_tolerance": tolerance}
    if least < -tolerance:
        findings.against.append(
            f"the run-length approximation gives a negative probability ({least:.1e}, tolerated -{tolerance:.1e}): "
            "the autocorrelation of the score does not fall steadily, or the calibration part is too short"
        )


def check_mean(
    findings: Findings, expected: float, seen: IntArray, what: str, *, shorter_is_fine: bool = False
) -> None:
    """Compare the mean run length with that of observed runs: three standard errors, and at least a tenth, apart.

    At levels other than the one asked for, shorter runs than expected do no harm: p-values err on the careful side.
    """
    if seen.size < 20:
        findings.remarks.append(f"only {plural(seen.size, 'run')} {what} seen: the mean length cannot be checked")
        return
    mean = float(seen.mean())
    error = float(seen.std(ddof=1) / np.sqrt(seen.size))
    findings.numbers |= {"mean_expected": expected, "mean_seen": mean, "mean_error": error}
    apart = mean - expected if shorter_is_fine else abs(mean - expected)
    if apart > max(3.0 * error, 0.1 * mean):
        findings.against.append(
            f"runs {what} last {mean:.2f} places on average, and the approximation expects {expected:.2f}: "
            "the score is not of the kind it is made for"
        )
