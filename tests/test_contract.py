"""Every registered detector keeps the contract; so do wrapped estimators of scikit-learn and PyOD."""

from __future__ import annotations

import pytest

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.registry import TABLE, find, names
from tocsin.core.scores import Scores
from tocsin.testing import check_detector, check_names, parametrize_with_checks


def _all() -> list[object]:
    return [find(name) for name in names() if name in TABLE]


@parametrize_with_checks(_all())
def test_registered_detectors(detector, check):
    check(detector)


def _variants() -> list[Detector]:
    return [
        find("spectral-residual")(average="local", window=32),
        find("spectral-residual")(faithful=True),
        find("seasonal-residual")(period=30, trend=0),
    ]


# What whole-series saliency and a look at a window's own spectrum cannot do is known and documented; these variants
# are held to everything else.
BLIND = {"planted_anomaly_outranks", "top_finds_the_planted", "explains_in_the_datas_names"}


@pytest.mark.parametrize("detector", _variants(), ids=repr)
def test_variants(detector):
    blind = BLIND if detector.card.name == "spectral-residual" else set()
    check_detector(detector, only=[name for name in check_names() if name not in blind])


def test_a_wrapped_instance_of_scikit_learn():
    from sklearn.ensemble import IsolationForest

    # The registered detector wraps the same class by name; an instance has to be described and found again.
    detector = find("windowed")(IsolationForest(n_estimators=10, random_state=0), window=30, training_windows=500)
    check_detector(
        detector, only=["clone", "saved_model_scores_the_same", "saved_model_in_a_new_process", "part_as_in_whole"]
    )


def test_a_wrapped_estimator_of_pyod():
    ecod = pytest.importorskip("pyod.models.ecod").ECOD()
    check_detector(find("windowed")(ecod, window=30, training_windows=500))


# ------------------------------------------------------- the checks themselves must be able to fail


class Honest(Detector):
    """Distance from the mean of the training part; keeps the contract."""

    card = Card(
        name="honest",
        summary="values far from the mean",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
    )

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def _fit(self, samples, rng):
        self.mean_ = samples[0].values.mean(axis=0)
        self.scale_ = samples[0].values.std(axis=0) + 1e-12

    def _score(self, sample):
        parts = (abs(sample.values - self.mean_) / self.scale_) ** self.power
        return Scores(parts.mean(axis=1), parts=parts, part_names=sample.channels)


def test_the_honest_one_passes():
    results = check_detector(Honest)
    assert results["saved_model_scores_the_same"] == "passed"
    assert results["registered_under_its_name"].startswith("skipped")


class OverridesVerb(Honest):
    def score(self, sample):
        return super().score(sample)


class ValidatesInConstructor(Honest):
    def __init__(self, power: float = 1.0) -> None:
        if power <= 0:
            raise ValueError("power")
        self.power = power


class ConvertsInConstructor(Honest):
    def __init__(self, power: float = 1.0) -> None:
        self.power = [power]


class KeepsSecretState(Honest):
    def _fit(self, samples, rng):
        super()._fit(samples, rng)
        self._cache = 1


class WritesIntoInput(Honest):
    def _score(self, sample):
        values = sample.values
        values.flags.writeable = True
        values += 1e-3
        return super()._score(sample)


class KeepsInput(Honest):
    def _fit(self, samples, rng):
        self.train_ = samples[0].values

    def _score(self, sample):
        self_mean, self_scale = self.train_.mean(axis=0), self.train_.std(axis=0) + 1e-12
        parts = abs(sample.values - self_mean) / self_scale
        return Scores(parts.mean(axis=1), parts=parts, part_names=sample.channels)


class IsRandom(Honest):
    def _score(self, sample):
        import numpy as np

        scores = super()._score(sample)
        return Scores(scores.local + np.random.default_rng().random(len(scores.local)))


class RemembersFirstFit(Honest):
    def _fit(self, samples, rng):
        self.first = getattr(self, "first", None)
        if self.first is None:
            self.first = samples[0].values.mean(axis=0)
        self.mean_ = self.first
        self.scale_ = 1.0


class LearnsNothing(Honest):
    def _fit(self, samples, rng):
        self.mean_, self.scale_ = 100.0, 1.0


class LooksAtTheWhole(Honest):
    def _score(self, sample):
        parts = abs(sample.values - sample.values.mean(axis=0)) / self.scale_
        return Scores(parts.mean(axis=1), parts=parts, part_names=sample.channels)


class Collapsed(Honest):
    def _score(self, sample):
        import numpy as np

        return Scores(np.zeros(len(sample)))


class UpsideDown(Honest):
    def _score(self, sample):
        return Scores(-super()._score(sample).local)


class WrongShape(Honest):
    def _score(self, sample):
        return Scores(super()._score(sample).local[:-1])


class Accumulates(Honest):
    def _fit(self, samples, rng):
        super()._fit(samples, rng)
        self.seen_ = []

    def _score(self, sample):
        self.seen_.append(sample.values.copy())
        return super()._score(sample)


class LearnsWhileScoring(Honest):
    def _score(self, sample):
        self.mean_ = 0.9 * self.mean_ + 0.1 * sample.values.mean(axis=0)
        return super()._score(sample)


