"""From the columns of a file to a series: labels aside, dead columns out, rows in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair, Series
from tocsin.io import names, zones
from tocsin.io.clock import put_in_order
from tocsin.io.fetch import Frame, missing_stamps
from tocsin.io.names import listed, several
from tocsin.io.options import Options

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

MUCH_MISSING = 0.4


def finish(frame: Frame, options: Options, *, source: str, id: str = "") -> Series:
    """Turn a frame into a series.

    Returns
    -------
    Series
        `meta` holds ``source``; ``labels`` (dict of int8 arrays, 1 where anomalous) if the file has any; ``zoned``,
        whether the stamps are known to be UTC; and ``rows``, the file's row for each row (from 0; -1 where inserted),
        if they are not simply the same.

    Raises
    ------
    InputError
        If nothing is left: no rows, no numbers, nothing that varies; or a number is infinite.
    """
    repairs = list(frame.repairs)
    numbers, time = dict(frame.numbers), frame.time
    rows = np.arange(len(next(iter(numbers.values()))))
    if time is not None:
        gone = missing_stamps(time)
        if gone.size == time.size:
            raise InputError(
                f"{frame.where}: the time column {frame.time_name!r} is empty: name another one, or none of it"
            )
        if gone.size:
            repairs.append(
                Repair(f"{several(gone.size, 'row')} without a time stamp: left out", int(gone.size), frame.time_name)
            )
            keep = np.delete(rows, gone)
            rows, time, numbers = rows[keep], time[keep], {name: values[keep] for name, values in numbers.items()}
    if rows.size < 2:
        raise InputError(f"{frame.where} holds one row: a series needs at least two")
    numbers, labels, notes = take_labels(numbers, options)
    repairs += notes + _take_infinities(numbers, rows, frame.where, options)
    numbers, notes = _leave_out(numbers, labels, frame.where, options)
    repairs += notes
    repairs += _count_missing(numbers)
    meta: dict[str, Any] = {"source": source}
    kept = rows
    stamps = None
    if time is not None:
        if not frame.zoned:
            time, notes = _to_utc(time, options)
            repairs += notes
        order = put_in_order(time, frame.where, frame.time_name, fill=options.gaps == "insert")
        repairs += order.repairs
        stamps = order.time.astype("datetime64[ns]")
        meta["zoned"] = frame.zoned or options.zone is not None
        if not np.array_equal(order.rows, np.arange(time.size)):
            kept = np.where(order.rows >= 0, rows[order.rows], -1)
            numbers = {name: _reorder(values, order.rows) for name, values in numbers.items()}
            labels = {name: _reorder_labels(values, order.rows) for name, values in labels.items()}
    if labels:
        meta["labels"] = labels
    if not np.array_equal(kept, np.arange(kept.size)):
        meta["rows"] = kept
    values = np.column_stack(list(numbers.values()))
    return Series(values, tuple(numbers), stamps, id=id or Path(source).name, meta=meta, repairs=tuple(repairs))


def take_labels(
    numbers: dict[str, FloatArray], options: Options
) -> tuple[dict[str, FloatArray], dict[str, IntArray], list[Repair]]:
    """Set columns aside that mark anomalies: by name, and holding nothing but 0 and 1."""
    labels: dict[str, IntArray] = {}
    repairs = []
    for name in [n for n in numbers if names.is_label(n)]:
        values = numbers[name]
        wanted = options.channels is not None and name in options.channels
        if wanted or not bool(((values == 0) | (values == 1) | np.isnan(values)).all()) or np.isnan(values).all():
            continue
        labels[name] = (values == 1).astype(np.int8)
        share = f"{labels[name].mean():.2%} of the rows are marked"
        repairs.append(Repair(f"holds labels ({share}): not a channel, kept in meta['labels']", 1, name))
    return {n: v for n, v in numbers.items() if n not in labels}, labels, repairs


def _take_infinities(numbers: dict[str, FloatArray], rows: IntArray, where: str, options: Options) -> list[Repair]:
    repairs = []
    for name, values in numbers.items():
        infinite = np.isinf(values)
        if not infinite.any():
            continue
        row = int(rows[np.argmax(infinite)]) + 1
        if options.on_bad == "raise":
            raise InputError(
                f"{where}: column {name!r} is infinite in row {row}: correct it, "
                "or read with on_bad='skip' to take infinities as missing"
            )
        numbers[name] = np.where(infinite, np.nan, values)
        count = int(infinite.sum())
        repairs.append(
            Repair(f"{several(count, 'infinite value')} (the first in row {row}): read as missing", count, name)
        )
    return repairs


def _leave_out(
    numbers: dict[str, FloatArray], labels: dict[str, IntArray], where: str, options: Options
) -> tuple[dict[str, FloatArray], list[Repair]]:
    """Drop columns that say nothing: empty ones, constant ones, and those that only number the rows.

    Channels that the caller names are kept as they are: a sensor that is stuck is worth a look.
    """
    if options.channels is not None:
        if all(np.isnan(values).all() for values in numbers.values()):
            raise InputError(f"{where}: every value of {listed(list(numbers))} is missing")
        return numbers, []
    out: dict[str, str] = {}
    for name, values in numbers.items():
        held = values[~np.isnan(values)]
        if held.size == 0:
            out[name] = "holds nothing but missing values"
        elif held.min() == held.max():
            out[name] = f"is constant ({held[0]:.6g})"
        elif counts_up(name, values):
            out[name] = "only counts up and is no time since 1970; name it as time with its unit if it is the clock"
    kept = {name: values for name, values in numbers.items() if name not in out}
    if not kept:
        if not numbers:
            raise InputError(f"{where} holds labels ({listed(list(labels))}) and no other numbers: nothing to look at")
        empty = all(np.isnan(values).all() for values in numbers.values())
        what = (
            "every value is missing"
            if empty
            else f"nothing varies: {listed([f'{n!r} {w}' for n, w in out.items()], 3)}"
        )
        remedy = "" if empty else "; name channels to read them all the same"
        raise InputError(f"{where}: {what}{remedy}")
    # Dozens of dead counters are common in host telemetry: one line for each kind of reason is enough to read.
    dead = [n for n, why in out.items() if why.startswith("is constant")]
    repairs = [Repair(f"{why}: left out", 1, n) for n, why in out.items() if n not in dead or len(dead) <= 3]
    if len(dead) > 3:
        repairs.append(Repair(f"{len(dead)} constant columns: left out", len(dead), listed(dead, 40)))
    return kept, repairs


def counts_up(name: str, values: FloatArray) -> bool:
    """Tell whether a column named like an index or a clock just climbs, by equal steps or otherwise."""
    if not (names.is_index(name) or names.is_time(name)) or np.isnan(values).any():
        return False
    steps = np.diff(values)
    even = bool(np.allclose(steps, steps[0], rtol=1e-6, atol=0)) and steps[0] > 0
    return even or (names.is_time(name) and bool((steps >= 0).all()))


def _count_missing(numbers: dict[str, FloatArray]) -> list[Repair]:
    counts = {name: int(np.isnan(values).sum()) for name, values in numbers.items()}
    counts = {name: count for name, count in counts.items() if count}
    if not counts:
        return []
    rows = len(next(iter(numbers.values())))
    total, cells = sum(counts.values()), rows * len(numbers)
    much = [name for name, count in counts.items() if count > MUCH_MISSING * rows]
    worst = max(counts, key=lambda name: counts[name])
    more = "" if len(counts) == 1 else f", most in {worst!r} ({counts[worst] / rows:.1%})"
    what = f"{total:,} of {several(cells, 'value')} missing ({total / cells:.1%}){more}: kept as missing"
    if much:
        what += f"; more than {MUCH_MISSING:.0%} in {listed(much)}, of which little can be expected"
    return [Repair(what, total, listed(list(counts)))]


def _to_utc(time: IntArray, options: Options) -> tuple[IntArray, list[Repair]]:
    if options.zone is None:
        return time, zones.suspect_summer_time(time)
    return zones.to_utc(time, options.zone)


def _reorder(values: FloatArray, rows: IntArray) -> FloatArray:
    moved = values[rows]
    moved[rows < 0] = np.nan
    return moved


def _reorder_labels(labels: IntArray, rows: IntArray) -> IntArray:
    """Move labels along; an inserted row is marked if the rows on both sides of its gap are."""
    before = np.maximum.accumulate(np.where(rows >= 0, np.arange(rows.size), 0))
    after = np.minimum.accumulate(np.where(rows >= 0, np.arange(rows.size), rows.size - 1)[::-1])[::-1]
    return np.asarray(labels[rows[before]] & labels[rows[after]], dtype=np.int8)
