"""Windows event logs in their binary form, through the `evtx` package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tocsin.core.errors import InputError, MissingExtra
from tocsin.io.events.finish import EventFrame
from tocsin.io.events.windows import collect
from tocsin.io.options import Options
from tocsin.io.source import Source

MAGIC = b"ElfFile\x00"


def read_evtx(source: Source, options: Options) -> EventFrame:
    """Read an ``.evtx`` file as the events of `tocsin.io.events.windows`.

    Raises
    ------
    MissingExtra
        If the package `evtx` is not installed.
    InputError
        If the file is damaged, unless bad records are skipped.
    """
    try:
        from evtx import PyEvtxParser
    except ImportError:
        raise MissingExtra("evtx", "evtx", f"reading {source.where}, a Windows event log,") from None
    if source.compression != "none":
        raise InputError(f"{source.where} is a packed event log: unpack it first")
    return collect(source.where, _records(PyEvtxParser, source, options), options)


def _records(parser: Any, source: Source, options: Options) -> Iterator[tuple[int, str, Any]]:
    try:
        found = iter(parser(str(source.path), number_of_threads=1).records_json())
    except (RuntimeError, OSError, ValueError) as error:
        raise InputError(f"{source.where} cannot be read as an event log: {error}") from None
    number = 0
    while True:
        number += 1
        try:
            record = next(found)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError) as error:
            if options.on_bad == "raise":
                raise InputError(
                    f"{source.where}: record {number} is damaged ({error}): read with on_bad='skip' to leave such "
                    "records out"
                ) from None
            yield number, "", None
            continue
        yield number, record["data"], json.loads(record["data"])
