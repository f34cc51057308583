"""Metrics of pictures: whole pictures, pixels, regions, physical samples, boxes.

``PixelEvaluation``           all pixel and region metrics of a class: ``update(map, mask)`` ..., ``compute()``
``StreamingPixelEvaluation``  the same in constant memory, with error bounds
``evaluate_images``           a whole data set: by class, macro means, mAD
``SaturatedEvaluation``       AU-sPRO of MVTec LOCO;  ``aupimo``: AUPIMO;  ``box_metrics``: boxes
``sample_scores``             several views of one part;  ``image_score``: from a map to a score
``calibration_errors``        ECE and its relatives;  ``IMAGE_METRICS``: the table of all of them
"""

from __future__ import annotations

from tocsin.metrics.image.averages import MEAN_AD_PARTS, mean_ad
from tocsin.metrics.image.boxes import BoxResult, box_metrics, box_overlap
from tocsin.metrics.image.calibration import CalibrationErrors, calibration_errors
from tocsin.metrics.image.conventions import AU_PRO_CONVENTIONS, ader_pixels, adeval_pixels
from tocsin.metrics.image.evaluation import ImageReport, evaluate_images, image_level
from tocsin.metrics.image.functions import (
    au_pro,
    au_spro,
    evaluate_pixels,
    pixel_auroc,
    pixel_average_precision,
    pixel_f1_at,
    pixel_oracle_f1,
    pixel_oracle_iou,
    pixel_pr_area_trapezoid,
)
from tocsin.metrics.image.operating import OperatingPoint, clopper_pearson, operating_point
from tocsin.metrics.image.pimo import PerImageOverlap, aupimo
from tocsin.metrics.image.pixels import PixelEvaluation
from tocsin.metrics.image.reductions import image_score, sample_scores
from tocsin.metrics.image.result import GroupRow, PixelResult, RegionTable
from tocsin.metrics.image.saturated import DefectChannel, SaturatedEvaluation
from tocsin.metrics.image.streaming import StreamingPixelEvaluation
from tocsin.metrics.image.table import IMAGE_METRICS

__all__ = [
    "AU_PRO_CONVENTIONS",
    "IMAGE_METRICS",
    "MEAN_AD_PARTS",
    "BoxResult",
    "CalibrationErrors",
    "DefectChannel",
    "GroupRow",
    "ImageReport",
    "OperatingPoint",
    "PerImageOverlap",
    "PixelEvaluation",
    "PixelResult",
    "RegionTable",
    "SaturatedEvaluation",
    "StreamingPixelEvaluation",
    "ader_pixels",
    "adeval_pixels",
    "au_pro",
    "au_spro",
    "aupimo",
    "box_metrics",
    "box_overlap",
    "calibration_errors",
    "clopper_pearson",
    "evaluate_images",
    "evaluate_pixels",
    "image_level",
    "image_score",
    "mean_ad",
    "operating_point",
    "pixel_auroc",
    "pixel_average_precision",
    "pixel_f1_at",
    "pixel_oracle_f1",
    "pixel_oracle_iou",
    "pixel_pr_area_trapezoid",
    "sample_scores",
]
