"""How often a rule "m of the last n places above the level" goes off if nothing is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.types import BoolArray

if TYPE_CHECKING:
    from tocsin.core.excursions.run_lengths import RunLengths

_CHUNK_RUNS = 200_000
_MOST_PLACES = 4_000_000


def false_alarms(run_lengths: RunLengths, m: int, n: int, *, places: int = 2_000_000, random_state: int = 0) -> float:
    """Return alarms per place of a rule "m of the last n", by simulating runs above and below in turn.

    Runs are drawn independently of each other, as in the approximation. The time between runs is long at high levels
    and holds nothing that the rule could see: gaps longer than `n` are cut to `n` for the count, and counted in full as
    time, so that rare alarms are simulated at the price of frequent ones.

    Parameters
    ----------
    run_lengths : RunLengths
        Of the level.
    m, n : int
        Alarm while at least `m` of the last `n` places are above.
    places : int
        How many simulated places may be looked at.
    random_state : int
        Same seed, same answer.

    Returns
    -------
    float
        Begins of alarms per place.

    Raises
    ------
    InputError
        If not 1 <= m <= n.
    """
    if not 1 <= m <= n:
        raise InputError(f"a rule of m of n needs 1 <= m <= n, not {m} of {n}")
    rng = np.random.default_rng(random_state)
    looked_at, time, alarms = 0, 0.0, 0
    while looked_at < places:
        highs = np.minimum(run_lengths.upper.draw(_CHUNK_RUNS, rng), _MOST_PLACES)
        lows = run_lengths.lower.draw(_CHUNK_RUNS, rng)
        short = np.minimum(lows, n)
        size = np.cumsum(highs + short)
        fits = max(1, int(np.searchsorted(size, min(places - looked_at, _MOST_PLACES))))
        highs, lows, short = highs[:fits], lows[:fits], short[:fits]
        mask = np.repeat(np.tile([True, False], fits), np.column_stack([highs, short]).ravel())
        alarms += _begins(mask, m, n)
        looked_at += mask.size
        time += float(highs.sum()) + float(lows.sum())
    return alarms / time


def _begins(mask: BoolArray, m: int, n: int) -> int:
    """Count where the number of Trues among the last n reaches m; n quiet places are thought before the first."""
    sums = np.concatenate([np.zeros(n, dtype=np.int64), np.cumsum(mask)])
    on = sums[n:] - sums[:-n] >= m
    return int(np.count_nonzero(on[1:] & ~on[:-1]) + on[0])
