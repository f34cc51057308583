"""Series: channels over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, TimeArray


@dataclass(frozen=True, eq=False)
class Series(Sample):
    """Values of one or more channels over time; NaN means missing.

    Parameters
    ----------
    values : array_like of shape (n,) or (n, c)
        Numbers; kept as float32 or float64, never changed in place.
    channels : sequence of str, optional
        One unique name per column; ``value`` or ``channel 0`` ... when left out.
    time : array_like of shape (n,), optional
        ``datetime64`` stamps (UTC) that do not go back, or None for a plain index.

    Raises
    ------
    InputError
        For other than one or two dimensions, non-numeric or infinite values, wrong or duplicate names, or time that
        goes back.

    Examples
    --------
    >>> s = Series([1.0, 2.0, 4.0], channels=["load"])
    >>> s.grid, s.channels, s.name(1)
    ((3,), ('load',), '1')
    """

    modality: ClassVar[str] = "series"

    values: FloatArray
    channels: tuple[str, ...] = ()
    time: TimeArray | None = None

    def __post_init__(self) -> None:
        values = _as_matrix(self.values, self.id)
        channels = tuple(str(c) for c in self.channels) or _default_names(values.shape[1])
        if len(channels) != values.shape[1]:
            raise InputError(f"{len(channels)} channel names were given for {values.shape[1]} columns of values")
        if len(set(channels)) != len(channels):
            twice = next(c for c in channels if channels.count(c) > 1)
            raise InputError(f"the channel name {twice!r} occurs twice: names must differ")
        if np.isinf(values).any():
            row, column = (int(i[0]) for i in np.nonzero(np.isinf(values)))
            raise InputError(
                f"channel {channels[column]!r} is infinite at row {row}: replace infinities by NaN (missing)"
            )
        time = None if self.time is None else _as_time(self.time, len(values))
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "channels", channels)
        object.__setattr__(self, "time", time)

    @classmethod
    def from_frame(
        cls, frame: Any, *, time: str | None = None, channels: Sequence[str] | None = None, id: str = ""
    ) -> Series:
        """Build a series from a pandas, polars or pyarrow table.

        Parameters
        ----------
        frame : DataFrame or Table
            Any eager frame that narwhals understands.
        time : str, optional
            The time column; found by its type when left out.
        channels : sequence of str, optional
            Columns to use; every numeric column when left out.
        """
        from tocsin.core.samples.frames import series_from_frame

        return series_from_frame(frame, time=time, channels=channels, id=id)

    @property
    def grid(self) -> tuple[int, ...]:
        return (self.values.shape[0],)

    @cached_property
    def observed(self) -> BoolArray:
        return np.asarray(np.isfinite(self.values).any(axis=1))

    @cached_property
    def step(self) -> float | None:
        """Seconds from one row to the next (the median), or None without a clock."""
        if self.time is None or len(self.time) < 2:
            return None
        gaps = np.diff(self.time).astype("timedelta64[ns]").astype(np.int64)
        return float(np.median(gaps)) / 1e9 or None

    def take(self, start: int, stop: int) -> Series:
        start, stop, _ = slice(start, stop).indices(len(self))
        time = None if self.time is None else self.time[start:stop]
        # The row number in the original lets a part name its rows, and find its phase in a season, without a clock.
        meta = {**self.meta, "first_row": int(self.meta.get("first_row", 0)) + start}
        if "rows" in meta:
            meta["rows"] = meta["rows"][start:stop]
        if "labels" in meta:
            meta["labels"] = {name: marks[start:stop] for name, marks in meta["labels"].items()}
        return replace(self, values=self.values[start:stop], time=time, meta=meta)

    def split(self, fraction: float) -> tuple[Series, Series]:
        first, rest = super().split(fraction)
        assert isinstance(first, Series)
        assert isinstance(rest, Series)
        return first, rest

    def select(self, channels: Sequence[str]) -> Series:
        """Keep only these channels, in this order.

        Parameters
        ----------
        channels : sequence of str
            Names, or patterns such as ``service.*`` that stand for all channels that fit.

        Raises
        ------
        InputError
            If a name is unknown or a pattern fits none; the message lists the nearest names.

        Examples
        --------
        >>> Series(np.zeros((2, 3)), ("cpu.user", "cpu.system", "disk")).select(["disk", "cpu.*"]).channels
        ('disk', 'cpu.user', 'cpu.system')
        """
        from fnmatch import fnmatchcase

        from tocsin.core.registry import nearest

        wanted: list[str] = []
        for name in channels:
            fitting = [name] if name in self.channels else [c for c in self.channels if fnmatchcase(c, name)]
            if not fitting:
                raise InputError(f"there is no channel {name!r}{nearest(name, self.channels)}")
            wanted += [c for c in fitting if c not in wanted]
        columns = [self.channels.index(name) for name in wanted]
        return replace(self, values=self.values[:, columns], channels=tuple(wanted))

    def name(self, place: tuple[int, ...] | int) -> str:
        row = place[0] if isinstance(place, tuple) else place
        if self.time is None:
            return str(row + int(self.meta.get("first_row", 0)))
        return format_time(self.time[row], self.step)


def format_time(stamp: np.datetime64, step: float | None) -> str:
    """Write a stamp with no more digits than the step of the series needs."""
    unit = "s" if step is None or step >= 1 else ("ms" if step >= 1e-3 else "us")
    return str(np.datetime_as_string(stamp, unit=unit)).replace("T", " ")  # type: ignore[call-overload]


def _as_matrix(values: Any, id: str) -> FloatArray:
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
        if array.dtype.kind in "cmM":
            raise TypeError(f"they are {array.dtype}")
        if array.dtype.kind not in "fiub":
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the values of {id or 'the series'} are not numbers: {error}") from None
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(f"a series has one or two dimensions (time, channel), not {array.ndim}")
    if array.shape[1] == 0:
        raise InputError(f"{id or 'the series'} has no channel")
    dtype = np.float32 if array.dtype in (np.float16, np.float32) else np.float64
    converted: FloatArray = np.ascontiguousarray(array, dtype=dtype)
    # A view, so that marking it read-only leaves the caller's own array as it was.
    return converted.view()


def _default_names(count: int) -> tuple[str, ...]:
    return ("value",) if count == 1 else tuple(f"channel {i}" for i in range(count))


def _as_time(time: Any, rows: int) -> TimeArray:
    stamps = np.asarray(time)
    if stamps.dtype.kind != "M":
        raise InputError("time must be datetime64 stamps; convert with numpy.asarray(stamps, dtype='datetime64[ns]')")
    stamps = stamps.astype("datetime64[ns]")
    if stamps.shape != (rows,):
        raise InputError(f"there are {stamps.size} time stamps for {rows} rows")
    if np.isnat(stamps).any():
        raise InputError(f"the time stamp of row {int(np.flatnonzero(np.isnat(stamps))[0])} is missing")
    back = np.flatnonzero(np.diff(stamps) < np.timedelta64(0, "ns"))
    if back.size:
        raise InputError(f"time goes back after row {int(back[0])} ({stamps[back[0]]}): sort the rows by time")
    stamps.flags.writeable = False
    return stamps
