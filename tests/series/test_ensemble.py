from __future__ import annotations

import json
import zipfile
from typing import ClassVar

import numpy as np
import pytest

from tocsin.core import artifacts, registry
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Image, Series
from tocsin.core.scores import Scores
from tocsin.core.tails import tail, tail_scale
from tocsin.metrics.series import average_precision
from tocsin.series.ensemble import Ensemble, joined

FAST = ({"detector": "window-neighbours", "windows": [16, 64], "references": 500}, "subsequence-pca")
LENGTHS = tuple({"detector": "subsequence-pca", "window": w} for w in (8, 100))


class Feet(Detector):
    """The absolute value, in a unit of choice."""

    card: ClassVar[Card] = Card(
        name="feet", summary="far from zero", modality=("series",), learns_from="unlabelled", localises="time steps"
    )

    def __init__(self, unit: float = 1.0, column: int = 0) -> None:
        self.unit = unit
        self.column = column

    def _fit(self, samples, rng):
        pass

    def _score(self, sample):
        return Scores(np.abs(sample.values[:, self.column]) * self.unit)


class Whole(Feet):
    """Judges samples as a whole."""

    card: ClassVar[Card] = Card(
        name="whole", summary="far", modality=("series",), learns_from="unlabelled", localises="samples"
    )


@pytest.fixture(autouse=True)
def _doubles(monkeypatch):
    monkeypatch.setitem(registry.TABLE, "feet", f"{__name__}:Feet")
    monkeypatch.setitem(registry.TABLE, "whole", f"{__name__}:Whole")


def waves(seed: int, n: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sin(np.arange(n) / 9) + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("rule", ["mean", "max"])
def test_a_score_is_the_mean_or_largest_of_how_rare_each_detector_finds_it(rule):
    train, live = waves(0), waves(1)
    live[1000:1020] += 2
    made = Ensemble(FAST, combine=rule).fit(train)
    rare = []
    for asked in FAST:
        given = dict(asked) if isinstance(asked, dict) else {"detector": asked}
        alone = registry.make(given.pop("detector"), **given)
        own = alone.fit(train).calibration_.scores
        rare.append(tail(tail_scale(own), alone.score(live).local))
    expected = np.mean(rare, axis=0) if rule == "mean" else np.max(rare, axis=0)
    np.testing.assert_allclose(made.score(live).local, expected, rtol=1e-6)
    np.testing.assert_allclose(made.score(live).parts, np.stack(rare, axis=1), rtol=1e-6)


def test_learning_and_judging_the_same_data_leaves_out_self_matches_as_each_detector_does():
    x = waves(2)
    x[500:540] *= 0.1
    neighbours = registry.make("window-neighbours", windows=[16, 64], references=500)
    alone = neighbours.fit_score(x).local
    part = Ensemble(FAST).fit_score(x).parts[:, 0]
    np.testing.assert_allclose(part, tail(tail_scale(alone), alone), rtol=1e-6)


def test_the_unit_of_a_detector_gives_it_no_more_to_say():
    rng = np.random.default_rng(0)
    train, live = (Series(rng.normal(size=(2000, 2))) for _ in range(2))
    plain, loud = (
        Ensemble([{"detector": "feet", "column": 0, "unit": unit}, {"detector": "feet", "column": 1}]).fit(train)
        for unit in (1.0, 1e6)
    )
    np.testing.assert_allclose(plain.score(live).local, loud.score(live).local, rtol=1e-9)
    # Added up as they are, the first channel alone would decide.
    apart = np.abs(live.values) @ [1e6, 1.0]
    assert np.corrcoef(np.argsort(np.argsort(apart)), np.abs(live.values[:, 1]))[0, 1] < 0.1
    assert np.corrcoef(loud.score(live).local, np.abs(live.values[:, 1]))[0, 1] > 0.5


@pytest.mark.parametrize("seed", range(5))
def test_beats_each_of_its_detectors_where_each_is_blind_to_something(seed):
    x = waves(seed, 6000)
    labels = np.zeros(6000, dtype=bool)
    rng = np.random.default_rng(seed + 10)
    for start in (1000, 2500, 4000):
        # Short glitches, which long windows average away.
        x[start : start + 4] += 0.8 * rng.choice([-1, 1], 4)
        labels[start : start + 4] = True
    for start in (1700, 3300, 5000):
        # A slower wave for a while, of which eight rows look like any others.
        x[start : start + 150] = np.sin(np.arange(150) / 9 * 0.8) + 0.1 * rng.normal(size=150)
        labels[start : start + 150] = True
    short, long = (registry.make(name=a["detector"], window=a["window"]) for a in LENGTHS)

    def both_kinds(scores):
        """The worse of the two average precisions, of glitches and of slow waves."""
        ends = np.flatnonzero(np.diff(labels, prepend=False, append=False)).reshape(-1, 2)
        glitch, slow = (np.zeros(6000, dtype=bool) for _ in range(2))
        for a, b in ends:
            (glitch if b - a < 10 else slow)[a:b] = True
        return min(average_precision(glitch[~slow], scores[~slow]), average_precision(slow[~glitch], scores[~glitch]))

    alone = max(both_kinds(one.fit_score(x).local) for one in (short, long))
    together = both_kinds(Ensemble(LENGTHS, combine="max").fit_score(x).local)
    assert together > alone + 0.1, f"{together:.2f} together and {alone:.2f} alone"


def test_where_one_detector_gives_no_verdict_the_others_have_the_say():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1000, 3))
    made = Ensemble(["robust-z", "subsequence-pca"]).fit(Series(values))
    holed = values.copy()
    holed[500] = np.nan
    holed[505] = np.nan
    found = made.score(Series(holed))
    assert np.isnan(found.local[[500, 505]]).all()
    assert np.isfinite(found.local[501])
    wide = values.copy()
    wide[480:520:2] = np.nan
    found = made.score(Series(wide))
    assert np.isnan(found.parts[501, 1])
    assert found.local[501] == found.parts[501, 0]


