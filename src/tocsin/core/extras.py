"""Optional packages, imported where they are needed and missed with the command that installs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tocsin.core.errors import MissingExtra


def need(module: str, extra: str, wanted_by: str, package: str = "") -> Any:
    """Return a module of an extra.

    Parameters
    ----------
    module : str
        What is imported.
    extra : str
        The extra of tocsin that brings it.
    wanted_by : str
        What cannot be done without it, for the message.
    package : str
        What it is called when it is installed; the module's name when left out.

    Raises
    ------
    MissingExtra
        If it is not installed.

    Examples
    --------
    >>> need("json", "deep", "this example").loads("1")
    1
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra(extra, package or module, wanted_by) from None
