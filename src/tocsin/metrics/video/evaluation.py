"""Frame metrics of a set of videos, fed video by video and computed once."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError
from tocsin.metrics.video.frames import truth_mask, weigh_snippets
from tocsin.metrics.video.result import ScoredVideo, VideoResult


class VideoEvaluation:
    """Accumulator of scored videos, keyed by name so that order cannot break anything.

    Parameters
    ----------
    expected : collection of str, optional
        Names of the videos of the test set: `update` refuses others, `compute` refuses to go on without one.

    Examples
    --------
    >>> evaluation = VideoEvaluation()
    >>> _ = evaluation.update("fight", [0.1, 0.9, 0.8, 0.2], [(1, 3)])
    >>> _ = evaluation.update("street", [0.3, 0.1], [], n_frames=32, stride=16)
    >>> result = evaluation.compute()
    >>> result.auc(), result.auc_anomalous(), result.video_auc()
    (1.0, 1.0, 1.0)
    """

    def __init__(self, *, expected: Collection[str] | None = None) -> None:
        self._expected = None if expected is None else set(expected)
        self._videos: dict[str, ScoredVideo] = {}

    def update(
        self,
        video: str,
        scores: npt.ArrayLike,
        spans: npt.ArrayLike,
        *,
        n_frames: int | None = None,
        stride: int = 1,
        tail: str = "repeat-last",
        clip: bool = False,
        category: str = "",
    ) -> VideoEvaluation:
        """Add one video.

        Parameters
        ----------
        video : str
            Its name; each may come once.
        scores : array-like, shape (n,)
            Score of each frame, or of each ``stride`` frames.
        spans : array-like of int, shape (k, 2)
            The anomalous frames as half-open intervals at the video's own frame rate; empty for a normal video.
        n_frames : int, optional
            Default ``n * stride``; give it whenever ``stride`` is not 1.
        stride, tail
            See `tocsin.metrics.video.weigh_snippets`.
        clip : bool
            Cut spans that run past the last frame.
        category : str
            The kind of anomaly, for `VideoResult.auc_of`.

        Returns
        -------
        VideoEvaluation
            Itself.

        Raises
        ------
        MetricError
            If the video is unknown or came before, or its scores and spans do not fit its length.
        """
        if video in self._videos:
            raise MetricError(f"video {video!r} was given twice: score each video once")
        if self._expected is not None and video not in self._expected:
            raise MetricError(f"video {video!r} is not one of the {len(self._expected)} expected videos")
        length = len(np.atleast_1d(np.asarray(scores))) * stride if n_frames is None else n_frames
        truth = truth_mask(spans, length, video, clip=clip)
        self._videos[video] = ScoredVideo(
            video, category, weigh_snippets(scores, truth, video, stride=stride, tail=tail)
        )
        return self

    def merge(self, other: VideoEvaluation) -> VideoEvaluation:
        """Add the videos of another shard; returns itself."""
        twice = sorted(set(self._videos) & set(other._videos))
        if twice:
            raise MetricError(f"video {twice[0]!r} is in both shards: score each video once")
        self._videos |= other._videos
        return self

    def compute(self) -> VideoResult:
        """Rank the frames of everything seen so far.

        Raises
        ------
        MetricError
            If no video was given, or an expected one is missing.
        """
        if not self._videos:
            raise MetricError("no video was given: call update() for each before compute()")
        missing = sorted((self._expected or set()) - set(self._videos))
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise MetricError(f"video {missing[0]!r}{more} has no scores: score every video of the test set")
        return VideoResult(tuple(self._videos.values()))