def test_a_place_without_any_verdict_has_none():
    nothing = np.array([np.nan, 1.0])
    for rule in ("mean", "max"):
        assert np.isnan(joined([nothing, nothing], rule)[0])
        assert joined([nothing, np.array([2.0, 3.0])], rule)[0] == 2.0


def test_says_whose_verdict_it_is_and_which_channel_is_to_blame():
    values = np.stack([waves(i, 4000) for i in range(3)], axis=1)
    train = Series(values[:2000], ("pump", "valve", "oil"))
    live = values[2000:].copy()
    live[1500, 1] += 3
    members = [{"detector": "subsequence-pca", "window": 100}, "autoregression"]
    found = (
        Ensemble(members, combine="max").fit(train).detect(Series(live, ("pump", "valve", "oil")), false_alarms="top 1")
    )
    reason = found.anomalies[0].because[0]
    parts = found.scores.parts[found.anomalies[0].start : found.anomalies[0].stop].max(axis=0)
    lead = ("subsequence-pca", "autoregression")[int(parts.argmax())]
    assert reason.name == "valve"
    assert reason.text.startswith(f"{lead} says so ({parts.max() / parts.sum():.0%} of the strangeness): ")


def test_a_saved_ensemble_holds_its_detectors(tmp_path):
    made = Ensemble(FAST, random_state=3).fit(waves(0))
    live = waves(5)
    again = Detector.load(made.save(tmp_path / "both.tocsin"))
    assert isinstance(again, Ensemble)
    np.testing.assert_allclose(again.score(live).local, made.score(live).local, rtol=1e-9)
    assert [m.card.name for m in again.members_] == ["window-neighbours", "subsequence-pca"]
    np.testing.assert_array_equal(again.members_[0].score(live).local, made.members_[0].score(live).local)


