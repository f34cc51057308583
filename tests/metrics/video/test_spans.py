"""Detection, grounding and alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.video import (
    Segment,
    alarms_within_budget,
    detection_map,
    grounding_scores,
    merge_spans,
    propose,
    temporal_iou,
)


def golden_videos():
    scores = [np.full((64, 7), 0.02) for _ in range(2)]
    scores[0][18:44, 1] = 0.9
    scores[1][12:22, 2] = 0.8
    scores[1][38:50, 2] = 0.6
    scores[1][5:9, 1] = 0.3
    for video in scores:
        for label in (0, 3, 4, 5, 6):
            video[30:34, label] += 0.01
    return [[Segment(16, 40, 1)], [Segment(10, 20, 2), Segment(40, 60, 2)]], scores


def test_detection_golden():
    truths, scores = golden_videos()
    result = detection_map(truths, scores, absent="zero")
    assert [100 * v for v in result.by_overlap.values()] == pytest.approx([28.5714] * 4 + [21.4286], abs=1e-4)
    assert result.skipped == (0, 3, 4, 5, 6)
    assert result.by_class[1].tolist() == [1.0] * 5
    assert result.by_class[2].tolist() == [1.0] * 4 + [0.5]
    honest = detection_map(truths, scores)
    assert honest.by_overlap[0.5] == pytest.approx(0.75)
    assert honest.average == pytest.approx(0.95)


def test_a_class_without_proposals_costs_only_itself():
    truths, scores = golden_videos()
    for video in scores:
        video[:, 6] = 0.5
    truths[0].append(Segment(0, 10, 6))
    result = detection_map(truths, scores)
    assert result.by_class[6].tolist() == [0.0] * 5
    assert result.by_class[1].tolist() == [1.0] * 5


def test_normal_videos_are_truths_of_the_normal_class():
    scores = [np.array([[0.1, 0.9]] * 2 + [[0.9, 0.1]] * 14)]
    result = detection_map([[]], scores, normal_class=0)
    assert result.by_overlap[0.5] == 1.0
    assert result.skipped == (1,)


def test_confidence_is_peak_and_class_score():
    values = np.zeros(32)
    values[4:8] = [1, 2, 3, 2]
    # The highest 32 // 16 = 2 frames are 3 and 2; only frames above 3 - .6 * 3 = 1.2 count.
    assert propose(values) == [(5, 8, pytest.approx(3 + 0.7 * 2.5))]
    assert propose(np.ones(20)) == []
    deep = propose(values, depths=(0.6, 0.9))
    assert [(p.start, p.stop) for p in deep] == [(5, 8)]  # 4-8 overlaps 5-8 by .75 and is no surer


@pytest.mark.parametrize("swap", [False, True])
def test_order_of_videos_does_not_matter(swap):
    truths, scores = golden_videos()
    if swap:
        truths, scores = truths[::-1], scores[::-1]
    assert detection_map(truths, scores).by_overlap[0.4] == pytest.approx(1.0)


def test_bad_detections():
    truths, scores = golden_videos()
    with pytest.raises(MetricError, match="give both for each"):
        detection_map(truths[:1], scores)
    with pytest.raises(MetricError, match="does not fit video 0, which has 64 frames and 7 classes"):
        detection_map([[Segment(60, 70, 1)], []], scores)
    with pytest.raises(MetricError, match="shape"):
        detection_map(truths, [scores[0], scores[1][:, :3]])
    assert reason_of(detection_map([[], []], scores).average) == "no class has a truth"


def test_grounding_golden():
    assert temporal_iou([(2, 6)], [(4, 10)]) == 0.25
    assert temporal_iou([(0, 3), (5, 8)], [(2, 6)]) == 0.25
    assert temporal_iou([], []) == 1.0
    assert temporal_iou([(0, 1)], []) == 0.0


spans = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)).map(lambda p: (p[0], p[0] + p[1])), max_size=5)


@given(spans, spans)
def test_overlap_counts_places(first, second):
    a = {i for s, e in first for i in range(s, e)}
    b = {i for s, e in second for i in range(s, e)}
    slow = len(a & b) / len(a | b) if a | b else 1.0
    assert temporal_iou(first, second) == pytest.approx(slow)
    assert temporal_iou(second, first) == pytest.approx(slow)
    merged = merge_spans(first, "spans")
    assert (merged[1:, 0] > merged[:-1, 1]).all()


def test_grounding_of_many_videos():
    result = grounding_scores(
        [[(0, 10)], [(0, 10)], [(0, 10)], [], []], [[(0, 10)], [(0, 4)], [], [], [(3, 4)]], overlaps=(0.3, 0.5)
    )
    assert result.mean_iou == pytest.approx((1 + 0.4 + 0) / 3)
    assert result.recall == pytest.approx({0.3: 2 / 3, 0.5: 1 / 3})
    assert result.normal_accuracy == 0.5
    nothing = grounding_scores([[]], [[]])
    assert reason_of(nothing.mean_iou) == "no video holds an anomaly"
    assert reason_of(grounding_scores([[(0, 1)]], [[]]).normal_accuracy) == "there is no normal video"
    with pytest.raises(MetricError, match="its stop must lie after its start"):
        temporal_iou([(3, 3)], [])
    with pytest.raises(MetricError, match="give both for each"):
        grounding_scores([[]], [])


def slow_alarms(truth, score, threshold, gap, least):
    """Return (false alarms, delays) frame by frame."""
    alarms, start, last = [], None, None
    for i, value in enumerate(score):
        if value >= threshold:
            if start is None:
                start = i
            elif i - last - 1 > gap:
                alarms.append((start, last + 1))
                start = i
            last = i
    if start is not None:
        alarms.append((start, last + 1))
    alarms = [(s, e) for s, e in alarms if e - s >= least]
    found, inside = [], None
    for i, label in enumerate([*truth, 0]):
        if label and inside is None:
            inside = i
        if not label and inside is not None:
            found.append((inside, i))
            inside = None
    false = sum(not any(s < e2 and s2 < e for s2, e2 in found) for s, e in alarms)
    delays = []
    for s2, e2 in found:
        hits = [max(0, s - s2) for s, e in alarms if s < e2 and s2 < e]
        if hits:
            delays.append(min(hits))
    return false, delays, len(found)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(0, 2),
    st.integers(1, 3),
    st.integers(0, 3),
)
def test_alarms_against_frame_by_frame(frames, gap, least, allowed):
    truth, score = [t for t, _ in frames], [float(s) for _, s in frames]
    hours = len(frames) / 3600
    result = alarms_within_budget([truth], [score], per_hour=allowed / hours * (1 + 1e-9), fps=1, gap=gap, least=least)
    if not any(truth):
        assert reason_of(result.event_recall) == "no video holds an anomaly"
        return
    best = (0.0, 0, [])
    for threshold in sorted(set(score), reverse=True):
        false, delays, n_events = slow_alarms(truth, score, threshold, gap, least)
        if false > allowed:
            break
        best = (len(delays) / n_events, false, delays)
    assert result.event_recall == pytest.approx(best[0])
    assert result.false_alarms_per_hour == pytest.approx(best[1] / hours)
    if best[2]:
        assert result.delay == pytest.approx(np.median(best[2]))


def test_bad_alarms():
    with pytest.raises(MetricError, match="y_true\\[0\\] has 2 values and y_score\\[0\\] has 1"):
        alarms_within_budget([[0, 1]], [[0.1]], per_hour=1, fps=1)
    with pytest.raises(MetricError, match="per_hour must not be negative"):
        alarms_within_budget([[0, 1]], [[0.1, 0.2]], per_hour=-1, fps=1)
    with pytest.raises(MetricError, match="fps"):
        alarms_within_budget([[0, 1]], [[0.1, 0.2]], per_hour=1, fps=0)
