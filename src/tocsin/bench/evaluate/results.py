"""What an evaluation found, as data: the terminal, JSON and the page all show this."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tocsin.bench.evaluate.choosing import Chosen
from tocsin.metrics._checks import reason_of
from tocsin.metrics.bootstrap import Interval
from tocsin.metrics.series.catalog import SeriesMetric

FEW_BETTER = 1e-9


@dataclass(frozen=True)
class Line:
    """One metric.

    Attributes
    ----------
    chosen : Chosen
        The metric and its options.
    value : float
        On everything: the mean over series where each has a value of its own.
    interval : Interval or None
        None where there is one group only.
    dummies : dict of str to float
        The same metric for what detects nothing.
    members : dict of str to float
        One value per series, where there are such.
    notes : tuple of str
        Warnings of the metric, and members without a value.
    """

    chosen: Chosen
    value: float
    interval: Interval | None
    dummies: dict[str, float]
    members: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def no_better(self) -> str:
        """The dummy that does as well or better; '' if none does."""
        sign = 1.0 if self.chosen.metric.higher_is_better else -1.0
        known = {name: sign * value for name, value in self.dummies.items() if not math.isnan(value)}
        if math.isnan(self.value) or not known:
            return ""
        best = max(known, key=lambda name: known[name])
        return best if known[best] >= sign * self.value - FEW_BETTER and not self._perfect(sign) else ""

    def _perfect(self, sign: float) -> bool:
        """A dummy that is perfect says that the data are easy; a score that is perfect too is not worse for it."""
        return sign > 0 and self.value >= 1.0 - FEW_BETTER

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready; undefined values are null and have a reason."""
        metric = self.chosen.metric
        interval = None
        if self.interval is not None:
            interval = {
                "low": finite(self.interval.low),
                "high": finite(self.interval.high),
                "level": self.interval.level,
                "groups": self.interval.n_groups,
                "resamples": self.interval.n_resamples,
                "note": self.interval.note or reason_of(self.interval.low) or "",
            }
        return {
            "metric": metric.name,
            "name": self.chosen.name,
            "options": self.chosen.options,
            "value": finite(self.value),
            "undefined_because": reason_of(self.value),
            "interval": interval,
            "dummies": {name: finite(value) for name, value in self.dummies.items()},
            "no_better_than": self.no_better or None,
            "higher_is_better": metric.higher_is_better,
            "oracle": metric.oracle,
            "needs_threshold": isinstance(metric, SeriesMetric) and metric.needs_threshold,
            "definition": metric.definition,
            "reference": metric.reference,
            "fooled_by": metric.fooled_by,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Evaluation:
    """Everything that one evaluation found.

    Attributes
    ----------
    modality : str
    unit : str
        What one member is called: "series", "video", "picture" ...
    lines : tuple of Line
    dummies : dict of str to str
        Name of each dummy -> what it shows.
    members : tuple of str
    places, anomalous, events : int
        How many points (pixels, items) there are, how many are marked, and how many runs of marks.
    place : str
        What one of them is called.
    average : str
        How the values came about, in words.
    intervals : str
        Over what the intervals are, or why there are none.
    groups : dict of str to dict
        The breakdown: group -> metric -> value.
    group_sizes : dict of str to int
    grouped_by : str
    threshold : str
        The policy in words; '' where none was named.
    notes : tuple of str
    """

    modality: str
    unit: str
    lines: tuple[Line, ...]
    dummies: dict[str, str]
    members: tuple[str, ...]
    places: int
    anomalous: int
    events: int
    place: str
    average: str
    intervals: str
    groups: dict[str, dict[str, float]] = field(default_factory=dict)
    group_sizes: dict[str, int] = field(default_factory=dict)
    grouped_by: str = ""
    threshold: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        values: dict[str, dict[str, float | None]] = {}
        for line in self.lines:
            for member, value in line.members.items():
                values.setdefault(member, {})[line.chosen.name] = finite(value)
        return {
            "modality": self.modality,
            "unit": self.unit,
            "members": list(self.members),
            self.place + "s": self.places,
            "anomalous": self.anomalous,
            "events": self.events,
            "average": self.average,
            "intervals": self.intervals,
            "threshold": self.threshold or None,
            "metrics": [line.to_dict() for line in self.lines],
            "dummies": self.dummies,
            "by_member": values,
            "grouped_by": self.grouped_by or None,
            "by_group": {
                name: {"members": self.group_sizes.get(name), **{k: finite(v) for k, v in row.items()}}
                for name, row in self.groups.items()
            },
            "notes": list(self.notes),
        }


def finite(value: float) -> float | None:
    """Return the number, or None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None
