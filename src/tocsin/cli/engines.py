"""Where the work is done: the options of the commands that can spread it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

NAMES = ("local", "ray")

Engine: TypeAlias = Annotated[str, typer.Option("--engine", help="Where it is done: local, or ray for a Ray cluster.")]
Address: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="With ray: auto (the cluster of this machine), host:port, or local (one for this run alone); RAY_ADDRESS, "
        "or else local, when left out.",
        show_default=False,
    ),
]


def named_engine(name: str) -> str:
    """Return the name of an engine.

    Raises
    ------
    InputError
        If there is none of that name; with the nearest.
    """
    if name not in NAMES:
        raise InputError(f"there is no engine {name!r}{nearest(name, NAMES)}")
    return name
