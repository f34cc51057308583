from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.dummy import dummy_rows, video_dummies
from tocsin.metrics.runs import events, intervals_to_mask
from tocsin.metrics.video import (
    VIDEO_METRICS,
    VideoEvaluation,
    evaluate_videos,
    frame_ap,
    frame_auc,
    frame_pr_auc_trapezoid,
)


def test_ties():
    y, s = [[0, 0, 1, 1]], [[0.5, 0.5, 0.5, 0.9]]
    assert frame_auc(y, s) == 0.75
    assert frame_ap(y, s) == 0.75
    assert frame_pr_auc_trapezoid(y, s) == 0.875


@st.composite
def video_sets(draw):
    """Videos with labels, scores of few values; at least one frame of each kind."""
    n = draw(st.integers(1, 5))
    truth, score = [np.array([0, 1])], [np.array([1.0, 0.0])]
    for _ in range(n):
        length = draw(st.integers(1, 12))
        truth.append(draw(hnp.arrays(np.int64, length, elements=st.integers(0, 1))))
        score.append(draw(hnp.arrays(np.float64, length, elements=st.integers(0, 4).map(float))))
    return truth, score


def slow_auc(y, s):
    pairs = [(a > b) + 0.5 * (a == b) for a in s[y == 1] for b in s[y == 0]]
    return float(np.mean(pairs))


@given(video_sets())
def test_every_number_against_pairs(data):
    truth, score = data
    result = evaluate_videos(truth, score)
    y, s = np.concatenate(truth), np.concatenate(score)
    assert result.auc() == pytest.approx(slow_auc(y, s))
    inside = [(t, v) for t, v in zip(truth, score, strict=True) if t.any()]
    y, s = (np.concatenate(part) for part in zip(*inside, strict=True))
    assert result.auc_anomalous() == pytest.approx(slow_auc(y, s))
    own = [slow_auc(t, v) for t, v in inside if not t.all()]
    assert result.macro_auc().value == pytest.approx(np.mean(own))
    assert len(result.macro_auc().skipped) == len(inside) - len(own)
    labels = np.array([int(t.any()) for t in truth])
    if not labels.all():
        assert result.video_auc() == pytest.approx(slow_auc(labels, np.array([v.max() for v in score])))


