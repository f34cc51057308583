"""Metrics, intervals and dummies of an evaluation are those of the metrics themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tocsin.bench.evaluate import Pair, Policy, choose, measure
from tocsin.core.errors import InputError
from tocsin.metrics.bootstrap import mean_interval
from tocsin.metrics.series import SERIES_METRICS, point_precision_recall
from tocsin.metrics.video import frame_auc


def make_pairs(count: int = 4, n: int = 200, *, lift: float = 1.0, groups: tuple[str, ...] = ("",)) -> list[Pair]:
    rng = np.random.default_rng(7)
    pairs = []
    for i in range(count):
        labels = np.zeros(n, bool)
        labels[40 + 10 * i : 60 + 10 * i] = True
        values = rng.normal(size=(n, 1))
        pairs.append(
            Pair(f"s{i}", labels, rng.normal(size=n) + lift * labels, values=values, group=groups[i % len(groups)])
        )
    return pairs


def test_values_are_means_of_the_metrics_and_intervals_resample_series() -> None:
    pairs = make_pairs(12)
    found = measure(pairs, choose("series"), "series", resamples=400, seed=3)
    for line in found.lines:
        each = [SERIES_METRICS[line.chosen.name].compute(p.labels, p.scores) for p in pairs]
        assert line.value == pytest.approx(np.mean(each))
        assert list(line.members.values()) == pytest.approx(each)
        expected = mean_interval(each, n_resamples=4000, seed=0)
        assert line.interval is not None
        assert (line.interval.low, line.interval.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert found.intervals == "95 % bootstrap over 12 series"


def test_one_series_has_no_interval_and_says_why() -> None:
    found = measure(make_pairs(1), choose("series", "auc_roc"), "series")
    assert found.lines[0].interval is None
    assert "one series only" in found.intervals
    assert "too narrow" in found.intervals


def test_dummies_stand_beside_every_metric() -> None:
    found = measure(make_pairs(), choose("series", "auc_roc,average_precision,oracle_f1"), "series")
    assert list(found.dummies) == ["constant", "random", "first difference"]
    rows = {line.chosen.name: line.dummies for line in found.lines}
    assert rows["auc_roc"]["constant"] == 0.5
    assert rows["average_precision"]["constant"] == pytest.approx(0.1)
    assert 0.4 < rows["auc_roc"]["random"] < 0.6


def test_a_score_worse_than_chance_is_told() -> None:
    assert measure(make_pairs(lift=-1.0), choose("series", "auc_roc"), "series").lines[0].no_better
    assert measure(make_pairs(lift=3.0), choose("series", "auc_roc"), "series").lines[0].no_better == ""


def test_point_adjustment_appears_only_by_name_and_random_is_beside_it() -> None:
    for names in (None, "all"):
        for threshold in (True, False):
            assert not any("point_adjusted" in c.name for c in choose("series", names, threshold=threshold))
    pair = make_pairs(1, 4000)[0]
    labels = np.zeros(4000, bool)
    labels[1000:1800] = True
    long = Pair("long", labels, pair.scores)
    (line,) = measure([long], choose("series", "point_adjusted_oracle_f1"), "series").lines
    assert line.dummies["random"] > 0.9


def test_alarms_need_a_named_threshold() -> None:
    with pytest.raises(InputError, match="f1 needs alarms"):
        choose("series", "auc_roc,f1")
    assert not any(c.needs_threshold for c in choose("series"))
    assert "f1" in [c.name for c in choose("series", threshold=True)]
    pairs = make_pairs(1)
    policy = Policy.parse("1.5")
    (line,) = measure(pairs, choose("series", "f1", threshold=True), "series", policy=policy).lines
    assert line.value == point_precision_recall(pairs[0].labels, pairs[0].scores >= 1.5).f1


def test_dummies_raise_as_many_alarms_as_the_score() -> None:
    labels, scores = np.array([1, 0, 0, 0], bool), np.array([5.0, 1.0, 0.0, 0.0])
    policy = Policy.parse("4")
    alarms = policy.predict(labels, scores)
    assert policy.predict_dummy(labels, np.array([0.1, 0.9, 0.2, 0.3]), alarms).tolist() == [False, True, False, False]
    assert policy.predict_dummy(labels, np.zeros(4), alarms).all(), "a constant score alarms everywhere or nowhere"


@pytest.mark.parametrize(
    ("text", "alarms"),
    [
        ("2.5", [0, 0, 0, 1, 1]),
        ("quantile:0.5", [0, 0, 1, 1, 1]),
        ("top:0.2", [0, 0, 0, 0, 1]),
        ("oracle", [0, 1, 1, 1, 1]),
    ],
)
def test_threshold_rules(text: str, alarms: list[int]) -> None:
    labels = np.array([0, 1, 1, 1, 0], bool)
    assert Policy.parse(text).predict(labels, np.array([0.0, 1, 2, 3, 4])).astype(int).tolist() == alarms


@pytest.mark.parametrize("text", ["orakle", "quantile:1.5", "quantile:x", "top:0", "nan", "inf", "", "oracle:1"])
def test_no_threshold_rule(text: str) -> None:
    with pytest.raises(InputError, match="--threshold"):
        Policy.parse(text)


def test_metric_names_and_options() -> None:
    (chosen,) = choose("series", "auc_roc(max_fpr=0.1, standardised=true)")
    assert chosen.options == {"max_fpr": 0.1, "standardised": True}
    with pytest.raises(InputError, match="did you mean vus_pr"):
        choose("series", "vus_rp")
    with pytest.raises(InputError, match=r"no option 'window'; did you mean max_window"):
        choose("series", "vus_pr(window=3)")
    with pytest.raises(InputError, match="it is a metric of image"):
        choose("series", "pixel_auroc")
    with pytest.raises(InputError, match=r"vus_pr.*cannot be computed.*max_window"):
        measure(make_pairs(1), choose("series", "vus_pr(max_window=-1)"), "series")


def test_a_member_without_anomaly_is_left_out_with_its_reason() -> None:
    pairs = make_pairs(3)
    pairs[1] = Pair("calm", np.zeros(200, bool), pairs[1].scores)
    (line,) = measure(pairs, choose("series", "auc_roc"), "series", resamples=100).lines
    others = [SERIES_METRICS["auc_roc"].compute(p.labels, p.scores) for p in (pairs[0], pairs[2])]
    assert line.value == pytest.approx(np.mean(others))
    assert line.notes == ("1 of 3 have no value: y_true holds no anomaly",)


def test_nothing_to_measure() -> None:
    scores = np.arange(5.0)
    with pytest.raises(InputError, match="mark no anomaly among 5 places"):
        measure([Pair("s", np.zeros(5, bool), scores)], choose("series"), "series")
    with pytest.raises(InputError, match="mark all 5 places"):
        measure([Pair("s", np.ones(5, bool), scores)], choose("series"), "series")


def test_groups_are_broken_down_and_resampled_as_wholes() -> None:
    pairs = make_pairs(6, groups=("left", "right"))
    found = measure(pairs, choose("series", "auc_roc"), "series", grouped_by="side", resamples=200)
    assert found.group_sizes == {"left": 3, "right": 3}
    each = [SERIES_METRICS["auc_roc"].compute(p.labels, p.scores) for p in pairs]
    assert found.groups["left"]["auc_roc"] == pytest.approx(np.mean(each[::2]))
    interval = found.lines[0].interval
    assert interval is not None
    assert interval.n_groups == 2
    halves = sorted((float(np.mean(each[::2])), float(np.mean(each[1::2]))))
    assert (interval.low, interval.high) == pytest.approx(tuple(halves)), "two groups: the ends are the groups"


def test_videos_are_pooled() -> None:
    pairs = make_pairs(3, 80)
    found = measure(pairs, choose("video"), "video", resamples=40)
    line = next(x for x in found.lines if x.chosen.name == "frame_auc")
    assert line.value == frame_auc([p.labels for p in pairs], [p.scores for p in pairs])
    assert line.interval is not None
    assert line.interval.low <= line.value <= line.interval.high
    assert "video oracle" in found.dummies


def test_items_without_groups_are_the_units_and_rare_words_are_the_trick() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 10 == 0
    fields = np.where(labels, "rare", rng.choice(["a", "b"], 300))[:, None]
    pair = Pair("log", labels, rng.normal(size=300) + labels, fields=fields)
    found = measure([pair], choose("events", "event_auroc"), "events", resamples=200)
    assert found.intervals == "95 % bootstrap over 300 items"
    assert found.lines[0].dummies["frequency prior"] == 1.0
    assert found.lines[0].no_better == "frequency prior"


def test_json_has_null_and_a_reason_where_there_is_no_number() -> None:
    import json

    pairs = [Pair("s", np.array([0, 0, 1], bool), np.array([1.0, 2.0, 3.0])), *make_pairs(1)]
    content = measure(pairs, choose("series"), "series", resamples=20).to_dict()
    text = json.dumps(content, allow_nan=False)
    assert '"auc_roc"' in text
    assert math.isclose(content["metrics"][0]["value"], (1.0 + content["by_member"]["s0"]["auc_roc"]) / 2)


def test_a_metric_that_flatters_coarse_scores_says_so() -> None:
    pairs = [Pair(f"v{i}", p.labels, np.round(p.scores)) for i, p in enumerate(make_pairs(3, 80))]
    (line,) = measure(pairs, choose("video", "frame_pr_trapezoid"), "video", resamples=10).lines
    assert "flatters scores of few different values" in line.notes[0]
    (series,) = measure(pairs[:1], choose("series", "pr_auc_trapezoid"), "series").lines
    assert "distinct values" in series.notes[0]
