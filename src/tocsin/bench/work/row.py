"""Row: one metric of one unit."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from tocsin.metrics._checks import reason_of


@dataclass(frozen=True)
class Row:
    """One metric of one unit.

    Parameters
    ----------
    unit : str
        The series, the list of events, the product whose pictures are judged.
    group : str
        What is resampled.
    half : {'', 'choose', 'report'}
    metric : str
    value : float or None
        None where the metric has no value on these labels.
    reason : str
        Why it has none.
    places, anomalous : int
        What the metric is over (rows, events, traces, pictures), and how many of them are anomalous.
    """

    unit: str
    group: str
    half: str
    metric: str
    value: float | None
    reason: str
    places: int
    anomalous: int

    @classmethod
    def of(cls, place: tuple[str, str, str], metric: str, value: float, places: int, anomalous: int) -> Row:
        """Return the row of a value; one that is no number keeps its reason."""
        known = math.isfinite(value)
        reason = "" if known else reason_of(value) or "the metric is not a number"
        return cls(*place, metric, float(value) if known else None, reason, places, anomalous)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return asdict(self)
