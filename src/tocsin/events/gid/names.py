"""Names: what a word stands for - its template, without what changes each time, and its class."""

from __future__ import annotations

import re
from functools import lru_cache

HOLE = "#"
# What programs put into names that nobody is to meet again: process numbers, hashes, random suffixes, dates.
_HOLES = re.compile(
    r"""
    \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b   # UUID
    | (?<![0-9A-Za-z])(?=[0-9a-f]*[0-9])[0-9a-f]{8,}(?![0-9A-Za-z])    # hash
    | (?<=[._-])(?=[A-Za-z0-9]*(?:[0-9]|[a-z][A-Z]|[A-Z][a-z]))[A-Za-z0-9]{6,}(?=$|[/._-])  # mktemp's suffix
    | (?<=/proc/)[0-9]+
    | (?<=/)[0-9]+(?=/|$)
    | [0-9]{3,}
    """,
    re.VERBOSE,
)
_TEMPORARY = re.compile(r"^(/(?:var/)?tmp|/dev/shm|/run/user/[^/]+)/[A-Za-z0-9_]*(?:[0-9]|[a-z][A-Z]|[A-Z][a-z])\w*")
_PORT = re.compile(r":([0-9]{1,5})$")
EPHEMERAL = 32768
FOLDERS = 2


@lru_cache(maxsize=1 << 16)
def template_of(word: str) -> str:
    """Return a word with holes where it will be another one next time.

    Addresses keep their numbers: it matters which host somebody talks to. Their ephemeral ports do not.

    Examples
    --------
    >>> [template_of(w) for w in ("file:/tmp/ccX81a.o", "file:/proc/4711/status", "file:/lib/libc.so.6")]
    ['file:/tmp/#.o', 'file:/proc/#/status', 'file:/lib/libc.so.6']
    >>> template_of("socket:10.0.0.7:51234"), template_of("socket:10.0.0.7:443")
    ('socket:10.0.0.7:#', 'socket:10.0.0.7:443')
    """
    kind, colon, name = _parts(word)
    if kind == "socket":
        port = _PORT.search(name)
        if port and int(port.group(1)) >= EPHEMERAL:
            name = name[: port.start() + 1] + HOLE
        return kind + colon + name
    name = _TEMPORARY.sub(rf"\1/{HOLE}", name)
    return kind + colon + _HOLES.sub(HOLE, name)


@lru_cache(maxsize=1 << 16)
def class_of(word: str) -> str:
    """Return what a word is like in general: a file's folder, a socket's port, and the kind of everything else.

    Examples
    --------
    >>> [class_of(w) for w in ("file:/etc/ssh/a/key", "file:/etc/shadow", "socket:10.0.0.7:443", "process:nc")]
    ['file:/etc/ssh', 'file:/etc', 'socket:443', 'process']
    """
    kind, _, name = _parts(template_of(word))
    if "/" in name and kind in ("file", "unix", ""):
        folders = [part for part in name.split("/")[:-1] if part]
        return f"{kind}:/{'/'.join(folders[:FOLDERS])}"
    if kind == "socket":
        return f"{kind}:{name.rpartition(':')[2]}" if ":" in name else kind
    return kind


def _parts(word: str) -> tuple[str, str, str]:
    """Kind, colon and name; words without a kind are all name."""
    kind, colon, name = word.partition(":")
    return (kind, colon, name) if colon and kind.isalpha() else ("", "", word)
