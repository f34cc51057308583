"""The period of a series, found from the data, and the window that a detector uses when the user names none.

A period is believed only if four things agree: the autocorrelation has a local maximum there, it stays high one and
two periods on and low half way between, the power at its harmonics stands above that around them, and the series
shows at least four full cycles. Drift alone (a random walk) fails at the second, noise at the third.

Reference: the pairing of periodogram and autocorrelation follows Vlachos, Yu and Castelli, On Periodicity Detection
and Structural Periodic Similarity, 2005; the checks and their levels are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.gaps import bridge
from tocsin.core.windows import running_sum

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

LONGEST = 1 << 17
CYCLES = 4
CHANNELS = 16
CANDIDATES = 12
STRICT, LOOSE = 0.12, 0.5
CHANCE = 1e-5
USUAL_WINDOW = 64


def find_period(values: FloatArray, *, least: int = 4, most: int | None = None) -> int | None:
    """Return the period of a series in rows, or None where there is none.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, c)
        NaN is bridged. Of many channels, sixteen evenly spaced ones are asked, and the period that the strongest of
        them share is returned.
    least, most : int
        Shortest and longest period wanted; at most a quarter of the series.

    Examples
    --------
    >>> t = np.arange(2000)
    >>> noise = np.random.default_rng(0).normal(size=2000)
    >>> find_period(np.sin(2 * np.pi * t / 96) + 0.5 * noise + 0.01 * t)
    96
    >>> find_period(noise) is None
    True
    """
    matrix = bridge(np.asarray(values, dtype=np.float64).reshape(len(values), -1))
    asked = np.unique(np.linspace(0, matrix.shape[1] - 1, min(CHANNELS, matrix.shape[1])).astype(int))
    found = [p for c in asked if (p := _strongest(matrix[:, c], least, most)) is not None]
    if not found:
        return None
    support = [sum(s for q, s in found if abs(q - p) <= 0.05 * p) for p, _ in found]
    return round(found[int(np.argmax(support))][0])


def find_periods(values: FloatArray, *, limit: int = 2, least: int = 4, most: int | None = None) -> tuple[int, ...]:
    """Return up to `limit` different periods of one channel, strongest first: each is taken out before the next.

    A second period that is a whole fraction of the first is not reported: the first one's shape holds it already.
    """
    rest = bridge(np.asarray(values, dtype=np.float64).reshape(-1, 1))[:, 0]
    found: list[int] = []
    for _ in range(3 * limit):
        period = find_period(rest, least=least, most=most)
        if period is None or period in found:
            break
        multiple = next((p for p in found if abs(p / period - round(p / period)) < 0.02), None)
        if multiple is None:
            found.append(period)
        if len(found) == limit:
            break
        rest = rest - _seasonal_means(rest, multiple or period)
    return tuple(found)


def choose_window(
    samples: Sequence[FloatArray], window: int | None = None, *, least: int = 48, most: int = 256
) -> tuple[int, str]:
    """Return the window to use and one sentence saying why.

    Parameters
    ----------
    samples : sequence of ndarray, each of shape (n,) or (n, c)
        What is learned from.
    window : int, optional
        The user's own wish; only checked.
    least, most : int
        Automatic windows stay between these: of a longer period a half, third, quarter ... is taken, of a shorter one
        a multiple.

    Raises
    ------
    InputError
        If the user's window is shorter than 2 rows or longer than the shortest sample.

    Notes
    -----
    An automatic window is at most an eighth of the longest sample, and no longer than half the shortest.
    """
    shortest, longest = min(len(s) for s in samples), max(len(s) for s in samples)
    if window is not None:
        if window < 2:
            raise InputError(f"a window has at least 2 rows, not {window}")
        if window > shortest:
            raise InputError(
                f"the window of {window} rows is longer than the {shortest} rows to learn from: "
                f"choose at most {shortest}, or leave it out"
            )
        return int(window), ""
    room = max(2, min(longest // 8, shortest // 2))
    period = find_period(max(samples, key=len))
    if period is None:
        chosen, why = USUAL_WINDOW, "no period was found"
    elif period > most:
        parts = -(-period // most)
        chosen, why = round(period / parts), f"1/{parts} of the period of {period} rows that was found"
    elif period < least:
        times = -(-least // period)
        chosen, why = period * times, f"{times} times the period of {period} rows that was found"
    else:
        chosen, why = period, f"the period of {period} rows that was found"
    if chosen > room:
        chosen, why = room, f"the series has only {longest} rows"
    return chosen, f"window {chosen}: {why}"


def _strongest(channel: FloatArray, least: int, most: int | None) -> tuple[float, float] | None:
    """The strongest period of one channel and how strong it is (0 to 1).

    Long channels are looked at twice: averaged down as a whole for long periods, and a stretch from the middle as it
    is for short ones.
    """
    n = len(channel)
    longest = min(n // CYCLES, most or n)
    if longest < least:
        return None
    if n <= LONGEST:
        return _period_of(channel, least, longest)
    factor = -(-n // LONGEST)
    whole = channel[: n // factor * factor].reshape(-1, factor).mean(axis=1)
    middle = channel[n // 2 - LONGEST // 2 : n // 2 + LONGEST // 2]
    slow = _period_of(whole, max(4, -(-least // factor)), longest // factor)
    quick = _period_of(middle, least, min(longest, LONGEST // CYCLES))
    if slow is not None:
        slow = slow[0] * factor, slow[1]
    if slow is None or quick is None:
        return slow or quick
    # Averaging down has quietened the noise for one of them only, so multiples are told by length, not by strength.
    times = slow[0] / quick[0]
    multiple = times < 10 and abs(times - round(times)) < 0.05
    return quick if multiple or quick[1] >= 0.9 * slow[1] else slow


def _period_of(channel: FloatArray, least: int, most: int) -> tuple[float, float] | None:
    """Take candidates from the autocorrelation, shortest first, and test each on data with slower changes removed."""
    level = _tame(channel)
    if level is None or most < least:
        return None
    best: tuple[float, float] | None = None
    for lag in _candidates(level, least, most):
        tested = _test(level, lag)
        # A multiple of a period is a period as well: a longer one has to be clearly better.
        if tested is not None and least <= round(tested[0]) <= most and (best is None or tested[1] > 1.1 * best[1]):
            best = tested
    for parts in (5, 4, 3, 2):
        # Noise may have hidden the shortest period's own maximum.
        if best is not None and best[0] / parts >= least:
            tested = _test(level, round(best[0] / parts))
            if tested is not None and tested[0] < 0.7 * best[0] and tested[1] > best[1] / 1.1:
                return tested
    return best


def _tame(channel: FloatArray) -> FloatArray | None:
    """Take off a straight line and pull in the outermost values, which would outshout everything else."""
    rows = np.arange(len(channel), dtype=np.float64)
    rows -= rows.mean()
    centred = channel - channel.mean()
    # Rounding of a constant channel is not a signal.
    if not centred.std() > 1e-10 * max(1e-300, np.abs(channel).max()):
        return None
    level = centred - rows * float(rows @ centred) / float(rows @ rows)
    low, high = np.quantile(level, [0.005, 0.995])
    # Mostly idle channels: all that happens lies in the outermost values.
    return level if high <= low else np.asarray(np.clip(level, low - (high - low), high + (high - low)))


def _candidates(channel: FloatArray, least: int, most: int) -> list[int]:
    """Lags of the most prominent maxima of the autocorrelation, of the series and of its differences, ascending."""
    from scipy.signal import find_peaks

    lags: set[int] = set()
    for view in (channel, np.diff(channel), _without_drift(channel, max(2 * least, most // 8))):
        if len(view) <= most + 1:
            continue
        acf = _autocorrelation(view)[: most + 2]
        peaks, about = find_peaks(acf, prominence=0.02)
        usable = (peaks >= least) & (peaks <= most) & (acf[peaks] > 0)
        peaks, prominence = peaks[usable], about["prominences"][usable]
        lags |= {int(p) for p in peaks[np.argsort(-prominence, kind="stable")[:CANDIDATES]]}
        lags |= {int(p) for p in peaks[:3]}
    return sorted(lags)


def _test(channel: FloatArray, lag: int) -> tuple[float, float] | None:
    """Refine one candidate and say how strong it is, or None if it does not hold."""
    level = _without_drift(channel, lag)
    n = len(level)
    if n < 2 * lag:
        return None
    acf = _autocorrelation(level)
    period = _refined(acf, lag, n)
    cycles = n / period
    if cycles < CYCLES - 1.5:
        return None
    if acf[round(period)] >= LOOSE + 1 / cycles:
        # Heartbeats and machine strokes: alike from one to the next, while their length wanders over many.
        return period, float(acf[round(period)])
    count = int(min(8, (n - 1) // period - 1)) or 1
    on = np.array([acf[round(k * period)] for k in range(1, count + 1)])
    between = np.array([acf[round((k - 0.5) * period)] for k in range(1, count + 1)])
    if np.mean(on) - np.mean(between) < STRICT or on.min() < 0.25 * on.max() or not _stands_out(level, period):
        return None
    return period, min(1.0, float(on.mean()))


def _refined(acf: FloatArray, lag: int, n: int) -> float:
    """Follow the maxima at 2, 4, 8 ... times the lag: each doubles the precision."""
    period, times = float(lag), 1
    while True:
        middle = round(period * times)
        margin = max(1, round(0.25 * period)) if times > 1 else max(1, round(0.1 * period))
        if middle + margin >= min(len(acf), round(0.6 * n)):
            return period
        around = acf[max(1, middle - margin) : middle + margin + 1]
        top = max(1, middle - margin) + int(np.argmax(around))
        left, here, right = acf[top - 1], acf[top], acf[top + 1]
        bend = left - 2 * here + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        period = (top + min(0.5, max(-0.5, shift))) / times
        if times >= 32:
            return period
        times *= 2


def _stands_out(level: FloatArray, period: float) -> bool:
    """Whether the power at one of the first harmonics is beyond what its surroundings make by chance.

    Power of noise around a frequency is exponential whatever the noise's colour, so the ratio to the mean of `m`
    neighbours follows F(2, 2m), whose tail is (1 + x/m)^-m.
    """
    n = len(level)
    power = np.square(np.abs(np.fft.rfft(level * np.hanning(n))))
    spacing = n / period
    for k in range(1, max(2, min(5, int(period / 2) + 1))):
        centre = round(k * spacing)
        clear, far = max(3, round(0.2 * spacing)), max(4, round(0.75 * spacing))
        below, above = power[max(1, centre - far) : centre - clear + 1], power[centre + clear : centre + far + 1]
        if min(len(below), len(above)) == 0:
            continue
        near = max(float(below.mean()), float(above.mean()))
        m = (len(below) + len(above)) / 2
        if power[centre - 1 : centre + 2].max() > near * m * (CHANCE ** (-1 / m) - 1):
            return True
    return False


def _without_drift(channel: FloatArray, span: int) -> FloatArray:
    """Take off the moving mean over `span` rows; a period of `span` stays whole. The edges are left out."""
    if span < 2 or span >= len(channel):
        return np.asarray(channel - channel.mean())
    slow = running_sum(channel, span) / span
    if span % 2 == 0:
        slow = (slow[1:] + slow[:-1]) / 2
    before = (len(channel) - len(slow)) // 2
    return np.asarray(channel[before : before + len(slow)] - slow)


def _autocorrelation(level: FloatArray) -> FloatArray:
    """Autocorrelation at all lags below n, each divided by its own number of pairs."""
    from scipy.fft import irfft, next_fast_len, rfft

    n = len(level)
    size = next_fast_len(2 * n, real=True)
    spectrum = rfft(level - level.mean(), size)
    raw = irfft(np.square(np.abs(spectrum)), size)[:n] / np.arange(n, 0, -1)
    return np.asarray(raw / raw[0] if raw[0] > 0 else np.zeros(n))


def _seasonal_means(channel: FloatArray, period: int) -> FloatArray:
    """Mean of each phase of the period, repeated along the series."""
    phase = np.arange(len(channel)) % period
    means = np.bincount(phase, channel, period) / np.bincount(phase, minlength=period)
    return np.asarray(means[phase])
