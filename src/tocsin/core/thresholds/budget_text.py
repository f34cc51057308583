"""Budgets of false alarms as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tocsin.core.errors import InputError
from tocsin.core.words import SECONDS

_EXAMPLES = '"1/day", "2 per hour", "0.5/week", "1 per 10 minutes", "0.1%", "3 per 1000 places", "1 in all" or "top 10"'
_SHORT = {
    "s": "second",
    "sec": "second",
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
    "w": "week",
    "wk": "week",
    "mo": "month",
    "y": "year",
    "yr": "year",
}
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_ALL = re.compile(_NUMBER + r"\s*(?:alarms?\s*)?in\s+all")
_TOP = re.compile(r"top[\s-]*(\d+)")
_SHARE = re.compile(_NUMBER + r"\s*(%|percent)(?:\s+of\s+(?:the\s+)?places)?")
_PLACES = re.compile(
    _NUMBER + r"\s*(?:alarms?\s*)?(?:/|per|in)\s*(\d+)(?:\s*(?:places?|points?|steps?|samples?|rows?))?"
)
_TIME = re.compile(_NUMBER + r"\s*(?:alarms?\s*)?(?:/|per|an|a)\s*" + _NUMBER + r"?\s*([a-z]+)")


@dataclass(frozen=True)
class ParsedBudget:
    """What a budget's text means.

    Parameters
    ----------
    kind : {"time", "places", "all", "share", "top"}
        Alarms per second, per place, in as many places as the calibration part has; a share of places; or the
        strangest alarms of each batch.
    amount : float
        In the unit of the kind.
    """

    kind: Literal["time", "places", "all", "share", "top"]
    amount: float


def parse_budget(text: str) -> ParsedBudget:
    """Read a budget of false alarms.

    Parameters
    ----------
    text : str
        Alarms per time ("1/day", "2 per hour", "1 per 10 minutes"), alarms per number of places ("3 per 1000"), alarms
        in all of the calibration part ("1 in all"), a share of places ("0.1%"), or a number of alarms per batch
        ("top 10"). Months and years have 30.4375 and 365.25 days.

    Returns
    -------
    ParsedBudget

    Raises
    ------
    InputError
        If the text is none of these, or the amount is zero or out of range.

    Examples
    --------
    >>> parse_budget("2/hour").amount * 3600
    2.0
    >>> parse_budget("0.1 %")
    ParsedBudget(kind='share', amount=0.001)
    >>> parse_budget("top 10")
    ParsedBudget(kind='top', amount=10.0)
    """
    if not isinstance(text, str):
        raise InputError(f"a budget of false alarms is a text such as {_EXAMPLES}, not {text!r}")
    plain = text.strip().lower()
    if match := _TOP.fullmatch(plain):
        return ParsedBudget("top", _positive(float(match[1]), text))
    if match := _ALL.fullmatch(plain):
        return ParsedBudget("all", _positive(float(match[1]), text))
    if match := _SHARE.fullmatch(plain):
        amount = _positive(float(match[1]) / 100, text)
        if amount >= 1:
            raise InputError(
                f"a budget of {text.strip()!r} would flag everything; give a share below 100%, such as 0.1%"
            )
        return ParsedBudget("share", amount)
    if match := _PLACES.fullmatch(plain):
        amount = _positive(float(match[1]), text) / _positive(float(match[2]), text)
        if amount >= 1:
            raise InputError(f"a budget of {text.strip()!r} is an alarm at every place; give fewer alarms per place")
        return ParsedBudget("places", amount)
    if match := _TIME.fullmatch(plain):
        # "mins" is "min", but "ms" is no minute.
        unit = match[3].removesuffix("s") if len(match[3]) > 2 else match[3]
        unit = _SHORT.get(unit, unit)
        if unit in SECONDS:
            every = float(match[2]) if match[2] else 1.0
            return ParsedBudget("time", _positive(float(match[1]), text) / (_positive(every, text) * SECONDS[unit]))
        raise InputError(
            f"the budget {text.strip()!r} has the unknown unit {match[3]!r}; write for example {_EXAMPLES}"
        )
    raise InputError(f"{text.strip()!r} is no budget of false alarms; write for example {_EXAMPLES}")


def _positive(value: float, text: str) -> float:
    if not 0 < value < float("inf"):
        raise InputError(f"the budget {text.strip()!r} must be more than zero; write for example {_EXAMPLES}")
    return value
