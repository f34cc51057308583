"""What a threshold is: a rule without state that reads calibration scores and returns a level with a promise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from tocsin.core.calibration import Calibration
    from tocsin.core.types import BoolArray, FloatArray


class Level(ABC):
    """What a rule found: where scores become alarms, and what that promises.

    Attributes
    ----------
    value : float
        The level in units of the score; a place crosses when its score is strictly higher. For rules that decide per
        batch it is the level of the last batch, or NaN before the first.
    promise : str
        In plain words, what the level promises and under which condition.
    support : str or None
        In plain words, why the calibration scores cannot support the promise; None if they can.
    """

    value: float
    promise: str
    support: str | None

    @abstractmethod
    def p_values(self, scores: FloatArray) -> FloatArray:
        """Return, per place, the chance of a score this high where nothing is wrong.

        NaN where the score is NaN. Never 0: at least 1 / (m + 1) with m calibration scores, unless the rule fitted a
        tail; `extrapolated` tells where it spoke.
        """

    @abstractmethod
    def extrapolated(self, scores: FloatArray) -> BoolArray:
        """Return which p-values are smaller than the calibration scores alone could show."""

    def levels(self, scores: FloatArray) -> FloatArray:
        """Return the level at every place, for drawing."""
        import numpy as np

        return np.full(np.shape(scores), self.value)

    def flags(self, scores: FloatArray) -> BoolArray:
        """Return which places cross the level; places without a score never do."""
        import numpy as np

        with np.errstate(invalid="ignore"):
            return np.asarray(np.asarray(scores) > self.levels(scores))


class Threshold(ABC):
    """A rule that finds a level: a small frozen dataclass of parameters.

    Subclasses are listed in the table of `tocsin.core.thresholds`, under the name they carry.
    """

    name: ClassVar[str]

    @abstractmethod
    def fit(self, calibration: Calibration) -> Level:
        """Find the level that keeps this rule's promise on data like the calibration scores."""

    def to_dict(self) -> dict[str, Any]:
        """Return the rule's name and parameters, JSON-ready."""
        stored: dict[str, Any] = {"rule": self.name}
        for entry in fields(self):  # type: ignore[arg-type]  # every rule is a dataclass
            value = getattr(self, entry.name)
            stored[entry.name] = value.to_dict() if hasattr(value, "to_dict") else value
        return stored

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Threshold:
        """Return the rule of `to_dict`.

        Raises
        ------
        InputError
            If the rule or a parameter is unknown or out of range.

        Examples
        --------
        >>> Threshold.from_dict({"rule": "quantile", "q": 0.99})
        Quantile(q=0.99)
        """
        from tocsin.core.errors import InputError
        from tocsin.core.thresholds import rule

        if not isinstance(stored, dict) or not isinstance(stored.get("rule"), str):
            raise InputError("a stored threshold needs the name of its rule under 'rule'")
        kind = rule(stored["rule"])
        return kind.from_parameters({k: v for k, v in stored.items() if k != "rule"})

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Threshold:
        """Return this rule with stored parameters.

        Raises
        ------
        InputError
            If a parameter is unknown or out of range.
        """
        from tocsin.core.errors import InputError

        known = [entry.name for entry in fields(cls)]  # type: ignore[arg-type]
        unknown = sorted(set(parameters) - set(known))
        if unknown:
            raise InputError(
                f"the threshold {cls.name!r} has no parameter {', '.join(unknown)}; it has {', '.join(known) or 'none'}"
            )
        return cls(**parameters)
