"""How scores become alarms, for the metrics that need a binary prediction. None is chosen silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.words import share
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

KINDS = ("oracle", "quantile", "top", "a number")


@dataclass(frozen=True)
class Policy:
    """A named way of setting the threshold.

    Parameters
    ----------
    kind : {"fixed", "quantile", "top", "oracle"}
    value : float
        The threshold itself, the quantile, or the share of places.

    Examples
    --------
    >>> policy = Policy.parse("quantile:0.5")
    >>> policy.predict(np.array([True, False, False]), np.array([3.0, 1.0, 2.0])).tolist()
    [True, False, True]
    """

    kind: str
    value: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read ``3.5``, ``quantile:0.99``, ``top:0.01`` or ``oracle``.

        Raises
        ------
        InputError
            If it is none of them.
        """
        name, colon, value = text.strip().partition(":")
        try:
            if not colon and name != "oracle":
                number = float(name)
                if not np.isfinite(number):
                    raise ValueError
                return cls("fixed", number)
            if name == "oracle" and not colon:
                return cls("oracle")
            if name in ("quantile", "top") and 0 < float(value) < 1:
                return cls(name, float(value))
        except ValueError:
            pass
        if name in ("quantile", "top"):
            raise InputError(f"--threshold {text}: the number after {name}: must lie between 0 and 1")
        raise InputError(
            f"--threshold {text} is no rule{nearest(name, KINDS)} (such as 3.5, quantile:0.99, top:0.01 or oracle)"
        )

    def __str__(self) -> str:
        if self.kind == "oracle":
            return "oracle: of each series the threshold of its best point F1, chosen with the labels in hand"
        if self.kind == "quantile":
            return f"the {self.value:g} quantile of the scores of each series"
        if self.kind == "top":
            return f"the highest {share(self.value)} of the scores of each series"
        return f"scores of {self.value:g} and more"

    def predict(self, labels: BoolArray, scores: FloatArray) -> BoolArray:
        """Return which places are alarms; the labels are looked at by the oracle alone."""
        if self.kind == "oracle":
            threshold = Ranking.from_scores(labels, scores).oracle_f1().threshold
            return np.asarray(scores >= threshold) if not np.isnan(threshold) else np.zeros(len(scores), bool)
        if self.kind == "quantile":
            return np.asarray(scores >= np.quantile(scores, self.value))
        if self.kind == "top":
            return as_many(scores, max(1, round(self.value * len(scores))))
        return np.asarray(scores >= self.value)

    def predict_dummy(self, labels: BoolArray, scores: FloatArray, predicted: BoolArray) -> BoolArray:
        """Return the alarms of a dummy: as many as the detector raised, or those of the oracle."""
        if self.kind == "oracle":
            return self.predict(labels, scores)
        return as_many(scores, int(predicted.sum()))


def as_many(scores: FloatArray, count: int) -> BoolArray:
    """Mark the highest scores, ties of the last one included, so a constant score marks everything.

    Examples
    --------
    >>> as_many(np.array([1.0, 3.0, 2.0]), 2).tolist()
    [False, True, True]
    """
    if count < 1:
        return np.zeros(len(scores), bool)
    place = len(scores) - min(count, len(scores))
    return np.asarray(scores >= np.partition(scores, place)[place])
