"""Task: one model of a protocol, by name, before any data are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What one model is made for.

    Parameters
    ----------
    name : str
        Unique within data set and protocol: a host, a product, a series, or ``all``.
    """

    name: str
