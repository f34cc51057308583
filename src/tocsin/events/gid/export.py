"""Paths as a DOT graph and as JSON; every name is quoted, none can become anything but a name."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.events.gid.path import Path

SHAPES = {"process": "box", "file": "note", "socket": "diamond", "unix": "hexagon"}


def to_json(paths: Sequence[Path], indent: int | None = 1) -> str:
    """Return paths as a JSON text, best first; plain ASCII, so that control characters stay visible.

    Examples
    --------
    >>> to_json([])
    '[]'
    """
    return json.dumps([path.to_dict() for path in paths], indent=indent, allow_nan=False)


def to_dot(paths: Sequence[Path], name: str = "paths") -> str:
    """Return paths as one directed graph in DOT, to be drawn by Graphviz.

    Entities and edges that several paths share are drawn once; edges that paths were noticed for are red and bold.

    Examples
    --------
    >>> print(to_dot([]))
    digraph "paths" {
      rankdir=LR;
    }
    """
    lines = [f"digraph {_quoted(name)} {{", "  rankdir=LR;"]
    numbers: dict[str, int] = {}
    edges: dict[tuple[str, str, str], tuple[bool, str, int]] = {}
    for path in paths:
        for entity in path.entities:
            numbers.setdefault(entity, len(numbers))
        for edge in path.edges:
            key = (edge.source, edge.target, edge.operation)
            weak, when, seen = edges.get(key, (False, edge.time, edge.seen))
            edges[key] = (weak or edge.weak, when, seen)
    for entity, number in numbers.items():
        shape = SHAPES.get(entity.partition(":")[0], "ellipse")
        lines.append(f"  n{number} [label={_quoted(entity)}, shape={shape}];")
    for (source, target, operation), (weak, when, seen) in edges.items():
        known = "new" if not seen else f"seen {seen} times"
        label = ", ".join(part for part in (operation, when, known) if part)
        look = ", color=red, penwidth=2" if weak else ""
        lines.append(f"  n{numbers[source]} -> n{numbers[target]} [label={_quoted(label)}{look}];")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    """A DOT string: quotes and backslashes escaped, and characters that do not print named by their number."""
    shown = "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"U+{ord(c):04X}" for c in text)
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
