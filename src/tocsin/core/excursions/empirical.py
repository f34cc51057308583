"""Crossings as they were observed in calibration scores: free of any distribution."""

from __future__ import annotations

import numpy as np

from tocsin.core.alarm_rules import mask_runs
from tocsin.core.calibration import Calibration
from tocsin.core.excursions.crossings import Crossings
from tocsin.core.types import BoolArray, FloatArray, IntArray

_MOST_LOOKUPS = 30_000_000
_LEAST_LEFT = 30
_IN_A_ROW = 3
_NOISE = 2.0


def observed_runs(calibration: Calibration, level: float) -> IntArray:
    """Return the lengths of complete runs above a level, ascending.

    Runs that touch the begin or end of a stretch were cut there; leaving all of them out would favour short runs, so
    those that are already longer than the median complete run are kept with the length that was seen.
    """
    starts, stops = mask_runs(calibration.scores > level, calibration.breaks)
    cut = np.isin(starts, calibration.starts) | np.isin(stops, calibration.stops)
    lengths = stops - starts
    whole = lengths[~cut]
    middle = np.median(whole) if whole.size else 0
    return np.sort(np.concatenate([whole, lengths[cut][lengths[cut] > middle]]))


def observed_crossings(calibration: Calibration, level: float, horizon: int) -> Crossings:
    """Average what followed every observed crossing of a level.

    Parameters
    ----------
    calibration : Calibration
        At least one up- and one down-crossing.
    level : float
        In units of the score.
    horizon : int
        Largest lag; lags that fewer than 30 crossings reach are left out.

    Returns
    -------
    Crossings
        From the lag on at which both chances have settled within the noise, they are the overall share above.
    """
    above = calibration.scores > level
    starts, stops = mask_runs(above, calibration.breaks)
    ups = starts[~np.isin(starts, calibration.starts)]
    downs = stops[~np.isin(stops, calibration.stops)]
    share = float(above.mean())
    # Up- and down-crossings are equally frequent in the long run; both together halve the noise.
    rate = (ups.size + downs.size) / 2 / max(len(calibration) - calibration.starts.size, 1)
    seen_up = _followed(above, ups, calibration, horizon)
    seen_down = _followed(above, downs, calibration, horizon)
    size = min(seen_up.size, seen_down.size)
    seen_up, seen_down = seen_up[:size], seen_down[:size]
    noise = _NOISE * np.sqrt(share * (1 - share) / max(ups.size, 1))
    settled = (np.abs(seen_up - share) < noise) & (np.abs(seen_down - share) < noise)
    in_a_row = np.convolve(settled, np.ones(_IN_A_ROW), "valid") == _IN_A_ROW
    until = int(np.argmax(in_a_row)) if size >= _IN_A_ROW and in_a_row.any() else size
    up, down = np.full(horizon + 1, share), np.full(horizon + 1, share)
    up[:until], down[:until] = seen_up[:until], seen_down[:until]
    up[0], down[0] = 1.0, 0.0
    return Crossings(up, down, share, rate)


def _followed(above: BoolArray, crossings: IntArray, calibration: Calibration, horizon: int) -> FloatArray:
    """Return the share of crossings after which the score is above, 0 to `horizon` places later."""
    left = calibration.stops[np.searchsorted(calibration.stops, crossings, side="right")] - crossings
    every = max(1, int(np.ceil(crossings.size * (horizon + 1) / _MOST_LOOKUPS)))
    crossings, left = crossings[::every], left[::every]
    order = np.argsort(-left, kind="stable")
    crossings, left = crossings[order], left[order]
    shares = []
    for lag in range(horizon + 1):
        reaching = int(np.searchsorted(-left, -lag, side="left"))
        if reaching < min(_LEAST_LEFT, crossings.size):
            break
        shares.append(float(np.count_nonzero(above[crossings[:reaching] + lag])) / max(reaching, 1))
    return np.asarray(shares)
