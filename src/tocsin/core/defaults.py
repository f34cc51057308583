"""Which detector `tocsin detect` uses when none is named.

The choice is made on measurements (docs/choices.md holds the table), by what a sample looks like, and is the only place
to change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.samples import Sample

DEFAULT = {"series": "window-neighbours"}


def default_detector(sample: Sample) -> str:
    """Return the name of the detector for a sample.

    Raises
    ------
    InputError
        If there is none yet.
    """
    if sample.modality not in DEFAULT:
        raise InputError(f"there is no default detector for {sample.modality} yet: name one with --detector")
    return DEFAULT[sample.modality]
