"""Peaks over threshold: the level for a given risk, from a generalised Pareto tail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.thresholds.base import Threshold
from tocsin.core.thresholds.contamination import trim
from tocsin.core.thresholds.fixed import FixedLevel, constant_words, joined, top_tail
from tocsin.core.words import plural

if TYPE_CHECKING:
    from tocsin.core.calibration import Calibration


@dataclass(frozen=True)
class PeaksOverThreshold(Threshold):
    """The level that a normal place exceeds with a small probability, perhaps smaller than calibration ever saw.

    The scores above a high start are fitted by a generalised Pareto distribution; its tail gives the level
    (Siffer et al., "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017). Where there are too few scores
    or too few different ones for a tail, the level is an order statistic, and `support` says so.

    Parameters
    ----------
    risk : float
        Probability that a normal place crosses the level.
    start : float, optional
        The quantile at which the tail begins; by default 0.98, but so that the tail holds 50 to 5 000 scores.

    Raises
    ------
    InputError
        If the risk or the start is out of range, or the risk is not smaller than the tail's share.

    Examples
    --------
    >>> from tocsin.core.calibration import Calibration
    >>> normal = np.random.default_rng(0).exponential(size=20_000)
    >>> level = PeaksOverThreshold(risk=1e-5).fit(Calibration(normal))
    >>> abs(level.value - float(np.log(1e5))) < 1.5
    True
    """

    name: ClassVar[str] = "peaks-over-threshold"

    risk: float = 1e-4
    start: float | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.risk, (int, float)) and 0 < self.risk < 1):
            raise InputError(f"the risk must be a probability above 0 and below 1, not {self.risk!r}; 0.0001 is usual")
        if self.start is not None and not (isinstance(self.start, (int, float)) and 0 < self.start < 1):
            raise InputError(f"the tail must start at a quantile between 0 and 1, not {self.start!r}; 0.98 is usual")
        if self.start is not None and self.risk >= 1 - self.start:
            raise InputError(
                f"a risk of {self.risk:g} is no tail event above the {self.start:g} quantile: lower one of them"
            )

    def fit(self, calibration: Calibration) -> FixedLevel:
        """Fit the tail and read the level off it."""
        trimmed = trim(calibration)
        ordered = np.sort(trimmed.calibration.scores)
        size = ordered.size
        tail = top_tail(ordered, None if self.start is None else 1 - self.start)
        promise = f"a normal place crosses it with probability {self.risk:g}, on data like {calibration.source}"
        if isinstance(tail, str):
            value = float(ordered[max(0, size - 1 - int(self.risk * size + 1e-9))])
            support = joined(
                constant_words(ordered),
                f"no tail could be fitted: {tail}; "
                f"the level is an order statistic of {plural(size, 'calibration score')}"
                + (f", which cannot show a risk below {1 / size:.2g}" if self.risk * size < 1 else ""),
            )
            return FixedLevel(value, joined(promise, trimmed.words), support, ordered)
        if self.risk >= tail.share:
            # A risk as large as the tail's share needs no tail.
            value = float(ordered[max(0, size - 1 - int(self.risk * size + 1e-9))])
        else:
            value = tail.level(self.risk)
        beyond = None
        if self.risk * size < 1:
            beyond = (
                f"a risk of {self.risk:g} was asked for; {plural(size, 'calibration score')} support at most "
                f"{1 / size:.2g}: the level is an extrapolation by a generalised Pareto tail "
                f"(shape {tail.shape:.2f}, {tail.count} excesses)"
            )
        return FixedLevel(value, joined(promise, trimmed.words), beyond, ordered, tail)
