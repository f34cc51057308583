"""Plain traces: one file of numbers or names of system calls, parted by blanks, as ADFA-LD holds them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Column
from tocsin.io.events.finish import EventFrame
from tocsin.io.events.lines import read_lines
from tocsin.io.events.sequences import split_cells
from tocsin.io.options import Options
from tocsin.io.source import Source

_ADFA = re.compile(r"U[TVA]D-.+\.txt", re.IGNORECASE)


def is_named_like_a_trace(source: Source) -> bool:
    """Tell whether a file is called as ADFA-LD calls its traces; its numbers alone would make it a series."""
    return _ADFA.fullmatch(Path(source.where).name) is not None


def read_syscalls(source: Source, options: Options) -> EventFrame:
    """Read a file as one trace.

    Raises
    ------
    InputError
        If it holds no event.
    """
    cells = [line or "" for _, line in read_lines(source, options.on_bad)]
    events, lengths = split_cells(cells)
    if not lengths.sum():
        raise InputError(f"{source.where} holds no events")
    frame = EventFrame(source.where)
    frame.entities = {"event": events}
    frame.trace = Column(np.zeros(len(events.codes), np.int32), (Path(source.where).stem,))
    frame.meta["format"] = "syscalls"
    frame.asked = frozenset(("event",))  # a trace of one call over and over is still a trace
    return frame
