"""Fit run lengths to calibration scores, choose the source, and check that the result can be believed."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tocsin.core.alarm_rules import mask_runs
from tocsin.core.calibration import Calibration
from tocsin.core.errors import InputError
from tocsin.core.excursions.crossings import Crossings, run_length_masses
from tocsin.core.excursions.diagnostics import (
    NEGATIVE_MASS,
    Findings,
    check_autocorrelation,
    check_masses,
    check_mean,
    noise_of,
)
from tocsin.core.excursions.empirical import observed_crossings, observed_runs
from tocsin.core.excursions.gaussian import autocorrelation, crossing_rate, gaussian_crossings, normal_scores
from tocsin.core.excursions.lifetimes import Lifetimes, raw_survival, with_fitted_tail, with_mean
from tocsin.core.excursions.run_lengths import RunLengths
from tocsin.core.types import FloatArray, IntArray
from tocsin.core.words import plural

Source = Literal["auto", "empirical", "gaussian"]

_ENOUGH_RUNS = 200
_CHECKED_RUNS = (50, 100, 200, 400)
_LEAST_SCORES = 100
_HORIZON = (64, 8192)
_LONGEST_LAG = 20_000
_HIGHEST = 6.5
_SERIES_RELIABLE = 1e-7


def fit_run_lengths(
    calibration: Calibration,
    level: float,
    source: Source = "auto",
    *,
    merge_gap: int = 0,
    tail: Literal["geometric", "empirical"] = "geometric",
) -> RunLengths:
    """Learn how long scores stay above a level when nothing is wrong.

    Parameters
    ----------
    calibration : Calibration
        Normal scores, evenly sampled within each stretch; a contaminated calibration is trimmed first.
    level : float
        In units of the score.
    source : {"auto", "empirical", "gaussian"}
        "empirical" averages what followed each observed crossing; "gaussian" takes the autocorrelation of the scores'
        normal ranks, and can thus speak of levels that were hardly ever crossed. "auto" is empirical from 200 observed
        runs on.
    merge_gap : int
        The gap over which the alarm rules merge runs: lengths are then those of merged runs.
    tail : {"geometric", "empirical"}
        "empirical" keeps p-values from falling below what the observed runs can show.

    Returns
    -------
    RunLengths
        With `valid` false, and plain counts of observed runs in place of the approximation, where the score oscillates
        or a check fails. The counted runs are those above the level, or, if there are fewer than 50, above the highest
        lower level with 50: they last longer, so p-values err on the careful side.

    Raises
    ------
    InputError
        If the level is not finite or the source is unknown.

    Notes
    -----
    Deviation from the papers, which work in continuous time: the discrete form (see `crossings`), which needs no
    differentiable process. In the empirical source the noise of n runs hides survival below about
    5 sqrt(a (1 - a) / n), a the share of places above; from there on a geometric tail is fitted to the observed runs
    that last longer, one standard error on the careful side.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = Calibration(rng.normal(size=50_000), seconds=1.0)
    >>> lengths = fit_run_lengths(noise, level=1.0)
    >>> lengths.source, lengths.valid, abs(lengths.p_value(3) - 0.02517) < 0.004
    ('empirical', True, True)
    """
    if not np.isfinite(level):
        raise InputError(f"the level of run lengths must be finite, not {level!r}")
    if source not in ("auto", "empirical", "gaussian"):
        raise InputError(f"run lengths come from 'auto', 'empirical' or 'gaussian', not {source!r}")
    findings = Findings()
    if calibration.contaminated:
        from tocsin.core.thresholds.contamination import trim

        trimmed = trim(calibration)
        calibration = trimmed.calibration
        findings.remarks += [trimmed.words] if trimmed.words else []
    if merge_gap:
        from tocsin.core.thresholds.events import closed

        merged = closed(calibration.scores, calibration.breaks, merge_gap)
        calibration = Calibration(merged, calibration.seconds, False, calibration.source, calibration.breaks)
    level = float(level)
    seen = observed_runs(calibration, level)
    if len(calibration) < _LEAST_SCORES or calibration.scores.min() == calibration.scores.max():
        few = len(calibration) < _LEAST_SCORES
        what = f"{len(calibration)} calibration scores" if few else "calibration scores that are all equal"
        findings.against.append(f"{what} say nothing about run lengths")
        return _counted(calibration, level, seen, findings)

    horizon = int(np.clip(3 * (seen[-1] if seen.size else 0), *_HORIZON))
    values = normal_scores(calibration)
    correlation = autocorrelation(calibration, values, _longest_lag(calibration, horizon))
    check_autocorrelation(findings, correlation, len(calibration))
    if findings.against:
        return _counted(calibration, level, seen, findings)

    if source == "empirical" or (source == "auto" and seen.size >= _ENOUGH_RUNS):
        if seen.size < 2:
            findings.against.append(f"only {plural(seen.size, 'run')} above the level could be seen")
            return _counted(calibration, level, seen, findings)
        crossings = observed_crossings(calibration, level, horizon)
        used, upper, lower = "empirical", *_empirical_lifetimes(crossings, seen, findings)
    else:
        share = _share_above(calibration, level)
        crossings = _gaussian_crossings(calibration, correlation, share, horizon)
        tolerance = _noise_of_masses(correlation, len(calibration))
        used, upper, lower = "gaussian", *_series_lifetimes(crossings, findings, tolerance)
        _check_gaussian_means(findings, calibration, correlation, level)
    check_mean(findings, upper.mean, seen, "above the level")
    if findings.against:
        return _counted(calibration, level, seen, findings)
    return RunLengths(
        level,
        used,
        upper,
        lower,
        crossings.above,
        crossings.rate,
        calibration.seconds,
        seen,
        tail,
        True,
        tuple(findings.remarks),
        findings.numbers,
    )


def run_lengths_of_covariance(
    correlation: FloatArray, level: float, *, seconds: float | None = None, horizon: int | None = None
) -> RunLengths:
    """Return the run lengths of a stationary Gaussian score whose autocorrelation is known.

    Parameters
    ----------
    correlation : ndarray of float, shape (L,)
        At lags 0 to L - 1, at least three; ``correlation[0] == 1``.
    level : float
        In standard deviations above the mean, between -6.5 and 6.5.
    seconds : float, optional
        Seconds per place.
    horizon : int, optional
        Largest run length for which the chance is computed rather than continued; by default as far as the correlation
        reaches.

    Raises
    ------
    InputError
        If the correlation is none, or the level is out of range.

    Examples
    --------
    >>> lengths = run_lengths_of_covariance(0.8 ** np.arange(100), level=1.0)
    >>> round(lengths.mean, 3), lengths.p_values(np.array([2, 3, 5, 10, 20])).round(4).tolist()
    (2.6, [0.5354, 0.3328, 0.1512, 0.0263, 0.0009])
    """
    rho = np.asarray(correlation, dtype=np.float64)
    if rho.ndim != 1 or rho.size < 3 or not np.isfinite(rho).all() or rho[0] != 1 or (np.abs(rho) > 1).any():
        raise InputError("an autocorrelation has at least three values between -1 and 1, and the first one is 1")
    if rho[1] >= 1:
        raise InputError("an autocorrelation of 1 at lag 1 is a score that never changes: it has no runs")
    if not abs(level) <= _HIGHEST:
        raise InputError(f"the level must lie between -{_HIGHEST} and {_HIGHEST} standard deviations, not {level!r}")
    findings = Findings()
    check_autocorrelation(findings, rho, 1_000_000_000)
    crossings = gaussian_crossings(rho[: (horizon or rho.size) + 2], float(level))
    upper, lower = _series_lifetimes(crossings, findings, tolerance=NEGATIVE_MASS)
    return RunLengths(
        float(level),
        "covariance",
        upper,
        lower,
        crossings.above,
        crossings.rate,
        seconds,
        valid=not findings.against,
        warnings=(*findings.against, *findings.remarks),
        checks=findings.numbers,
    )


def _series_lifetimes(crossings: Crossings, findings: Findings, tolerance: float) -> tuple[Lifetimes, Lifetimes]:
    above, below = run_length_masses(crossings)
    check_masses(findings, above, tolerance)
    return with_fitted_tail(above, _SERIES_RELIABLE), with_mean(below, _SERIES_RELIABLE, crossings.mean_below)


def _noise_of_masses(correlation: FloatArray, count: int) -> float:
    """Negative masses to tolerate: chances move by about an eighth of what the measured autocorrelation is off by."""
    return max(10 * NEGATIVE_MASS, noise_of(correlation, count) / 8)


def _empirical_lifetimes(crossings: Crossings, seen: IntArray, findings: Findings) -> tuple[Lifetimes, Lifetimes]:
    """Trust the series down to its noise; beyond, runs that were seen to last longer give the geometric tail."""
    above, below = run_length_masses(crossings)
    noise = float(np.sqrt(crossings.above * (1 - crossings.above) / seen.size))
    check_masses(findings, above, max(NEGATIVE_MASS, 6 * noise))
    survival = raw_survival(above)
    reliable = max(5 * noise, 20.0 / seen.size)
    untrusted = np.flatnonzero(survival < reliable)
    head = survival[: max(int(untrusted[0]), 1)] if untrusted.size else survival
    excess = seen[seen >= head.size] - head.size
    if excess.size < 5:
        findings.remarks.append(f"the chance of long runs rests on {excess.size} runs of {head.size} places or more")
    # The mean excess is taken one standard error longer than it was: few runs reach so far.
    longer = float(excess.mean()) * (1.0 + excess.size**-0.5) if excess.size else 0.0
    decay = float(np.log1p(1.0 / max(longer, 0.05)))
    lower = with_mean(below, max(5 * noise, 1e-3), crossings.mean_below)
    return Lifetimes(head, decay), lower


def _gaussian_crossings(calibration: Calibration, correlation: FloatArray, share: float, horizon: int) -> Crossings:
    from scipy.special import ndtri

    level = float(np.clip(-ndtri(share), -_HIGHEST, _HIGHEST))
    while True:
        rho = _falling(correlation, len(calibration), horizon + 2)
        crossings = gaussian_crossings(rho, level)
        survival = raw_survival(run_length_masses(crossings)[0])
        if survival[-1] < 1e-6 or horizon >= _HORIZON[1] // 2:
            return crossings
        horizon *= 2


def _falling(correlation: FloatArray, count: int, size: int) -> FloatArray:
    """Return an autocorrelation that only falls: as measured while above its noise, and exponential from there on."""
    noise = max(2.0 * noise_of(correlation, count), 0.01)
    measured = np.minimum.accumulate(correlation)
    lost = np.flatnonzero(measured < noise)
    end = int(lost[0]) if lost.size else measured.size
    falling = np.zeros(size)
    falling[: min(end, size)] = np.minimum(measured[: min(end, size)], 1.0 - 1e-9)
    falling[0] = 1.0
    if 2 <= end < size:
        half = max(end // 2, 1)
        last = end - 1
        speed = np.log(measured[half - 1] / measured[last]) / (last - half + 1)
        falling[end:] = measured[last] * np.exp(-max(float(speed), 1e-6) * np.arange(1, size - end + 1))
    return falling


def _check_gaussian_means(findings: Findings, calibration: Calibration, correlation: FloatArray, level: float) -> None:
    """Check the Gaussian mean run length at the highest levels, up to the one asked for, that have enough runs.

    Scores whose high values come in blocks (a spike seen through a sliding window) have a harmless autocorrelation and
    far longer runs than a Gaussian score: at a level that is hardly ever crossed, only levels below can tell.
    """
    from scipy.special import ndtri

    for wanted in _CHECKED_RUNS:
        lower = _lower_level(calibration, level, wanted)
        seen = observed_runs(calibration, lower)
        share = float((calibration.scores > lower).mean())
        if seen.size < 20 or not 0 < share < 1:
            findings.remarks.append("too few runs were seen at any level to check their mean length")
            return
        expected = share / crossing_rate(min(float(correlation[1]), 1 - 1e-9), float(-ndtri(share)))
        check_mean(findings, expected, seen, f"above {lower:.4g}", shorter_is_fine=lower < level)
        if findings.against:
            return


def _lower_level(calibration: Calibration, level: float, wanted: int = 50) -> float:
    """Return the highest level, not above the given one, that has the wanted number of runs; else the one with most."""
    from tocsin.core.thresholds.events import AlarmCounts

    counts = AlarmCounts(calibration.scores, calibration.breaks)
    if counts.above(level) >= wanted:
        return level
    grid = np.unique(np.quantile(calibration.scores, 1 - np.geomspace(1e-5, 0.5, 100)))
    grid = grid[grid <= level]
    if grid.size == 0:
        return level
    raised = counts.above(grid)
    enough = np.flatnonzero(raised >= wanted)
    return float(grid[enough[-1]] if enough.size else grid[int(np.argmax(raised))])


def _share_above(calibration: Calibration, level: float) -> float:
    """Return the share of places above a level; where hardly any was seen, by the tail of the scores."""
    from tocsin.core.thresholds.fixed import top_tail
    from tocsin.core.thresholds.tail import Tail

    count = int((calibration.scores > level).sum())
    if count >= 20:
        return count / len(calibration)
    tail = top_tail(np.sort(calibration.scores))
    if isinstance(tail, Tail) and level >= tail.start:
        return float(tail.beyond(level))
    return (count + 1) / (len(calibration) + 1)


def _longest_lag(calibration: Calibration, horizon: int) -> int:
    longest = int((calibration.stops - calibration.starts).max())
    return max(1, min(longest // 4, max(_LONGEST_LAG, 3 * horizon)))


def _counted(calibration: Calibration, level: float, seen: IntArray, findings: Findings) -> RunLengths:
    """Return plain counts of observed runs, at a lower level if there are too few above the one asked for."""
    if seen.size < 50:
        lower = _lower_level(calibration, level)
        if lower < level:
            longer = observed_runs(calibration, lower)
            if longer.size > seen.size:
                findings.remarks.append(
                    f"counted instead: {plural(longer.size, 'run')} above {lower:.4g}, which last longer"
                )
                seen = longer
    starts = mask_runs(calibration.scores > level, calibration.breaks)[0].size
    mean = float(seen.mean()) if seen.size else 1.0
    rate = max(starts, 1) / len(calibration)
    above = min(1.0, rate * mean)
    upper = Lifetimes(_survival_of_counts(seen), float(np.log1p(1.0 / mean)))
    lower_mean = max((1.0 - above) / rate, 1.0)
    return RunLengths(
        level,
        "observed",
        upper,
        Lifetimes(np.ones(1), float(np.log1p(1.0 / max(lower_mean - 1.0, 1e-3)))),
        above,
        rate,
        calibration.seconds,
        seen,
        "empirical",
        False,
        (*findings.against, *findings.remarks),
        findings.numbers,
    )


def _survival_of_counts(seen: IntArray) -> FloatArray:
    if seen.size == 0:
        return np.ones(1)
    lengths = np.arange(1, int(seen[-1]) + 1)
    return np.asarray((seen.size - np.searchsorted(seen, lengths, side="left")) / seen.size)
