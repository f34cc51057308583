"""Detector: the contract that every detector lives under.

The public verbs are final. They validate, convert, bridge gaps, seed and calibrate once for all; a detector writes
`_fit` and `_score`, and where it can `_score_own`, `_update`, `_explain`, `_expected`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import numpy as np

from tocsin.core import gaps
from tocsin.core.errors import InputError, NotFittedError
from tocsin.core.parameters import Parameters
from tocsin.core.progress import track
from tocsin.core.samples import Sample, Series, as_sample
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    from tocsin.core.alarm_rules import AlarmRules
    from tocsin.core.anomalies import Anomaly, Evidence
    from tocsin.core.calibration import Calibration
    from tocsin.core.card import Card
    from tocsin.core.detection import Detection
    from tocsin.core.pictures import Matrix
    from tocsin.core.profile import ChannelProfile
    from tocsin.core.thresholds.base import Threshold
    from tocsin.core.types import FloatArray

Samples = Sample | Iterable[Sample] | Any


class Detector(Parameters, ABC):
    """Finds what is wrong in samples of its modality.

    The constructor stores parameters and does nothing else. What is learned ends in an underscore. The same seed gives
    the same scores, and a place's score never depends on what else is scored with it.

    Subclasses write
    ----------------
    _fit(samples, rng)
        Learn; gaps are bridged already unless the card says that the method handles them.
    _score(sample)
        Score one sample of the right modality and channels.
    _score_own(sample, index)
        Score a sample that was learned from (the `index`-th), leaving out the matches of a place with itself;
        `_score` unless overridden.
    _update(samples), _explain(sample, scores, anomaly), _expected(sample), _pictures(sample, scores, anomaly)
        Optional.
    _state(), _restore(state)
        Only when some learned attribute is neither an array, a number, text, nor a tree of these; `not_stored` names
        those that `_restore` makes anew from the others.
    """

    card: ClassVar[Card]
    least_places: ClassVar[int] = 2
    not_stored: ClassVar[tuple[str, ...]] = ()
    calibration_: Calibration
    channels_: tuple[str, ...]
    profile_: ChannelProfile | None
    findings_: tuple[str, ...] = ()
    itself_: bool = False

    # ---------------------------------------------------------------- verbs

    @final
    def fit(self, samples: Samples, *, calibration: Samples | None = None) -> Self:
        """Learn what is normal, forgetting anything learned before.

        Parameters
        ----------
        samples : Sample, array, table, or iterable of these
            What to learn from.
        calibration : same, optional
            Held-out samples whose scores set thresholds. When left out, the training samples' own scores do, which
            for flexible methods are a little lower than scores of new data.

        Raises
        ------
        InputError
            If a sample is of another modality, empty, too short or has other channels than the first.
        """
        self._learn(samples, calibration=calibration, itself=False, keep=False)
        return self

    @final
    def fit_score(self, sample: Any) -> Scores:
        """Learn from one unlabelled sample and score that same sample; a place is never compared with itself."""
        own = self._learn(sample, calibration=None, itself=True)
        if len(own) != 1:
            raise InputError(f"fit_score takes one sample, not {len(own)}: use fit and score_many")
        return own[0]

    @final
    def fit_score_many(self, samples: Samples) -> Iterator[Scores]:
        """Learn from unlabelled samples together and score each of them; none is compared with itself.

        What is learned is learned at once, scores come one by one as they are asked for: those of many pictures
        need not fit into memory together.
        """
        given = [as_sample(sample) for sample in _each(samples)]
        if all(isinstance(sample, Series) for sample in given):  # their scores are small, and known already
            return iter(self._learn(given, calibration=None, itself=True))
        self._learn(given, calibration=None, itself=True, keep=False)

        def own() -> Iterator[Scores]:
            for index, sample in enumerate(track(given, "scoring")):
                checked = self._check(sample, first=None)
                yield self._finish(checked, self._score_own(self._bridged(checked), index))

        return own()

    @final
    def score(self, sample: Any) -> Scores:
        """Score each place of one sample.

        Raises
        ------
        NotFittedError
            If nothing has been learned yet.
        InputError
            If the sample is of another modality, empty, or has other channels than those learned.
        """
        self._check_fitted()
        checked = self._check(as_sample(sample), first=None)
        return self._finish(checked, self._score(self._bridged(checked)))

    @final
    def score_many(self, samples: Iterable[Any]) -> Iterator[Scores]:
        """Score samples one by one, lazily; the same scores as `score` gives each alone."""
        for sample in track([samples] if isinstance(samples, Sample) else samples, "scoring"):
            yield self.score(sample)

    @final
    def detect(
        self,
        sample: Any,
        *,
        false_alarms: str | None = None,
        threshold: Threshold | None = None,
        rules: AlarmRules | None = None,
    ) -> Detection:
        """Score one sample, set a threshold, and gather what crosses it into anomalies with reasons.

        Parameters
        ----------
        sample : Sample, array or table
            What to look at.
        false_alarms : str, optional
            How many false alarms are acceptable: ``"1/day"``, ``"0.1%"``, ``"top 10"``. When neither this nor
            `threshold` is given: ``"1/day"`` with a clock and ``"0.1%"`` without, ``"1%"`` of traces and of samples
            judged as a whole, and ``"1 in all"`` where the level is calibrated on unlabelled data.
        threshold : Threshold, optional
            Any rule of `tocsin.core.thresholds` instead.
        rules : AlarmRules, optional
            How flagged places are merged; gaps as long as the detector's blur are bridged when left out.
        """
        checked = self._check(as_sample(sample), first=None)
        return self._decide(checked, self.score(checked), false_alarms, threshold, rules)

    @final
    def fit_detect(
        self,
        sample: Any,
        *,
        false_alarms: str | None = None,
        threshold: Threshold | None = None,
        rules: AlarmRules | None = None,
    ) -> Detection:
        """Learn from one unlabelled sample and find what is wrong in that same sample."""
        checked = as_sample(sample)
        return self._decide(checked, self.fit_score(checked), false_alarms, threshold, rules)

    @final
    def explain(self, sample: Any, anomaly: Anomaly) -> tuple[Evidence, ...]:
        """Say why an anomaly is one, in the data's own names, most important first."""
        from tocsin.core.decide import explain

        checked = self._check(as_sample(sample), first=None)
        return explain(self, checked, self.score(checked), anomaly)

    @final
    def update(self, samples: Samples) -> Self:
        """Go on learning from more samples.

        Raises
        ------
        InputError
            If the detector cannot, or a sample does not fit what was learned.
        """
        self._check_fitted()
        if not self.card.online:
            raise InputError(f"{self.card.name} cannot go on learning: fit it again with all the data")
        checked = [self._check(s, first=None) for s in _each(samples)]
        self._update([self._bridged(s) for s in checked])
        return self

    @final
    def save(self, path: str | Path) -> Path:
        """Write the model: a directory, or one file when `path` has a suffix. JSON and safetensors, no code."""
        from tocsin.core import artifacts

        self._check_fitted()
        return artifacts.write(path, {"detector": self.card.name, **self._content()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        ArtifactError
            If it is damaged, edited, newer than this version, or another kind of detector.
        """
        from tocsin.core import models

        return models.load(path, cls)

    # ------------------------------------------------- what subclasses write

    @abstractmethod
    def _fit(self, samples: Sequence[Any], rng: np.random.Generator) -> None: ...

    @abstractmethod
    def _score(self, sample: Any) -> Scores: ...

    def _score_own(self, sample: Any, index: int) -> Scores:
        return self._score(sample)

    def _update(self, samples: Sequence[Any]) -> None:
        raise InputError(f"{self.card.name} cannot go on learning")

    def _explain(self, sample: Any, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        return None

    def _expected(self, sample: Any) -> FloatArray | None:
        return None

    def _pictures(self, sample: Any, scores: Scores, anomaly: Anomaly) -> Sequence[Matrix]:
        """What a report can show of an anomaly besides curves; asked for the strongest anomalies only."""
        return ()

    def _state(self) -> dict[str, Any]:
        """Learned attributes: what ends in one underscore, besides what the base class keeps itself."""
        kept = {"calibration_", "profile_", *self.not_stored}
        return {k: v for k, v in vars(self).items() if k.endswith("_") and not k.startswith("_") and k not in kept}

    def _stored_parameters(self) -> dict[str, Any]:
        """Parameters as a model file has them; only for detectors that take objects."""
        return self.get_params(deep=False)

    def _restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            learned = name.endswith("_") and not name.startswith("_") and name.isidentifier()
            # A stored name must not take the place of anything that the class does.
            if not learned or _is_behaviour(getattr(type(self), name, None)):
                raise InputError(f"the model holds an unexpected attribute {name!r}")
            setattr(self, name, tuple(value) if isinstance(value, list) else value)

    @property
    def reach(self) -> int:
        """How many places one score looks at; 1 for pointwise scores, the window's length for windows."""
        return int(getattr(self, "window_", 1))

    @property
    def blur(self) -> int:
        """How far one strange place makes its neighbours look strange: alarms closer than this are one alarm."""
        return self.reach

    @property
    def streams(self) -> bool:
        """Whether a part with `reach` places on both sides gets its scores in the whole; the card's word, unless
        it depends on parameters.
        """
        return self.card.streams

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {}

    # ------------------------------------------------------------ the inside

    def _learn(self, samples: Samples, *, calibration: Samples | None, itself: bool, keep: bool = True) -> list[Scores]:
        """Learn and calibrate; return the scores of the samples themselves if they are to be kept."""
        from tocsin.core.calibration import Calibration
        from tocsin.core.profile import ChannelProfile

        given = [self._check(s, first=None, fitting=True) for s in _each(samples)]
        if not given:
            raise InputError(f"{self.card.name} was given nothing to learn from")
        for sample in given[1:]:
            self._check(sample, first=given[0], fitting=True)
        for name in [n for n in vars(self) if n.endswith("_") and not n.startswith("_")]:
            delattr(self, name)
        self.findings_ = ()
        self.channels_ = given[0].channels if isinstance(given[0], Series) else ()
        series = [s.values for s in given if isinstance(s, Series)]
        self.profile_ = ChannelProfile.fit(series) if series else None
        bridged = [self._bridged(s) for s in given]
        rng = np.random.default_rng(getattr(self, "random_state", None) or 0)
        self._fit(bridged, rng)
        held_out = None if calibration is None else [self._check(s, first=given[0]) for s in _each(calibration)]
        own: list[Scores] = []
        judged: list[FloatArray] = []
        if keep or held_out is None:
            for index, (sample, filled) in enumerate(zip(given, bridged, strict=True)):
                scores = self._finish(sample, self._score_own(filled, index))
                judged.append(self._deciding(scores))
                if keep:  # maps of many pictures together may be larger than memory
                    own.append(scores)
        if held_out is not None:
            judged = [self._deciding(self._finish(s, self._score(self._bridged(s)))) for s in held_out]
        contaminated = held_out is None and (itself or self.card.learns_from == "unlabelled")
        if held_out is not None:
            source = "the held-out part"
        else:
            source = "these data themselves" if itself else "the training part"
        self.itself_ = itself
        steps = [s.step for s in given if isinstance(s, Series) and s.step]
        self.calibration_ = Calibration.from_scores(
            [part for scores in judged for part in self._stretches_judged(scores)],
            seconds=float(np.median(steps)) if steps else None,
            contaminated=contaminated,
            source=source,
        )
        return own

    def _deciding(self, scores: Scores) -> FloatArray:
        """The scores that a threshold acts on: of places, of traces, or of samples as a whole."""
        if self.card.decides == "traces" and scores.traces is not None:
            return scores.traces
        if self.card.decides == "places" and scores.local is not None:
            return np.asarray(scores.local, dtype=np.float64).ravel()
        return np.array([scores.overall])

    def _stretches_judged(self, deciding: FloatArray) -> list[FloatArray]:
        """Uninterrupted stretches of what a threshold acts on: traces stand alone, places in a row."""
        return list(deciding[:, None]) if self.card.decides == "traces" else [deciding]

    def _check(self, sample: Any, first: Sample | None, fitting: bool = False) -> Sample:
        checked = as_sample(sample)
        called = checked.id or f"the {checked.modality} sample"
        if checked.modality not in self.card.modality:
            wanted = " or ".join(self.card.modality)
            raise InputError(f"{self.card.name} looks at {wanted}; {called} is {checked.modality}")
        least = self.least_places if fitting else 1
        if len(checked) < least:
            raise InputError(
                f"{called} has {len(checked)} row{'s' if len(checked) != 1 else ''}; "
                f"{self.card.name} needs at least {least}"
            )
        if isinstance(checked, Series):
            if fitting and not checked.observed.any():
                raise InputError(f"{called} has no data: every value is missing")
            if not self.card.multichannel and len(checked.channels) > 1:
                raise InputError(
                    f"{self.card.name} looks at one channel; {called} has {len(checked.channels)}: "
                    f"choose one (Series.select)"
                )
            wanted_channels = first.channels if isinstance(first, Series) else getattr(self, "channels_", None)
            if not fitting or first is not None:
                self._check_channels(checked, wanted_channels, called)
        return checked

    def _check_channels(self, sample: Series, wanted: tuple[str, ...] | None, called: str) -> None:
        if wanted is None or sample.channels == wanted:
            return
        missing = [c for c in wanted if c not in sample.channels]
        extra = [c for c in sample.channels if c not in wanted]
        differs = "in another order" if not missing and not extra else ""
        if missing:
            differs = f"without {', '.join(map(repr, missing[:3]))}{' ...' if len(missing) > 3 else ''}"
        if extra:
            differs += (
                f"{' and ' if differs else ''}with {', '.join(map(repr, extra[:3]))}{' ...' if len(extra) > 3 else ''}"
            )
        raise InputError(
            f"{called} comes {differs} compared with the {len(wanted)} channels learned: "
            f"pass those channels in that order (Series.select)"
        )

    def _bridged(self, sample: Sample) -> Sample:
        if not isinstance(sample, Series) or self.card.handles_missing:
            return sample
        filled = gaps.bridge(sample.values)
        return sample if filled is sample.values else replace(sample, values=filled)

    def _finish(self, sample: Sample, scores: Scores) -> Scores:
        """Put the sample's name on its scores and take back verdicts that rest on bridged gaps."""
        if not isinstance(sample, Series) or scores.local is None:
            return replace(scores, sample_id=sample.id)
        absent = ~np.isfinite(sample.values)
        if not absent.any():
            return replace(scores, sample_id=sample.id)
        reach = 1 if self.card.handles_missing else self.reach
        local, parts = gaps.withhold(scores.local, scores.parts, absent, reach)
        if self.card.handles_missing:
            # The detector has seen what is missing: only where nothing was observed at all is its word not taken.
            local = np.where(np.isfinite(local) | absent.all(axis=1), local, scores.local)
        overall = float(np.nanmax(local)) if np.isfinite(local).any() else float("nan")
        return replace(scores, local=local, parts=parts, overall=overall, sample_id=sample.id)

    def _decide(
        self,
        sample: Sample,
        scores: Scores,
        false_alarms: str | None,
        threshold: Threshold | None,
        rules: AlarmRules | None,
    ) -> Detection:
        from tocsin.core.decide import decide

        return decide(self, sample, scores, false_alarms, threshold, rules)

    def _content(self) -> dict[str, Any]:
        from tocsin.core import models

        return models.content(self)

    def _check_fitted(self) -> None:
        if not hasattr(self, "calibration_"):
            raise NotFittedError(f"{self.card.name} has not learned anything yet: call fit first, or fit_detect")


def _each(samples: Samples) -> list[Any]:
    """One sample or many, as a list: a table, an array or a list of numbers is one."""
    if isinstance(samples, Sample) or any(
        hasattr(type(samples), name) for name in ("__array__", "columns", "column_names")
    ):
        return [samples]
    if isinstance(samples, list | tuple) and samples and np.isscalar(samples[0]) and not isinstance(samples[0], str):
        return [samples]
    if isinstance(samples, str | bytes) or not isinstance(samples, Iterable):
        raise InputError(f"a {type(samples).__name__} is no sample: pass an array, a table, or one of tocsin's samples")
    return list(samples)


def _is_behaviour(attribute: Any) -> bool:
    """Whether a class attribute is a method, property or class rather than a default value."""
    return callable(attribute) or hasattr(attribute, "__get__")
