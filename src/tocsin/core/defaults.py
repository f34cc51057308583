"""Which detector `tocsin detect` uses when none is named.

The choice is made on measurements (docs/choices.md holds the table), by modality, and is the only place to change it.
"""

from __future__ import annotations

from tocsin.core.errors import InputError

DEFAULT = {"series": "window-neighbours"}


def default_detector(modality: str) -> str:
    """Return the name of the detector for a modality.

    Raises
    ------
    InputError
        If there is none yet.
    """
    if modality not in DEFAULT:
        raise InputError(f"there is no default detector for {modality} yet: name one with --detector")
    return DEFAULT[modality]
