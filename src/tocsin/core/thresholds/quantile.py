"""A quantile of the calibration scores: the plainest rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.thresholds.base import Threshold
from tocsin.core.thresholds.contamination import trim
from tocsin.core.thresholds.fixed import FixedLevel, constant_words, joined
from tocsin.core.words import share

if TYPE_CHECKING:
    from tocsin.core.calibration import Calibration

_FEW = 10


@dataclass(frozen=True)
class Quantile(Threshold):
    """The level that a share `1 - q` of the calibration scores lies above, or less where scores are tied.

    Parameters
    ----------
    q : float
        0.995 flags about every two-hundredth place of data like the calibration part.

    Raises
    ------
    InputError
        If `q` is not above 0 and at most 1.

    Examples
    --------
    >>> from tocsin.core.calibration import Calibration
    >>> level = Quantile(0.9).fit(Calibration(np.arange(100.0), source="the training part"))
    >>> level.value, level.promise
    (89.0, 'about 10 % of the places of data like the training part')
    """

    name: ClassVar[str] = "quantile"

    q: float = 0.995

    def __post_init__(self) -> None:
        if not (isinstance(self.q, (int, float)) and 0 < self.q <= 1):
            raise InputError(f"the quantile must lie above 0 and not above 1, not {self.q!r}; 0.995 is usual")

    def fit(self, calibration: Calibration) -> FixedLevel:
        """Take the order statistic above which at most a share `1 - q` lies."""
        trimmed = trim(calibration)
        ordered = np.sort(trimmed.calibration.scores)
        above = (1 - self.q) * ordered.size
        index = min(ordered.size - 1, max(0, ordered.size - 1 - int(above + 1e-9)))
        promise = f"about {share(1 - self.q)} of the places of data like {calibration.source}"
        if self.q == 1:
            promise = f"no place of data like {calibration.source}, as far as its {ordered.size} scores tell"
        few = None
        if self.q < 1 and above < 1:
            few = (
                f"{share(1 - self.q)} of {ordered.size} calibration scores is less than one: the level is their "
                "maximum, and more places than promised may cross it"
            )
        elif self.q < 1 and above < _FEW:
            few = f"the level rests on the {int(above) + 1} highest of {ordered.size} calibration scores"
        support = joined(constant_words(ordered), few) or None
        return FixedLevel(float(ordered[index]), joined(promise, trimmed.words), support, ordered)
