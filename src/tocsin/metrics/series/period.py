"""The window length that TSB-AD reads off the autocorrelation of a series, for buffers that compare with its numbers.

Source: Liu, Paparrizos. The Elephant in the Room. NeurIPS 2024 (``find_length_rank``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, as_scores, check_count

SHORTEST, LONGEST, LAGS, POINTS = 3, 300, 400, 20_000


def window_length_rank(values: npt.ArrayLike, *, rank: int = 1, fallback: int = 125) -> int:
    """Return the period of a series: the lag at which its autocorrelation peaks.

    Parameters
    ----------
    values : array-like, shape (n,)
        One channel; only the first 20 000 points are used.
    rank : int
        1 for the highest peak; 2 for the next highest that lies at a longer lag, and so on (where there is none, the
        last one found).
    fallback : int
        Returned where there is no peak between lags 6 and 303: 125 in TSB-AD, 100 in PATE's helper.

    Returns
    -------
    int
        A lag in samples.

    Raises
    ------
    MetricError
        If values are not one-dimensional, empty or not finite.

    Notes
    -----
    Lags below 3 are left out and peaks must be strict, as in TSB-AD.  There, a series of several channels silently
    gives 0 in one script and the first channel's length in another: here it raises; fix one window for a data set and
    print it.  For ``rank=3`` the code there mixes up peaks and lags; here it is the third as defined above.

    Examples
    --------
    >>> window_length_rank(np.sin(2 * np.pi * np.arange(2000) / 50))
    50
    """
    series = np.asarray(as_scores(values, "values"), dtype=np.float64)
    rank = check_count(rank, "rank", least=1)
    if series.ndim != 1:
        raise MetricError(f"values must be one channel, but have shape {series.shape}: pass values[:, 0], say")
    if not len(series):
        raise MetricError("values are empty: there is no period to find")
    correlation = _autocorrelation(series[:POINTS])[SHORTEST:]
    inner = correlation[1:-1]
    peaks = 1 + np.flatnonzero((inner > correlation[:-2]) & (inner > correlation[2:]))
    by_height = peaks[np.argsort(correlation[peaks])[::-1]]
    if not len(by_height):
        return fallback
    peak = by_height[0]
    for other in by_height[1:]:
        if rank > 1 and other > peak:
            peak, rank = other, rank - 1
    return int(peak) + SHORTEST if SHORTEST <= peak <= LONGEST else fallback


def _autocorrelation(series: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the autocorrelation at lags 0 .. 400, each lag's sum divided by the same number."""
    from scipy.fft import irfft, next_fast_len, rfft

    centred = series - series.mean()
    size = next_fast_len(2 * len(series), real=True)
    sums: npt.NDArray[np.float64] = irfft(np.abs(rfft(centred, size)) ** 2, size)[: min(LAGS + 1, len(series))]
    return sums / sums[0] if sums[0] > 0 else np.zeros(0)
