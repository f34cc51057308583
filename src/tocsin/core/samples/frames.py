"""From what users hold - arrays, pandas, polars, pyarrow - to samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples.sample import Repair, Sample
from tocsin.core.samples.series import Series


def as_sample(data: Any, *, id: str = "") -> Sample:
    """Turn `data` into a sample: samples pass through, tables and arrays of numbers become series.

    Raises
    ------
    InputError
        If it is neither a sample, an array of numbers nor a table.

    Examples
    --------
    >>> as_sample([1.0, 2.0, 3.0]).grid
    (3,)
    """
    if isinstance(data, Sample):
        return data
    # The type is asked, not the object: lazy tables work out their columns when those are touched.
    if any(hasattr(type(data), name) for name in ("columns", "column_names", "__dataframe__")):
        return series_from_frame(data, id=id)
    if isinstance(data, np.ndarray | list | tuple) or hasattr(data, "__array__"):
        return Series(data, id=id)
    raise InputError(f"a {type(data).__name__} is no sample: pass an array, a table, or one of tocsin's samples")


def series_from_frame(
    frame: Any, *, time: str | None = None, channels: Sequence[str] | None = None, id: str = ""
) -> Series:
    """Build a series from an eager table; see `Series.from_frame`."""
    import narwhals as nw

    from tocsin.core.registry import nearest

    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise InputError(f"a {type(frame).__name__} is no table that can be read: collect it first") from None
    names = [str(c) for c in table.columns]
    for wanted in [time, *(channels or ())]:
        if wanted is not None and wanted not in names:
            raise InputError(f"the table has no column {wanted!r}{nearest(wanted, names)}")
    schema = table.schema
    if time is None:
        stamped = [c for c in names if schema[c] in (nw.Datetime, nw.Date) or isinstance(schema[c], nw.Datetime)]
        time = stamped[0] if stamped else None
    stamps = None
    if time is not None:
        stamps = _stamps(table[time], time)
    columns = list(channels) if channels else [c for c in names if c != time and schema[c].is_numeric()]
    left_out = [c for c in names if c not in columns and c != time]
    if not columns:
        raise InputError("the table has no column of numbers")
    values = np.column_stack([_floats(table[c], c) for c in columns])
    repairs = [Repair("not a column of numbers: left out", 1, c) for c in left_out] if channels is None else []
    if stamps is not None and np.any(np.diff(stamps) < np.timedelta64(0, "ns")):
        order = np.argsort(stamps, kind="stable")
        values, stamps = values[order], stamps[order]
        repairs.append(Repair("time went back: rows were sorted by time", len(order), str(time)))
    return Series(values, tuple(columns), stamps, id=id, repairs=tuple(repairs))


def _floats(column: Any, name: str) -> Any:
    try:
        values = column.to_numpy()
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"column {name!r} cannot be turned into numbers: {error}") from None


def _stamps(column: Any, name: str) -> Any:
    import narwhals as nw

    if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    try:
        return np.asarray(column.to_numpy()).astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise InputError(f"the time column {name!r} cannot be read as time: {error}") from None
