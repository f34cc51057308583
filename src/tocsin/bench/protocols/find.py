"""Protocols by name: ``one-class``, ``few-shot(k=8)``."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

from tocsin.bench.protocols.few_shot import FewShot
from tocsin.bench.protocols.leave_one_group_out import LeaveOneGroupOut
from tocsin.bench.protocols.multi_class import MultiClass
from tocsin.bench.protocols.noisy import Noisy
from tocsin.bench.protocols.one_class import OneClass
from tocsin.bench.protocols.online import Online
from tocsin.bench.protocols.protocol import Protocol
from tocsin.bench.protocols.severity import Severity
from tocsin.bench.protocols.unsupervised import Unsupervised
from tocsin.bench.protocols.validation_half import ValidationHalf
from tocsin.bench.protocols.zero_shot import ZeroShot
from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

_ALL: tuple[type[Protocol], ...] = (
    OneClass,
    Unsupervised,
    ZeroShot,
    FewShot,
    MultiClass,
    Noisy,
    Severity,
    LeaveOneGroupOut,
    Online,
    ValidationHalf,
)
_CALL = re.compile(r"([^()\s]+)\s*(?:\((.*)\))?")
_OUTSIDE = re.compile(r",(?![^(]*\))")


def protocols() -> dict[str, type[Protocol]]:
    """Return the protocols by name."""
    return {protocol.name: protocol for protocol in _ALL}


def parse_protocol(text: str) -> Protocol:
    """Return the protocol that a text names.

    Raises
    ------
    InputError
        If name or option are unknown (the nearest are given), or an option is out of range.

    Examples
    --------
    >>> parse_protocol("few-shot(k=8)").k, str(parse_protocol("few-shot(k=4)"))
    (8, 'few-shot')
    """
    match = _CALL.fullmatch(text.strip())
    known = protocols()
    if match is None:
        raise InputError(f"the protocol {text!r} is not of the form name or name(option=value)")
    if match[1] not in known:
        raise InputError(f"there is no protocol {match[1]!r}{nearest(match[1], known)}")
    kind = known[match[1]]
    allowed = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # every protocol is a dataclass
    options: dict[str, Any] = {}
    for pair in [part for part in _OUTSIDE.split(match[2] or "") if part.strip()]:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or key not in allowed:
            there = nearest(key, allowed) if allowed else "; it has none"
            raise InputError(f"the protocol {match[1]} has no option {key!r}{there}")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    try:
        return kind(**options)
    except TypeError as error:
        raise InputError(f"the protocol {text!r} has an option of the wrong kind: {error}") from None
