"""What the base class does for every detector, shown on the plainest one; the contract suite checks each detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError, NotFittedError
from tocsin.core.samples import Image, Series
from tocsin.core.scores import Scores
from tocsin.series.robust_z import RobustZ

nan = np.nan


class Spread(Detector):
    """Distance from the mean, with hooks that say what they were given."""

    card = Card(
        name="spread", summary="far from the mean", modality=("series",), learns_from="normal", localises="time steps"
    )

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def _fit(self, samples, rng):
        self.lengths_ = [len(s) for s in samples]
        self.drawn_ = float(rng.random())
        self.saw_nan_ = bool(np.isnan(samples[0].values).any())

    def _score(self, sample):
        assert not np.isnan(sample.values).any()
        return Scores(np.abs(sample.values).sum(axis=1))

    def _score_own(self, sample, index):
        return Scores(np.full(len(sample), float(index)))


class Joint(Spread):
    """A window of five over all channels, without parts."""

    def _fit(self, samples, rng):
        self.window_ = 5


class Whole(Spread):
    """Judges pictures as a whole."""

    card = Card(
        name="whole", summary="bright", modality=("image",), learns_from="normal", localises="samples", decides="sample"
    )

    def _fit(self, samples, rng):
        pass

    def _score(self, sample):
        return Scores(overall=float(sample.pixels.mean()))

    _score_own = Detector._score_own


# ------------------------------------------------------------------------------------------- what may be passed


@pytest.mark.parametrize(
    "data",
    [
        [1.0, 2.0, 3.0, 9.0],
        (1, 2, 3, 9),
        np.array([1.0, 2.0, 3.0, 9.0]),
        pd.Series([1.0, 2.0, 3.0, 9.0]),
        pd.DataFrame({"value": [1.0, 2.0, 3.0, 9.0]}),
        pl.DataFrame({"value": [1.0, 2.0, 3.0, 9.0]}),
        pl.Series([1.0, 2.0, 3.0, 9.0]),
        pa.table({"value": [1.0, 2.0, 3.0, 9.0]}),
        pa.chunked_array([[1.0, 2.0], [3.0, 9.0]]),
        Series([1.0, 2.0, 3.0, 9.0]),
    ],
    ids=lambda d: f"{type(d).__module__.partition('.')[0]}.{type(d).__name__}",
)
def test_one_sample_in_any_form_is_one_sample(data):
    fitted = Spread().fit(data)
    assert fitted.lengths_ == [4]
    assert RobustZ().fit(data).score(data).local.shape == (4,)


def test_many_samples_are_many():
    assert Spread().fit([np.ones(3), np.ones(5)]).lengths_ == [3, 5]
    assert Spread().fit(Series(np.ones(n)) for n in (2, 4)).lengths_ == [2, 4]
    assert Spread().fit({"a": np.ones(3), "b": np.ones(4)}.values()).lengths_ == [3, 4]


@pytest.mark.parametrize(
    "data",
    [None, 3, "telemetry.csv", b"bytes", [None], ["text"], [object()]],
    ids=lambda value: repr(value).partition(" at 0x")[0],
)
def test_what_is_no_sample_is_refused(data):
    with pytest.raises(InputError):
        Spread().fit(data)


def test_score_many_takes_a_single_sample_too():
    fitted = RobustZ().fit([1.0, 2.0, 4.0])
    assert len(list(fitted.score_many(Series([1.0, 2.0])))) == 1


def test_score_many_is_lazy():
    fitted = RobustZ().fit([1.0, 2.0, 4.0])

    def endless():
        while True:
            yield [1.0, 2.0]

    scores = fitted.score_many(endless())
    assert next(scores).local.shape == (2,)


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: RobustZ().fit(Image(np.zeros((4, 4)))), "robust-z looks at series; the image sample is image"),
        (lambda: RobustZ().fit([1.0]), "the series sample has 1 row; robust-z needs at least 2"),
        (lambda: RobustZ().fit(Series([nan, nan], id="dead.csv")), "dead.csv has no data: every value is missing"),
        (lambda: RobustZ().fit([]), "robust-z was given nothing to learn from"),
        (lambda: RobustZ().fit([np.ones((5, 2)), np.ones((5, 3))]), "with 'channel 2'"),
        (lambda: RobustZ().fit_score([np.ones(5), np.ones(4)]), "fit_score takes one sample, not 2"),
        (lambda: RobustZ().fit(np.ones(5)).update(np.ones(5)), "robust-z cannot go on learning"),
    ],
)
def test_refusals_say_what_was_wrong(call, said):
    with pytest.raises(InputError) as caught:
        call()
    assert said in str(caught.value)


@pytest.mark.parametrize("verb", ["score", "detect", "update", "save"])
def test_nothing_works_before_fit(verb):
    with pytest.raises(NotFittedError, match="call fit first"):
        getattr(RobustZ(), verb)([1.0, 2.0] if verb != "save" else "model")


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (["b", "a", "c"], "in another order"),
        (["a", "b"], "without 'c'"),
        (["a", "b", "c", "d"], "with 'd'"),
        (["a", "b", "x"], "without 'c' and with 'x'"),
        (["p", "q", "r", "s", "t"], "without 'a', 'b', 'c' and with 'p', 'q', 'r' ..."),
    ],
)
def test_wrong_channels_are_told_apart(channels, said):
    fitted = RobustZ().fit(Series(np.random.default_rng(0).normal(size=(9, 3)), ["a", "b", "c"]))
    with pytest.raises(InputError) as caught:
        fitted.score(Series(np.ones((2, len(channels))), channels, id="live.csv"))
    assert f"live.csv comes {said} compared with the 3 channels learned" in str(caught.value)


def test_a_detector_of_one_channel_refuses_more():
    class Single(Spread):
        card = replace(Spread.card, multichannel=False)

    with pytest.raises(InputError, match=r"looks at one channel; .* has 2: choose one"):
        Single().fit(np.ones((5, 2)))


def test_a_failed_fit_leaves_the_detector_unfitted_but_bad_input_leaves_it_alone():
    class Fails(RobustZ):
        def _fit(self, samples, rng):
            if len(samples[0]) == 3:
                raise InputError("three is too few")

    fitted = Fails().fit(np.arange(5.0))
    with pytest.raises(InputError):
        fitted.fit(Image(np.zeros((4, 4))))
    assert fitted.score([1.0]).local.shape == (1,)
    with pytest.raises(InputError, match="three"):
        fitted.fit(np.arange(3.0))
    with pytest.raises(NotFittedError):
        fitted.score([1.0])


# ------------------------------------------------------------------------------------------------- what is done once


def test_fit_forgets_everything_learned_before():
    detector = Spread().fit(np.ones(5))
    detector.more_ = 1
    detector.fit(np.ones(7))
    assert detector.lengths_ == [7]
    assert not hasattr(detector, "more_")


def test_the_generator_depends_on_the_seed_alone():
    first = [Spread(random_state=s).fit(np.ones(5)).drawn_ for s in (None, 0, 1, 1)]
    assert first[0] == first[1]
    assert first[2] == first[3] != first[0]


def test_gaps_are_bridged_before_the_method_sees_them_unless_it_handles_them():
    holed = [1.0, nan, 3.0]
    assert not Spread().fit(holed).saw_nan_

    class Handles(Spread):
        card = replace(Spread.card, handles_missing=True)

        def _score_own(self, sample, index):
            return Scores(np.nan_to_num(sample.values[:, 0]))

    assert Handles().fit(holed).saw_nan_


def test_calibration_is_on_own_scores_or_on_a_part_held_out():
    own = Spread().fit([np.ones(4), np.ones(3)])
    assert own.calibration_.scores.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert own.calibration_.breaks.tolist() == [4]
    assert own.calibration_.source == "the training part"
    held = Spread().fit(np.ones(4), calibration=[2.0, 3.0])
    assert held.calibration_.scores.tolist() == [2, 3]
    assert held.calibration_.source == "the held-out part"
    assert not held.calibration_.contaminated
    assert RobustZ().fit(np.arange(5.0)).calibration_.contaminated


def test_fit_score_returns_the_own_scores():
    assert Spread().fit_score(np.ones(4)).local.tolist() == [0, 0, 0, 0]
    assert Spread().fit(np.ones(4)).score(np.ones(4)).local.tolist() == [1, 1, 1, 1]


def test_calibration_knows_the_clock():
    time = np.datetime64("2024-01-01") + np.arange(5) * np.timedelta64(300, "s")
    assert Spread().fit(Series(np.ones(5), time=time)).calibration_.seconds == 300
    assert Spread().fit(np.ones(5)).calibration_.seconds is None


def test_scores_carry_the_samples_name():
    fitted = RobustZ().fit(Series([1.0, 2.0, 4.0], id="t"))
    assert fitted.score(Series([1.0], id="live.csv")).sample_id == "live.csv"


def test_no_verdict_in_gaps_and_the_overall_score_is_of_the_rest():
    fitted = RobustZ().fit(Series(np.arange(20.0)))
    scores = fitted.score([1.0, nan, 30.0])
    assert np.isnan(scores.local).tolist() == [False, True, False]
    assert scores.overall == scores.local[2]
    assert np.isnan(scores.parts[1, 0])
    nothing = fitted.score([nan, nan])
    assert np.isnan(nothing.local).all()
    assert np.isnan(nothing.overall)


def test_a_missing_channel_neither_alarms_nor_silences_the_others():
    rng = np.random.default_rng(0)
    fitted = RobustZ().fit(Series(rng.normal(size=(200, 2)) + [0, 500], ["a", "b"]))
    values = np.array([[0.0, 500.0], [0.0, nan], [9.0, nan], [nan, nan]])
    scores = fitted.score(Series(values, ["a", "b"]))
    assert scores.local[1] < 1
    assert scores.local[2] == np.nanmax(scores.local)
    assert np.isnan(scores.local[3])


def test_joint_scores_are_withheld_where_too_much_is_bridged():
    values = np.ones((60, 4))
    values[20:30, :2] = nan
    scores = Joint().fit(np.ones((60, 4))).score(Series(values))
    assert np.isnan(scores.local[22:28]).all()
    assert np.isfinite(scores.local[:15]).all()


def test_detectors_of_whole_samples_decide_on_the_overall_score():
    rng = np.random.default_rng(0)
    dark = [Image(rng.integers(0, 50, size=(8, 8)).astype(np.uint8), id=f"{i}") for i in range(60)]
    detector = Whole().fit(dark)
    assert len(detector.calibration_) == 60
    found = detector.detect(Image(np.full((8, 8), 200, np.uint8), id="bright"), false_alarms="1%")
    assert [str(a.where) for a in found.anomalies] == ["bright"]
    assert found.anomalies[0].because == ()
    assert not detector.detect(Image(np.full((8, 8), 20, np.uint8)), false_alarms="1%").anomalies


def test_reach_blur_and_streams_follow_window_and_card():
    fitted = Joint().fit(np.ones((60, 2)))
    assert (fitted.reach, fitted.blur, fitted.streams) == (5, 5, True)
    assert RobustZ().reach == 1


# --------------------------------------------------------------------------------- many samples judged by themselves


class Apart(Whole):
    """How much brighter a picture is than the mean of the others."""

    def _fit(self, samples, rng):
        self.levels_ = np.array([float(s.pixels.mean()) for s in samples])

    def _score(self, sample):
        return Scores(overall=float(sample.pixels.mean() - self.levels_.mean()))

    def _score_own(self, sample, index):
        return Scores(overall=float(sample.pixels.mean() - np.delete(self.levels_, index).mean()))


def test_many_samples_are_judged_by_the_others_one_by_one():
    images = [Image(np.full((4, 4), float(level)), id=str(level)) for level in (0, 3, 9)]
    detector = Apart()
    scores = detector.fit_score_many(images)
    assert detector.itself_
    assert next(scores).overall == -6.0  # before the others are scored
    assert [s.overall for s in scores] == [-1.5, 7.5]
    assert sorted(detector.calibration_.scores.tolist()) == [-6.0, -1.5, 7.5]
    assert detector.calibration_.contaminated


def test_fit_keeps_no_scores_but_calibrates_on_them():
    images = [Image(np.full((4, 4), float(level))) for level in (0, 3, 9)]
    assert sorted(Apart().fit(images).calibration_.scores.tolist()) == [-6.0, -1.5, 7.5]
    held = Apart().fit(images, calibration=[Image(np.full((4, 4), 8.0)), Image(np.full((4, 4), 2.0))])
    assert sorted(held.calibration_.scores.tolist()) == [-2.0, 4.0]


def test_samples_judged_as_a_whole_get_the_chance_of_their_own_score():
    class Peaked(Whole):
        def _score(self, sample):
            local = sample.pixels[:, :, 0].astype(np.float64)
            return Scores(local, overall=float(local.mean()))

    rng = np.random.default_rng(0)
    detector = Peaked().fit([Image(rng.random((8, 8))) for _ in range(40)])
    odd = rng.random((8, 8))
    odd[2:5, 2:5] += 5
    found = detector.detect(Image(odd))
    assert found.anomalies[0].peak > found.scores.overall
    assert found.anomalies[0].p_value == found.level.p_values(np.array([found.scores.overall]))[0]
