"""Reading files: `read` one, `read_many` of them, or `stream` one that is larger than memory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.io.many import Reading as Reading
    from tocsin.io.many import expand as expand
    from tocsin.io.many import read_many as read_many
    from tocsin.io.reading import read as read
    from tocsin.io.streaming import SeriesStream as SeriesStream
    from tocsin.io.streaming import stream as stream

_FACE = {
    "Reading": "tocsin.io.many",
    "SeriesStream": "tocsin.io.streaming",
    "expand": "tocsin.io.many",
    "read": "tocsin.io.reading",
    "read_many": "tocsin.io.many",
    "stream": "tocsin.io.streaming",
}

__all__ = ["Reading", "SeriesStream", "expand", "read", "read_many", "stream"]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'tocsin.io' has no attribute {name!r}")
