from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.card import Card
from tocsin.core.decide import unusual
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Image, Series
from tocsin.core.scores import Scores
from tocsin.core.thresholds import Quantile
from tocsin.series.robust_z import RobustZ

nan = np.nan


def timed(values, step=60, names=()):
    time = np.datetime64("2024-01-01") + np.arange(len(values)) * np.timedelta64(step, "s")
    return Series(values, names, time)


@pytest.fixture
def fitted():
    return RobustZ().fit(timed(np.random.default_rng(0).normal(size=(5000, 2)), names=["a", "b"]))


def live(**spikes):
    values = np.random.default_rng(1).normal(size=(500, 2))
    for where, value in spikes.items():
        channel, row = where[0], int(where[1:])
        values[row, "ab".index(channel)] = value
    return timed(values, names=["a", "b"])


def test_anomalies_come_strongest_first_with_peak_p_value_and_place(fitted):
    found = fitted.detect(live(a100=9, b300=20), false_alarms="top 2")
    assert [a.start for a in found.anomalies] == [300, 100]
    first = found.anomalies[0]
    assert first.peak == found.scores.local[300] == found.scores.overall
    assert first.peak_at == "2024-01-01 05:00:00"
    assert 0 < first.p_value <= 1 / 5000 * 1.1
    assert first.because[0].name == "b"
    assert first.because[0].seen == pytest.approx(20)


def test_the_budget_needs_a_clock_only_when_it_speaks_of_time():
    without = RobustZ().fit(np.random.default_rng(0).normal(size=500))
    with pytest.raises(InputError, match="no clock"):
        without.detect(np.ones(10), false_alarms="1/day")
    assert "0.1 %" in without.detect(np.ones(10), false_alarms="0.1%").level.promise


def test_the_usual_budget_is_one_a_day_or_one_in_what_judges_itself(fitted):
    normal = np.random.default_rng(1).normal(size=(2000, 2))
    assert "a day" in fitted.detect(live()).level.promise
    assert "0.1 %" in RobustZ().fit(normal).detect(normal).level.promise
    for itself in (normal, timed(normal)):
        assert "1 false alarm in as much data" in RobustZ().fit_detect(itself).level.promise


def test_any_threshold_can_take_the_place_of_the_budget(fitted):
    found = fitted.detect(live(a10=30), threshold=Quantile(0.999))
    assert found.level.value == pytest.approx(np.quantile(fitted.calibration_.scores, 0.999), rel=0.05)
    assert found.anomalies[0].start == 10


def test_rules_merge_and_drop(fitted):
    sample = live(a100=30, a104=30, a400=30)

    def found(rules):
        anomalies = fitted.detect(sample, false_alarms="0.02%", rules=rules).anomalies
        return sorted((a.start, a.stop) for a in anomalies)

    assert found(AlarmRules()) == [(100, 101), (104, 105), (400, 401)]
    # Left out, gaps of up to three rows are bridged.
    assert found(None) == [(100, 105), (400, 401)]
    assert found(AlarmRules(merge_gap=2)) == found(AlarmRules())
    assert found(AlarmRules(merge_gap=3, min_length=2)) == [(100, 105)]


def test_windowed_scores_are_merged_over_their_blur_when_no_rules_are_given():
    class Blurred(RobustZ):
        blur = 5

    detector = Blurred().fit(np.random.default_rng(0).normal(size=2000))
    values = np.zeros(100)
    values[[40, 44, 60]] = 30
    found = detector.detect(values, false_alarms="0.1%")
    assert sorted((a.start, a.stop) for a in found.anomalies) == [(40, 45), (60, 61)]


def test_gaps_inside_and_nothing_over_the_level(fitted):
    values = np.zeros((50, 2))
    values[10:20] = nan
    found = fitted.detect(timed(values, names=["a", "b"]), false_alarms="1/day")
    assert len(found) == 0
    assert list(found) == []


def test_a_sample_without_any_verdict_has_no_anomaly(fitted):
    nothing = timed(np.full((20, 2), nan), names=["a", "b"])
    for budget in ("1/day", "0.1%", "top 3"):
        assert fitted.detect(nothing, false_alarms=budget).anomalies == ()


