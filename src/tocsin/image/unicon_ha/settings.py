"""What parameters of the detector may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.core.extras import need

if TYPE_CHECKING:
    from tocsin.image.unicon_ha.detector import UniConHA

LEAST = {
    "side": 8,
    "patch": 8,
    "width": 1,
    "depth": 1,
    "steps": 1,
    "batch": 2,
    "crops": 0,
    "windows": 1,
    "patches": 1,
    "border": 0,
    "smooth": 0,
}


def check(detector: UniConHA) -> None:
    """Refuse parameters that are out of range, before anything is read or learned.

    Raises
    ------
    InputError
        With the first one that is.
    MissingExtra
        If torch is not installed.
    """
    need("torch", "deep", "unicon-ha")
    from tocsin.image.unicon_ha.losses import SOFT
    from tocsin.image.unicon_ha.outliers import KINDS

    for name, smallest in LEAST.items():
        value = getattr(detector, name)
        if value is not None and not value >= smallest:
            raise InputError(f"{name}={value} of unicon-ha is too small: at least {smallest}")
    if not detector.temperature > 0 or not detector.rate > 0:
        raise InputError(f"temperature and rate are above 0, not {detector.temperature} and {detector.rate}")
    if not 0 <= detector.strength <= 1:
        raise InputError(f"strength={detector.strength} is no share: from 0 to 1")
    if not 0 < detector.highest <= 1:
        raise InputError(f"highest={detector.highest} is no share of the cells: give more than 0, at most 1")
    if len(detector.stages) != 4 or min(detector.stages) < 0 or max(detector.stages) == 0:
        raise InputError(f"stages are four weights from 0 on, not all 0; these are {tuple(detector.stages)}")
    if detector.soft not in (None, *SOFT):
        raise InputError(f"soft={detector.soft!r} is not known: {', '.join(map(repr, SOFT))}, or None")
    if detector.stem not in ("small", "large"):
        raise InputError(f"the stem is 'small' or 'large', not {detector.stem!r}")
    kinds = detector._kinds()
    if isinstance(detector.outliers, str) or not kinds or any(kind not in KINDS for kind in kinds):
        raise InputError(f"outliers={detector.outliers!r} is no list of kinds: choose from {', '.join(KINDS)}")
    if not detector.whole and detector.windows is not None and detector.patch % detector.windows:
        raise InputError(
            f"windows={detector.windows} apart do not cover patches of {detector.patch} pixels evenly: give a divisor "
            f"of {detector.patch}"
        )
