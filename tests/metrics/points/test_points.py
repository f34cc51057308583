from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, roc_auc_score

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.points import POINT_METRICS, PointEvaluation, evaluate_points


@st.composite
def cloud_sets(draw):
    truth, score = [np.array([0, 1, 0])], [np.array([2.0, 1.0, 0.0])]
    truth.append(np.array([0, 0]))
    score.append(np.array([1.0, 0.0]))
    for _ in range(draw(st.integers(0, 3))):
        n = draw(st.integers(1, 8))
        truth.append(draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1))))
        score.append(draw(hnp.arrays(np.float64, n, elements=st.integers(0, 4).map(float))))
    return truth, score


@given(cloud_sets())
def test_agrees_with_scikit_learn(data):
    truth, score = data
    row = evaluate_points(truth, score).summary()
    y, s = np.concatenate(truth), np.concatenate(score)
    assert row["point_auroc"] == pytest.approx(roc_auc_score(y, s))
    assert row["point_ap"] == pytest.approx(average_precision_score(y, s))
    labels, tops = [t.any() for t in truth], [s.max() for s in score]
    assert row["object_auroc"] == pytest.approx(roc_auc_score(labels, tops))
    assert row["object_ap"] == pytest.approx(average_precision_score(labels, tops))


@given(cloud_sets(), st.randoms())
def test_order_of_clouds_and_points_changes_nothing(data, random):
    truth, score = data
    pairs = list(zip(truth, score, strict=True))
    random.shuffle(pairs)
    pairs = [(t[::-1], s[::-1]) for t, s in pairs]
    shuffled = evaluate_points(*map(list, zip(*pairs, strict=True))).summary()
    assert shuffled == pytest.approx(evaluate_points(truth, score).summary())


def test_object_scores_and_labels_can_be_given():
    evaluation = PointEvaluation(reduction="top-50%")
    evaluation.update([0, 0], [0.1, 0.9], name="thinned", object_label=True)
    evaluation.update([0, 0], [0.2, 0.8], name="good")
    evaluation.update([0, 1], [0.2, 0.3], name="scored", object_score=0.85)
    result = evaluation.compute()
    assert result.objects.positives.tolist() == [0.85, 0.9]
    assert result.objects.negatives.tolist() == [0.8]
    assert result.per_object["scored"] == 1.0
    assert reason_of(result.per_object["good"]) == "y_true holds no anomaly"
    interval = result.intervals(n_resamples=200)["point_ap"]
    assert interval.n_groups == 3
    assert interval.n_undefined > 0


def test_bad_input():
    with pytest.raises(MetricError, match="given twice"):
        PointEvaluation().update([0], [1.0], name="a").update([0], [1.0], name="a")
    with pytest.raises(MetricError, match="the labels of object 0 has 2 values and the scores of object 0 has 1"):
        PointEvaluation().update([0, 1], [1.0])
    with pytest.raises(MetricError, match="no point cloud"):
        PointEvaluation().compute()
    with pytest.raises(MetricError, match="reduction must be one of"):
        PointEvaluation(reduction="median")
    with pytest.raises(MetricError, match="give both for each"):
        evaluate_points([[0]], [])


def test_the_table_runs():
    for metric in POINT_METRICS.values():
        assert metric.compute([[0, 1], [0, 0]], [[0.2, 0.9], [0.1, 0.3]]) == 1.0
        assert metric.fooled_by
