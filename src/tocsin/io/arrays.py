"""Arrays on disk: npy, npz, and numbers with blanks between them."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.samples import Repair
from tocsin.io import cells, memory, names
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.epochs import look_like_epochs
from tocsin.io.fetch import Frame, from_numbers
from tocsin.io.names import listed
from tocsin.io.options import Options
from tocsin.io.source import Source

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray

_VALUES = ("values", "x", "X", "data", "value")
_TIMES = ("time", "t", "timestamp", "timestamps")
_CHANNELS = ("channels", "columns", "names", "feature_names")


def read_npy(source: Source, options: Options) -> Frame:
    """Read an array of (time,) or (time, channel), or a structured one with a field per column.

    Raises
    ------
    InputError
        If the file is damaged, holds Python objects, or has another shape.
    """
    with source.path.open("rb") as file:
        _check_header(file, source.where, options)
    try:
        array = np.load(source.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{source.where} cannot be read as an array: {_said(error)}; write it again") from None
    return _frame(source.where, array, (), None, {}, options)


def open_memory_map(source: Source) -> AnyArray:
    """Return the array of an npy file without reading it.

    Raises
    ------
    InputError
        If it is damaged, or no series.
    """
    with source.path.open("rb") as file:
        _check_header(file, source.where, Options(limit=np.inf))
    try:
        array: AnyArray = np.load(source.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{source.where} cannot be read as an array: {_said(error)}; write it again") from None
    return array


def read_npz(source: Source, options: Options) -> Frame:
    """Read the member ``values`` (or ``x``, ``data``), with ``time``, ``channels`` and labels if they are there.

    A file with a single array needs no such names.

    Raises
    ------
    InputError
        If it is not clear which member holds the values, or a member is damaged or holds Python objects.
    """
    where = source.where
    try:
        with zipfile.ZipFile(source.path) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    _check_header(file, f"{where}, member {info.filename.removesuffix('.npy')!r},", options)
        with np.load(source.path, allow_pickle=False) as members:
            known = list(members.files)
            value = next((name for name in _VALUES if name in known), known[0] if len(known) == 1 else None)
            if value is None:
                raise InputError(
                    f"{where} holds the arrays {listed(known)}, and none is called values or x: save the one to read "
                    "under that name, or as a file of its own"
                )
            array = members[value]
            clock = options.time or next((name for name in _TIMES if name in known and name != value), None)
            if clock is not None and clock not in known:
                raise InputError(f"{where} has no member {clock!r}{nearest(clock, known)}")
            time = None if clock is None else members[clock]
            titled = next((name for name in _CHANNELS if name in known), None)
            titles = () if titled is None else tuple(str(name) for name in members[titled].ravel())
            labels = {
                n: members[n] for n in known if names.is_label(n) and n != value and members[n].shape == array.shape[:1]
            }
            unread = [n for n in known if n not in (value, clock, titled, *labels)]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where} is a damaged npz file: {_said(error)}; copy or write it again") from None
    frame = _frame(where, array, titles, None if time is None else (str(clock), time), labels, options)
    frame.repairs += [Repair("an array beside the values: not read", 1, n) for n in unread]
    return frame


def _check_header(file: IO[bytes], where: str, options: Options) -> None:
    """Refuse an array by what its header promises, before any of it is read."""
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    except Exception as error:  # the parser of a damaged header fails in many ways, TokenError and KeyError among them
        raise InputError(f"{where} is no array that can be read: {_said(error)}; write it again") from None
    if dtype.hasobject:
        raise InputError(
            f"{where} holds Python objects, which can run any code when they are opened, and is never read: save "
            "numbers with numpy.save(..., allow_pickle=False)"
        )
    rows = shape[0] if shape else 1
    columns = len(dtype.names) if dtype.names else int(np.prod(shape[1:], dtype=np.float64)) if len(shape) > 1 else 1
    memory.check_size(where.rstrip(","), rows, columns, memory.allowed(options.limit))


def _frame(
    where: str,
    array: AnyArray,
    titles: tuple[str, ...],
    clock: tuple[str, AnyArray] | None,
    labels: Mapping[str, AnyArray],
    options: Options,
) -> Frame:
    columns, stamps, repairs = _columns(where, array, titles)
    if clock is not None and len(clock[1]) != len(array):
        raise InputError(f"{where} holds {len(clock[1])} time stamps in {clock[0]!r} for {len(array)} rows of values")
    if clock is None:
        clock, notes = _own_clock(where, columns, stamps, options)
        repairs += notes
    columns |= {name: np.asarray(values, np.float64) for name, values in labels.items()}
    if options.channels is not None:
        for name in options.channels:
            if name not in columns:
                raise InputError(f"{where} has no channel {name!r}{nearest(name, columns)}")
        columns = {name: columns[name] for name in options.channels}
    frame = Frame(where, columns, repairs=repairs)
    if clock is None:
        return frame
    name, values = clock
    frame.time_name = name
    if values.ndim != 1:
        raise InputError(f"{where}: the time {name!r} has {values.ndim} dimensions where it needs one")
    if values.dtype.kind == "M":
        nanoseconds = values.astype("datetime64[ns]").astype(np.int64)
        frame.time = np.where(np.isnat(values), NO_INTEGER, nanoseconds)
    elif values.dtype.kind in "iuf":
        numbers = values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
        if options.time is None and options.unit is None and not look_like_epochs(numbers):
            what = "is no time since 1970: left out; give its unit (unit='s') if it counts from a start"
            frame.repairs.append(Repair(what, 1, name))
            return frame
        frame.time, notes = from_numbers(numbers, where, name, options)
        frame.zoned = True
        frame.repairs += notes
    else:
        raise InputError(f"{where}: the time {name!r} holds {values.dtype} where datetime64 or numbers are needed")
    return frame


def _columns(
    where: str, array: AnyArray, titles: tuple[str, ...]
) -> tuple[dict[str, AnyArray], dict[str, AnyArray], list[Repair]]:
    """Take an array apart: columns of numbers by name, columns of stamps by name, and what is neither."""
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise InputError(f"{where} is a structured array of {array.ndim} dimensions where one is needed")
        fields = {name: np.ascontiguousarray(array[name]) for name in array.dtype.names}
        stamps = {n: f for n, f in fields.items() if f.dtype.kind == "M" and f.ndim == 1}
        numbers = {n: _floats(f) for n, f in fields.items() if f.dtype.kind in "iufb" and f.ndim == 1}
        gone = [n for n in fields if n not in stamps and n not in numbers]
        if not numbers:
            raise InputError(f"{where} has no field of numbers")
        return numbers, stamps, [Repair("holds no numbers: left out", 1, n) for n in gone]
    if array.dtype.kind not in "iufb":
        raise InputError(f"{where} holds {array.dtype} where numbers are needed")
    if array.ndim not in (1, 2):
        raise InputError(
            f"{where} has {array.ndim} dimensions {array.shape} where a series has (time,) or (time, channel)"
        )
    if array.size == 0:
        raise InputError(f"{where} holds an array without values {array.shape}")
    table = array[:, None] if array.ndim == 1 else array
    given = titles or (("value",) if table.shape[1] == 1 else tuple(f"channel {i}" for i in range(table.shape[1])))
    if len(given) != table.shape[1] or len(set(given)) != len(given):
        raise InputError(f"{where} names {len(set(given))} different channels for {table.shape[1]} columns of values")
    return {name: _floats(table[:, i]) for i, name in enumerate(given)}, {}, []


def _floats(values: AnyArray) -> AnyArray:
    return np.array(values, np.float32 if values.dtype in (np.float16, np.float32) else np.float64)


def _own_clock(
    where: str, columns: dict[str, AnyArray], stamps: dict[str, AnyArray], options: Options
) -> tuple[tuple[str, AnyArray] | None, list[Repair]]:
    """Find the clock among the columns; it is taken out of them."""
    name = options.time
    if name is not None and name not in columns and name not in stamps:
        raise InputError(f"{where} has no column {name!r}{nearest(name, [*columns, *stamps])}")
    if name is None:
        epochs = (n for n, v in columns.items() if names.is_time(n) and look_like_epochs(v))
        name = next(iter(stamps), None) or next(epochs, None)
    if name is None:
        return None, []
    notes = [Repair("a second time column: left out", 1, n) for n in stamps if n != name]
    return (name, stamps[name] if name in stamps else columns.pop(name)), notes


def read_plain(source: Source, options: Options) -> Frame:
    """Read numbers with blanks between them: a row per line, or a series in a single line.

    Raises
    ------
    InputError
        If a line holds something else than numbers, or more or fewer of them than the first.
    """
    memory.check_size(source.where, source.size / 2, 1, memory.allowed(options.limit), about=True)
    if source.compression == "none":
        data = source.path.read_bytes()
    elif source.compression == "gzip":
        import gzip

        with gzip.open(source.path) as file:
            # One byte more than may be there shows that there is more, without unpacking it.
            data = file.read(int(min(memory.allowed(options.limit), 1 << 62)) + 1)
        memory.check_size(source.where, len(data) / 2, 1, memory.allowed(options.limit))
    else:
        raise InputError(f"{source.where} holds plain numbers packed with zstd: unpack it first")
    text = data.decode("latin-1").removeprefix("\xef\xbb\xbf")
    lines = text.split("\n")
    first = next(line for line in lines if line.strip())
    width, height = len(first.split()), sum(1 for line in lines if line.strip())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        values = None
        with suppress(ValueError):
            values = np.fromstring(text, sep=" ")
    if values is None or values.size != width * height:
        raise _odd_line(source.where, lines, width)
    table = values.reshape(-1, 1) if height == 1 else values.reshape(height, width)
    titles = () if table.shape[1] > 1 else ("value",)
    return _frame(source.where, table, titles, None, {}, options)


def _odd_line(where: str, lines: list[str], width: int) -> InputError:
    for number, line in enumerate(lines, 1):
        words = line.split()
        odd = next((word for word in words if not cells.is_number(word)), None)
        if odd is not None:
            return InputError(f"{where}: line {number} holds {odd[:40]!r}, which is no number: correct it")
        if words and len(words) != width:
            return InputError(
                f"{where}: line {number} holds {len(words)} numbers where the first holds {width}: correct it"
            )
    return InputError(f"{where} holds numbers that cannot be read: write them as CSV")


def _said(error: Exception) -> str:
    """Return the first line of an error, without the advice to allow pickles."""
    said = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return said.partition("Header:")[0].replace("allow_pickle=True", "a pickle").rstrip(" .")
