"""Bootstrap of pooled rank metrics: one small histogram per group, so that a resample is a sum of histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError
from tocsin.metrics.bootstrap._draws import leave_one_out, multiplicities
from tocsin.metrics.bootstrap.interval import Floats, Interval, interval_of
from tocsin.metrics.bootstrap.paired import PairedResult, difference_of
from tocsin.metrics.ranks import sortable_key

BITS = 16  # leading bits of the order-preserving key: 65 536 possible bins of relative width 1/128
BATCH = 1 << 22  # values of one temporary: resamples are handled in batches of this many bins


@dataclass(frozen=True)
class BinnedCurves:
    """Curves of many resamples at once; every array has shape (resamples, bins), bins in falling order of score.

    Attributes
    ----------
    tp, fp : array
        Anomalous and normal places in this bin or a higher one.
    weighted : array
        Weights of the anomalous places in this bin or a higher one (equal to ``tp`` where no weights were given).
    """

    tp: Floats
    fp: Floats
    weighted: Floats

    def auroc(self, max_fpr: float = 1.0) -> Floats:
        """Return the area under the ROC curve up to ``max_fpr``, divided by it, of each resample."""
        return _area(self.tp, self.fp, max_fpr)

    def weighted_auroc(self, max_fpr: float = 1.0) -> Floats:
        """Return the same with weighted anomalous places: AU-PRO if the weights are one over the region's area."""
        return _area(self.weighted, self.fp, max_fpr)

    def average_precision(self) -> Floats:
        """Return the step-wise average precision of each resample."""
        precision = np.divide(self.tp, self.tp + self.fp, out=np.zeros_like(self.tp), where=self.tp > 0)
        return _ratio(np.sum(_steps(self.tp) * precision, axis=1), self.tp[:, -1])

    def oracle_f1(self) -> Floats:
        """Return the best F1 of any threshold of each resample."""
        total = self.tp[:, -1:]
        f1 = np.divide(2 * self.tp, self.tp + self.fp + total, out=np.zeros_like(self.tp), where=self.tp > 0)
        return np.where(total[:, 0] > 0, f1.max(axis=1), np.nan)

    def oracle_iou(self) -> Floats:
        """Return the best intersection over union of any threshold of each resample."""
        f1 = self.oracle_f1()
        return f1 / (2 - f1)


BinnedMetric = Callable[[BinnedCurves], Floats]


class _Histogram(NamedTuple):
    bins: npt.NDArray[np.int64]  # rising
    normal: Floats
    anomalous: Floats
    weighted: Floats


