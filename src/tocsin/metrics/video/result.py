"""What can be read off the scored frames of a set of videos."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tocsin.metrics._checks import MetricError, Undefined, check_fraction, check_positive
from tocsin.metrics.bootstrap import BinnedCurves, Interval, RankResampler
from tocsin.metrics.bootstrap.resampler import BinnedMetric
from tocsin.metrics.macro import MacroMean, macro_mean
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.video.frames import WeightedSnippets

NO_ANOMALOUS_VIDEO = "no video holds an anomaly"


class ScoredVideo(NamedTuple):
    """One video: its name, the kind of its anomaly, and its snippets."""

    name: str
    category: str
    snippets: WeightedSnippets

    @property
    def anomalous(self) -> bool:
        """Whether any frame is."""
        return bool(self.snippets.anomalous.any())


class VideoResult:
    """Frame-level metrics of a set of videos; made by `VideoEvaluation.compute`.

    Pooled metrics (`auc`, `ap`) reward telling anomalous *videos* from normal ones: a perfect video label without any
    idea of when reaches .82 on UCF-Crime.  Read `auc_anomalous` beside them, and the dummy rows.

    Undefined values are NaN with a reason (`tocsin.metrics.reason_of`).
    """

    def __init__(self, videos: tuple[ScoredVideo, ...]) -> None:
        self.videos = videos

    def __repr__(self) -> str:
        frames = sum(int((v.snippets.normal + v.snippets.anomalous).sum()) for v in self.videos)
        anomalous = sum(v.anomalous for v in self.videos)
        return f"VideoResult({len(self.videos)} videos, {anomalous} anomalous, {frames} frames)"

    # -- all frames together -----------------------------------------------------------------------------------------

    @cached_property
    def ranking(self) -> Ranking:
        """All frames of all videos."""
        return _rank(v.snippets for v in self.videos)

    @cached_property
    def anomalous_ranking(self) -> Ranking | None:
        """The frames of anomalous videos, or None where there is no such video."""
        chosen = [v.snippets for v in self.videos if v.anomalous]
        return _rank(chosen) if chosen else None

    def auc(self) -> float:
        """Return the ROC area of all frames of all videos pooled ("micro" frame AUC)."""
        return self.ranking.auroc()

    def ap(self) -> float:
        """Return the step-wise average precision of all frames pooled: the headline metric of XD-Violence."""
        return self.ranking.average_precision()

    def pr_auc_trapezoid(self) -> float:
        """Return the PR area under straight lines that several papers call AP; it flatters tied scores grossly."""
        return self.ranking.pr_area_trapezoid()

    def auc_anomalous(self) -> float:
        """Return the ROC area of the frames of anomalous videos only (AUC_A): localisation, without recognition."""
        ranking = self.anomalous_ranking
        return Undefined(NO_ANOMALOUS_VIDEO) if ranking is None else ranking.auroc()

    def ap_anomalous(self) -> float:
        """Return the average precision of the frames of anomalous videos only (AP_A)."""
        ranking = self.anomalous_ranking
        return Undefined(NO_ANOMALOUS_VIDEO) if ranking is None else ranking.average_precision()

    def auc_of(self, categories: Collection[str]) -> float:
        """Return the pooled AUC of normal videos and the anomalous ones of some categories (AUC_base, AUC_novel).

        Raises
        ------
        MetricError
            If no anomalous video has such a category.
        """
        chosen = [v.snippets for v in self.videos if not v.anomalous or v.category in categories]
        if not any(s.anomalous.any() for s in chosen):
            known = sorted({v.category for v in self.videos if v.anomalous})
            raise MetricError(f"no anomalous video is of {sorted(categories)}; there are {', '.join(map(repr, known))}")
        return _rank(chosen).auroc()

    # -- video by video ----------------------------------------------------------------------------------------------

    def per_video(self) -> dict[str, float]:
        """Return the AUC inside each anomalous video; NaN with a reason where all of its frames are anomalous."""
        return {v.name: _rank([v.snippets]).auroc() for v in self.videos if v.anomalous}

    def macro_auc(self) -> MacroMean:
        """Return the mean AUC inside anomalous videos, and which had none; normal videos do not enter at all."""
        return macro_mean(self.per_video())

    def video_auc(self, top: float | None = None) -> float:
        """Return the AUC of whole videos, each scored by its highest frame or the mean of its highest share ``top``.

        Recognition without localisation; never to be compared with a frame AUC.
        """
        scores = [_reduce(v.snippets, top) for v in self.videos]
        return Ranking.from_scores([v.anomalous for v in self.videos], scores).auroc()

    def false_alarm_rate(self, threshold: float = 0.5, *, normal_videos_only: bool = False) -> float:
        """Return the share of normal frames scored ``threshold`` or more, of all videos or of normal ones only."""
        chosen = [v.snippets for v in self.videos if not (normal_videos_only and v.anomalous)]
        normal = sum(int(s.normal.sum()) for s in chosen)
        if not normal:
            return Undefined("there is no normal frame")
        return sum(int(s.normal[s.score >= threshold].sum()) for s in chosen) / normal

    # -- together ----------------------------------------------------------------------------------------------------

    def summary(self) -> dict[str, float]:
        """Return the headline metrics by name."""
        return {
            "frame_auc": self.auc(),
            "frame_ap": self.ap(),
            "auc_anomalous": self.auc_anomalous(),
            "ap_anomalous": self.ap_anomalous(),
            "macro_auc": self.macro_auc().value,
            "video_auc": self.video_auc(),
        }

    def resampler(self) -> RankResampler:
        """Return one histogram per video, for intervals and for paired comparison with another detector."""
        return _histograms(self.videos)

    def intervals(self, *, n_resamples: int = 2000, level: float = 0.95, seed: int = 0) -> dict[str, Interval]:
        """Return bootstrap intervals over videos of the pooled metrics.

        Notes
        -----
        On UCF-Crime the interval of a pooled AUC is some .13 wide: one or two points between papers mean nothing
        without a paired test (`RankResampler.difference`).
        """
        exact = self.summary()
        metrics: dict[str, BinnedMetric] = {
            "frame_auc": BinnedCurves.auroc,
            "frame_ap": BinnedCurves.average_precision,
        }
        found = self.resampler().intervals(metrics, exact, n_resamples=n_resamples, level=level, seed=seed)
        inside = [v for v in self.videos if v.anomalous]
        if inside:
            of_anomalous: dict[str, BinnedMetric] = {
                "auc_anomalous": BinnedCurves.auroc,
                "ap_anomalous": BinnedCurves.average_precision,
            }
            histograms = _histograms(inside)
            found |= histograms.intervals(of_anomalous, exact, n_resamples=n_resamples, level=level, seed=seed)
        return found


def _rank(snippets: Iterable[WeightedSnippets]) -> Ranking:
    parts = list(snippets)
    score = np.concatenate([s.score for s in parts])
    order = np.argsort(score)
    score = score[order]
    normal, anomalous = (np.concatenate([s[column] for s in parts])[order] for column in (1, 2))
    return Ranking(score[normal > 0], score[anomalous > 0], normal[normal > 0], anomalous[anomalous > 0])


def _reduce(snippets: WeightedSnippets, top: float | None) -> float:
    if top is None:
        return float(snippets.score.max())
    share = check_positive(check_fraction(top, "top"), "top")
    frames = np.sort(snippets.expand())
    return float(frames[-max(1, int(share * len(frames))) :].mean())


def _histograms(videos: Iterable[ScoredVideo]) -> RankResampler:
    resampler = RankResampler()
    for video in videos:
        score, normal, anomalous = video.snippets
        resampler.add(np.repeat(score, normal), np.repeat(score, anomalous), group=video.name)
    return resampler