def test_explanations_rank_channels_by_robust_distance_in_their_units(fitted):
    found = fitted.detect(live(a200=-12, b200=5), false_alarms="top 1")
    reasons = found.anomalies[0].because
    assert [r.name for r in reasons] == ["a", "b"]
    assert reasons[0].share == pytest.approx(12 / 17, abs=0.03)
    assert reasons[0].seen == -12
    assert reasons[0].expected[0] == pytest.approx(-1.64, abs=0.1)
    assert "usually" in reasons[0].text
    assert fitted.explain(live(a200=-12, b200=5), found.anomalies[0]) == reasons


def test_at_most_eight_reasons_and_none_below_two_percent():
    rng = np.random.default_rng(0)
    detector = RobustZ().fit(rng.normal(size=(500, 30)))
    values = np.zeros((10, 30))
    values[5, :12] = 10
    reasons = detector.detect(values, false_alarms="top 1").anomalies[0].because
    assert len(reasons) == 8
    values[5, 0] = 1000
    assert [r.name for r in detector.detect(values, false_alarms="top 1").anomalies[0].because] == ["channel 0"]


class Pixels(Detector):
    card = Card(
        name="pixels", summary="bright", modality=("image",), learns_from="normal", localises="pixels", decides="sample"
    )

    def _fit(self, samples, rng):
        pass

    def _score(self, sample):
        local = sample.pixels.mean(axis=2).astype(float)
        return Scores(local, parts=np.stack([local, 0 * local], axis=2), part_names=("bright", "dark"))


def test_a_sample_that_crosses_as_a_whole_shows_where():
    rng = np.random.default_rng(0)
    detector = Pixels().fit([Image(rng.integers(0, 100, size=(20, 20))) for _ in range(50)])
    picture = rng.integers(0, 100, size=(20, 20))
    picture[4:8, 10:13] = 250
    found = detector.detect(Image(picture), false_alarms="2%")
    assert [a.where.box for a in found.anomalies] == [(10, 4, 13, 8)]
    assert found.anomalies[0].peak_at == "x=10, y=4"
    assert [r.name for r in found.anomalies[0].because] == ["bright"]
    assert not detector.detect(Image(np.zeros((20, 20))), false_alarms="2%").anomalies


def test_the_channel_that_jumped_is_blamed_before_one_that_always_roams():
    rng = np.random.default_rng(0)
    calm, roaming = rng.normal(size=2000), rng.normal(size=2000)
    roaming[::97] += 30
    detector = RobustZ().fit(timed(np.stack([calm, roaming], axis=1), names=["calm", "roaming"]))
    values = rng.normal(size=(300, 2))
    values[150:160] += (8.0, 28.0)
    (anomaly,) = detector.detect(timed(values, names=["calm", "roaming"]), false_alarms="top 1").anomalies
    assert anomaly.because[0].name == "calm"


def test_a_channel_that_was_far_away_already_is_not_to_blame():
    rng = np.random.default_rng(1)
    detector = RobustZ().fit(timed(rng.normal(size=(2000, 2)), names=["shifted", "new"]))
    values = rng.normal(size=(300, 2))
    values[:, 0] += 7
    values[200:210, 1] += 6
    blamed = unusual(detector.profile_, timed(values), 200, 210).max(axis=0)
    assert blamed[1] > 1.5 * blamed[0]
    # Without rows before it, distances are from what was usual while learning.
    first = unusual(detector.profile_, timed(values), 0, 10).max(axis=0)
    assert first[0] > first[1]


def test_what_calibration_could_not_show_is_marked_wherever_it_is_shown() -> None:
    from tocsin.cli.printing import _chance
    from tocsin.core.samples import Series
    from tocsin.report.story import chance
    from tocsin.series.robust_z import RobustZ

    rng = np.random.default_rng(0)
    stamps = np.arange(1600).astype("datetime64[s]").astype("datetime64[ns]")
    values = rng.normal(size=1600)
    values[1300:1380] += 30
    series = Series(values, time=stamps)
    train, live = series.split(0.5)
    found = RobustZ().fit(train).detect(live, false_alarms="1/hour")
    strongest = found.anomalies[0]
    assert strongest.extrapolated
    assert strongest.to_dict()["extrapolated"] is True
    # Eighty rows over the level: fifteen minutes of calibration cannot have shown that.
    assert chance(strongest).endswith("extrapolated")
    assert _chance(strongest).endswith("*")