class RankResampler:
    """Mergeable histograms of the scores of each group, and bootstrap intervals of pooled rank metrics from them.

    Scores are binned by the leading 16 bits of their order-preserving float32 key.  The binned metric differs from the
    exact one by some 1e-5; intervals are shifted so that they belong to the exact value.

    Parameters
    ----------
    weighted : bool
        Whether `add` takes weights of anomalous places.

    Examples
    --------
    >>> resampler = RankResampler()
    >>> for name, lift in [("a", 0.2), ("b", 0.5), ("c", 0.0), ("d", 0.4)]:
    ...     resampler.add(np.linspace(0, 1, 50), np.linspace(0, 1, 9) + lift, group=name)
    >>> interval = resampler.interval(BinnedCurves.auroc, 0.75)
    >>> interval.low < 0.75 < interval.high, interval.n_groups
    (True, 4)
    """

    def __init__(self, *, weighted: bool = False) -> None:
        self.weighted = weighted
        self._groups: dict[str, _Histogram] = {}

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups seen."""
        return tuple(self._groups)

    def add(
        self,
        normal: npt.NDArray[np.floating],
        anomalous: npt.NDArray[np.floating],
        weights: Floats | None = None,
        *,
        group: str,
    ) -> None:
        """Add the scores of normal and anomalous places of one group (several calls may name the same group)."""
        above = _bins(anomalous)
        columns = (_count(_bins(normal), None), _count(above, None), _count(above, weights))
        bins = np.flatnonzero(columns[0] + columns[1])
        fresh = _Histogram(bins, *(column[bins] for column in columns))
        known = self._groups.get(group)
        self._groups[group] = fresh if known is None else _sum(known, fresh)

    def merge(self, other: RankResampler) -> None:
        """Add the groups of another shard; a group that both saw is summed."""
        if self.weighted != other.weighted:
            raise MetricError("one shard weighs anomalous places and one does not: set up every shard alike")
        for name, histogram in other._groups.items():
            known = self._groups.get(name)
            self._groups[name] = histogram if known is None else _sum(known, histogram)

    def interval(
        self,
        metric: BinnedMetric,
        exact: float,
        *,
        n_resamples: int = 2000,
        level: float = 0.95,
        method: str = "percentile",
        strata: Sequence[object] | None = None,
        seed: int = 0,
    ) -> Interval:
        """Return the interval of one metric around its exact value; parameters as for `bootstrap_interval`."""
        options = {"n_resamples": n_resamples, "level": level, "seed": seed}
        return self.intervals({"": metric}, {"": exact}, method=method, strata=strata, **options)[""]  # type: ignore[arg-type]

    def intervals(
        self,
        metrics: Mapping[str, BinnedMetric],
        exact: Mapping[str, float],
        *,
        n_resamples: int = 2000,
        level: float = 0.95,
        method: str = "percentile",
        strata: Sequence[object] | None = None,
        seed: int = 0,
    ) -> dict[str, Interval]:
        """Return the intervals of several metrics from the same resamples.

        Parameters
        ----------
        metrics : mapping of name to callable
            Each takes `BinnedCurves` and returns one value per resample.
        exact : mapping of name to float
            Each metric's exact value on all groups.
        """
        n = len(self._groups)
        if not n:
            raise MetricError("no group was given: call add() for each before asking for intervals")
        whole = self._values(metrics, np.ones((1, n)))
        drawn = self._values(metrics, multiplicities(n, n_resamples, seed, strata))
        left_out = self._values(metrics, leave_one_out(n)) if method == "bca" and n > 1 else None
        result = {}
        for name in metrics:
            shift = exact[name] - whole[name][0]
            jackknife = None if left_out is None else left_out[name] + shift
            result[name] = interval_of(exact[name], drawn[name] + shift, n, level=level, left_out=jackknife)
        return result

    def difference(
        self,
        other: RankResampler,
        metric: BinnedMetric,
        exact: float,
        *,
        n_resamples: int = 2000,
        level: float = 0.95,
        strata: Sequence[object] | None = None,
        seed: int = 0,
    ) -> PairedResult:
        """Compare two detectors on the same groups; ``exact`` is the exact difference, this one minus ``other``.

        Raises
        ------
        MetricError
            If the two hold different groups.
        """
        if set(self._groups) != set(other._groups):
            odd = sorted(set(self._groups) ^ set(other._groups))
            raise MetricError(f"the detectors were scored on different groups, such as {odd[0]!r}: score both on all")
        n = len(self._groups)
        counts = np.concatenate((np.ones((1, n)), multiplicities(n, n_resamples, seed, strata)))
        order = [list(other._groups).index(name) for name in self._groups]
        other_counts = np.empty_like(counts)
        other_counts[:, order] = counts
        values = self._values({"": metric}, counts)[""] - other._values({"": metric}, other_counts)[""]
        return difference_of(exact, values[1:] + (exact - values[0]), n, level)

    def _values(self, metrics: Mapping[str, BinnedMetric], counts: Floats) -> dict[str, Floats]:
        found: dict[str, list[Floats]] = {name: [] for name in metrics}
        for curves in self._curves(counts):
            for name, metric in metrics.items():
                found[name].append(metric(curves))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def _curves(self, counts: Floats) -> Iterator[BinnedCurves]:
        histograms = list(self._groups.values())
        bins = np.unique(np.concatenate([h.bins for h in histograms]))
        tables = np.zeros((3, len(histograms), len(bins)))
        for row, h in enumerate(histograms):
            columns = len(bins) - 1 - np.searchsorted(bins, h.bins)  # falling order of score
            for table, values in zip(tables, (h.anomalous, h.normal, h.weighted), strict=True):
                table[row, columns] = values
        np.cumsum(tables, axis=2, out=tables)
        batch = max(1, BATCH // max(len(bins), 1))
        for start in range(0, len(counts), batch):
            part = counts[start : start + batch]
            tp, fp = part @ tables[0], part @ tables[1]
            yield BinnedCurves(tp, fp, part @ tables[2] if self.weighted else tp)


def _bins(scores: FloatArray) -> npt.NDArray[np.int64]:
    with np.errstate(over="ignore"):
        keys = sortable_key(scores.astype(np.float32, copy=False))
    return (keys >> keys.dtype.type(32 - BITS)).astype(np.int64)


def _count(bins: npt.NDArray[np.int64], weights: Floats | None) -> Floats:
    return np.bincount(bins, weights=weights, minlength=1 << BITS).astype(np.float64)


def _sum(first: _Histogram, second: _Histogram) -> _Histogram:
    bins = np.union1d(first.bins, second.bins)
    columns = []
    for one, two in zip(first[1:], second[1:], strict=True):
        total = np.zeros(len(bins))
        total[np.searchsorted(bins, first.bins)] += one
        total[np.searchsorted(bins, second.bins)] += two
        columns.append(total)
    return _Histogram(bins, *columns)


def _steps(cumulative: Floats) -> Floats:
    return np.diff(cumulative, axis=1, prepend=0.0)


def _ratio(values: Floats, total: Floats) -> Floats:
    return np.divide(values, total, out=np.full_like(values, np.nan), where=total > 0)


def _area(tp: Floats, fp: Floats, max_fpr: float) -> Floats:
    limit = max_fpr * fp[:, -1:]  # in normal places
    before = fp - _steps(fp)
    inside = np.clip(limit - before, 0.0, fp - before)  # part of the step's width that lies left of the limit
    width = np.maximum(fp - before, np.finfo(np.float64).tiny)
    # A bin's anomalous places arrive along a straight line; what they have gained by the limit is a triangle.
    gained = inside * inside / (2.0 * width) + np.maximum(limit - fp, 0.0)
    return _ratio(_ratio(np.sum(_steps(tp) * gained, axis=1), tp[:, -1]), limit[:, 0])
