"""Each frame metric as one call on lists of frame labels and scores; `VideoEvaluation` gives all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from tocsin.metrics._checks import MetricError
from tocsin.metrics.runs import events
from tocsin.metrics.video.evaluation import VideoEvaluation
from tocsin.metrics.video.result import VideoResult

Videos = Sequence[npt.ArrayLike]


def evaluate_videos(y_true: Videos, y_score: Videos) -> VideoResult:
    """Rank the frames of videos.

    Parameters
    ----------
    y_true, y_score : sequence of array-like, each (frames,)
        Frame labels (1 = anomalous) and scores of each video.
    """
    if len(y_true) != len(y_score):
        raise MetricError(f"there are labels of {len(y_true)} videos and scores of {len(y_score)}: give both for each")
    evaluation = VideoEvaluation()
    for number, (labels, scores) in enumerate(zip(y_true, y_score, strict=True)):
        evaluation.update(f"video {number}", scores, events(labels), n_frames=len(labels))  # type: ignore[arg-type]
    return evaluation.compute()


def frame_auc(y_true: Videos, y_score: Videos) -> float:
    """Return the ROC area of all frames of all videos pooled.

    Examples
    --------
    >>> frame_auc([[0, 1], [0, 0]], [[0.2, 0.9], [0.1, 0.3]])
    1.0
    """
    return evaluate_videos(y_true, y_score).auc()


def frame_ap(y_true: Videos, y_score: Videos) -> float:
    """Return the step-wise average precision of all frames pooled."""
    return evaluate_videos(y_true, y_score).ap()


def frame_pr_auc_trapezoid(y_true: Videos, y_score: Videos) -> float:
    """Return the PR area under straight lines of all frames pooled; only to reproduce published numbers.

    Examples
    --------
    >>> frame_pr_auc_trapezoid([[0, 0, 1, 1]], [[0.5, 0.5, 0.5, 0.9]]), frame_ap([[0, 0, 1, 1]], [[0.5, 0.5, 0.5, 0.9]])
    (0.875, 0.75)
    """
    return evaluate_videos(y_true, y_score).pr_auc_trapezoid()


def auc_anomalous(y_true: Videos, y_score: Videos) -> float:
    """Return the ROC area of the frames of anomalous videos only."""
    return evaluate_videos(y_true, y_score).auc_anomalous()


def ap_anomalous(y_true: Videos, y_score: Videos) -> float:
    """Return the average precision of the frames of anomalous videos only."""
    return evaluate_videos(y_true, y_score).ap_anomalous()


def macro_auc(y_true: Videos, y_score: Videos) -> float:
    """Return the mean AUC inside anomalous videos that have normal frames too."""
    return evaluate_videos(y_true, y_score).macro_auc().value


def video_auc(y_true: Videos, y_score: Videos) -> float:
    """Return the AUC of whole videos, each scored by its highest frame."""
    return evaluate_videos(y_true, y_score).video_auc()
