"""Object and point metrics of one class of point clouds, fed cloud by cloud and computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, as_labels, check_choice, check_pair
from tocsin.metrics.bootstrap import BinnedCurves, Interval, RankResampler
from tocsin.metrics.bootstrap.resampler import BinnedMetric
from tocsin.metrics.groups import TOP, top_mean
from tocsin.metrics.ranks import ExactRanks, Ranking


@dataclass(frozen=True)
class PointResult:
    """Metrics of one class of point clouds.

    Attributes
    ----------
    objects : Ranking
        The clouds: object AUROC is ``objects.auroc()``.
    points : Ranking
        The points of all clouds together: point AP is ``points.average_precision()``.
    per_object : dict
        Cloud -> AUROC of its own points; NaN with a reason where all are normal or all anomalous.
    resampler : RankResampler
        One histogram of points per cloud.
    """

    objects: Ranking
    points: Ranking
    per_object: Mapping[str, float]
    resampler: RankResampler

    def summary(self) -> dict[str, float]:
        """Return the headline metrics by name."""
        return {
            "object_auroc": self.objects.auroc(),
            "object_ap": self.objects.average_precision(),
            "point_auroc": self.points.auroc(),
            "point_ap": self.points.average_precision(),
            "point_f1_max": self.points.oracle_f1().value,
        }

    def intervals(self, *, n_resamples: int = 2000, level: float = 0.95, seed: int = 0) -> dict[str, Interval]:
        """Return bootstrap intervals over clouds for the point metrics."""
        metrics: dict[str, BinnedMetric] = {
            "point_auroc": BinnedCurves.auroc,
            "point_ap": BinnedCurves.average_precision,
            "point_f1_max": BinnedCurves.oracle_f1,
        }
        return self.resampler.intervals(metrics, self.summary(), n_resamples=n_resamples, level=level, seed=seed)


class PointEvaluation:
    """Accumulator of scored point clouds of **one class**.

    Organised clouds (one point per pixel) can be scored as pictures as well, with `PixelEvaluation` for AU-PRO.

    Parameters
    ----------
    reduction : str
        How the score of a cloud is made from its points where none is given: "max", "mean" or "top-Q%".

    Examples
    --------
    >>> evaluation = PointEvaluation()
    >>> _ = evaluation.update([0, 0, 1], [0.1, 0.3, 0.8]).update([0, 0], [0.2, 0.4])
    >>> evaluation.compute().summary()["object_auroc"]
    1.0
    """

    def __init__(self, *, reduction: str = "max") -> None:
        if not TOP.fullmatch(reduction):
            check_choice(reduction, "reduction", ("max", "mean", "top-Q%"))
        self.reduction = reduction
        self._points = ExactRanks()
        self._names: list[str] = []
        self._labels: list[bool] = []
        self._scores: list[float] = []
        self._own: dict[str, float] = {}
        self._resampler = RankResampler()

    def update(
        self,
        y_true: npt.ArrayLike,
        y_score: npt.ArrayLike,
        *,
        name: str | None = None,
        object_score: float | None = None,
        object_label: bool | None = None,
    ) -> PointEvaluation:
        """Add one cloud.

        Parameters
        ----------
        y_true, y_score : array-like, shape (n,)
            Label and score of each point.
        name : str, optional
            Default its number.
        object_score : float, optional
            Score of the whole cloud; default the reduction of its points.
        object_label : bool, optional
            Default: whether any point is anomalous, which is wrong for clouds thinned until the defect vanished.

        Returns
        -------
        PointEvaluation
            Itself.

        Raises
        ------
        MetricError
            If lengths differ, values are unusable, or the name came before.
        """
        key = f"object {len(self._names)}" if name is None else name
        if key in self._own:
            raise MetricError(f"object {key!r} was given twice: score each cloud once")
        labels, scores = check_pair(y_true, y_score, (f"the labels of {key}", f"the scores of {key}"))
        self._points.update(labels, scores)
        self._resampler.add(scores[~labels], scores[labels], group=key)
        self._own[key] = Ranking.from_scores(labels, scores).auroc()
        self._names.append(key)
        self._labels.append(bool(labels.any()) if object_label is None else bool(as_labels([object_label])[0]))
        self._scores.append(self._reduce(scores) if object_score is None else float(object_score))
        return self

    def _reduce(self, scores: npt.NDArray[np.floating]) -> float:
        if match := TOP.fullmatch(self.reduction):
            return top_mean(scores, percent=float(match[1]))
        return float(scores.max() if self.reduction == "max" else scores.mean(dtype=np.float64))

    def compute(self) -> PointResult:
        """Rank everything seen so far; raises `MetricError` if no cloud was given."""
        if not self._names:
            raise MetricError("no point cloud was given: call update() for each before compute()")
        objects = Ranking.from_scores(self._labels, self._scores)
        return PointResult(objects, self._points.compute(), dict(self._own), self._resampler)
