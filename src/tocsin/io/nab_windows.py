"""NAB's ``combined_windows.json`` and ``combined_labels.json``: names of series, and their windows or moments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io.label_book import LabelBook, Spans, check_overlaps

_LARGEST_JSON = 64_000_000


def find_windows(path: str) -> Mapping[str, list[Any]] | None:
    """Return what a JSON file says if it maps names to lists of stamps or pairs of stamps; None for any other."""
    file = Path(path).expanduser()
    if file.suffix.lower() != ".json" or not file.is_file() or file.stat().st_size > _LARGEST_JSON:
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None  # reading it as a table says what is wrong
    if not isinstance(content, dict) or not content:
        return None
    entries = [entry for value in content.values() if isinstance(value, list) for entry in value]
    if not all(isinstance(value, list) for value in content.values()):
        return None
    pairs = all(isinstance(e, list) and len(e) == 2 and all(isinstance(t, str) for t in e) for e in entries)
    moments = all(isinstance(e, str) for e in entries)
    return content if pairs or (moments and entries) else None


def add_windows(book: LabelBook, path: str, windows: Mapping[str, list[Any]]) -> None:
    """Add the windows of every series; a single stamp is a window of one moment.

    Raises
    ------
    InputError
        If a stamp cannot be read, or windows overlap or end before they start.
    """
    for name, entries in windows.items():
        pairs = [(e, e) if isinstance(e, str) else e for e in entries]
        start, stop = (np.array([_stamp(path, name, pair[i]) for pair in pairs], np.int64) for i in (0, 1))
        if (stop < start).any():
            raise InputError(f"{path}: a window of {name!r} ends before it starts: correct it")
        spans = Spans(name, path, start, stop, True, ("",) * len(pairs))
        check_overlaps(spans)
        book.add(spans)


def _stamp(path: str, name: str, text: str) -> int:
    """Return nanoseconds since 1970; stamps without an offset are taken as UTC, like those of the scores."""
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            f"{path}: {text[:40]!r} under {name!r} is no time stamp: write it as 2014-04-10 07:15:00"
        ) from None
    if stamp.tzinfo is not None:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
    return int(np.datetime64(stamp, "ns").astype(np.int64))
