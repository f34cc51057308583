"""Which trace an event of a log belongs to: a block, a request, a column, or what an expression finds in its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.io.logs.records import Record

_EVERY_DAY = {
    "block": r"\bblk_-?\d+",
    "request": r"\breq(?:uest)?[-_ ]?(?:id)?[=: -]*[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
    "uuid": r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
    "container": r"\bcontainer_(?:e\d+_)?\d+_\d+_\d+_\d+",
    "task": r"\b(?:attempt|task)_\d+_\d+_[mr]_\d+",
}
_SPECIAL = re.compile(r"[\\()\[\]{}.*+?^$|]")

Tracer = Callable[[Record], str | None]


def make_tracer(trace: str | None, columns: Collection[str]) -> Tracer | None:
    """Return what finds the trace of a record.

    Parameters
    ----------
    trace : str, optional
        A column (``process``, ``host`` ...), one of the expressions that have a name (``block``, ``request``, ``uuid``,
        ``container``, ``task``), or a regular expression: its group ``trace``, else its first group, else all of it.
    columns : collection of str
        The columns that the log has.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if trace is None:
        return None
    if trace in columns and trace not in _EVERY_DAY:
        return lambda record: record.fields.get(trace)
    expression = _EVERY_DAY.get(trace, trace)
    if trace not in _EVERY_DAY and not _SPECIAL.search(trace):
        known = sorted({*columns, *_EVERY_DAY})
        raise InputError(
            f"trace={trace!r} is no column of this log and no regular expression{nearest(trace, known)}; there are "
            f"{', '.join(known)}"
        )
    try:
        find = re.compile(expression)
    except re.error as error:
        raise InputError(f"trace={trace!r} is no regular expression: {error}") from None
    group: str | int = "trace" if "trace" in find.groupindex else min(1, find.groups)

    def found(record: Record) -> str | None:
        for line in record.lines:
            match = find.search(line)
            if match is not None:
                return match[group]
        return None

    return found
