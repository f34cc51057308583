"""Values: one metric of all detectors, by data set and group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

Group = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Values:
    """One metric, as a table of detectors and groups.

    Parameters
    ----------
    detectors : tuple of str
    groups : tuple of (str, str)
        Data set and group; those where the metric has no value on the labels are left out.
    table : ndarray of float, shape (detectors, groups)
        The mean over units of a group and over seeds; NaN where a detector has none.
    undefined : dict of str to str
        Data set -> how many units have no value, and why.
    """

    detectors: tuple[str, ...]
    groups: tuple[Group, ...]
    table: FloatArray
    undefined: dict[str, str]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], detectors: Sequence[str]) -> Values:
        """Gather rows of one metric: each with detector, dataset, group, unit, seed, value and reason."""
        cells: dict[tuple[str, Group], list[float]] = defaultdict(list)
        groups: dict[Group, None] = {}
        without: dict[str, dict[str, str]] = defaultdict(dict)
        units: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            group = (str(row["dataset"]), str(row["group"]))
            units[group[0]].add(str(row["unit"]))
            if row["value"] is None or np.isnan(row["value"]):
                without[group[0]][str(row["unit"])] = str(row["reason"])
                continue
            groups.setdefault(group)
            cells[(str(row["detector"]), group)].append(float(row["value"]))
        table = np.full((len(detectors), len(groups)), np.nan)
        for i, detector in enumerate(detectors):
            for j, group in enumerate(groups):
                if found := cells.get((detector, group)):
                    table[i, j] = float(np.mean(found))
        return cls(tuple(detectors), tuple(groups), table, {d: _why(w, len(units[d])) for d, w in without.items()})

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets, in order."""
        return tuple(dict.fromkeys(dataset for dataset, _ in self.groups))

    def of_dataset(self, dataset: str) -> FloatArray:
        """Return the columns of one data set."""
        return self.table[:, [j for j, (name, _) in enumerate(self.groups) if name == dataset]]

    def strata(self) -> list[str]:
        """Return what each group is resampled with: the others of its data set, or other data sets of one group."""
        sizes = {name: sum(d == name for d, _ in self.groups) for name in self.datasets}
        return [name if sizes[name] > 1 else "" for name, _ in self.groups]

    def weights(self, known: Sequence[bool]) -> FloatArray:
        """Return weights that make the mean over known groups the mean over data sets of means over groups.

        Examples
        --------
        >>> values = Values(("a",), (("x", "1"), ("x", "2"), ("y", "1")), np.array([[1.0, 0.0, 0.8]]), {})
        >>> float(np.mean(values.weights([True] * 3) * values.table[0]).round(3))
        0.65
        """
        names = [name for name, _ in self.groups]
        sizes = {name: sum(use for n, use in zip(names, known, strict=True) if n == name) for name in set(names)}
        count, sets = sum(known), sum(size > 0 for size in sizes.values())
        return np.array([count / (sets * sizes[n]) if use else np.nan for n, use in zip(names, known, strict=True)])


def _why(without: Mapping[str, str], units: int) -> str:
    reasons = ", ".join(dict.fromkeys(without.values()))
    return f"{len(without)} of {units} units without a value ({reasons})"
