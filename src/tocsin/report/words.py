"""Numbers and texts in the words of the page."""

from __future__ import annotations

import html
import math
import unicodedata
from typing import Any

_THIN = "\u202f"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TURNS_DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
LONGEST = 240


def visible(text: Any, longest: int = LONGEST) -> str:
    r"""Return a text whose control characters show as pictures and do not turn the reading direction, cut at length.

    Examples
    --------
    >>> visible("disk\x1b[31m\u202egpj.exe")
    'disk␛[31m\ufffdgpj.exe'
    """
    plain = str(text)
    if not (plain.isascii() and plain.isprintable()):
        plain = "".join(map(_shown, plain))
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def chart_text(text: Any, longest: int = 48) -> str:
    """Return a text for a chart, whose labels understand some HTML: as plain characters."""
    return html.escape(visible(text, longest), quote=False)


def number(value: float) -> str:
    r"""Return a number with four digits.

    Examples
    --------
    >>> number(0.12346), number(-12345.6), number(3.2e-7), number(2.0)
    ('0.1235', '−12\u202f346', '3.2\u202f×\u202f10⁻⁷', '2')
    """
    if not math.isfinite(value):
        return "none" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e9):
        digits, _, power = f"{size:.3g}".partition("e")
        if not power:
            digits, _, power = f"{size:.2e}".partition("e")
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
        text = f"{digits}{_THIN}×{_THIN}10{str(int(power)).translate(_SUPERSCRIPT)}"
    elif size >= 1000:
        text = f"{size:,.0f}".replace(",", _THIN)
    else:
        text = f"{size:.4g}"
    return f"−{text}" if value < 0 else text


def count(number_of: int, thing: str, things: str = "") -> str:
    r"""Return how many of a thing.

    Examples
    --------
    >>> count(1, "anomaly", "anomalies"), count(4032, "row")
    ('1 anomaly', '4\u202f032 rows')
    """
    return f"{grouped(number_of)} {thing if number_of == 1 else things or thing + 's'}"


def grouped(whole: int) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{whole:,}".replace(",", _THIN)


def span(seconds: float) -> str:
    """Return a length of time in its two largest units.

    Examples
    --------
    >>> span(43_440), span(200_000), span(0.35), span(300), span(125)
    ('12 h 04 min', '2 d 08 h', '350 ms', '5 min', '2 min 05 s')
    """
    if seconds < 0.001:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 59.5:
        return f"{seconds:.3g} s"
    for large, of_large, small, of_small in (("min", 60, "s", 1), ("h", 3600, "min", 60), ("d", 86_400, "h", 3600)):
        whole, rest = divmod(round(seconds / of_small), of_large // of_small)
        if whole < {"min": 60, "h": 24, "d": 60}[large]:
            return f"{whole} {large} {rest:02d} {small}" if rest else f"{whole} {large}"
    days = seconds / 86_400
    return f"{number(round(days))} d" if days < 730 else f"{days / 365.25:.1f} years"


def share(fraction: float) -> str:
    """Return a share in percent; what is there but rounds to nothing is said to be less than the smallest step.

    Examples
    --------
    >>> share(0.0), share(0.00001), share(0.034), share(0.71)
    ('0 %', '< 0.01 %', '3.4 %', '71 %')
    """
    percent = 100 * fraction
    if 0 < percent < 0.01:
        return "< 0.01 %"
    return f"{percent:.2g} %" if percent < 99.5 else f"{percent:.3g} %"


def how_often(per_day: float) -> str:
    """Return how often something happens, in a unit in which it can be imagined.

    Examples
    --------
    >>> how_often(3.24), how_often(0.5), how_often(0.02), how_often(1e-9)
    ('3.2 times a day', 'once in 2 days', 'once in 50 days', 'less than once in 1000 years')
    """
    if per_day >= 1.5:
        return f"{number(float(f'{per_day:.2g}'))} times a day"
    if per_day >= 0.95:
        return "once a day"
    days = 1 / per_day if per_day > 0 else math.inf
    if days < 90:
        return f"once in {days:.2g} days"
    years = days / 365.25
    if years < 1.5:
        return f"once in {days / 30.44:.2g} months"
    return f"once in {number(float(f'{years:.2g}'))} years" if years <= 1000 else "less than once in 1000 years"


def listed(names: list[str] | tuple[str, ...], most: int) -> str:
    """Return names with commas; of too many the first, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(visible(n, 60) for n in names[:most]) + more


def _shown(character: str) -> str:
    code = ord(character)
    if character in "\n\t":
        return " "
    if code < 0x20 or code == 0x7F:
        return chr(0x2400 + code) if code < 0x20 else "␡"
    if character in _TURNS_DIRECTION or unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
        return "\ufffd"
    return character
