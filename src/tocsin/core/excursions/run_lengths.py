"""RunLengths: what is known about how long scores stay above a level when nothing is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.excursions.lifetimes import Lifetimes
from tocsin.core.types import AnyArray, BoolArray, FloatArray, IntArray

_DAY = 86_400.0
_NUMBERS = ("level", "above", "rate")


@dataclass(frozen=True, eq=False)
class RunLengths:
    """Lengths of runs above a level, their p-values, and how often they happen by chance.

    Parameters
    ----------
    level : float
        In units of the score.
    source : str
        "empirical" (what followed observed crossings), "gaussian" (autocorrelation of the ranks), "covariance" (given),
        or "observed" where the approximation is not valid: plain counts of the runs that were seen.
    upper, lower : Lifetimes
        Survival of runs above and below the level.
    above : float
        Share of the places above the level.
    rate : float
        Runs above the level per place.
    seconds : float, optional
        Seconds per place; None without a clock.
    seen : ndarray of int
        Lengths of the runs in the calibration scores, ascending.
    tail : {"geometric", "empirical"}
        "empirical" never lets a p-value fall below (1 + seen runs at least as long) / (1 + seen runs).
    valid : bool
        False where the score is not of the kind that the approximation is made for; `warnings` says why.
    warnings : tuple of str
        What weakens the statement, in words.
    checks : dict
        The numbers behind `valid`: smallest mass, mean lengths, largest rebound of the autocorrelation.

    Examples
    --------
    >>> from tocsin.core.excursions import run_lengths_of_covariance
    >>> smooth = run_lengths_of_covariance(0.8 ** np.arange(100), level=2.0, seconds=60.0)
    >>> round(smooth.p_value(5), 4), round(smooth.expected_per_day(5), 2)
    (0.0474, 0.88)
    >>> smooth.min_run_for(0.01)
    13
    """

    level: float
    source: str
    upper: Lifetimes
    lower: Lifetimes
    above: float
    rate: float
    seconds: float | None = None
    seen: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    tail: Literal["geometric", "empirical"] = "geometric"
    valid: bool = True
    warnings: tuple[str, ...] = ()
    checks: dict[str, float] = field(default_factory=dict)

    def p_values(self, lengths: AnyArray) -> FloatArray:
        """Return, for each run length in places, the chance that a run is at least as long if nothing is wrong."""
        p = self.upper.survival(np.asarray(lengths))
        if self.tail == "empirical" or self.source == "observed":
            as_long = self.seen.size - np.searchsorted(self.seen, lengths, side="left")
            counted = (1.0 + as_long) / (1.0 + self.seen.size)
            return np.asarray(counted if self.source == "observed" else np.maximum(p, counted))
        return p

    def p_value(self, length: int) -> float:
        """Return the chance that a run is at least `length` places long if nothing is wrong."""
        return float(self.p_values(np.asarray([length]))[0])

    def extrapolated(self, length: int) -> bool:
        """Return whether the p-value is smaller than the runs seen in calibration could show."""
        return self.p_value(length) < (1.0 - 1e-9) / (1.0 + self.seen.size)

    def expected_per_place(self, length: int) -> float:
        """Return how many runs at least as long are expected per place if nothing is wrong."""
        return self.rate * self.p_value(length)

    def expected_per_day(self, length: int) -> float | None:
        """Return how many runs at least as long are expected per day; None without a clock."""
        return None if self.seconds is None else self.expected_per_place(length) * _DAY / self.seconds

    def significant(self, lengths: IntArray, alpha: float = 0.01) -> BoolArray:
        """Return which runs are expected less often than `alpha` times a day (or per 86 400 places without a clock)."""
        per_day = _DAY / (self.seconds or 1.0)
        return np.asarray(self.p_values(lengths) * self.rate * per_day < alpha)

    def min_run_for(self, alpha: float = 0.01, per: Literal["day", "place", "run"] = "day") -> int | None:
        """Return the shortest run whose expected number is at most `alpha`: the N of "above it for N places".

        Parameters
        ----------
        alpha : float
            False events per day, or per place; or the p-value of a single run.
        per : {"day", "place", "run"}
            What `alpha` counts.

        Returns
        -------
        int or None
            None if no length is so rare, as far as can be told.

        Raises
        ------
        InputError
            If `alpha` is not positive, or a day is asked for and the data have no clock.
        """
        if not alpha > 0:
            raise InputError(f"alpha must be positive, not {alpha!r}")
        if per == "day" and self.seconds is None:
            raise InputError('these data have no clock: ask for a length by per="place" or per="run"')
        scale = {"day": self.rate * _DAY / (self.seconds or 1.0), "place": self.rate, "run": 1.0}[per]
        wanted = alpha / scale
        if self.p_value(1) <= wanted:
            return 1
        low, high = 1, 2
        while self.p_value(high) > wanted:
            low, high = high, high * 2
            if high > 1 << 40:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.p_value(middle) > wanted else (low, middle)
        return high

    def m_of_n(self, m: int, n: int, *, places: int = 2_000_000, random_state: int = 0) -> float:
        """Return how often per place a rule "m of the last n places above the level" goes off if nothing is wrong.

        See `tocsin.core.excursions.m_of_n.false_alarms`.
        """
        from tocsin.core.excursions.m_of_n import false_alarms

        return false_alarms(self, m, n, places=places, random_state=random_state)

    @property
    def persistency(self) -> float:
        """The decay of the chance of long runs, per place: P(length > k) falls as exp(-persistency * k)."""
        return self.upper.decay

    @property
    def mean(self) -> float:
        """Mean length of a run above the level, in places: exact, whatever the approximation."""
        return self.above / self.rate

    def to_state(self) -> dict[str, Any]:
        """Return JSON scalars, lists of text, and arrays."""
        return {
            "level": self.level,
            "source": self.source,
            "upper": self.upper.head,
            "upper_decay": self.upper.decay,
            "lower": self.lower.head,
            "lower_decay": self.lower.decay,
            "above": self.above,
            "rate": self.rate,
            "seconds": self.seconds,
            "seen": self.seen,
            "tail": self.tail,
            "valid": self.valid,
            "warnings": list(self.warnings),
            "checks": dict(self.checks),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RunLengths:
        """Return what `to_state` stored; the state may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If the state is damaged.
        """
        try:
            numbers = {key: float(state[key]) for key in _NUMBERS}
            seen = np.asarray(state["seen"])
            upper = Lifetimes(np.asarray(state["upper"], dtype=np.float64), float(state["upper_decay"]))
            lower = Lifetimes(np.asarray(state["lower"], dtype=np.float64), float(state["lower_decay"]))
            seconds = None if state["seconds"] is None else float(state["seconds"])
            source, tail, valid = state["source"], state["tail"], state["valid"]
            warnings = tuple(state["warnings"])
            checks = {str(key): float(value) for key, value in dict(state["checks"]).items()}
        except (KeyError, TypeError, ValueError, InputError) as wrong:
            raise ArtifactError(f"the stored run lengths are damaged: {wrong}") from wrong
        sound = (
            math.isfinite(numbers["level"])
            and 0 <= numbers["above"] <= 1
            and 0 < numbers["rate"] <= 1
            and (seconds is None or (math.isfinite(seconds) and seconds > 0))
            and seen.ndim == 1
            and (seen.dtype.kind in "iu" or seen.size == 0)
            and bool((np.diff(seen) >= 0).all())
            and source in ("empirical", "gaussian", "covariance", "observed")
            and tail in ("geometric", "empirical")
            and isinstance(valid, bool)
            and all(isinstance(text, str) for text in warnings)
        )
        if not sound:
            raise ArtifactError("the stored run lengths are damaged: a part has the wrong type, size or range")
        return cls(
            numbers["level"],
            source,
            upper,
            lower,
            numbers["above"],
            numbers["rate"],
            seconds,
            seen.astype(np.int64),
            tail,
            valid,
            warnings,
            checks,
        )
