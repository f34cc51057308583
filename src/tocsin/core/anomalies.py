"""Anomaly: places that belong together and crossed the threshold, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.core.extents import Extent


@dataclass(frozen=True)
class Evidence:
    """One reason, in the data's own names.

    Parameters
    ----------
    name : str
        The channel, entity pair, view or rule.
    share : float
        How much of the strangeness it accounts for, 0 to 1.
    seen : float or str, optional
        What was there.
    expected : tuple of float or str, optional
        What is usual: a range, or values usually seen.
    text : str
        One clause for a person.
    """

    name: str
    share: float
    seen: float | str | None = None
    expected: tuple[float | str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.share:.0%}" + (f" ({self.text})" if self.text else "")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "name": self.name,
            "share": self.share,
            "seen": self.seen,
            "expected": list(self.expected),
            "text": self.text,
        }


@dataclass(frozen=True)
class Anomaly:
    """Places that belong together and crossed the threshold.

    Parameters
    ----------
    where : Extent
        The places: an interval, region, cluster, set of events or the whole sample.
    peak : float
        The largest score among them.
    peak_at : str
        The name of the place with that score.
    p_value : float, optional
        The chance of a score this high at one place if nothing is wrong, by the threshold's own calibration.
    expected_per_day : float, optional
        How many runs this long above the level are expected per day if nothing is wrong (series with a clock).
    because : tuple of Evidence
        Why, most important first.
    sample_id : str
        Which sample it was found in.
    doubts : tuple of str
        What weakens the statement: extrapolated p-value, failed assumption, little data.
    extrapolated : bool
        Whether the number that says how often chance does this lies beyond what was seen in calibration and is read
        off a fitted tail. It must never be shown without saying so.
    """

    where: Extent
    peak: float
    peak_at: str
    p_value: float | None = None
    expected_per_day: float | None = None
    because: tuple[Evidence, ...] = ()
    sample_id: str = ""
    doubts: tuple[str, ...] = ()
    extrapolated: bool = False

    @property
    def start(self) -> int:
        """First place of an interval.

        Raises
        ------
        AttributeError
            If the anomaly is no interval.
        """
        return self.where.start  # type: ignore[union-attr]  # the documented AttributeError

    @property
    def stop(self) -> int:
        """First place after an interval."""
        return self.where.stop  # type: ignore[union-attr]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, one row of the machine-readable output."""
        return {
            "sample": self.sample_id,
            "where": self.where.to_dict(),
            "size": self.where.size,
            "peak": self.peak,
            "peak_at": self.peak_at,
            "p_value": self.p_value,
            "expected_per_day": self.expected_per_day,
            "extrapolated": self.extrapolated,
            "because": [e.to_dict() for e in self.because],
            "doubts": list(self.doubts),
        }