class ForgetsOnDisk(Honest):
    def _state(self):
        return {**super()._state(), "mean_": self.mean_ + 1.0}


class KeyedByNumber(Honest):
    def _fit(self, samples, rng):
        super()._fit(samples, rng)
        self.table_ = {1: 2.0}


class ClaimsOnline(Honest):
    card = Card(
        name="claims-online",
        summary="says that it goes on learning",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        online=True,
    )

    def _update(self, samples):
        pass


class BlamesAnother(Honest):
    def _explain(self, sample, scores, anomaly):
        from tocsin.core.anomalies import Evidence

        return [Evidence(sample.channels[0], 1.0)]


class AlarmsInGaps(Honest):
    card = Card(
        name="alarms-in-gaps",
        summary="takes missing values for zero, and the neighbours with them",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        handles_missing=True,
    )

    def _fit(self, samples, rng):
        import numpy as np

        self.mean_, self.scale_ = np.nanmean(samples[0].values, axis=0), np.nanstd(samples[0].values, axis=0) + 1e-12
        self.window_ = 9

    def _score(self, sample):
        import numpy as np

        parts = abs(np.nan_to_num(sample.values) - self.mean_) / self.scale_
        return Scores(np.convolve(parts.max(axis=1), np.ones(9) / 9, "same"))


class BadCard(Honest):
    card = Card(
        name="Bad Card",
        summary="",
        modality=("series",),
        learns_from="everything",
        localises="time steps",
    )


class DividesByZero(Honest):
    def _fit(self, samples, rng):
        self.mean_ = samples[0].values.mean(axis=0)
        self.scale_ = samples[0].values.std(axis=0)

    def _score(self, sample):
        import numpy as np

        with np.errstate(all="ignore"):
            return super()._score(sample)


@pytest.mark.parametrize(
    ("culprit", "check", "said"),
    [
        (OverridesVerb, "public_verbs_not_overridden", "write _score instead"),
        (ValidatesInConstructor, "constructor_only_stores", "check them in _fit"),
        (ConvertsInConstructor, "constructor_only_stores", "store power unchanged"),
        (KeepsSecretState, "learned_names", "_cache"),
        (WritesIntoInput, "input_untouched", "changed in place"),
        (KeepsInput, "input_not_kept", "keep a copy"),
        (IsRandom, "same_seed_same_scores", "generator"),
        (RemembersFirstFit, "refit_forgets", "first fit"),
        (LearnsNothing, "learns_something", "_fit does nothing"),
        (LooksAtTheWhole, "part_as_in_whole", "nothing beyond the reach"),
        (Collapsed, "not_constant", "collapsed"),
        (UpsideDown, "planted_anomaly_outranks", "higher must mean stranger"),
        (WrongShape, "shapes", "600 places|places"),
        (Accumulates, "memory_does_not_grow", "do not keep"),
        (LearnsWhileScoring, "scoring_changes_nothing", "score must not learn"),
        (LearnsWhileScoring, "one_by_one_as_in_company", "alone than in company"),
        (ForgetsOnDisk, "saved_model_scores_the_same", "_state"),
        (ForgetsOnDisk, "saved_model_in_a_new_process", "new process"),
        (KeyedByNumber, "saved_model_scores_the_same", "key 1"),
        (ClaimsOnline, "update_as_the_card_says", "changes nothing"),
        (BlamesAnother, "explains_in_the_datas_names", "to blame"),
        (AlarmsInGaps, "gap_in_one_channel", "a gap is no"),
        (BadCard, "card_is_sound", "lower case"),
        (DividesByZero, "constant_input", "finite"),
    ],
)
def test_each_check_catches_its_culprit(culprit, check, said):
    with pytest.raises(AssertionError, match=said):
        check_detector(culprit, only=[check])


def test_the_cards_word_for_one_channel_is_kept():
    class OneChannel(Honest):
        card = Card(
            name="one-channel",
            summary="looks at one channel",
            modality=("series",),
            learns_from="unlabelled",
            localises="time steps",
            multichannel=False,
        )

    results = check_detector(OneChannel)
    assert results["gap_in_one_channel"].startswith("skipped")
    assert results["saved_model_in_a_new_process"].startswith("skipped")


class NeedsMore(Honest):
    def _fit(self, samples, rng):
        from tocsin.core.errors import MissingExtra

        raise MissingExtra("deep", "torch", "needs-more")


def test_a_missing_extra_skips_what_needs_it():
    results = check_detector(NeedsMore)
    assert results["constructor_only_stores"] == "passed"
    assert 'pip install "tocsin[deep]"' in results["shapes"]
    assert results["wrong_channels"].startswith("skipped")


def test_all_failures_are_named_at_once():
    with pytest.raises(AssertionError) as caught:
        check_detector(WrongShape, only=["shapes", "constructor_only_stores", "gap_gives_no_verdict"])
    text = str(caught.value)
    assert "WrongShape fails 2 of 3 checks" in text
    assert "  shapes: " in text
    assert "  gap_gives_no_verdict: " in text


def test_unknown_checks_and_subjects_are_refused():
    from tocsin.core.errors import InputError

    with pytest.raises(InputError, match="did you mean shapes"):
        check_detector(Honest, only=["shape"])
    with pytest.raises(InputError, match="class or instance"):
        check_detector("robust-z")
