"""Data that comes with tocsin: recordings of real hosts with labelled faults and intrusions, to try everything on."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tocsin.core.errors import InputError

__all__ = ["path"]


def path(name: str) -> Path:
    """Return where a file or folder that comes with tocsin lies.

    Parameters
    ----------
    name
        Relative to this package, with forward slashes: ``host/host.parquet`` (one hour of a host's telemetry),
        ``host/host_labels.csv`` (the faults injected into it), ``process/process.parquet`` (half an hour of process
        events), ``process/process_labels.csv`` (the intrusions staged in it), or ``host`` or ``process`` (both files of
        each, with their data card).

    Raises
    ------
    InputError
        If nothing of that name is shipped; the message lists what is.

    Examples
    --------
    >>> path("host/host_labels.csv").name
    'host_labels.csv'
    """
    root = Path(str(files(__name__)))
    shipped = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if _is_data(p.relative_to(root))}
    if name not in shipped:
        raise InputError(f"no data named {name!r} comes with tocsin; there is {', '.join(sorted(shipped))}")
    return shipped[name]


def _is_data(relative: Path) -> bool:
    return not any(part.startswith((".", "__")) for part in relative.parts)
