"""Streaming peaks over threshold: the tail goes on learning while the data stream in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.thresholds.base import Threshold
from tocsin.core.thresholds.contamination import trim
from tocsin.core.thresholds.fixed import constant_words, joined
from tocsin.core.thresholds.streaming_level import StreamingLevel
from tocsin.core.words import plural

if TYPE_CHECKING:
    from tocsin.core.calibration import Calibration
    from tocsin.core.types import FloatArray

_LEAST = 20


@dataclass(frozen=True)
class StreamingPOT(Threshold):
    """SPOT, and with a `depth` DSPOT, which follows slow drift of the scores.

    Source: Siffer, Fouque, Termier and Largouët, "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017.
    Scores over the level are alarms; scores between the start of the tail and the level are learned as new excesses.
    With `depth` d, each score is judged by its difference from the mean of the last d normal scores.

    Deviations: in the source no alarm is learned. Normal scores cross the level, too, and a tail that is cut at its own
    level sinks: on normal noise the source's rule ends with three times the false alarms it promises. Here alarms are
    learned up to twice the rate of the risk (with no more than three in a row), and no higher than the level of a tenth
    of the risk, so that a burst of anomalies teaches next to nothing. The tail is refitted when the excesses have grown
    by 2 %, not at each of them, and only the newest `memory` excesses are kept, so time and memory per score stay
    bounded on an endless stream.

    Parameters
    ----------
    risk : float
        Probability that a normal place crosses the level.
    start : float
        The quantile of the calibration scores at which the tail begins.
    depth : int
        How many normal scores the drifting mean looks back; 0 for none.
    memory : int
        How many excesses are kept.

    Raises
    ------
    InputError
        If a parameter is out of range.

    Examples
    --------
    >>> from tocsin.core.calibration import Calibration
    >>> rng = np.random.default_rng(0)
    >>> level = StreamingPOT(risk=1e-4).fit(Calibration(rng.normal(size=5000)))
    >>> level.update(0.3), level.update(9.0)
    (False, True)
    """

    name: ClassVar[str] = "streaming-pot"

    risk: float = 1e-4
    start: float = 0.98
    depth: int = 0
    memory: int = 2000

    def __post_init__(self) -> None:
        if not (isinstance(self.start, (int, float)) and 0 < self.start < 1):
            raise InputError(f"the tail must start at a quantile between 0 and 1, not {self.start!r}; 0.98 is usual")
        if not (isinstance(self.risk, (int, float)) and 0 < self.risk < 1 - self.start):
            raise InputError(f"the risk must lie above 0 and below 1 - start = {1 - self.start:.3g}, not {self.risk!r}")
        for name, least in (("depth", 0), ("memory", 50)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name} of streaming POT must be a whole number >= {least}, not {value!r}")

    def fit(self, calibration: Calibration) -> StreamingLevel:
        """Learn the first tail; the level returned is at the end of the calibration scores and can be moved on.

        Raises
        ------
        InputError
            If there are too few scores for the depth.
        """
        trimmed = trim(calibration)
        scores = trimmed.calibration.scores
        if scores.size < self.depth + _LEAST:
            raise InputError(
                f"streaming POT with depth {self.depth} needs at least {self.depth + _LEAST} calibration scores, "
                f"and has {scores.size}: lower the depth or calibrate on more data"
            )
        residuals = scores - trailing_mean(scores, self.depth) if self.depth else scores
        ordered = np.sort(residuals[self.depth :])
        begin = float(ordered[min(ordered.size - 1, int(self.start * ordered.size))])
        excesses = residuals[self.depth :]
        excesses = excesses[excesses > begin] - begin
        against = f", measured against the mean of the last {self.depth} normal scores" if self.depth else ""
        promise = (
            f"a normal place crosses it with probability {self.risk:g}, on data like {calibration.source} "
            f"and as they slowly change{against}"
        )
        level = StreamingLevel(
            risk=self.risk,
            begin=begin,
            seen=int(ordered.size),
            exceeded=int(excesses.size),
            excesses=excesses.tolist(),
            memory=self.memory,
            window=scores[scores.size - self.depth :].tolist() if self.depth else [],
            ordered=ordered,
            promise=joined(promise, trimmed.words),
            support=None,
        )
        few = None
        if isinstance(level.tail_words, str):
            few = f"no tail could be fitted yet: {level.tail_words}; until then the level is the highest score seen"
        elif self.risk * ordered.size < 1:
            few = (
                f"a risk of {self.risk:g} was asked for; {plural(ordered.size, 'calibration score')} support at most "
                f"{1 / ordered.size:.2g}: the level is an extrapolation by a generalised Pareto tail"
            )
        level.support = joined(constant_words(np.sort(scores)), few) or None
        return level


def trailing_mean(scores: FloatArray, depth: int) -> FloatArray:
    """Return the mean of the `depth` scores before each (fewer at the beginning, and the first score's own value)."""
    sums = np.concatenate([[0.0], np.cumsum(scores - scores.mean())])
    last = np.arange(scores.size)
    first = np.maximum(last - depth, 0)
    means = (sums[last] - sums[first]) / np.maximum(last - first, 1) + scores.mean()
    means[0] = scores[0]
    return np.asarray(means)
