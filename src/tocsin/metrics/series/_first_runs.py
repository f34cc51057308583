"""How much of each event is missed at every threshold, counting a miss the less the more was found first.

PATE charges a missed place of an event fully up to the length ``c`` of the first predicted run inside the event, and
after that the less the later it lies.  An event changes only at its own scores, and the charge is a closed form of
four numbers: how many places are predicted, the sum of their offsets, the first predicted offset ``f`` and the run
length ``c``.  The first two are cumulative sums, ``f`` a running minimum, and ``c`` a search for the next lower score,
done for all thresholds of all events together by doubling: O(P log L) for P anomalous places and events of L places at
most, where walking every threshold over every event would take O(P L).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.metrics.runs import IntArray, Runs
from tocsin.metrics.series._levels import Levels


def missed_mass(events: Runs, levels: Levels) -> npt.NDArray[np.float64]:
    """Return the false-negative weight over all events at each threshold, highest threshold first."""
    level = levels.of_place[events.places].astype(np.int64)
    owner = events.owner
    offset = events.places - np.repeat(events.start, events.length)
    order = np.argsort(owner * levels.count + level, kind="stable")
    level_met, owner_met, offset_met = level[order], owner[order], offset[order]
    last = np.ones(len(order), dtype=bool)  # last place of an event to enter at one threshold: its state afterwards
    last[:-1] = (level_met[1:] != level_met[:-1]) | (owner_met[1:] != owner_met[:-1])

    begins = events.offset[owner_met]
    predicted = (np.arange(len(order)) - begins + 1)[last]
    sums = np.cumsum(offset_met)
    offset_sum = (sums - np.concatenate(([0], sums))[begins])[last]
    stride = int(events.length.max()) + 1  # makes a running minimum start afresh with every event
    first = (np.minimum.accumulate(offset_met - owner_met * stride) + owner_met * stride)[last]
    at, event = level_met[last], owner_met[last]
    length = events.length[event]
    run_end = _first_later(level, events.offset[event] + first, at, stride)
    run = np.minimum(run_end, events.offset[event] + length) - (events.offset[event] + first)

    missing = _charge(length, predicted, offset_sum, first, run)
    before = np.concatenate(([0.0], missing[:-1]))
    fresh = np.concatenate(([True], event[1:] != event[:-1]))
    drop = np.where(fresh, length, before) - missing
    left = len(order) - levels.running(at, drop)
    left[int(level.max()) :] = 0.0  # every anomalous place is predicted: nothing is missed, whatever rounding says
    return np.asarray(np.maximum(left, 0.0))


def _charge(
    length: IntArray, predicted: IntArray, offset_sum: IntArray, first: IntArray, run: IntArray
) -> npt.NDArray[np.float64]:
    """Weigh the missed offsets ``j`` of an event: 1 up to ``j = run``, then less by ``(run + 1)(j - run / 2) / M``.

    ``M = length (length - 1) / 2``.  Places 0 .. run hold no predicted one but those of the first run itself.
    """
    edge = np.minimum(run, length - 1)
    found_end = np.minimum(edge, first + run - 1)
    found = np.maximum(found_end - first + 1, 0)
    early = edge + 1 - found
    early_sum = edge * (edge + 1) // 2 - found * (first + found_end) // 2
    missed = length - predicted
    late = missed - early
    late_sum = length * (length - 1) // 2 - offset_sum - early_sum
    whole = np.maximum(length * (length - 1) / 2.0, 1.0)
    return np.asarray(missed - (run + 1) / whole * (late_sum - run / 2.0 * late), dtype=np.float64)


def _first_later(level: IntArray, start: IntArray, at: IntArray, reach: int) -> IntArray:
    """Return the first place from ``start`` on with a level beyond ``at``, looking ``reach`` places ahead at least."""
    tables = [level.astype(np.int32)]  # tables[k][i] is the latest level among places i .. i + 2**k - 1
    while (width := 1 << len(tables)) <= min(reach, len(level)):
        half = tables[-1]
        tables.append(np.maximum(half[: len(level) - width + 1], half[width // 2 :]))
    place = start.copy()
    for power in range(len(tables) - 1, -1, -1):
        table = tables[power]
        fits = place < len(table)
        place += (fits & (table[np.where(fits, place, 0)] <= at)).astype(np.int64) << power
    return place
