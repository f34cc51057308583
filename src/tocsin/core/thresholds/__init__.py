"""Thresholds: from scores to alarms, with a promise in words. Composed with a detector, never baked into it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.core.thresholds.base import Level, Threshold
    from tocsin.core.thresholds.budget import Budget
    from tocsin.core.thresholds.budget_text import parse_budget
    from tocsin.core.thresholds.conformal import Conformal
    from tocsin.core.thresholds.peaks import PeaksOverThreshold
    from tocsin.core.thresholds.quantile import Quantile
    from tocsin.core.thresholds.streaming import StreamingPOT

__all__ = [
    "Budget",
    "Conformal",
    "Level",
    "PeaksOverThreshold",
    "Quantile",
    "StreamingPOT",
    "Threshold",
    "parse_budget",
    "rule",
]

RULES = {
    "budget": "Budget",
    "conformal": "Conformal",
    "peaks-over-threshold": "PeaksOverThreshold",
    "quantile": "Quantile",
    "streaming-pot": "StreamingPOT",
}
_HOMES = {
    "Budget": "budget",
    "Conformal": "conformal",
    "Level": "base",
    "PeaksOverThreshold": "peaks",
    "Quantile": "quantile",
    "StreamingPOT": "streaming",
    "Threshold": "base",
    "parse_budget": "budget_text",
}


def rule(name: str) -> type[Threshold]:
    """Return the rule of a name.

    Raises
    ------
    InputError
        If there is none; the nearest names are given.

    Examples
    --------
    >>> rule("quantile").__name__
    'Quantile'
    """
    from tocsin.core.errors import InputError

    if name not in RULES:
        from difflib import get_close_matches

        near = get_close_matches(name, RULES, n=2) or sorted(RULES)
        raise InputError(f"there is no threshold rule {name!r}; did you mean {' or '.join(near)}?")
    found: type[Threshold] = getattr(import_module(f"{__name__}.{_HOMES[RULES[name]]}"), RULES[name])
    return found


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
