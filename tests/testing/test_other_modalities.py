"""The contract suite is not about series alone: the plainest detector of every modality passes it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.scores import Scores
from tocsin.testing import check_detector, check_names, double_for
from tocsin.testing.doubles import DOUBLES


def card(name: str, modality: str, localises: str, **more) -> Card:
    return Card(
        name=name,
        summary="plain",
        modality=(modality,),
        learns_from="normal",
        localises=localises,
        streams=False,
        **more,
    )


class PixelZ(Detector):
    """Distance of each pixel from its mean over the training pictures."""

    card = card("pixel-z", "image", "pixels", decides="sample")

    def _fit(self, samples, rng):
        stack = np.stack([s.pixels.mean(axis=2) for s in samples])
        self.mean_, self.size_ = stack.mean(axis=0), float(stack.std(axis=0).mean())

    def _score(self, sample):
        return Scores(np.abs(sample.pixels.mean(axis=2) - self.mean_) / self.size_)


class PixelZOverall(PixelZ):
    """The same, one number per picture."""

    card = card("pixel-z-overall", "image", "samples", decides="sample")

    def _score(self, sample):
        return Scores(overall=super()._score(sample).overall)


class Flicker(Detector):
    """Change from frame to frame."""

    card = card("flicker", "video", "frames")

    def _fit(self, samples, rng):
        self.usual_ = float(np.mean([self._change(s).mean() for s in samples]))

    def _change(self, sample):
        frames = np.stack(list(sample.frames())).astype(float)
        return np.abs(np.diff(frames, axis=0, prepend=frames[:1])).mean(axis=(1, 2, 3))

    def _score(self, sample):
        return Scores(self._change(sample) / self.usual_)


class Height(Detector):
    """Distance from the usual height at a place in the plane."""

    card = card("height", "points", "points")

    def _fit(self, samples, rng):
        self.cloud_ = np.concatenate([s.points for s in samples])

    def _score(self, sample):
        from scipy.spatial import cKDTree

        _, near = cKDTree(self.cloud_[:, :2]).query(sample.points[:, :2], k=4)
        return Scores(np.abs(sample.points[:, 2] - self.cloud_[near, 2].mean(axis=1)))


class RarePair(Detector):
    """How rarely a user did this, or was on that host."""

    card = card("rare-pair", "events", "events")

    def _fit(self, samples, rng):
        seen = Counter(pair for s in samples for row in self._pairs(s) for pair in row)
        self.seen_ = dict(seen)

    def _pairs(self, sample):
        words = [sample.entities[k].words() for k in ("user", "action", "host")]
        return [(f"{u} {a}", f"{u} {h}") for u, a, h in zip(*words, strict=True)]

    def _score(self, sample):
        parts = np.array([[-np.log((self.seen_.get(p, 0) + 0.5) / 600) for p in row] for row in self._pairs(sample)])
        return Scores(parts.sum(axis=1), parts=parts, part_names=("user-action", "user-host"))


class FastZ(Detector):
    """Distance of the fast member from its mean."""

    card = card("fast-z", "bundle", "time steps")

    def _fit(self, samples, rng):
        values = np.concatenate([s["fast"].values for s in samples])
        self.mean_, self.size_ = values.mean(axis=0), values.std(axis=0)

    def _score(self, sample):
        return Scores((np.abs(sample["fast"].values - self.mean_) / self.size_).max(axis=1))


@pytest.mark.parametrize("cls", [PixelZ, PixelZOverall, Flicker, Height, RarePair, FastZ])
def test_the_plainest_detector_of_each_modality_keeps_the_contract(cls):
    results = check_detector(cls)
    assert results["planted_anomaly_outranks"] == "passed"
    assert results["saved_model_in_a_new_process"] == "passed"
    assert results["wrong_modality"] == "passed"


@pytest.mark.parametrize("culprit", [PixelZ, Flicker, Height, RarePair, FastZ])
def test_and_one_that_scores_by_chance_does_not(culprit):
    class ByChance(culprit):
        def _score(self, sample):
            real = super()._score(sample)
            return Scores(np.random.default_rng(0).random(real.local.shape))

    with pytest.raises(AssertionError, match="fails"):
        check_detector(ByChance, only=["planted_anomaly_outranks", "learns_something"])


@pytest.mark.parametrize("modality", sorted(DOUBLES))
def test_doubles_are_the_same_for_the_same_seed_and_fit_their_own_grid(modality):
    one, again, other = (DOUBLES[modality](seed) for seed in (3, 3, 4))
    assert one.planted.shape == one.odd.grid == one.normal.grid
    assert 0 < one.planted.mean() < 0.2
    assert {s.modality for s in (*one.train, *one.other, one.normal, one.odd)} == {modality}

    def numbers(double):
        main = double.odd["fast"] if modality == "bundle" else double.odd
        if modality == "events":
            return main.entities["action"].codes
        names = {"image": "pixels", "video": "source", "points": "points"}
        return getattr(main, names.get(modality, "values"))

    np.testing.assert_array_equal(numbers(one), numbers(again))
    assert not np.array_equal(numbers(one), numbers(other))


def test_a_modality_without_doubles_says_so():
    with pytest.raises(InputError, match="pass your own"):
        double_for(card("smell", "smell", "samples"))


def test_every_check_is_named_once():
    assert len(check_names()) == len(set(check_names())) >= 40
