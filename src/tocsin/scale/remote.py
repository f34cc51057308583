"""What a Ray worker runs: a function that is named, on text.

Orders and answers are JSON text, and files are bytes, so that nothing that tocsin sends could run anything on the other
side but a function which is installed there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TypeAlias

# JSON text, and files by their names.
Answer: TypeAlias = tuple[str, dict[str, bytes]]


def call(target: str, text: str) -> Answer:
    """Call a function by its name.

    Parameters
    ----------
    target : str
        ``module:function``; it takes JSON text and returns an `Answer`.
    text : str

    Examples
    --------
    >>> call("tocsin.scale.remote:echo", "[1, 2]")
    ('[1, 2]', {})
    """
    module, _, name = target.partition(":")
    answer: Answer = getattr(import_module(module), name)(text)
    return answer


def echo(text: str) -> Answer:
    """Return what was given: what measures the cost of a call."""
    return text, {}
