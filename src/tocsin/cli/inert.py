"""Text from data, made harmless for a terminal."""

from __future__ import annotations

import unicodedata


def inert(text: str) -> str:
    r"""Replace control characters and direction overrides, so that data cannot drive the terminal.

    Examples
    --------
    >>> inert("disk\x1b[31m full")
    'disk\\x1b[31m full'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co")
        else c.encode("unicode_escape").decode()
        for c in text
    )
