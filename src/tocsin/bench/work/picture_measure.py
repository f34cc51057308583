"""Pictures: those of one product are measured together, their pixels pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.evaluate.pictures import RankedPictures
from tocsin.bench.plan.metric_names import PART_METRICS
from tocsin.bench.work.measure import Measure, valued
from tocsin.bench.work.row import Row
from tocsin.core.errors import InputError
from tocsin.metrics._checks import Undefined
from tocsin.metrics.groups import group_scores
from tocsin.metrics.image import PixelEvaluation
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.bench.protocols import Item
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.truth import Truth

NO_PARTS = "the data set does not say which pictures show one part"
UNMARKED = "the data set does not mark where defects are"
NO_MAPS = "the detector gave no maps"


class PictureMeasure(Measure):
    """Metrics of the pictures of each product.

    A picture's label is that of the data set, not what is left of its mask; its score is the detector's own. Maps are
    judged at the size of the pictures. Where several pictures show one part (``meta["part"]``), the part's score is the
    highest of its pictures', and it is anomalous if one of them is.
    """

    def __init__(self, names: str) -> None:
        super().__init__(names)
        self._pixels: dict[tuple[str, str, str], PixelEvaluation] = {}
        self._no_pixels: dict[tuple[str, str, str], str] = {}
        self._parts: list[str] = []

    def add(self, item: Item, sample: Sample, truth: Truth | None, scores: Scores) -> None:
        """Take one picture."""
        half = item.half if item.half != "both" else "report"  # one picture alone cannot be halved
        place = (item.group, item.group, half)
        if truth is None or truth.label is None:
            self.unknown += 1
            return
        severity = [] if truth.severity is None else [truth.severity]
        self._parts.append(str(sample.meta.get("part", "")))
        self.judged.add(place, [item.id], [int(truth.label)], [scores.overall], [truth.kind], severity)
        if truth.mask is None:
            self._no_pixels[place] = UNMARKED
        elif scores.local is None:
            self._no_pixels[place] = NO_MAPS
        else:
            local = np.asarray(scores.local, dtype=np.float32)
            if local.shape != truth.mask.shape:
                raise InputError(f"the map of {item.id} has shape {local.shape}, its mask {truth.mask.shape}")
            lowest = float(np.nanmin(local)) if np.isfinite(local).any() else 0.0
            evaluation = self._pixels.setdefault(place, PixelEvaluation(precision="float32"))
            evaluation.update(np.nan_to_num(local, nan=lowest), truth.mask, image=item.id, defect=truth.kind)

    def rows(self) -> list[Row]:
        """Return the metrics of every product."""
        found: list[Row] = []
        units = np.array(self.judged.unit, dtype=object)
        halves = np.array(self.judged.half, dtype=object)
        for unit, half in dict.fromkeys(zip(self.judged.unit, self.judged.half, strict=True)):
            kept = (units == unit) & (halves == half)
            labels = np.array(self.judged.label)[kept] == 1
            scores = np.array(self.judged.score)[kept]
            parts = [part for part, use in zip(self._parts, kept.tolist(), strict=True) if use]
            found += self._of((unit, unit, half), labels, scores, parts)
        return found

    def _of(self, place: tuple[str, str, str], labels: np.ndarray, scores: np.ndarray, parts: list[str]) -> list[Row]:
        pixels = self._pixels.get(place)
        why = self._no_pixels.get(place, "")
        ranked = None if pixels is None or why else pixels.compute()
        rows = []
        for name in self.names.split(","):
            if name.startswith("image_"):
                value = valued(_picture_metric, name, labels, scores)
            elif name in PART_METRICS:
                value = valued(_part_metric, name, labels, scores, parts)
            elif ranked is None:
                value = Undefined(why)
            else:
                value = valued(RankedPictures(ranked, labels, scores).value, name)
            rows.append(Row.of(place, name, value, len(labels), int(labels.sum())))
        return rows


def _part_metric(name: str, labels: np.ndarray, scores: np.ndarray, parts: list[str]) -> float:
    if not all(parts):
        return Undefined(NO_PARTS)
    ranking = group_scores(labels, scores, parts).ranking()
    return ranking.auroc() if name == "part_auroc" else ranking.average_precision()


def _picture_metric(name: str, labels: np.ndarray, scores: np.ndarray) -> float:
    ranking = Ranking.from_scores(labels, scores)
    if name == "image_auroc":
        return ranking.auroc()
    return ranking.average_precision() if name == "image_ap" else ranking.oracle_f1().value
