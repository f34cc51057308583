"""Masks: the parts of a message that are values and not words, replaced by one mark."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tocsin.core.errors import InputError

WILD = "<*>"
# Beyond these a message is data that somebody poured into a log; nobody reads it as words.
LONGEST_MESSAGE, LONGEST_TOKEN = 4096, 512
_CACHED = 100_000

# One expression for all masks, tried on one token (no blanks) at a time; what comes first wins. Every alternative
# begins where no other character of its own kind stands before, so that a long token is gone through once.
_WITH_SLASH = r"""
    (?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>,;)\]]+                       # addresses with a scheme
  | (?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+                                   # mail addresses
  | (?<![A-Za-z])[A-Za-z]:\\[^\s"'<>|,;)\]]*                                   # paths of Windows
  | (?<![\w.<>])~?/[^\s"'<>|,;:()\[\]=/]+/[^\s"'<>|,;:()\[\]=]*                # paths of two parts or more
  | (?<![\w.<>])~?/[^\s"'<>|,;:()\[\]=/]*[\d.][^\s"'<>|,;:()\[\]=/]*           # /file.txt, /10.0.0.1
  | """
# Most tokens hold none of the signs that `_UNUSUAL` looks for, and are spared the expressions above.
_PLAIN = r"""
    (?<![0-9a-fA-F])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-fA-F])      # UUIDs
  | (?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![\w:])              # IPv6 and MAC addresses
  | 0[xX][0-9a-fA-F]+
  | (?<![0-9A-Za-z])(?=[0-9a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{6,}(?![0-9A-Za-z])          # bare hexadecimals
  | (?:(?<![A-Za-z0-9.)\]])[-+])?\d+(?:[.,:/_-]?\d+)*(?:[eE][-+]?\d+)?         # numbers, dates, clocks, versions
        (?:(?:[kKMGTP]i?[bB]|[numµ]?s|%|[kKMG])(?![A-Za-z0-9]))?               # with a unit
"""
_DIGITS = str.maketrans("123456789", "000000000")
_PLAIN_VALUE, _VALUE = re.compile(_PLAIN, re.VERBOSE), re.compile(_WITH_SLASH + _PLAIN, re.VERBOSE)
_UNUSUAL = re.compile(r"[/@\\]|([.*=_-])\1\1")
# `...........0` and `=======>` only draw a line between words.
_LEADERS = re.compile(r"([.*=_-])\1{2,}")
_KEY_VALUE = re.compile(r"(?<=[A-Za-z_\]])=(?:<\*>|[^\s=,;()\[\]{}\"'<>])*")
# What stands between values of one list: `10.0.0.1,10.0.0.2`, `3 4 5`, `1.5 / 2`.
_LIST = re.compile(r"<\*>(?:[-\s,;:./|+@#_~]*<\*>)+")
_SAME = re.compile(r"(?<!\S)(\S*<\*>\S*)(?: \1)+(?!\S)")
_UNIT = re.compile(r"<\*> (?:[KMGTP]i?B|B|[numµ]?s|bytes|secs?|seconds?)\b")
_DAYS = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = re.compile(
    rf"\b(?:{_DAYS},? +){{1,3}}<\*>(?:[ ,]+(?:{_DAYS}|<\*>|AM|PM|UTC|GMT|[ECMP][SD]T|CES?T)(?!\w))*(?: <\*>)*"
)


def tidy(message: str) -> str:
    """Return a message with single blanks between its tokens, and without lines that are drawn with dots or dashes."""
    return " ".join(_LEADERS.sub(" ", message[:LONGEST_MESSAGE]).split())


class Masker:
    r"""Turn a message into its words, with ``<*>`` for numbers, addresses, paths, identifiers and the like.

    One combined expression is applied token by token, and what came of a token is kept. Which digit it is makes no
    difference to any mask, so every digit is read as 0: that way even numbers repeat, and cost a look-up like words.
    Lists of values, dates and values with a unit become one mark, however many parts they have.

    Parameters
    ----------
    extra : sequence of str
        Regular expressions whose matches are values too; applied first, to the whole message.

    Raises
    ------
    InputError
        If an expression cannot be compiled.

    Examples
    --------
    >>> mask = Masker()
    >>> mask("10.0.0.1,10.0.0.2 GET /v2/7f/servers took 0.25 s on Sun Jul 17 15:09:16 2005, user=root")
    '<*> GET <*> took <*> on <*>, user=<*>'
    >>> mask("ask 10.1.2.3:50010 to delete  blk_-1608 blk_512 blk_7")
    'ask <*> to delete blk_<*>'
    """

    def __init__(self, extra: Sequence[str] = ()) -> None:
        self.extra = tuple(extra)
        try:
            self._extra = re.compile("|".join(f"(?:{e})" for e in self.extra)) if self.extra else None
        except re.error as error:
            raise InputError(f"masks={self.extra!r} cannot be used: {error}") from None
        self._known: dict[str, str] = {}

    def __call__(self, message: str) -> str:
        """Return the message with one mark for every value, and for every list of values."""
        return join_lists(self.tokens(message))

    def tokens(self, message: str) -> str:
        """Return the message with the values in each token masked: what `join_lists` makes shorter."""
        if len(message) > LONGEST_MESSAGE:
            message = message[:LONGEST_MESSAGE]
        if self._extra is not None:
            message = self._extra.sub(WILD, message)
        known = self._known
        return " ".join([known.get(token) or self._mask(token) for token in message.translate(_DIGITS).split()])

    def _mask(self, token: str) -> str:
        if len(token) > LONGEST_TOKEN:
            return WILD
        if _UNUSUAL.search(token) is None:
            masked = _PLAIN_VALUE.sub(WILD, token)
        else:
            masked = _VALUE.sub(WILD, _LEADERS.sub(" ", token))
        if "=" in masked:
            masked = _KEY_VALUE.sub(f"={WILD}", masked)
        if masked.count(WILD) > 1:
            masked = _LIST.sub(WILD, masked)
        if len(self._known) >= _CACHED:
            self._known.clear()
        self._known[token] = masked
        return masked


def join_lists(line: str) -> str:
    """Make one mark of neighbouring ones: lists of values, dates in words, values with a unit after a blank."""
    if "<*>" not in line:
        return line
    line = _DATE.sub(WILD, _UNIT.sub(WILD, line))
    return _SAME.sub(r"\1", _LIST.sub(WILD, line))
