"""`--set key=value` and the detector that the options ask for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.detector import Detector


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Turn ``key=value`` pairs into parameters: numbers, true/false, null and lists as in JSON, anything else is text.

    Examples
    --------
    >>> parse_settings(["window=64", "score=residual"])
    {'window': 64, 'score': 'residual'}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--set {pair!r} is not of the form key=value")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found[key.strip()] = tuple(value) if isinstance(value, list) else value
    return found


def build(name: str, settings: Sequence[str], period: str | None) -> Detector:
    """Make a detector from its name and the command line's settings."""
    from tocsin.core.registry import find, make

    parameters = parse_settings(settings)
    if period is not None:
        if "period" not in find(name).parameter_names():
            raise InputError(f"{name} has no period to set: leave --period out")
        parameters["period"] = parse_settings([f"period={period}"])["period"]
    return make(name, **parameters)
