"""Numbers in the words in which promises are made."""

from __future__ import annotations

_UNITS = (
    ("second", 1.0),
    ("minute", 60.0),
    ("hour", 3600.0),
    ("day", 86_400.0),
    ("week", 604_800.0),
    ("month", 2_629_800.0),
    ("year", 31_557_600.0),
)
SECONDS = dict(_UNITS)


def number(value: float) -> str:
    """Return a number with two or three digits, without trailing zeros.

    Examples
    --------
    >>> number(1.0), number(0.0333), number(12345.0)
    ('1', '0.033', '12 345')
    """
    if abs(value) >= 1000 and abs(value) < 1e15:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def plural(count: float, thing: str) -> str:
    """Return a count with its thing.

    Examples
    --------
    >>> plural(1, "alarm"), plural(2.5, "alarm")
    ('1 alarm', '2.5 alarms')
    """
    text = number(count)
    return f"{text} {thing}" if text == "1" else f"{text} {thing}s"


def duration(seconds: float) -> str:
    """Return a duration in its largest fitting unit.

    Examples
    --------
    >>> duration(3600.0), duration(172_800.0), duration(0.5)
    ('1 hour', '2 days', '0.5 seconds')
    """
    name, size = next(((n, s) for n, s in reversed(_UNITS) if n != "week" and seconds >= s * 0.999), _UNITS[0])
    return plural(seconds / size, name)


def rate(per_second: float) -> str:
    """Return a rate as "k/unit", in the shortest unit in which it is at least one, or per year.

    Examples
    --------
    >>> rate(1 / 3600), rate(5 / 86_400), rate(1 / 31_557_600)
    ('1/hour', '5/day', '1/year')
    """
    name, size = next(((n, s) for n, s in _UNITS if n != "week" and per_second * s >= 0.999), _UNITS[-1])
    return f"{number(per_second * size)}/{name}"


def share(fraction: float) -> str:
    """Return a fraction in percent.

    Examples
    --------
    >>> share(0.001), share(0.5)
    ('0.1 %', '50 %')
    """
    return f"{fraction * 100:.3g} %"
