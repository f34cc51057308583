"""Batches of columns out of DuckDB as NumPy arrays, through the Arrow C data interface.

A query is read batch by batch without ever being held as a whole; the interface needs nothing but ctypes. The layout of
the structures is fixed by the Arrow C data and C stream interfaces (Apache Arrow, "The Arrow C data interface").
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ("private_data", ctypes.c_void_p),
]

_DTYPES: dict[bytes, np.dtype[Any]] = {b"l": np.dtype(np.int64), b"g": np.dtype(np.float64), b"f": np.dtype(np.float32)}

# What stands for NULL in an integer column: the value that datetime64 takes for "not a time".
NO_INTEGER = np.iinfo(np.int64).min


class QueryError(Exception):
    """What DuckDB said when a query failed on the way."""


def batches(connection: Any, query: str) -> Iterator[list[AnyArray]]:
    """Run `query` and yield its columns, some ten or hundred thousand rows at a time, in the order of the file.

    Every column must be BIGINT, DOUBLE or FLOAT; NULL becomes NaN or `NO_INTEGER`.

    Raises
    ------
    QueryError
        If the query fails, at once or on the way.
    """
    import duckdb

    try:
        capsule = connection.sql(query).__arrow_c_stream__()
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    # The capsule owns the stream and releases it when it is collected; it must outlive this loop.
    stream = _Stream.from_address(pointer(capsule, b"arrow_array_stream"))
    schema = _Schema()
    _check(stream, stream.get_schema(ctypes.byref(stream), ctypes.byref(schema)))
    dtypes: list[np.dtype[Any]] = [_DTYPES[schema.children[i].contents.format] for i in range(schema.n_children)]
    schema.release(ctypes.byref(schema))
    while True:
        batch = _Array()
        _check(stream, stream.get_next(ctypes.byref(stream), ctypes.byref(batch)))
        if not batch.release:  # the stream marks its end by a batch that is released already
            return
        try:
            columns = [_copy(batch.children[i].contents, dtype) for i, dtype in enumerate(dtypes)]
        finally:
            batch.release(ctypes.byref(batch))
        yield columns


def _check(stream: _Stream, code: int) -> None:
    if code:
        message = stream.get_last_error(ctypes.byref(stream))
        raise QueryError((message or b"the query failed").decode("utf-8", "replace"))


def _copy(array: _Array, dtype: np.dtype[Any]) -> AnyArray:
    """Copy one column out of a batch, NULL replaced."""
    length, offset = array.length, array.offset
    if length == 0:
        return np.empty(0, dtype)
    values = np.frombuffer(_memory(array.buffers[1], (offset + length) * dtype.itemsize), dtype)[offset:].copy()
    if array.null_count != 0 and array.buffers[0]:
        bits = np.frombuffer(_memory(array.buffers[0], (offset + length + 7) // 8), np.uint8)
        valid = np.unpackbits(bits, count=offset + length, bitorder="little")[offset:].view(bool)
        values[~valid] = NO_INTEGER if dtype.kind == "i" else np.nan
    return values


def _memory(address: int, size: int) -> Any:
    return (ctypes.c_char * size).from_address(address)
