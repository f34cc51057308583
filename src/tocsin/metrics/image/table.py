"""The image metrics, as data."""

from __future__ import annotations

from tocsin.metrics.image._inputs import Maps, Masks
from tocsin.metrics.image.functions import (
    au_pro,
    au_spro,
    pixel_auroc,
    pixel_average_precision,
    pixel_oracle_f1,
    pixel_oracle_iou,
    pixel_pr_area_trapezoid,
)
from tocsin.metrics.image.pimo import aupimo
from tocsin.metrics.series.pointwise import auc_roc, average_precision, oracle_f1
from tocsin.metrics.table import Metric


def _au_pro_05(masks: Masks, maps: Maps) -> float:
    return au_pro(masks, maps, 0.05)


def _pixel_auroc_05(masks: Masks, maps: Maps) -> float:
    return pixel_auroc(masks, maps, 0.05)


def _aupimo(masks: Masks, maps: Maps) -> float:
    return aupimo(maps, masks).mean


_TABLE = (
    Metric(
        "image_auroc",
        auc_roc,
        None,
        "Share of (anomalous, normal) pairs of pictures in the right order, ties half.",
        "Fawcett, Pattern Recognition Letters 27 (2006)",
        "Anything that differs between the two sets: exposure, camera, file age; few normals make it noisy.",
        default=True,
    ),
    Metric(
        "image_ap",
        average_precision,
        None,
        "Mean over anomalous pictures of the precision at their score (step sum).",
        "Davis and Goadrich, ICML (2006)",
        "The share of anomalous pictures itself: random scores get it, so test sets of mostly defects look solved.",
        default=True,
    ),
    Metric(
        "image_f1_max",
        oracle_f1,
        "value",
        "Best F1 of pictures over all thresholds.",
        "Zhang et al., arXiv 2406.03262 (2024)",
        "Calling everything anomalous: 2 p / (1 + p) for a share p of anomalous pictures.",
        oracle=True,
        default=True,
    ),
    Metric(
        "pixel_auroc",
        pixel_auroc,
        None,
        "AUROC of all pixels of all pictures of a class.",
        "Bergmann et al., IJCV 129 (2021)",
        "Large easy background: a blurred blob in the middle, or any map that is low at the border, reaches .8 to .9.",
        default=True,
    ),
    Metric(
        "pixel_auroc@0.05",
        _pixel_auroc_05,
        None,
        "Area under the pixel ROC curve up to a false positive rate of .05, divided by it (chance .025).",
        "McClish, Medical Decision Making 9 (1989)",
        "Large defects: they hold most anomalous pixels.",
    ),
    Metric(
        "pixel_ap",
        pixel_average_precision,
        None,
        "Mean over anomalous pixels of the precision at their score (step sum).",
        "Davis and Goadrich, ICML (2006)",
        "One large defect can hold most of the anomalous pixels.",
        default=True,
    ),
    Metric(
        "pixel_pr_trapezoid",
        pixel_pr_area_trapezoid,
        None,
        "Precision-recall area under straight lines between the points.",
        "Davis and Goadrich, ICML (2006), who advise against it",
        "Scores of few different values: a constant map gets more than one half.",
        coarse_flatters=True,
    ),
    Metric(
        "pixel_f1_max",
        pixel_oracle_f1,
        "value",
        "Best F1 of pixels over all thresholds.",
        "Zhang et al., arXiv 2406.03262 (2024)",
        "Choosing the threshold on the test masks; one large defect.",
        oracle=True,
        default=True,
    ),
    Metric(
        "pixel_iou_max",
        pixel_oracle_iou,
        "value",
        "Best intersection over union of the anomalous pixels of all pictures; F1 / (2 - F1), so no second opinion.",
        "Zhang et al., arXiv 2406.03262 (2024)",
        "As pixel_f1_max.",
        oracle=True,
    ),
    Metric(
        "au_pro@0.3",
        au_pro,
        None,
        "Mean over regions of the share found, over false positive rates 0 to .3, divided by .3 (chance .15).",
        "Bergmann et al., IJCV 129 (2021)",
        "Blur: 30 % of the normal pixels may be wrong, so it saturates above .9; tiny regions count as much as large.",
        default=True,
    ),
    Metric(
        "au_pro@0.05",
        _au_pro_05,
        None,
        "As au_pro@0.3 up to a false positive rate of .05 (chance .025).",
        "Heckler-Kram et al., arXiv 2503.21622 (2025)",
        "Tiny regions count as much as large ones: an annotator who splits a defect in two changes it.",
        default=True,
    ),
    Metric(
        "au_spro@0.05",
        au_spro,
        None,
        "Mean over defect channels of min(found / saturation, 1), over false positive rates 0 to .05, divided by .05.",
        "Bergmann et al., IJCV 130 (2022)",
        "Low saturation: a few bright pixels per defect are enough.",
    ),
    Metric(
        "aupimo",
        _aupimo,
        None,
        "Mean over anomalous pictures of the recall, over ln of false positive rates 1e-5 to 1e-4 on good pictures.",
        "Bertoldo et al., BMVC (2024)",
        "Few good pictures: the rates hang on a handful of pixels.",
    ),
)
IMAGE_METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