def _tampered(tmp_path, change):
    """A model whose content was changed, with hashes that fit."""
    path = Ensemble(FAST).fit(waves(0)).save(tmp_path / "model.tocsin")
    content = artifacts.read(path)
    change(content)
    return artifacts.write(tmp_path / "changed.tocsin", content)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["state"].pop("members_"),
        lambda c: c["state"]["members_"].pop(),
        lambda c: c["state"]["members_"].reverse(),
        lambda c: c["state"].update(members_="both"),
        lambda c: c["state"].update(members_=["a", "b"]),
        lambda c: c["state"].update(scales_=[]),
        lambda c: c["state"].update(scales_=[np.full((2, 3), np.nan)] * 2),
        lambda c: c["state"].update(scales_=[np.zeros(4)] * 2),
        lambda c: c["state"]["members_"][0].update(detector="robust-z"),
        lambda c: c["state"]["members_"][0]["state"].update(channels_=["other"]),
        lambda c: c["parameters"].update(detectors=["ensemble", "robust-z"]),
    ],
)
def test_a_changed_model_is_refused_in_one_sentence(tmp_path, change):
    with pytest.raises(ArtifactError) as caught:
        Ensemble.load(_tampered(tmp_path, change))
    assert "\n" not in str(caught.value)


def test_a_model_is_one_file_without_code(tmp_path):
    path = Ensemble(FAST).fit(waves(0)).save(tmp_path / "model.tocsin")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["arrays.safetensors", "model.json"]
        members = json.loads(archive.read("model.json"))["content"]["state"]["members_"]
    assert [m["detector"] for m in members] == ["window-neighbours", "subsequence-pca"]


@pytest.mark.parametrize(
    ("detectors", "told"),
    [
        ("robust-z", "at least two"),
        (("robust-z",), "at least two"),
        (7, "at least two"),
        (("robust-z", "robst-z"), "did you mean robust-z"),
        (("robust-z", {"detector": "sub-knn", "windows": 3}), "no parameter 'windows'"),
        (("robust-z", {"window": 3}), "there is no detector ''"),
        (("robust-z", "ensemble"), "holds no ensembles"),
        (("robust-z", "whole"), "whole does not"),
    ],
)
def test_detectors_that_cannot_take_part_are_refused(detectors, told):
    with pytest.raises(InputError, match=told):
        Ensemble(detectors).fit(waves(0))


def test_other_rules_and_other_samples_are_refused():
    with pytest.raises(InputError, match="'mean' or 'max', not 'median'"):
        Ensemble(FAST, combine="median").fit(waves(0))
    with pytest.raises(InputError, match="looks at series"):
        Ensemble(FAST).fit(Image(np.zeros((8, 8))))


def test_the_same_detector_may_take_part_twice_and_is_told_apart():
    made = Ensemble(LENGTHS).fit(waves(0))
    assert made.score(waves(1)).part_names == ("subsequence-pca 1", "subsequence-pca 2")
    assert made.reach == 100


def test_its_seed_is_its_detectors_seed_unless_they_have_one_of_their_own():
    made = Ensemble(["window-neighbours", {"detector": "isolation-forest", "random_state": 5}], random_state=3)
    made.fit(waves(0, 1000))
    assert [m.random_state for m in made.members_] == [3, 5]


def test_goes_through_a_stream_only_if_all_its_detectors_do():
    x = waves(0, 1500)
    assert Ensemble(FAST).fit(x).streams
    assert not Ensemble(["robust-z", "themis"]).fit(x).streams


def test_what_detectors_found_out_is_told_with_their_names():
    made = Ensemble(["robust-z", "window-neighbours"]).fit(waves(0))
    assert any(finding.startswith("window-neighbours: windows of ") for finding in made.findings_)


def test_by_default_joins_neighbours_with_the_network_that_comes_along():
    pytest.importorskip("torch")
    x = waves(0, 2500)
    x[1500:1560] = x[1500]
    found = Ensemble().fit_detect(x, false_alarms="top 1")
    assert found.scores.part_names == ("window-neighbours", "timercd")
    assert found.anomalies[0].start < 1560
    assert found.anomalies[0].stop > 1500
