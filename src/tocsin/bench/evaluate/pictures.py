"""Metrics of pictures: maps are read once for all pixel metrics, and once more for each dummy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.evaluate.choosing import Chosen
from tocsin.bench.evaluate.results import Evaluation, Line
from tocsin.core.errors import InputError
from tocsin.metrics._checks import MetricError, Undefined
from tocsin.metrics.bootstrap import Interval, bootstrap_interval
from tocsin.metrics.dummy import image_dummies
from tocsin.metrics.image import PixelEvaluation, PixelResult, aupimo, image_score
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.table import Metric, warn_if_coarse

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, FloatArray
    from tocsin.io.maps import Picture

_LIMIT = 0.3
OWN, HIGHEST = "own", "max"

# How each metric of the table is read off pixels that have been ranked once.
_PIXELS: dict[str, Callable[[PixelResult], float]] = {
    "pixel_auroc": lambda r: r.auroc(),
    "pixel_auroc@0.05": lambda r: r.auroc(0.05),
    "pixel_ap": lambda r: r.average_precision(),
    "pixel_pr_trapezoid": lambda r: r.pr_area_trapezoid(),
    "pixel_f1_max": lambda r: r.oracle_f1().value,
    "pixel_iou_max": lambda r: r.oracle_iou().value,
    "au_pro@0.3": lambda r: r.au_pro(0.3),
    "au_pro@0.05": lambda r: r.au_pro(0.05),
}
_IMAGES: dict[str, Callable[[Ranking], float]] = {
    "image_auroc": lambda r: r.auroc(),
    "image_ap": lambda r: r.average_precision(),
    "image_f1_max": lambda r: r.oracle_f1().value,
}


def picture_metrics() -> tuple[str, ...]:
    """Return the metrics that `RankedPictures` can tell."""
    return (*_IMAGES, *_PIXELS)


@dataclass(frozen=True, eq=False)
class RankedPictures:
    """Pixels and pictures of one score, ranked.

    Parameters
    ----------
    pixels : PixelResult
    labels : ndarray of bool, shape (pictures,)
    scores : ndarray of float, shape (pictures,)
        One for each picture, reduced from its map.
    """

    pixels: PixelResult
    labels: BoolArray
    scores: FloatArray

    def value(self, name: str) -> float:
        """Return one metric of the table."""
        if name in _IMAGES:
            return _IMAGES[name](Ranking.from_scores(self.labels, self.scores))
        return _PIXELS[name](self.pixels)


def measure_pictures(
    pictures: Sequence[Picture],
    chosen: Sequence[Chosen],
    *,
    reduction: str = OWN,
    resamples: int = 1000,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> tuple[Evaluation, RankedPictures]:
    """Evaluate the maps of one class of pictures.

    Parameters
    ----------
    pictures : sequence of Picture
        From `tocsin.io.maps.find_pictures`.
    chosen : sequence of Chosen
        From ``choose("image")``.
    reduction : str
        How a map becomes the score of its picture; see `tocsin.metrics.image.image_score`. ``own`` takes what the
        detector itself said of each picture, and the maximum where it left no word.
    resamples, seed : int
        Of the bootstrap over pictures, and of the random dummy.

    Returns
    -------
    Evaluation
        Broken down by kind of defect.
    RankedPictures
        For drawing curves.

    Raises
    ------
    InputError
        If map and mask of a picture differ in size, no mask marks a pixel, or a metric cannot be had from masks.
    """
    _check_names(chosen)
    masks = [picture.truth() for picture in pictures]
    how = f"the score of a picture is the {reduction} of its map"
    if reduction == OWN:
        silent = sum(picture.score is None for picture in pictures)
        how = "the score of a picture is the detector's own"
        if silent:
            reduction, how = HIGHEST, "the score of a picture is the maximum of its map"
            if silent < len(pictures):
                notes = (*notes, f"{silent} pictures have no score of their own: the maxima of the maps are taken")
    ranked, shapes = _ranked(pictures, masks, reduction)
    regions = ranked.pixels.region_table
    if not len(regions.area):
        raise InputError(
            f"the masks mark no pixel in {len(pictures)} pictures: without a defect nothing can be measured"
        )
    if not ranked.pixels.ranking.n_negative:
        raise InputError("the masks mark every pixel of every picture: without normal ones nothing can be measured")
    dummies = image_dummies(masks, shapes=shapes, seed=seed)
    beside = {d.name: _of_arrays(d.scores(), masks, reduction) for d in dummies}
    intervals = _intervals(chosen, ranked, resamples, seed)
    lines = []
    for c in chosen:
        if c.metric.name == "aupimo":
            lines.append(_aupimo(c, pictures, masks, {d.name: d.scores for d in dummies}))
            continue
        name = c.metric.name
        rows = {d: row.value(name) for d, row in beside.items()}
        lines.append(Line(c, ranked.value(name), intervals.get(name), rows, {}, _coarse(c, ranked)))
    by_defect = ranked.pixels.by_defect(_LIMIT)
    return (
        Evaluation(
            modality="image",
            unit="picture",
            lines=tuple(lines),
            dummies={d.name: d.why for d in dummies},
            members=tuple(p.name for p in pictures),
            places=int(sum(h * w for h, w in shapes)),
            anomalous=int(regions.area.sum()),
            events=len(regions.area),
            place="pixel",
            average=f"all pictures of one class pooled; {how}",
            intervals=f"95 % bootstrap over {len(pictures)} pictures",
            groups={
                row.name or "defects": {
                    "regions": float(row.regions),
                    "au_pro@0.3": row.au_pro,
                    "pixel_auroc": row.auroc,
                }
                for row in by_defect
            },
            group_sizes=_sizes(pictures),
            grouped_by="defect",
            notes=tuple(notes),
        ),
        ranked,
    )


def _ranked(
    pictures: Sequence[Picture], masks: Sequence[AnyArray | None], reduction: str
) -> tuple[RankedPictures, list[tuple[int, int]]]:
    evaluation = PixelEvaluation(resampling=True)
    reduced, shapes = [], []
    for picture, mask in zip(pictures, masks, strict=True):
        scores = picture.scores()
        if mask is not None and mask.shape != scores.shape:
            raise InputError(
                f"{picture.mask} has {mask.shape[0]} x {mask.shape[1]} pixels (height x width) and {picture.map} "
                f"{scores.shape[0]} x {scores.shape[1]}: bring the map to the size of its mask"
            )
        evaluation.update(scores, mask, image=picture.name, defect=picture.defect)
        own = picture.score if reduction == OWN else None
        reduced.append(_reduced(scores, reduction) if own is None else own)
        shapes.append((int(scores.shape[0]), int(scores.shape[1])))
    labels = np.array([mask is not None and bool(mask.any()) for mask in masks])
    return RankedPictures(evaluation.compute(), labels, np.array(reduced)), shapes


def _of_arrays(maps: Sequence[Any], masks: Sequence[AnyArray | None], reduction: str) -> RankedPictures:
    evaluation = PixelEvaluation()
    for scores, mask in zip(maps, masks, strict=True):
        evaluation.update(scores, mask)
    labels = np.array([mask is not None and bool(mask.any()) for mask in masks])
    return RankedPictures(evaluation.compute(), labels, np.array([_reduced(m, reduction) for m in maps]))


def _reduced(scores: AnyArray, reduction: str) -> float:
    try:
        return image_score(scores, HIGHEST if reduction == OWN else reduction)
    except MetricError as error:
        raise InputError(f"--reduction {reduction}: {error}") from None


def _check_names(chosen: Sequence[Chosen]) -> None:
    for c in chosen:
        name = c.metric.name
        if name not in (*_PIXELS, *_IMAGES, "aupimo"):
            raise InputError(
                f"{name} needs more than masks (the channels of each defect and their saturation): call it from Python"
            )
        if c.options and name != "aupimo":
            raise InputError(f"{name} takes no options here: its name says at which limit it is computed")


def _intervals(chosen: Sequence[Chosen], ranked: RankedPictures, resamples: int, seed: int) -> dict[str, Interval]:
    """Resample pictures: their histograms of pixels, and their scores."""
    names = [c.metric.name for c in chosen]
    found: dict[str, Interval] = {}
    if any(name in _PIXELS for name in names):
        found = ranked.pixels.intervals(n_resamples=resamples, seed=seed)
    for name in (n for n in names if n in _IMAGES):

        def again(drawn: Any, metric: Callable[[Ranking], float] = _IMAGES[name]) -> float:
            return metric(Ranking.from_scores(ranked.labels[drawn], ranked.scores[drawn]))

        found[name] = bootstrap_interval(again, len(ranked.labels), n_resamples=resamples, seed=seed)
    return found


def _aupimo(
    chosen: Chosen,
    pictures: Sequence[Picture],
    masks: Sequence[AnyArray | None],
    dummies: Mapping[str, Callable[[], Any]],
) -> Line:
    def value(maps: Any) -> float:
        try:
            return aupimo(maps, masks, **chosen.options).mean
        except MetricError as error:
            return Undefined(str(error))

    rows = {name: value(scores()) for name, scores in dummies.items()}
    return Line(
        chosen, value([p.scores() for p in pictures]), None, rows, {}, ("no interval: it is a mean over pictures",)
    )


def _coarse(chosen: Chosen, ranked: RankedPictures) -> tuple[str, ...]:
    """Return the warning of a metric that flatters scores of few different values."""
    metric, ranking = chosen.metric, ranked.pixels.ranking
    if not isinstance(metric, Metric) or not metric.coarse_flatters:
        return ()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_coarse(metric, np.concatenate([ranking.negatives, ranking.positives]))
    return tuple(str(w.message) for w in caught)


def _sizes(pictures: Sequence[Picture]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for picture in pictures:
        sizes[picture.defect or "defects"] = sizes.get(picture.defect or "defects", 0) + 1
    return sizes
