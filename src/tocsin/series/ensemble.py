"""Ensemble: several detectors that judge the same series, joined on one scale.

Scores of different detectors are distances, probabilities or residuals, and cannot be added up. Each detector's scores
are therefore replaced by how rare they are among those of what it has learned from (see `tocsin.core.tails`): -ln of
the share of learned rows at least as strange. A row's score is the mean of that over detectors, or the largest. The
mean asks for agreement; the largest lets any one of them raise the alarm, with the false alarms of all.

The scales are learned with the detectors and fixed from then on, so a score never depends on what else is scored.

Reference: joining outlier detectors by calibrated scores, averaged or maximised, is studied in Aggarwal and Sathe,
Theoretical Foundations and Algorithms for Outlier Ensembles, 2015.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.extents import Interval
from tocsin.core.scores import Scores
from tocsin.core.tails import tail, tail_scale

if TYPE_CHECKING:
    from tocsin.core.samples import Sample, Series
    from tocsin.core.types import FloatArray

Rule = Literal["mean", "max"]
# Rows on both sides of an anomaly from which the leading detector explains it, where it looks no further itself.
LEAST_CONTEXT = 2048


class Ensemble(Detector):
    """The mean, or the largest, of how rare several detectors find a row.

    Parameters
    ----------
    detectors : sequence of str or mapping
        Two or more registered detectors of series that score time steps: by name, or as ``{"detector": name,
        "window": 64, ...}`` with parameters. The same one may occur several times with different parameters.
    combine : {'mean', 'max'}
        How they are joined. The largest suits detectors that each see what the others are blind to.
    random_state : int
        Seed of all detectors that take one and were not given one of their own.

    Raises
    ------
    InputError
        From `fit`, if a name or parameter is unknown, there are fewer than two detectors, or one cannot take part.
    MissingExtra
        From `fit`, if a detector's extra is not installed; ``timercd``, of the two that are used when none are named,
        needs ``deep``.

    Notes
    -----
    A detector that knows what it has learned by heart, such as ``autoencoder``, finds much of new data rare and
    outweighs the others; held-out data for `calibration` set the level right, but not its weight. Where one detector
    gives no verdict because of missing data, the others have the say.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(3000) / 8) + 0.05 * np.random.default_rng(0).normal(size=3000)
    >>> x[2000:2040] *= 0.2
    >>> found = Ensemble(("window-neighbours", "subsequence-pca")).fit_detect(x, false_alarms="top 1")
    >>> found.anomalies[0].start < 2040 and found.anomalies[0].stop > 2000
    True
    """

    card: ClassVar[Card] = Card(
        name="ensemble",
        summary="rows that several detectors together find rare, by the mean or the largest of their verdicts",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        handles_missing=True,
        streams=False,
        needs=("deep",),
        cost="the sum of its detectors' and a sort of the rows learned from; about 2.5 s per 100 000 values by default",
        cite="Aggarwal and Sathe 2015",
    )
    least_places: ClassVar[int] = 16

    members_: tuple[Detector, ...]
    scales_: tuple[FloatArray, ...]
    _own: list[Scores]

    def __init__(
        self,
        detectors: Sequence[str | Mapping[str, Any]] = ("window-neighbours", "timercd"),
        *,
        combine: Rule = "mean",
        random_state: int = 0,
    ) -> None:
        self.detectors = detectors
        self.combine = combine
        self.random_state = random_state

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.combine not in ("mean", "max"):
            raise InputError(f"detectors are joined by 'mean' or 'max', not {self.combine!r}")
        members = self._made()
        rare: list[list[FloatArray]] = [[] for _ in samples]
        scales = []
        for member in members:
            own = [_local(s) for s in member._learn(samples, calibration=None, itself=False)]
            scale = tail_scale(np.concatenate([scores[np.isfinite(scores)] for scores in own]))
            scales.append(scale)
            for found, scores in zip(rare, own, strict=True):
                found.append(tail(scale, scores))
            self.findings_ += tuple(f"{member.card.name}: {finding}" for finding in member.findings_)
        self.members_, self.scales_ = tuple(members), tuple(scales)
        self._own = [self._scores(found) for found in rare]

    def _made(self) -> list[Detector]:
        """The detectors, not fitted yet."""
        if (
            isinstance(self.detectors, str | Mapping)
            or not isinstance(self.detectors, Sequence)
            or len(self.detectors) < 2
        ):
            raise InputError(f"an ensemble joins at least two detectors, unlike {self.detectors!r}")
        from tocsin.core.registry import make

        members = []
        for asked in self.detectors:
            given = dict(asked) if isinstance(asked, Mapping) else {"detector": asked}
            name = str(given.pop("detector", ""))
            member = make(name, **given)
            _check_member(member)
            if "random_state" in member.parameter_names() and "random_state" not in given:
                member.set_params(random_state=self.random_state)
            members.append(member)
        return members

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        return self._scores(
            [
                tail(scale, _local(member.score(sample)))
                for member, scale in zip(self.members_, self.scales_, strict=True)
            ]
        )

    def _score_own(self, sample: Series, index: int) -> Scores:
        own = self._own[index]
        if index == len(self._own) - 1:
            del self._own
        return own

    def _scores(self, rare: Sequence[FloatArray]) -> Scores:
        return Scores(joined(rare, self.combine), parts=np.stack(rare, axis=1), part_names=self._labels())

    def _labels(self) -> tuple[str, ...]:
        """Names of detectors; what occurs again is numbered."""
        names = [str(d["detector"]) if isinstance(d, Mapping) else d for d in self.detectors]
        return tuple(
            name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}" for i, name in enumerate(names)
        )

    def _finish(self, sample: Sample, scores: Scores) -> Scores:
        # Each detector has taken back its own verdicts where they rest on bridged gaps; parts are theirs, not channels.
        return replace(scores, sample_id=sample.id)

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """The reasons of the detector that found it rarest, each with the word whose it is."""
        if scores.parts is None or not isinstance(anomaly.where, Interval):
            return None
        from tocsin.core.decide import explain

        start, stop = anomaly.where.start, anomaly.where.stop
        peaks = np.nan_to_num(scores.parts[start:stop], nan=0.0).max(axis=0)
        lead = int(peaks.argmax())
        member, label = self.members_[lead], self._labels()[lead]
        total = float(peaks.sum())
        said = f"{label} says so ({peaks[lead] / total:.0%} of the strangeness)" if total > 0 else f"{label} says so"
        around = max(LEAST_CONTEXT, 2 * member.reach)
        first = max(0, start - around)
        part = sample.take(first, stop + around)
        there = replace(anomaly, where=replace(anomaly.where, start=start - first, stop=stop - first))
        reasons = explain(member, part, member.score(part), there)
        return [replace(r, text=f"{said}: {r.text}" if r.text else said) for r in reasons]

    def _expected(self, sample: Series) -> FloatArray | None:
        """What the first detector that says so expects."""
        for member in self.members_:
            expected = member._expected(member._bridged(sample))
            if expected is not None:
                return expected
        return None

    @property
    def reach(self) -> int:
        """As far as the detector that looks furthest."""
        return max(member.reach for member in self.members_)

    @property
    def blur(self) -> int:
        """As wide as that of the detector that blurs most."""
        return max(member.blur for member in self.members_)

    @property
    def streams(self) -> bool:
        """Whether all detectors do."""
        return all(member.streams for member in self.members_)

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        members = [{"detector": member.card.name, **member._content()} for member in self.members_]
        return {**super()._state(), "members_": members}

    def _restore(self, state: dict[str, Any]) -> None:
        from tocsin.core.models import rebuild
        from tocsin.core.registry import find

        state = dict(state)
        stored = state.pop("members_")
        super()._restore(state)
        wanted = [member.card.name for member in self._made()]
        if not isinstance(stored, list) or [m.get("detector") for m in stored] != wanted:
            raise InputError(f"it does not hold the detectors that it names, {', '.join(wanted)}")
        self.members_ = tuple(
            rebuild(m, find(name), f"the model's {name}") for m, name in zip(stored, wanted, strict=True)
        )
        sound = len(self.scales_) == len(wanted) and all(
            isinstance(s, np.ndarray) and s.ndim == 2 and len(s) == 2 and s.shape[1] > 1 and np.isfinite(s).all()
            for s in self.scales_
        )
        if not sound or any(member.channels_ != self.channels_ for member in self.members_):
            raise InputError("its parts do not fit together")

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return two detectors that are fast and need no extra."""
        neighbours = {"detector": "window-neighbours", "windows": [8, 32], "references": 300}
        return {"detectors": (neighbours, {"detector": "subsequence-pca", "window": 30})}


def joined(rare: Sequence[FloatArray], rule: Rule) -> FloatArray:
    """Join how rare detectors find rows, arrays of shape (n,), over those that give a verdict; NaN where none does.

    Examples
    --------
    >>> joined([np.array([1.0, 4.0, np.nan]), np.array([3.0, np.nan, np.nan])], "mean").tolist()
    [2.0, 4.0, nan]
    """
    if rule == "max":
        return np.asarray(np.fmax.reduce(list(rare)))
    count = np.sum([np.isfinite(r) for r in rare], axis=0)
    total = np.sum([np.nan_to_num(r, nan=0.0) for r in rare], axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _local(scores: Scores) -> FloatArray:
    assert scores.local is not None
    return scores.local


def _check_member(member: Detector) -> None:
    card = member.card
    if isinstance(member, Ensemble):
        raise InputError("an ensemble holds no ensembles: name their detectors instead")
    if "series" not in card.modality or card.localises != "time steps" or card.decides != "places":
        raise InputError(f"an ensemble joins detectors that score the time steps of series; {card.name} does not")
