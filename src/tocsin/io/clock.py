"""Rows in the order of time: sorted, without doubles, one row per step. Every rule that changes a row is here.

1. Rows are sorted by their stamps; equal stamps stay in the order of the file.
2. Of rows with one stamp the last is kept, unless more than half would go: then stamps are coarser than the rows (a
   10 Hz recording stamped to the second), and all rows stay.
3. A series is regular if 95 % of its steps are within a tenth of the median step. In a regular series, rows of missing
   values are inserted into gaps of one and a half steps or more, so that one row is one step; gaps that would take more
   rows in all than the series has are left alone.
4. Any other series is sampled irregularly and stays as it is, with its stamps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.names import several
from tocsin.io.zones import show

if TYPE_CHECKING:
    from tocsin.core.types import IntArray

REGULAR_SHARE = 0.95
REGULAR_WITHIN = 0.1
GAP_FROM = 1.5


@dataclass(frozen=True)
class Ordered:
    """The result of putting rows into the order of time.

    Parameters
    ----------
    time : ndarray of int64
        Nanoseconds since 1970, not going back.
    rows : ndarray of int64
        For each row, which row of the input it is; -1 where it was inserted.
    repairs : list of Repair
        What was done, by which rule.
    """

    time: IntArray
    rows: IntArray
    repairs: list[Repair]


def put_in_order(time: IntArray, where: str, name: str, *, fill: bool = True) -> Ordered:
    """Sort, drop doubles and fill gaps, by the rules above.

    Parameters
    ----------
    time : ndarray of int64
        Nanoseconds, in the order of the file.
    where, name : str
        What messages call the file and its time column.
    fill : bool
        Whether rows may be inserted.

    Raises
    ------
    InputError
        If more than half of the rows share their stamp with another and they are not in order.

    Examples
    --------
    >>> stamps = np.array([0, 1, 2, 3, 3, 5, 4, 8, *range(9, 60)]) * 10**9
    >>> put_in_order(stamps, "a.csv", "time").rows[:10].tolist()
    [0, 1, 2, 4, 6, 5, -1, -1, 7, 8]
    """
    rows: IntArray = np.arange(time.size)
    repairs: list[Repair] = []
    back = np.flatnonzero(np.diff(time) < 0)
    if back.size:
        rows = np.argsort(time, kind="stable")
        at = int(back[0])
        what = f"stamps went back {several(back.size, 'time')} (first from {show(time[at])} to {show(time[at + 1])})"
        repairs.append(Repair(f"{what}: rows were sorted by time", int(back.size), name))
        time = time[rows]
    double = np.flatnonzero(np.diff(time) == 0)
    if double.size * 2 > time.size:
        if back.size:
            raise InputError(
                f"{where}: {double.size} of {time.size} rows share their stamp in {name!r} with another row and are "
                "not in order: if the file holds several series, call the column that tells them apart id or metric"
            )
        per = time.size / (time.size - double.size)
        repairs.append(
            Repair(f"stamps are coarser than the rows ({per:.3g} rows per stamp): all rows were kept", 1, name)
        )
    elif double.size:
        first = show(time[double[0]])
        keep = np.append(np.diff(time) != 0, True)
        time, rows = time[keep], rows[keep]
        what = f"{several(double.size, 'row')} had the stamp of another row (the first at {first})"
        repairs.append(Repair(f"{what}: the last row of each was kept", int(double.size), name))
    if time.size < 3:
        return Ordered(time, rows, repairs)
    time, rows, notes = _regularise(time, rows, name, fill)
    return Ordered(time, rows, repairs + notes)


def _regularise(time: IntArray, rows: IntArray, name: str, fill: bool) -> tuple[IntArray, IntArray, list[Repair]]:
    steps = np.diff(time)
    step = float(np.median(steps))
    if step <= 0:
        return time, rows, []
    regular = np.abs(steps - step) <= REGULAR_WITHIN * step
    if regular.mean() < REGULAR_SHARE:
        low, middle, high = (duration(q) for q in np.quantile(steps, (0.05, 0.5, 0.95)))
        what = f"sampled irregularly: 5 % of the steps are below {low}, half below {middle}, 95 % below {high}"
        return (
            time,
            rows,
            [Repair(f"{what}; rows were kept as they are, with their stamps", int((~regular).sum()), name)],
        )
    wide = np.flatnonzero(steps >= GAP_FROM * step)
    if not wide.size:
        return time, rows, []
    lacking = np.round(steps[wide] / step).astype(np.int64) - 1
    total = int(lacking.sum())
    widest = int(wide[np.argmax(steps[wide])])
    longest = f"the longest of {duration(steps[widest])} after {show(time[widest])}"
    what = f"{several(wide.size, 'gap')} in steps of {duration(step)}, {longest}"
    if not fill or total > time.size:
        why = (
            f": filling them would take {total} rows, more than there are, so they were left"
            if fill
            else ": left as they are"
        )
        return time, rows, [Repair(what + why, int(wide.size), name)]
    # Every gap is divided evenly: a series that comes back out of phase keeps its own stamps.
    counts = np.ones(time.size, np.int64)
    counts[wide] += lacking
    owner = np.repeat(np.arange(time.size), counts)
    place = np.arange(owner.size) - np.repeat(np.cumsum(counts) - counts, counts)
    stride = np.zeros(time.size, np.int64)
    stride[wide] = steps[wide] // (lacking + 1)
    filled = np.where(place == 0, rows[owner], -1)
    what += f": {several(total, 'row')} of missing values inserted, so that one row is one step"
    return time[owner] + place * stride[owner], filled, [Repair(what, total, name)]


def duration(nanoseconds: float) -> str:
    """Write a time span for a person.

    Examples
    --------
    >>> duration(5e9), duration(3.6e12), duration(1.5e6)
    ('5 s', '1 h', '1.5 ms')
    """
    for unit, size in (("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.4g} {unit}"
    return f"{nanoseconds:.4g} ns"
