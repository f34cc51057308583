"""Which parameters of NAGL make sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.core.errors import InputError

LEAST = {"side": 16, "patches": 1, "groups": 1, "proxies": 1, "heads": 1, "steps": 0, "border": 0}


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that are out of range.

    Raises
    ------
    InputError
        Naming the first one.

    Examples
    --------
    >>> check({**LEAST, "smooth": 3, "highest": 0.05, "rate": 1e-4})
    """
    for name, lowest in LEAST.items():
        if parameters[name] < lowest:
            raise InputError(f"{name}={parameters[name]} is too small: at least {lowest}")
    smooth, highest, rate = parameters["smooth"], parameters["highest"], parameters["rate"]
    if smooth < 1 or smooth % 2 == 0:
        raise InputError(f"smooth={smooth} has no cell in its middle: give an odd number, 1 for none")
    if not 0 < highest <= 1:
        raise InputError(f"highest={highest} is no share of the cells: give more than 0, at most 1")
    if not rate > 0:
        raise InputError(f"rate={rate} teaches nothing: give more than 0")
