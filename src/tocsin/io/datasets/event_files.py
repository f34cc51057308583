"""What the readers of event sets share: packed tables, files under a path, traces with truth."""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tocsin.core.dataset import Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Column, Events, Repair
from tocsin.core.truth import Truth
from tocsin.io.datasets.building import runs
from tocsin.io.datasets.files import LARGEST
from tocsin.io.events.sequences import split_cells

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray
    from tocsin.io.datasets.files import Files

LoadedEvents: TypeAlias = "tuple[Events, Truth | None]"


def head(files: Files, name: str, size: int = 1 << 16) -> str:
    """Return the beginning of a file as text, unpacked if it is gzip; empty where it is no text."""
    try:
        raw = files.read(name)
        if name.endswith(".gz"):
            with gzip.open(io.BytesIO(raw)) as packed:
                raw = packed.read(size)
        return raw[:size].decode("utf-8-sig", "ignore")
    except (InputError, OSError, EOFError, zlib.error):
        return ""


def text(files: Files, name: str) -> str:
    """Return a file as text, unpacked if it is gzip.

    Raises
    ------
    InputError
        If it is damaged, no UTF-8, or larger than a data set's file should be.
    """
    if not name.endswith(".gz"):
        return files.text(name)
    try:
        with gzip.open(io.BytesIO(files.read(name))) as packed:
            raw = packed.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{files.where(name)} is a damaged gzip file: {error}") from None
    if len(raw) > LARGEST:
        raise InputError(f"{files.where(name)} unpacks to more than a data set's file should have")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{files.where(name)} is no UTF-8 text (byte {error.start})") from None


@contextmanager
def as_path(files: Files, name: str) -> Iterator[Path]:
    """Give a file of a folder, or a copy of one out of an archive, a path."""
    if files.path.is_dir():
        yield files.path / (files.root + name)
        return
    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        copy = Path(folder) / name.rpartition("/")[2]
        copy.write_bytes(files.read(name))
        yield copy


def event_entry(id: str, load: Callable[..., LoadedEvents], *arguments: Any, split: str, group: str = "") -> Entry:
    """Return an entry that reads its events with `load` and `arguments` when asked."""
    return Entry(id, partial(load, *arguments), split, group)


def traces(
    cells: Sequence[str], names: Sequence[str], odd: Sequence[bool], kinds: Sequence[str], id: str, **meta: Any
) -> LoadedEvents:
    """Make one sample of traces whose events stand in a cell each, parted by blanks.

    Parameters
    ----------
    cells, names, odd, kinds : sequences of one length
        The events of each trace, its name, whether it is anomalous, and what kind of trace it is.

    Returns
    -------
    Events
        With the entity ``event``; ``meta["trace_labels"]`` and ``meta["trace_kinds"]`` are in the order of
        `Events.by_trace`.
    Truth
        Every event of an anomalous trace is marked.
    """
    events, lengths = split_cells(cells)
    kept = np.flatnonzero(lengths)
    empty = int(lengths.size - kept.size)
    rows = np.repeat(np.arange(lengths.size), lengths)
    marked = np.asarray(odd, dtype=bool)
    sample = Events(
        {"event": events},
        trace=Column(rows.astype(np.int32), tuple(names)),
        id=id,
        meta={"trace_labels": marked[kept], "trace_kinds": tuple(kinds[i] for i in kept.tolist()), **meta},
        repairs=(Repair("traces without events: left out", empty),) if empty else (),
    )
    return sample, truth_of(marked[rows])


def truth_of(mask: AnyArray | Sequence[bool]) -> Truth:
    """Return truth from one mark per event."""
    flags = np.asarray(mask, dtype=bool)
    return Truth(mask=flags, intervals=runs(flags))
