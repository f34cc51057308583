"""The NAB score: alarms weighed by how early they come in a window, one threshold for a whole corpus.

Source: Lavin, Ahmad. Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark. ICMLA 2015.

An alarm in a window earns the more the earlier it comes, and only the best of a window counts; a missed window costs,
and every alarm outside costs the more the farther it lies behind the last window.  One threshold is optimised over the
whole corpus on its labels, so the score is an oracle; 0 is what silence earns and 100 is perfect.  All thresholds at
once: each point adds a fixed amount when the threshold falls to it, so the curve is one sort and one running sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    FloatArray,
    MetricError,
    Undefined,
    as_scores,
    check_count,
    check_fraction,
    check_pair,
)
from tocsin.metrics.runs import Runs, intervals_to_mask, runs

Column = npt.NDArray[np.float64]


class NabProfile(NamedTuple):
    """What a window found, a window missed and a false alarm weigh."""

    found: float
    missed: float
    false: float


NAB_PROFILES = {
    "standard": NabProfile(1.0, 1.0, 0.11),
    "low_false_positives": NabProfile(1.0, 1.0, 0.22),
    "low_false_negatives": NabProfile(1.0, 2.0, 0.11),
}


class NabScore(NamedTuple):
    """Score normalised to 0 for silence and 100 for perfection, the raw sum, and the threshold (alarm at >= it)."""

    score: float
    raw: float
    threshold: float


class NabSweep(NamedTuple):
    """Raw score at every threshold, highest first; the first one lies above all scores, where nothing is predicted."""

    threshold: Column
    raw: Column
    windows: int


def nab_windows(
    positions: npt.ArrayLike, n: int, *, share: float = 0.1, probation: float = 0.15
) -> list[tuple[int, int]]:
    """Return NAB's windows ``(start, stop)``, stop excluded, around labelled positions.

    Parameters
    ----------
    positions : array-like of int
        Labelled places in a series of ``n``.
    n : int
        Length of the series.
    share : float
        Share of the series that all windows cover together.
    probation : float
        Share of the series (of 5000 points at most) in which nothing is scored; a window that begins there is dropped.

    Raises
    ------
    MetricError
        If a position lies outside the series.

    Notes
    -----
    Windows that overlap or share an end are merged.  The reference indexes an odd window's ends at half points; here
    they are rounded down.

    Examples
    --------
    >>> nab_windows([50, 80], 100)
    [(47, 53), (77, 83)]
    """
    n = check_count(n, "n", least=1)
    places = np.unique(np.asarray(positions, dtype=np.int64))
    if not len(places):
        return []
    if places[0] < 0 or places[-1] >= n:
        raise MetricError(
            f"position {places[0] if places[0] < 0 else places[-1]} lies outside the {n} places of the series"
        )
    half = int(check_fraction(share, "share", open_left=True) * n / len(places)) / 2
    merged: list[tuple[int, int]] = []
    for place in places.tolist():
        start, stop = int(max(place - half, 0)), int(min(place + half, n - 1)) + 1
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    quiet = _probation(n, probation)
    return [window for window in merged if window[0] >= quiet]


def nab_point_values(windows: npt.ArrayLike, n: int, *, profile: str | NabProfile = "standard") -> Column:
    """Return what an alarm at each of ``n`` places earns (in a window) or costs (outside).

    Examples
    --------
    >>> nab_point_values([(2, 4)], 6).round(3).tolist()
    [-0.11, -0.11, 1.0, 0.86, -0.109, -0.11]
    """
    return _values(_as_runs(windows, n), n, _profile(profile))


def nab_sweep(
    series: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    profile: str | NabProfile = "standard",
    probation: float = 0.15,
) -> NabSweep:
    """Return the raw score of a corpus at every threshold.

    Parameters
    ----------
    series : sequence of (scores, windows)
        For each file its scores, shape (n,), and its windows as ``(start, stop)`` pairs, stop excluded.
    profile : str or NabProfile
        "standard", "low_false_positives", "low_false_negatives", or weights of your own.
    probation : float
        Share of each file (of 5000 points at most) that is not scored.

    Raises
    ------
    MetricError
        If there is no series, scores are not finite, windows overlap or run outside, or the profile is unknown.

    Examples
    --------
    >>> sweep = nab_sweep([([0.1, 0.2, 0.9, 0.1, 0.3, 0.1], [(2, 4)])], probation=0.0)
    >>> sweep.threshold[:3].tolist(), sweep.raw[:3].round(3).tolist()
    ([inf, 0.9, 0.3], [-1.0, 1.0, 0.891])
    """
    weights = _profile(profile)
    if not len(series):
        raise MetricError("there is no series to score: give one (scores, windows) pair for each file")
    scores, gains, windows = zip(*(_gains(*pair, weights, probation) for pair in series), strict=True)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    falling = np.concatenate(scores)[order]
    raw = np.cumsum(np.concatenate(gains)[order]) - weights.missed * sum(windows)
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if len(falling) else np.empty(0, np.intp)
    return NabSweep(
        np.concatenate(([np.inf], falling[last])),
        np.concatenate(([-weights.missed * sum(windows)], raw[last])),
        sum(windows),
    )


def nab_score(
    series: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    threshold: float | None = None,
    profile: str | NabProfile = "standard",
    probation: float = 0.15,
) -> NabScore:
    """Return the NAB score of a corpus, at the threshold that is best for all of it or at one given.

    Parameters
    ----------
    series, profile, probation
        As in `nab_sweep`.
    threshold : float, optional
        Alarm where the score is at least this.  Default: the best on these labels, which makes the score an oracle.

    Returns
    -------
    NabScore
        Undefined where no window is left to find.

    Raises
    ------
    MetricError
        As in `nab_sweep`.

    Notes
    -----
    A window of one place has no width to measure distance behind it, where the reference divides by zero: alarms behind
    it cost in full.  The reward for early places can precede the event itself, for windows are centred on it.

    Examples
    --------
    >>> nab_score([([0.1, 0.2, 0.9, 0.1, 0.3, 0.1], [(2, 4)])], probation=0.0)
    NabScore(score=100.0, raw=1.0, threshold=0.9)
    """
    weights = _profile(profile)
    sweep = nab_sweep(series, profile=weights, probation=probation)
    if threshold is None:
        best = int(np.argmax(sweep.raw))
    else:
        best = int(np.searchsorted(-sweep.threshold, -float(threshold), side="right")) - 1
    raw, level = float(sweep.raw[best]), float(sweep.threshold[best] if threshold is None else threshold)
    if not sweep.windows:
        return NabScore(Undefined("no window is left to find"), raw, level)
    silence = -weights.missed * sweep.windows
    return NabScore(100.0 * (raw - silence) / (weights.found * sweep.windows - silence), raw, level)


def nab_score_of_labels(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, profile: str | NabProfile = "standard", probation: float = 0.15
) -> NabScore:
    """Return the NAB score of one series whose labelled events serve as windows, at its best threshold.

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, or scores are not finite.

    Examples
    --------
    >>> nab_score_of_labels([0, 0, 1, 1, 0], [0.1, 0.2, 0.9, 0.8, 0.3], probation=0).score
    100.0
    """
    labels, scores = check_pair(y_true, y_score)
    found = runs(labels)
    return nab_score([(scores, np.column_stack((found.start, found.stop)))], profile=profile, probation=probation)


def _gains(
    y_score: npt.ArrayLike, windows: npt.ArrayLike, weights: NabProfile, probation: float
) -> tuple[FloatArray, Column, int]:
    """Return, for the scored places of one file, what each adds when the threshold falls to it; and its windows."""
    scores = as_scores(y_score)
    if scores.ndim != 1 or not len(scores):
        raise MetricError(f"y_score must be one-dimensional and not empty, but its shape is {scores.shape}")
    n = len(scores)
    found = _as_runs(windows, n)
    gains = _values(found, n, weights)
    quiet = _probation(n, probation)
    scored = Runs(np.maximum(found.start, quiet), np.maximum(found.stop, quiet))
    # Within a window each place adds what it improves on the better-scored ones: the first adds the missed window back.
    places, owner = scored.places, scored.owner
    order = np.lexsort((-scores[places], owner))
    stride = weights.found + weights.missed + 1.0
    best = np.maximum.accumulate(gains[places[order]] + owner[order] * stride) - owner[order] * stride
    before = np.concatenate(([0.0], best[:-1]))
    before[scored.offset[scored.length > 0]] = -weights.missed
    gains[places[order]] = best - before
    return scores[quiet:], gains[quiet:], int(np.count_nonzero(scored.length))


def _values(found: Runs, n: int, weights: NabProfile) -> Column:
    place = np.arange(n)
    past = np.searchsorted(found.stop, place, side="right")  # windows that lie wholly behind each place
    start, stop = np.append(found.start, n), np.append(found.stop, n + 1)
    inside = place >= start[past]
    position = -(stop[past] - place) / (stop - start)[past]
    behind = np.maximum(past - 1, 0)
    width = np.maximum((stop - start)[behind] - 1.0, np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):
        distance = np.where(past > 0, (place - stop[behind] + 1) / width, np.inf)
    return np.where(inside, weights.found * _sigma(position) / _sigma(np.array(-1.0)), weights.false * _sigma(distance))


def _sigma(x: Column) -> Column:
    """Fall from about 1 at -1 through 0 at 0 to -1; flat from 3 on, as in the reference."""
    return np.where(x > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(x, 3.0))) - 1.0)


def _probation(n: int, share: float) -> int:
    """Return how many leading places are not scored."""
    share = check_fraction(share, "probation")
    return int(np.ceil(min(np.floor(share * n), share * 5000)))


def _as_runs(windows: npt.ArrayLike, n: int) -> Runs:
    pairs = np.asarray(windows, dtype=np.int64).reshape(-1, 2)
    intervals_to_mask(pairs, n)  # raises where windows are empty, overlap or run outside
    pairs = pairs[np.argsort(pairs[:, 0])]
    return Runs(pairs[:, 0], pairs[:, 1])


def _profile(profile: str | NabProfile) -> NabProfile:
    if isinstance(profile, NabProfile):
        return profile
    if profile not in NAB_PROFILES:
        raise MetricError(f"profile must be one of {', '.join(map(repr, NAB_PROFILES))}, but is {profile!r}")
    return NAB_PROFILES[profile]
