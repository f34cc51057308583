"""From arrays of a public set to samples, truths and entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.dataset import Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Repair, Series
from tocsin.core.truth import Truth

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, FloatArray, TimeArray

Loaded = tuple[Series, Truth | None]


def series(
    values: FloatArray,
    id: str,
    *,
    channels: Sequence[str] = (),
    time: TimeArray | None = None,
    step: float | None = None,
    repairs: Sequence[Repair] = (),
    **meta: Any,
) -> Series:
    """Return a series; infinities become missing, and time that goes back is dropped with a remark.

    Parameters
    ----------
    step : float, optional
        Seconds from row to row where the set's documentation says so but its files hold no stamps: the rows then get
        stamps counted from 1970.
    """
    notes = list(repairs)
    values = np.asarray(values)
    if values.dtype.kind == "f" and np.isinf(values).any():
        notes.append(Repair("infinite values became missing ones", int(np.isinf(values).sum())))
        values = np.where(np.isinf(values), np.nan, values)
    if time is None and step is not None:
        time = (np.arange(len(values)) * round(step * 1e9)).astype("datetime64[ns]")
        notes.append(
            Repair("the files hold no stamps: rows are counted from 1970 at the set's stated rate", len(values))
        )
    if time is not None and (np.diff(time) < np.timedelta64(0, "ns")).any():
        back = int((np.diff(time) < np.timedelta64(0, "ns")).sum())
        notes.append(Repair("time goes back: rows keep their order and lose their stamps", back))
        time = None
    return Series(values, tuple(channels), time, id=id, meta=meta, repairs=tuple(notes))


def from_mask(mask: AnyArray, rows: int, where: str, **known: Any) -> Truth:
    """Return truth from one label per row.

    Raises
    ------
    InputError
        If there are not as many labels as rows.
    """
    if np.shape(mask) != (rows,):
        raise InputError(f"{where} has {np.size(mask)} labels for {rows} rows")
    flags = np.asarray(mask) > 0
    return Truth(mask=flags, intervals=runs(flags), **known)


def runs(mask: BoolArray) -> tuple[tuple[int, int], ...]:
    """Return the half-open runs of True.

    Examples
    --------
    >>> runs(np.array([False, True, True, False, True]))
    ((1, 3), (4, 5))
    """
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))


def entry(id: str, load: Callable[..., Loaded], *arguments: Any, split: str = "test", group: str = "") -> Entry:
    """Return an entry that reads its sample with `load` and `arguments` when asked."""
    return Entry(id, partial(load, *arguments), split, group)
