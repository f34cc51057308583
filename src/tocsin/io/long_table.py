"""Long tables: one series per name, one channel per name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.samples import Repair
from tocsin.io import memory, names, zones
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.fetch import Frame
from tocsin.io.names import several
from tocsin.io.options import Options

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


def split_series(frame: Frame, wanted: str | None) -> Iterator[tuple[str, Frame]]:
    """Yield each series of a table whose rows name theirs, by name; the only one under an empty name.

    Raises
    ------
    InputError
        If the one that is wanted is not there.
    """
    if frame.series is None:
        if wanted is not None:
            raise InputError(f"{frame.where} holds one series, so series={wanted!r} names nothing: leave it out")
        yield "", frame
        return
    known = list(frame.series_names)
    if wanted is not None and wanted not in known:
        raise InputError(f"{frame.where} holds no series {wanted!r}{nearest(wanted, known)}")
    nameless = int((frame.series == NO_INTEGER).sum())
    notes = [Repair(f"{several(nameless, 'row')} of no series: left out", nameless)] if nameless else []
    order = np.argsort(frame.series, kind="stable")
    edges = np.searchsorted(frame.series[order], np.arange(len(known) + 1))
    for code, name in enumerate(known):
        if wanted is None or name == wanted:
            part = _part(frame, np.sort(order[edges[code] : edges[code + 1]]))
            yield name, replace(part, repairs=[*frame.repairs, *notes])


def _part(frame: Frame, rows: IntArray) -> Frame:
    return replace(
        frame,
        numbers={name: values[rows] for name, values in frame.numbers.items()},
        time=None if frame.time is None else frame.time[rows],
        series=None,
        channel=None if frame.channel is None else frame.channel[rows],
    )


def pivot(frame: Frame, options: Options) -> Frame:
    """Turn rows of (time, name, value) into one row per stamp and one column per name.

    Of values with the same stamp and name the last is kept. A stamp is labelled if any of its rows is. Stamps come out
    sorted, because the rows of a long table often follow its names and not the time.

    Raises
    ------
    InputError
        If a channel that the caller names is not there.
    """
    if frame.channel is None or frame.time is None:
        return frame
    labels = [name for name in frame.numbers if names.is_label(name)]
    (value,) = [name for name in frame.numbers if name not in labels]
    for name in options.channels or ():
        if name not in frame.channel_names:
            raise InputError(f"{frame.where} has no channel {name!r}{nearest(name, frame.channel_names)}")
    frame = _in_utc(frame, options.zone)
    assert frame.time is not None
    assert frame.channel is not None
    stamps, rows = np.unique(frame.time, return_inverse=True)
    here = frame.channel != NO_INTEGER
    chosen = options.channels or tuple(frame.channel_names[code] for code in np.unique(frame.channel[here]))
    codes = [frame.channel_names.index(name) for name in chosen]
    column = np.full(len(frame.channel_names), -1)
    column[codes] = np.arange(len(codes))
    target = np.where(here, column[np.where(here, frame.channel, 0)], -1)
    used = np.flatnonzero(target >= 0)
    memory.check_size(frame.where, stamps.size, len(codes), memory.allowed(options.limit))
    wide: FloatArray = np.full((len(codes), stamps.size), np.nan)
    wide[target[used], rows[used]] = frame.numbers[value][used]
    repairs = [
        *frame.repairs,
        Repair(f"a long table: its {value!r} became one channel for each of {len(codes)} names", len(codes)),
    ]
    doubles = used.size - np.unique(target[used] * stamps.size + rows[used]).size
    if doubles:
        repairs.append(
            Repair(
                f"{several(doubles, 'value')} with the stamp and name of another: the last of each was kept", doubles
            )
        )
    nameless = int((~here).sum())
    if nameless:
        repairs.append(Repair(f"{several(nameless, 'row')} of no channel: left out", nameless))
    numbers = {name: wide[i] for i, name in enumerate(chosen)}
    for name in labels:
        marked = np.zeros(stamps.size)
        np.maximum.at(marked, rows, np.nan_to_num(frame.numbers[name]))
        numbers.setdefault(name, marked)
    return replace(frame, numbers=numbers, time=stamps, channel=None, repairs=repairs)


def _in_utc(frame: Frame, zone: str | None) -> Frame:
    """Leave local time while the rows of each channel are still in the order of the file, which an hour needs that
    occurs twice.
    """
    if zone is None or frame.zoned or frame.time is None or frame.channel is None:
        return frame
    time, notes = frame.time.copy(), list[Repair]()
    for code in np.unique(frame.channel):
        rows = np.flatnonzero((frame.channel == code) & (frame.time != NO_INTEGER))
        time[rows], notes = zones.to_utc(frame.time[rows], zone)
    return replace(frame, time=time, zoned=True, repairs=[*frame.repairs, *notes])
