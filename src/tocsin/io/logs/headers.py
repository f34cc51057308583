"""Which formats the lines of a file have, and what stands in the header of each line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tocsin.io.logs.formats import FORMATS, LETTERS, Format

_LOOKED_AT, _MOST_FORMATS = 400, 4
_GENERIC = tuple(f for f in FORMATS if f.name in ("stamp and level", "clock and level", "stamp", "level"))
_WORD = re.compile(r"[A-Za-z]{3,}")


class Header(NamedTuple):
    """What one line says about itself.

    ``stamp`` and ``way`` are the time as written and how; ``fields`` holds entities, ``label`` a mark put on the line.
    """

    message: str
    stamp: str | None
    way: str
    fields: dict[str, str | None]
    label: str | None


class Headers:
    """Take headers off lines.

    Parameters
    ----------
    formats : sequence of Format
        Tried in this order; none means that lines have no header.
    """

    def __init__(self, formats: Sequence[Format]) -> None:
        self.formats = tuple(formats)
        self.entities = tuple(dict.fromkeys(name for f in self.formats for name in f.entities))

    @classmethod
    def find(cls, lines: Sequence[str]) -> Headers:
        """Find the formats of the first lines of a file.

        The format that most lines are written in comes first, the more telling of two that are nearly equal; then
        those that explain lines which are left; then what is known of stamps written in the same way.
        """
        left = [line for line in lines if line.strip()][:_LOOKED_AT]
        least, chosen = max(2, len(left) // 100) if len(left) > 4 else 1, list[Format]()
        while left and len(chosen) < _MOST_FORMATS:
            counts = [sum(f.pattern.match(line) is not None for line in left) for f in FORMATS]
            if max(counts) < least:
                break
            best = next(f for f, count in zip(FORMATS, counts, strict=True) if count >= 0.8 * max(counts))
            chosen.append(best)
            left = [line for line in left if best.pattern.match(line) is None]
        if chosen:
            kin = [f for f in FORMATS if f.name in {c.name for c in chosen} or (f in _GENERIC and f.clock != "none")]
            chosen += [f for f in kin if f.clock == chosen[0].clock and f not in chosen]
        return cls(chosen)

    def split(self, line: str) -> Header | None:
        """Return what stands in the header of a line, or None if it has none and belongs to the line before."""
        for format in self.formats:
            match = format.pattern.match(line)
            if match is not None:
                groups = match.groupdict()
                message, stamp, label = groups.pop("message"), groups.pop("time", None), groups.pop("label", None)
                level = groups.get("level")
                if level is not None:
                    groups["level"] = LETTERS.get(level) or level.upper()
                return Header(message, stamp, format.clock, groups, label)
        return None


def share_of_headers(lines: Sequence[str]) -> float:
    """Return the share of lines that begin with a header which only logs have.

    A bare stamp or level counts where words follow it in most lines: a table of numbers has stamps too.
    """
    lines = [line for line in lines if line.strip()][:_LOOKED_AT]
    if not lines:
        return 0.0
    headers = Headers.find(lines)
    found = [(f, m["message"]) for line in lines for f in headers.formats if (m := f.pattern.match(line))]
    bare = [message for f, message in found if f in _GENERIC]
    if sum(_WORD.search(message) is not None for message in bare) * 2 < len(bare):
        return 0.0
    return sum(any(f.pattern.match(line) for f in headers.formats) for line in lines) / len(lines)
