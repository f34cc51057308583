"""Whether the first bytes of a file are those of a text log."""

from __future__ import annotations

from tocsin.io.logs.headers import Headers, share_of_headers
from tocsin.io.logs.lines import LONGEST_LINE

_LOOKED_AT, _LEAST = 300, 0.5


def looks_like_log(head: bytes) -> bool:
    r"""Tell whether these first bytes of a file are lines of a text log.

    They are if half of the lines begin with a header that is known (a stamp, a level, a host and process ...), or if
    the first one does and the lines without, such as those of a stack trace, are indented.

    Examples
    --------
    >>> looks_like_log(b"Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user unknown")
    True
    >>> looks_like_log(b"2026-01-01 00:00:00,1.5,2\n2026-01-01 00:00:01,1.7,3")
    False
    """
    text = head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = text.splitlines()
    if len(lines) > 1 and not text.endswith("\n"):
        lines.pop()
    lines = [line[:LONGEST_LINE] for line in lines if line.strip()][:_LOOKED_AT]
    if not lines or not share_of_headers(lines):
        return False
    if share_of_headers(lines) >= _LEAST:
        return True
    split = Headers.find(lines).split
    return split(lines[0]) is not None and share_of_headers([x for x in lines if not x[:1].isspace()]) >= _LEAST
