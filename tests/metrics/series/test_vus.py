"""VUS and range-AUC in four definitions: recorded values of each reference, and soft labels built point by point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.series import range_auc, vus, vus_pr, vus_roc

DEFINITIONS = ("tsb-ad", "paper", "aeon", "timeeval")


def slow_runs(mask):
    edge = np.flatnonzero(np.diff(np.r_[0, np.asarray(mask, int), 0]))
    return list(zip(edge[::2], edge[1::2] - 1, strict=True))


def soft_labels(y, window, definition):
    """Build the soft labels of one window, and the segments that must each be touched."""
    n, h = len(y), window // 2
    soft = y.astype(float)
    events = slow_runs(y)
    for a, b in events:
        right = h - 1 if definition == "aeon" else h
        for t in range(n):
            k = a - t if t < a else t - b
            if k <= 0 or k > (h if t < a else right):
                continue
            if definition == "timeeval":
                soft[t] = max(soft[t], 1 - (k / h) * (1 - 1 / np.sqrt(2)))
            else:
                soft[t] += np.sqrt(1 - k / window)
    soft = np.minimum(soft, 1)
    if definition in ("paper", "aeon"):
        return soft, slow_runs(soft > 0)
    if definition == "timeeval":
        return soft, [(max(a - h, 0), min(b + h + 1, n - 1)) for a, b in events]
    grown = [[max(a - h, 0), min(b + h, n - 1), b + h] for a, b in events]
    joined = [grown[0]]
    for (a, _), item in zip(events[1:], grown[1:], strict=True):
        if joined[-1][2] >= a - h:
            joined[-1][1:] = item[1:]
        else:
            joined.append(item)
    return soft, [(a, b) for a, b, _ in joined]


def slow_areas(y, s, window, definition, n_thresholds):
    soft, segments = soft_labels(y, window, definition)
    n, p = len(y), y.sum()
    falling = np.sort(s)[::-1]
    thresholds = (
        falling[np.linspace(0, n - 1, n_thresholds).astype(int)] if n_thresholds else sorted(set(s), reverse=True)
    )
    curve = [(0.0, 0.0, 1.0)]
    for threshold in thresholds:
        hit = s >= threshold
        tp = (soft * hit).sum()
        buffer = (soft * (y == 0) * (hit if definition == "tsb-ad" else 1)).sum()
        relevant = p + buffer / 2
        exist = np.mean([(soft * hit)[a : b + 1].sum() > 0 for a, b in segments])
        curve.append((min(tp / relevant, 1) * exist, (hit.sum() - tp) / (n - relevant), tp / hit.sum()))
    tpr, fpr, precision = np.array(curve).T
    height = precision[1:] if definition == "tsb-ad" else (precision[1:] + precision[:-1]) / 2
    x, t = np.r_[fpr, 1], np.r_[tpr, 1]
    return ((x[1:] - x[:-1]) * (t[1:] + t[:-1]) / 2).sum(), (np.diff(tpr) * height).sum()


@st.composite
def labelled(draw):
    n = draw(st.integers(2, 40))
    y = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    i = draw(st.integers(0, n - 1))
    y[i], y[i - 1] = 1, 0
    levels = draw(st.sampled_from([1, 3, 1000]))
    return y, draw(hnp.arrays(np.int64, n, elements=st.integers(0, levels))) / levels


@pytest.mark.parametrize("definition", DEFINITIONS)
@given(pair=labelled(), window=st.integers(0, 13), n_thresholds=st.sampled_from([None, 7, 250]))
@settings(max_examples=60)
def test_equals_soft_labels_built_point_by_point(definition, pair, window, n_thresholds):
    y, s = pair
    if definition == "timeeval" and n_thresholds:
        n_thresholds = min(n_thresholds, len(y))
    fast = range_auc(y, s, window=window, definition=definition, n_thresholds=n_thresholds)
    assert fast == pytest.approx(slow_areas(y, s, window, definition, n_thresholds), abs=1e-10)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_volume_is_the_mean_over_windows(example, definition):
    areas = [range_auc(example.y, example.s, window=w, definition=definition) for w in range(8)]
    assert vus(example.y, example.s, max_window=7, definition=definition) == pytest.approx(np.mean(areas, axis=0))
    assert vus_pr(example.y, example.s, max_window=7, definition=definition) == pytest.approx(
        np.mean([a.pr for a in areas])
    )
    assert vus_roc(example.y, example.s, max_window=7, definition=definition) == pytest.approx(
        np.mean([a.roc for a in areas])
    )


def test_equals_the_references(golden):
    papers = 0
    for case in golden("vus"):
        y, s, window = case["y"], case["s"], case["window"]
        for definition in ("tsb-ad", "aeon", "timeeval"):
            found = vus(y, s, max_window=window, definition=definition)
            assert found == pytest.approx(case[definition], abs=1e-10), (case["seed"], definition)
        assert range_auc(y, s, definition="aeon") == pytest.approx(case["aeon_median_window"], abs=1e-10)
        if "paper" in case:
            papers += 1
            assert range_auc(y, s, window=window, definition="paper") == pytest.approx(case["paper"], abs=1e-10)
    assert papers >= 10


TSB = {
    0: (0.527777777778, 0.414102564103),
    2: (0.646344285300, 0.540280075114),
    4: (0.758682887787, 0.672249013884),
    6: (0.817189287109, 0.745911196408),
}
PAPER = {
    0: (0.527777777778, 0.377946744613),
    2: (0.866528691773, 0.778776929905),
    4: (0.879588237132, 0.864216954081),
    6: (0.955223082394, 0.953594713690),
}
TIMEEVAL = {2: (0.640694749, 0.511556806), 4: (0.732314994, 0.633578811), 6: (0.780698244, 0.706923257)}
AEON = {2: (0.589230882, 0.422940883), 4: (0.677233629, 0.531572842), 6: (0.746137861, 0.637738939)}


def test_worked_example(example):
    y, s = example.y, example.s
    for window, expected in TSB.items():
        assert vus(y, s, max_window=window) == pytest.approx(expected, abs=1e-12)
    for window, expected in PAPER.items():
        assert range_auc(y, s, window=window, definition="paper") == pytest.approx(expected, abs=1e-12)
    for window, expected in TIMEEVAL.items():
        assert vus(y, s, max_window=window, definition="timeeval") == pytest.approx(expected, abs=1e-9)
    for window, expected in AEON.items():
        assert vus(y, s, max_window=window, definition="aeon") == pytest.approx(expected, abs=1e-9)


@given(labelled(), st.sampled_from(DEFINITIONS), st.sampled_from([np.exp, np.arctan, lambda v: 5 * v - 2]))
def test_increasing_transforms_change_nothing(pair, definition, transform):
    y, s = pair
    first = vus(y, s, max_window=6, definition=definition)
    assert vus(y, transform(s), max_window=6, definition=definition) == pytest.approx(first, abs=1e-12)


@given(labelled(), st.sampled_from(["tsb-ad", "paper", "timeeval"]))
def test_symmetric_definitions_do_not_know_the_direction_of_time(pair, definition):
    y, s = pair
    if definition == "timeeval":  # sees one point past the end of a buffer, but only if another slope reaches it
        y, s = np.r_[np.zeros(9, int), y, np.zeros(9, int)], np.r_[np.zeros(9), s, np.zeros(9)]
        y = np.where(np.arange(len(y)) == np.flatnonzero(y)[0], 1, 0)
    first = vus(y, s, max_window=7, definition=definition)
    assert vus(y[::-1], s[::-1], max_window=7, definition=definition) == pytest.approx(first, abs=1e-12)


def test_what_cannot_be_scored():
    nothing = vus([0, 0], [0.1, 0.2])
    assert reason_of(nothing.pr) == reason_of(nothing.roc) == "y_true holds no anomaly"
    everything = vus([1, 1], [0.1, 0.2])
    assert reason_of(everything.roc) == "y_true holds nothing but anomalies"
    assert everything.pr == pytest.approx(1.0)
    with pytest.raises(MetricError, match="definition must be one of 'tsb-ad', 'paper'"):
        vus([0, 1], [0.1, 0.2], definition="vus")
    with pytest.raises(MetricError, match="max_window must be a whole number"):
        vus([0, 1], [0.1, 0.2], max_window=2.5)
