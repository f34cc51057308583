"""What can be read off the ranked pixels of one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, Undefined, check_fraction
from tocsin.metrics.bootstrap import BinnedCurves, Interval, RankResampler
from tocsin.metrics.bootstrap.resampler import BinnedMetric
from tocsin.metrics.image._inputs import NO_ANOMALOUS_PIXEL, NO_NORMAL_PIXEL
from tocsin.metrics.image.conventions import AU_PRO_CONVENTIONS, WeightedCurve
from tocsin.metrics.image.operating import OperatingPoint, operating_point
from tocsin.metrics.ranks import OraclePoint, Ranking


class RegionTable(NamedTuple):
    """The ground-truth regions of one class."""

    area: npt.NDArray[np.int64]  # (regions,) pixels
    image: npt.NDArray[np.intp]  # (regions,) which picture each lies in
    image_names: tuple[str, ...]
    defects: tuple[str, ...]  # per picture
    of_pixel: npt.NDArray[np.int32]  # the region of each anomalous pixel, in rising order of score


@dataclass(frozen=True)
class GroupRow:
    """One line of a breakdown: the regions of one defect type, size or picture.

    ``au_pro`` is the mean over the group's regions and ``auroc`` the mean over the group's pixels, both against **all**
    normal pixels of the class; weighting ``au_pro`` by ``regions`` (``auroc`` by ``pixels``) gives the class's number.
    """

    name: str
    regions: int
    pixels: int
    au_pro: float
    auroc: float


class PixelResult:
    """The pixel and region metrics of one class of pictures; made by `PixelEvaluation.compute`.

    Undefined values (no anomalous pixel, no normal pixel) are NaN with a reason (`tocsin.metrics.reason_of`).
    """

    def __init__(self, ranking: Ranking, regions: RegionTable, resampler: RankResampler | None = None) -> None:
        self.ranking = ranking
        self.region_table = regions
        self._resampler = resampler
        self._gains: dict[float, npt.NDArray[np.float64]] = {}

    def __repr__(self) -> str:
        table = self.region_table
        return (
            f"PixelResult({len(table.image_names)} images, {len(table.area)} regions, "
            f"{self.ranking.n_positive} of {self.ranking.n_positive + self.ranking.n_negative} pixels anomalous)"
        )

    # -- pixels ------------------------------------------------------------------------------------------------------

    def auroc(self, max_fpr: float = 1.0, *, standardised: bool = False) -> float:
        """Return the pixel AUROC, whole or up to a false positive rate (see `Ranking.auroc`)."""
        return self.ranking.auroc(max_fpr, standardised=standardised)

    def average_precision(self) -> float:
        """Return the pixel average precision (step sum)."""
        return self.ranking.average_precision()

    def pr_area_trapezoid(self) -> float:
        """Return the pixel precision-recall area under straight lines; only to reproduce published numbers."""
        return self.ranking.pr_area_trapezoid()

    def oracle_f1(self) -> OraclePoint:
        """Return the best pixel F1 of any threshold, chosen with the masks in hand, and that threshold."""
        return self.ranking.oracle_f1()

    def oracle_iou(self) -> OraclePoint:
        """Return the best intersection over union of the anomalous pixels of all pictures together; an oracle."""
        return self.ranking.oracle_iou()

    def fpr_at_tpr(self, tpr: float = 0.95) -> float:
        """Return the lowest false positive rate at which the share ``tpr`` of anomalous pixels is found."""
        return self.ranking.fpr_at_tpr(tpr)

    def at_threshold(self, threshold: float) -> OperatingPoint:
        """Return precision, recall, F1 (SegF1), IoU and error rates when ``map >= threshold`` is called anomalous.

        The honest companion of `oracle_f1`: the threshold comes from elsewhere (validation data).
        """
        return operating_point(self.ranking, threshold)

    # -- regions -----------------------------------------------------------------------------------------------------

    def au_pro(self, limit: float = 0.3, *, convention: str = "exact", steps: int | None = None) -> float:
        """Return the area under the per-region overlap curve up to a false positive rate, divided by it.

        Parameters
        ----------
        limit : float in (0, 1]
            Highest false positive rate; 0.3 for MVTec AD, MVTec 3D, VisA and Real-IAD, 0.05 for MVTec AD 2.
        convention : str
            Whose number to reproduce: "exact", "mvtec-ad", "anomalib" (all three the same area), "mvtec-3d", "ader",
            "ader-loop", "adeval".  See `tocsin.metrics.image.conventions`.
        steps : int, optional
            Thresholds or bins of the approximating conventions; default theirs.

        Returns
        -------
        float
            0 to 1; a constant map gets ``limit / 2``.

        Notes
        -----
        Exact: PRO at a threshold is the mean over regions of the share of their pixels scored at least that much, the
        curve is linear between the points of distinct scores, and its area is the mean over regions of the mean over
        their pixels of `Ranking.partial_area`.  Nothing is binned or interpolated.
        """
        limit = check_fraction(limit, "limit", open_left=True)
        if (missing := self._lacking()) is not None:
            return missing
        if convention == "exact":
            return float(self._region_gain(limit).mean() / limit)
        try:
            rule = AU_PRO_CONVENTIONS[convention]
        except KeyError:
            known = ", ".join(repr(name) for name in ("exact", *AU_PRO_CONVENTIONS))
            raise MetricError(f"convention must be one of {known}, but is {convention!r}") from None
        return rule(self.curve, limit, steps)

    @cached_property
    def curve(self) -> WeightedCurve:
        """The pixel and region curves at any thresholds."""
        table = self.region_table
        return WeightedCurve(self.ranking, table.area[table.of_pixel])

    def region_scores(self, limit: float = 0.3) -> npt.NDArray[np.float64]:
        """Return each region's own area under its overlap curve, shape (regions,); their mean is AU-PRO."""
        limit = check_fraction(limit, "limit", open_left=True)
        if self._lacking() is not None:
            return np.full(len(self.region_table.area), np.nan)
        return self._region_gain(limit) / limit

    def by_defect(self, limit: float = 0.3) -> list[GroupRow]:
        """Break AU-PRO and AUROC down by kind of defect, in alphabetical order."""
        table = self.region_table
        return self._rows(np.asarray([table.defects[i] for i in table.image]), limit)

    def by_image(self, limit: float = 0.3) -> list[GroupRow]:
        """Break AU-PRO and AUROC down by picture (those with a defect), in the order in which they came."""
        table = self.region_table
        rows = self._rows(table.image, limit)
        return [GroupRow(table.image_names[int(r.name)], r.regions, r.pixels, r.au_pro, r.auroc) for r in rows]

    def by_size(self, edges: Sequence[float] = (10, 100, 1000, 10000), limit: float = 0.3) -> list[GroupRow]:
        """Break AU-PRO and AUROC down by area of the region, in pixels; ``edges`` rise, each opens a class."""
        bounds = np.asarray(edges, dtype=np.float64)
        if bounds.ndim != 1 or (np.diff(bounds) <= 0).any():
            raise MetricError(f"edges must rise strictly, but are {list(edges)}")
        bucket = np.searchsorted(bounds, self.region_table.area, side="right")
        names = ["<" + _plain(bounds[0])] if len(bounds) else [">=0"]
        names += [f"{_plain(a)}-{_plain(b)}" for a, b in pairwise(bounds)]
        if len(bounds):
            names.append(">=" + _plain(bounds[-1]))
        return [GroupRow(names[int(r.name)], r.regions, r.pixels, r.au_pro, r.auroc) for r in self._rows(bucket, limit)]

    def _rows(self, keys: npt.NDArray[Any], limit: float) -> list[GroupRow]:
        if self._lacking() is not None:
            return []
        names, group = np.unique(keys, return_inverse=True)
        area, whole = self.region_table.area, self._region_gain(1.0)
        count = np.bincount(group, minlength=len(names))
        pixels = np.bincount(group, weights=area, minlength=len(names))
        pro = np.bincount(group, weights=self.region_scores(limit), minlength=len(names)) / count
        auroc = np.bincount(group, weights=area * whole, minlength=len(names)) / pixels
        return [
            GroupRow(str(name), int(c), int(n), float(p), float(a))
            for name, c, n, p, a in zip(names, count, pixels, pro, auroc, strict=True)
        ]

    def _region_gain(self, limit: float) -> npt.NDArray[np.float64]:
        """Return the mean partial area of each region's pixels, undivided by the limit."""
        if limit not in self._gains:
            table = self.region_table
            areas = self.ranking.positive_areas(limit)
            total = np.bincount(table.of_pixel, weights=areas, minlength=len(table.area))
            self._gains[limit] = np.minimum(total / table.area, limit)  # rounding must not lift AU-PRO above 1
        return self._gains[limit]

    def _lacking(self) -> Undefined | None:
        if not len(self.region_table.area):
            return Undefined(NO_ANOMALOUS_PIXEL)
        return None if self.ranking.n_negative else Undefined(NO_NORMAL_PIXEL)

    # -- together ----------------------------------------------------------------------------------------------------

    def summary(self, limits: Sequence[float] = (0.3, 0.05)) -> dict[str, float]:
        """Return the headline pixel metrics by name: AUROC, AP, oracle F1 and IoU, AU-PRO at each limit."""
        row = {
            "pixel_auroc": self.auroc(),
            "pixel_ap": self.average_precision(),
            "pixel_f1_max": self.oracle_f1().value,
            "pixel_iou_max": self.oracle_iou().value,
        }
        return row | {f"au_pro@{limit:g}": self.au_pro(limit) for limit in limits}

    def intervals(
        self, *, limits: Sequence[float] = (0.3, 0.05), n_resamples: int = 2000, level: float = 0.95, seed: int = 0
    ) -> dict[str, Interval]:
        """Return bootstrap intervals over pictures for the metrics of `summary`.

        Raises
        ------
        MetricError
            If the evaluation was not made with ``resampling=True``.
        """
        if self._resampler is None:
            raise MetricError("intervals need a histogram of each picture: use PixelEvaluation(resampling=True)")
        metrics: dict[str, BinnedMetric] = {
            "pixel_auroc": BinnedCurves.auroc,
            "pixel_ap": BinnedCurves.average_precision,
            "pixel_f1_max": BinnedCurves.oracle_f1,
            "pixel_iou_max": BinnedCurves.oracle_iou,
        }
        for limit in limits:
            metrics[f"au_pro@{limit:g}"] = partial(BinnedCurves.weighted_auroc, max_fpr=limit)
        exact = self.summary(limits)
        return self._resampler.intervals(metrics, exact, n_resamples=n_resamples, level=level, seed=seed)


def _plain(value: float) -> str:
    return f"{value:g}"