@given(video_sets(), st.randoms())
def test_invariances(data, random):
    truth, score = data
    plain = evaluate_videos(truth, score)
    pairs = list(zip(truth, score, strict=True))
    random.shuffle(pairs)
    shuffled = evaluate_videos(*map(list, zip(*pairs, strict=True)))
    assert shuffled.summary() == pytest.approx(plain.summary(), nan_ok=True)
    bent = evaluate_videos(truth, [np.exp(s) - 7 for s in score])
    assert bent.summary() == pytest.approx(plain.summary(), nan_ok=True)
    doubled = evaluate_videos([np.repeat(t, 2) for t in truth], [np.repeat(s, 2) for s in score])
    assert doubled.auc() == pytest.approx(plain.auc())
    assert doubled.auc_anomalous() == pytest.approx(plain.auc_anomalous())
    cut = [part for t in truth for part in (t[: len(t) // 2], t[len(t) // 2 :]) if len(part)]
    cut_scores = [part for s in score for part in (s[: len(s) // 2], s[len(s) // 2 :]) if len(part)]
    assert evaluate_videos(cut, cut_scores).auc() == pytest.approx(plain.auc())
    assert evaluate_videos(cut, cut_scores).ap() == pytest.approx(plain.ap())


@given(st.integers(1, 40), st.integers(1, 7), st.data())
def test_snippets_are_exactly_their_frames(n_frames, stride, data):
    count = max(1, -(-n_frames // stride) - data.draw(st.integers(0, 1)))
    scores = data.draw(hnp.arrays(np.float64, count, elements=st.integers(0, 3).map(float)))
    truth = data.draw(hnp.arrays(np.bool_, n_frames))
    spans = events(truth)
    tail = data.draw(st.sampled_from(["repeat-last", "zero", "drop"]))
    if abs(count * stride - n_frames) >= stride:
        with pytest.raises(MetricError, match="cover"):
            VideoEvaluation().update("v", scores, spans, n_frames=n_frames, stride=stride, tail=tail)
        return
    frames = np.repeat(scores, stride)[:n_frames]
    if len(frames) < n_frames and tail == "drop":
        truth = truth[: len(frames)]
    elif len(frames) < n_frames:
        fill = frames[-1] if tail == "repeat-last" else 0.0
        frames = np.append(frames, np.full(n_frames - len(frames), fill))
    result = VideoEvaluation().update("v", scores, spans, n_frames=n_frames, stride=stride, tail=tail).compute()
    direct = evaluate_videos([truth], [frames])
    assert result.summary() == pytest.approx(direct.summary(), nan_ok=True)


def test_video_oracle_identity():
    random = np.random.default_rng(2)
    truth = [np.zeros(int(n), int) for n in random.integers(50, 400, 30)]
    for video in truth[:14]:
        start = random.integers(0, len(video) - 20)
        video[start : start + 15] = 1
    rows = {row.name: row.values for row in dummy_rows({"auc": frame_auc}, truth, video_dummies(truth))}
    inside = sum(int((v == 0).sum()) for v in truth[:14])
    normal = sum(int((v == 0).sum()) for v in truth)
    assert rows["video oracle"]["auc"] == pytest.approx(1 - 0.5 * inside / normal)
    assert rows["constant"]["auc"] == 0.5


def test_the_cheap_tricks_score_well_on_real_annotations(shared):
    with (shared / "data" / "video_annotations" / "avenue_test_frame_labels.csv").open() as handle:
        table = list(csv.DictReader(handle))
    key_n, key_spans = list(table[0])[1], list(table[0])[2]
    truth = []
    for row in table:
        numbers = [int(x) for x in "".join(c if c.isdigit() else " " for c in row[key_spans]).split()]
        spans = list(zip(numbers[::2], numbers[1::2], strict=True))
        truth.append(intervals_to_mask(spans, int(row[key_n]), merge=True))
    rows = {row.name: row.values for row in dummy_rows({"auc": frame_auc}, truth, video_dummies(truth))}
    assert abs(rows["random"]["auc"] - 0.5) < 0.02
    assert rows["centre prior"]["auc"] > 0.55


def test_categories():
    evaluation = VideoEvaluation()
    evaluation.update("n", [0.5, 0.1], [])
    evaluation.update("f", [0.9, 0.2], [(0, 1)], category="fight")
    evaluation.update("c", [0.0, 0.3], [(0, 1)], category="crash")
    result = evaluation.compute()
    assert result.auc_of({"fight"}) == 1.0
    assert result.auc_of({"crash"}) == 0.0
    assert result.auc_of({"fight", "crash"}) == result.auc()
    with pytest.raises(MetricError, match="there are 'crash', 'fight'"):
        result.auc_of({"robbery"})


def test_false_alarm_rates():
    evaluation = VideoEvaluation()
    evaluation.update("n", [0.5, 0.1, 0.1, 0.1], [])
    evaluation.update("a", [0.9, 0.6], [(0, 1)])
    result = evaluation.compute()
    assert result.false_alarm_rate(0.5) == pytest.approx(2 / 5)
    assert result.false_alarm_rate(0.5, normal_videos_only=True) == 0.25
    assert result.video_auc(top=0.5) == 1.0


def test_intervals_resample_videos():
    random = np.random.default_rng(0)
    truth, score = [], []
    for i in range(24):
        labels = np.zeros(200, int)
        if i % 2:
            labels[50:120] = 1
        truth.append(labels)
        # Frames of one video share their luck: an interval over frames would be far too narrow.
        score.append(random.normal(size=200) * 0.1 + random.normal() + labels)
    result = evaluate_videos(truth, score)
    interval = result.intervals(n_resamples=800)["frame_auc"]
    assert interval.n_groups == 24
    assert interval.low < result.auc() < interval.high
    by_hand = []
    for _ in range(300):
        chosen = random.integers(0, 24, 24)
        by_hand.append(frame_auc([truth[i] for i in chosen], [score[i] for i in chosen]))
    assert interval.low == pytest.approx(np.quantile(by_hand, 0.025), abs=0.03)
    assert interval.high == pytest.approx(np.quantile(by_hand, 0.975), abs=0.03)


def test_undefined_and_bad_input():
    normal = evaluate_videos([[0, 0]], [[0.1, 0.2]])
    assert reason_of(normal.auc_anomalous()) == "no video holds an anomaly"
    assert np.isnan(normal.auc())
    assert reason_of(normal.macro_auc().value) == "no member has a value"
    with pytest.raises(MetricError, match="'a': interval 0 is \\(1, 5\\), which runs outside"):
        VideoEvaluation().update("a", [0.1, 0.2], [(1, 5)])
    assert VideoEvaluation().update("a", [0.1, 0.2], [(1, 5)], clip=True).compute().auc() == 1.0
    with pytest.raises(MetricError, match="overlap"):
        VideoEvaluation().update("a", [0.1, 0.2, 0.3], [(0, 2), (1, 3)])
    with pytest.raises(MetricError, match="given twice"):
        VideoEvaluation().update("a", [0.1], []).update("a", [0.1], [])
    with pytest.raises(MetricError, match="not one of the 1 expected"):
        VideoEvaluation(expected=["b"]).update("a", [0.1], [])
    with pytest.raises(MetricError, match="'b' has no scores"):
        VideoEvaluation(expected=["a", "b"]).update("a", [0.1], []).compute()
    with pytest.raises(MetricError, match="holds nan"):
        VideoEvaluation().update("a", [0.1, np.nan], [])
    with pytest.raises(MetricError, match="has 48 frames, but 2 scores of 16 frames each cover 32"):
        VideoEvaluation().update("a", [0.1, 0.2], [], n_frames=48, stride=16)
    with pytest.raises(MetricError, match="no video was given"):
        VideoEvaluation().compute()
    with pytest.raises(MetricError, match="is in both shards"):
        VideoEvaluation().update("a", [0.1], []).merge(VideoEvaluation().update("a", [0.1], []))


def test_the_table_runs():
    truth, score = [[0, 1, 1, 0], [0, 0, 0]], [[0.1, 0.9, 0.4, 0.3], [0.2, 0.1, 0.5]]
    for metric in VIDEO_METRICS.values():
        assert 0 <= metric.compute(truth, score) <= 1
        assert metric.definition
        assert metric.fooled_by
