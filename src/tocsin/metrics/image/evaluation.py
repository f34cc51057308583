"""All image metrics of a data set at once: class by class, then averaged."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Sized
from dataclasses import dataclass

import numpy.typing as npt

from tocsin.metrics._checks import MetricError, as_labels, as_scores
from tocsin.metrics.image._inputs import Maps, Masks, as_map, as_mask, pairs
from tocsin.metrics.image.averages import mean_ad
from tocsin.metrics.image.pixels import PixelEvaluation
from tocsin.metrics.image.reductions import image_score, sample_scores
from tocsin.metrics.image.result import PixelResult
from tocsin.metrics.macro import MacroMean, macro_mean
from tocsin.metrics.ranks import Ranking


@dataclass(frozen=True)
class ImageReport:
    """Every headline number of a data set.

    Attributes
    ----------
    by_class : dict of dict
        Class name -> metric name -> value.
    mean : dict of MacroMean
        Metric name -> arithmetic mean over classes.
    pixels : dict of PixelResult
        Class name -> the ranked pixels, for regions, breakdowns and curves.
    reduction : str
        How image scores were made from maps ("given" if they were given).
    """

    by_class: dict[str, dict[str, float]]
    mean: dict[str, MacroMean]
    pixels: dict[str, PixelResult]
    reduction: str


def evaluate_images(
    maps: Maps,
    masks: Masks,
    *,
    image_scores: npt.ArrayLike | None = None,
    image_labels: npt.ArrayLike | None = None,
    classes: Sequence[str] | None = None,
    defects: Sequence[str] | None = None,
    sample_ids: Sequence[Hashable] | None = None,
    reduction: str = "max",
    limits: Sequence[float] = (0.3, 0.05),
    resampling: bool = False,
) -> ImageReport:
    """Evaluate anomaly maps of one or more classes.

    Parameters
    ----------
    maps, masks : iterables
        One map (height, width) and one mask (or None: good) per picture; read once, one at a time.
    image_scores : array-like, shape (images,), optional
        Default: `image_score` of each map with ``reduction``.
    image_labels : array-like, shape (images,), optional
        From the original annotation.  Default: whether the mask marks any pixel, which is wrong for masks that were
        shrunk (small defects vanish).
    classes, defects : sequence of str, optional
        Class and kind of defect of each picture.
    sample_ids : sequence, optional
        Which physical sample each picture shows; adds ``sample_auroc`` and ``sample_ap``.
    reduction, limits
        See `image_score` and `PixelResult.summary`.
    resampling : bool
        Keep what `PixelResult.intervals` needs.

    Returns
    -------
    ImageReport

    Raises
    ------
    MetricError
        If there is no picture, or the lengths of what was given differ.

    Examples
    --------
    >>> report = evaluate_images([[[0.1, 0.9]], [[0.2, 0.3]]], [[[0, 1]], None])
    >>> report.by_class["all"]["image_auroc"], report.mean["mad"].value
    (1.0, 1.0)
    """
    evaluations: dict[str, PixelEvaluation] = {}
    members: dict[str, list[int]] = {}
    reduced, marked = [], []
    for number, (score_map, mask) in enumerate(pairs(maps, masks)):
        name = "all" if classes is None else _entry(classes, number, "classes")
        evaluation = evaluations.setdefault(name, PixelEvaluation(resampling=resampling))
        kind = "" if defects is None else _entry(defects, number, "defects")
        scores = as_map(score_map, f"image {number}")
        foreground = None if mask is None else as_mask(mask, f"image {number}")
        evaluation.update(scores, foreground, image=f"image {number}", defect=kind)
        members.setdefault(name, []).append(number)
        marked.append(foreground is not None and bool(foreground.any()))
        if image_scores is None:
            reduced.append(image_score(scores, reduction))
    if not marked:
        raise MetricError("there is no picture to evaluate: give at least one map with its mask")
    labels = as_labels(marked if image_labels is None else image_labels, "image_labels")
    overall = as_scores(reduced if image_scores is None else image_scores, "image_scores")
    given: dict[str, Sized | None] = {"image_labels": labels, "image_scores": overall}
    _check_lengths(len(marked), given | {"classes": classes, "defects": defects, "sample_ids": sample_ids})
    results = {name: evaluation.compute() for name, evaluation in evaluations.items()}
    rows = {}
    for name, result in results.items():
        chosen = members[name]
        row = image_level(labels[chosen], overall[chosen]) | result.summary(limits)
        if sample_ids is not None:
            samples = sample_scores(labels[chosen], overall[chosen], [sample_ids[i] for i in chosen]).ranking()
            row |= {"sample_auroc": samples.auroc(), "sample_ap": samples.average_precision()}
        if 0.3 in limits:
            row["mad"] = mean_ad(row)
        rows[name] = row
    names = next(iter(rows.values()))
    mean = {metric: macro_mean({name: row[metric] for name, row in rows.items()}) for metric in names}
    return ImageReport(rows, mean, results, "given" if image_scores is not None else reduction)


def image_level(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> dict[str, float]:
    """Return the image-level AUROC, AP and oracle F1 by name."""
    ranking = Ranking.from_scores(y_true, y_score)
    return {
        "image_auroc": ranking.auroc(),
        "image_ap": ranking.average_precision(),
        "image_f1_max": ranking.oracle_f1().value,
    }


def _entry(values: Sequence[str], number: int, name: str) -> str:
    if number >= len(values):
        raise MetricError(f"{name} has {len(values)} entries, but there are more maps: give one for each picture")
    return values[number]


def _check_lengths(n_pictures: int, given: Mapping[str, Sized | None]) -> None:
    for name, values in given.items():
        if values is not None and len(values) != n_pictures:
            raise MetricError(f"{name} has {len(values)} entries for {n_pictures} pictures: give one for each")
