"""Suites that come along: TOML files, and published numbers to set beside what they measure."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest


def shipped() -> dict[str, Path]:
    """Return the suites that come along.

    Examples
    --------
    >>> "small" in shipped()
    True
    """
    here = Path(str(files(__name__)))
    return {path.stem: path for path in sorted(here.glob("*.toml"))}


def find_suite(name: str) -> Path:
    """Return the file of a suite: one that comes along, by its name, or a path.

    Raises
    ------
    InputError
        If there is neither; with the nearest names.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known = shipped()
    if name in known:
        return known[name]
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise InputError(f"there is no suite {path}: give a TOML file, or one of {', '.join(known)}, which come along")
    raise InputError(f"there is no suite {name!r}{nearest(name, known)} (or give a TOML file)")
