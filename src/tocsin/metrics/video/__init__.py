"""Metrics of videos: frames, kinds of anomaly, time spans, alarms.

``VideoEvaluation``       frame metrics keyed by video: ``update(video, scores, spans)`` ..., ``compute()``
``detection_map``         mAP over IoU of segments of several classes
``grounding_scores``      temporal mIoU and recall at overlaps
``alarms_within_budget``  events noticed at so many false alarms per hour, and how late
``VIDEO_METRICS``         the table of frame metrics
"""

from __future__ import annotations

from tocsin.metrics.video.alarms import AlarmResult, alarms_within_budget
from tocsin.metrics.video.detection import DetectionResult, Proposal, Segment, detection_map, propose
from tocsin.metrics.video.evaluation import VideoEvaluation
from tocsin.metrics.video.frames import WeightedSnippets, truth_mask, weigh_snippets
from tocsin.metrics.video.functions import (
    ap_anomalous,
    auc_anomalous,
    evaluate_videos,
    frame_ap,
    frame_auc,
    frame_pr_auc_trapezoid,
    macro_auc,
    video_auc,
)
from tocsin.metrics.video.grounding import GroundingResult, grounding_scores, merge_spans, temporal_iou
from tocsin.metrics.video.result import ScoredVideo, VideoResult
from tocsin.metrics.video.table import VIDEO_METRICS

__all__ = [
    "VIDEO_METRICS",
    "AlarmResult",
    "DetectionResult",
    "GroundingResult",
    "Proposal",
    "ScoredVideo",
    "Segment",
    "VideoEvaluation",
    "VideoResult",
    "WeightedSnippets",
    "alarms_within_budget",
    "ap_anomalous",
    "auc_anomalous",
    "detection_map",
    "evaluate_videos",
    "frame_ap",
    "frame_auc",
    "frame_pr_auc_trapezoid",
    "grounding_scores",
    "macro_auc",
    "merge_spans",
    "propose",
    "temporal_iou",
    "truth_mask",
    "video_auc",
    "weigh_snippets",
]
