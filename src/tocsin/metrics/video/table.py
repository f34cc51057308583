"""The video metrics, as data; functions take lists of frame labels and of scores, one entry per video."""

from __future__ import annotations

from tocsin.metrics.table import Metric
from tocsin.metrics.video.functions import (
    ap_anomalous,
    auc_anomalous,
    frame_ap,
    frame_auc,
    frame_pr_auc_trapezoid,
    macro_auc,
    video_auc,
)

_TABLE = (
    Metric(
        "frame_auc",
        frame_auc,
        None,
        "ROC area of all frames of all videos pooled.",
        "Sultani et al., CVPR (2018)",
        "Knowing which videos are anomalous, without when: .82 on UCF-Crime; 1 / length of the video: .65.",
        default=True,
    ),
    Metric(
        "frame_ap",
        frame_ap,
        None,
        "Step-wise average precision of all frames pooled.",
        "Wu et al., ECCV (2020)",
        "The share of anomalous frames itself; knowing which videos are anomalous.",
        default=True,
    ),
    Metric(
        "frame_pr_trapezoid",
        frame_pr_auc_trapezoid,
        None,
        "Precision-recall area under straight lines, all frames pooled.",
        "used as AP in several repositories",
        "Tied scores: a perfect video label gets .59 on UCF-Crime where its average precision is .18.",
        coarse_flatters=True,
    ),
    Metric(
        "auc_anomalous",
        auc_anomalous,
        None,
        "ROC area of the frames of anomalous videos only.",
        "Lv et al., CVPR (2023)",
        "Staged footage: a bump in the middle of the video reaches .6, on dash-cam sets .8.",
        default=True,
    ),
    Metric(
        "ap_anomalous",
        ap_anomalous,
        None,
        "Step-wise average precision of the frames of anomalous videos only.",
        "Wu et al., ECCV (2020)",
        "The share of anomalous frames inside those videos.",
        default=True,
    ),
    Metric(
        "macro_auc",
        macro_auc,
        None,
        "Mean over anomalous videos of the ROC area inside each.",
        "Georgescu et al., TPAMI (2021)",
        "It ignores normal videos: constant alarm there costs nothing.",
        default=True,
    ),
    Metric(
        "video_auc",
        video_auc,
        None,
        "ROC area of whole videos, each scored by its highest frame.",
        "Sultani et al., CVPR (2018)",
        "Source, quality and length of the clip; says nothing of when.",
        default=True,
    ),
)
VIDEO_METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
