"""From the scores of snippets to frames, with the ends of videos handled by rule instead of silently."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, as_scores, check_choice, check_count
from tocsin.metrics.runs import intervals_to_mask

TAILS = ("repeat-last", "zero", "drop")


class WeightedSnippets(NamedTuple):
    """Scores of one video with the frames each stands for: exact, and as short as the snippets are long."""

    score: FloatArray
    normal: npt.NDArray[np.int64]  # normal frames of each snippet
    anomalous: npt.NDArray[np.int64]

    def expand(self) -> FloatArray:
        """Return one score per frame."""
        return np.repeat(self.score, self.normal + self.anomalous)


def truth_mask(spans: npt.ArrayLike, n_frames: int, name: str, *, clip: bool = False) -> npt.NDArray[np.bool_]:
    """Return which frames of a video are anomalous.

    Parameters
    ----------
    spans : array-like of int, shape (k, 2)
        Half-open frame intervals; empty for a normal video.
    n_frames : int
    name : str
        The video's name in messages.
    clip : bool
        Cut spans that run past the end instead of refusing them (UCF-Crime has five).

    Raises
    ------
    MetricError
        If spans are empty, reversed, overlap, or run outside the video.
    """
    intervals = np.asarray(spans)
    if clip and intervals.size and intervals.ndim == 2 and intervals.shape[1] == 2:
        intervals = np.clip(intervals, 0, n_frames)
        intervals = intervals[intervals[:, 0] < intervals[:, 1]]
    try:
        return intervals_to_mask(intervals, n_frames)
    except MetricError as error:
        raise MetricError(f"video {name!r}: {error}") from None


def weigh_snippets(
    scores: npt.ArrayLike, truth: npt.NDArray[np.bool_], name: str, *, stride: int = 1, tail: str = "repeat-last"
) -> WeightedSnippets:
    """Count the normal and anomalous frames that each score of a video stands for.

    Parameters
    ----------
    scores : array-like, shape (n,)
        Score ``i`` stands for frames ``i * stride`` to ``(i + 1) * stride``.
    truth : array of bool, shape (n_frames,)
    name : str
    stride : int
        Frames per score.
    tail : {"repeat-last", "zero", "drop"}
        What to do with fewer than ``stride`` frames left over at the end: give them the last score, give them 0, or
        leave them out (as several published evaluations do, silently).

    Raises
    ------
    MetricError
        If the scores cover a stride or more too few, or too many, frames.
    """
    check_count(stride, "stride", least=1)
    check_choice(tail, "tail", TAILS)
    values = as_scores(scores, f"the scores of video {name!r}")
    if values.ndim != 1 or not len(values):
        raise MetricError(f"the scores of video {name!r} must have shape (n,) with n >= 1, but have {values.shape}")
    n_frames, covered = len(truth), len(values) * stride
    if abs(covered - n_frames) >= max(stride, 1):
        raise MetricError(
            f"video {name!r} has {n_frames} frames, but {len(values)} scores of {stride} frames each cover {covered}: "
            "give one score per stride, and the true number of frames"
        )
    if covered < n_frames and tail != "drop":
        values = np.append(values, values[-1] if tail == "repeat-last" else values.dtype.type(0))
    kept = truth[:covered] if tail == "drop" else truth
    starts = np.arange(len(values)) * stride
    anomalous = np.add.reduceat(kept, starts, dtype=np.int64)
    total = np.minimum(starts + stride, len(kept)) - starts
    return WeightedSnippets(values, total - anomalous, anomalous)
