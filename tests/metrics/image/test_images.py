"""Whole pictures, samples, data sets, calibration, boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, Undefined, reason_of
from tocsin.metrics.image import (
    IMAGE_METRICS,
    MEAN_AD_PARTS,
    box_metrics,
    calibration_errors,
    clopper_pearson,
    evaluate_images,
    image_level,
    image_score,
    mean_ad,
    sample_scores,
)

# -- pictures and samples ----------------------------------------------------------------------------------------------


def test_toy_image_level(pictures):
    maps, masks = pictures.toy()
    scores = [image_score(m) for m in maps]
    assert scores == pytest.approx([1.00, 1.25, 1.21, 1.16])
    assert image_level([m.any() for m in masks], scores)["image_auroc"] == 1.0
    assert image_level([m.any() for m in masks], scores)["image_ap"] == 1.0


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.floats(-9, 9)), st.data())
def test_pooled_maximum_is_the_highest_window_mean(heat, data):
    side = data.draw(st.integers(1, min(heat.shape)))
    rows, columns = heat.shape[0] - side + 1, heat.shape[1] - side + 1
    slow = max(heat[r : r + side, c : c + side].mean() for r in range(rows) for c in range(columns))
    assert image_score(heat, f"pool-{side}") == pytest.approx(slow, abs=1e-9)
    assert image_score(heat, "top-100%") == pytest.approx(heat.mean(), abs=1e-12)
    assert image_score(heat, "pool-1") == pytest.approx(heat.max(), abs=1e-12)


def test_bad_reductions():
    with pytest.raises(MetricError, match="reduction must be"):
        image_score([[1.0]], "median")
    with pytest.raises(MetricError, match="does not fit"):
        image_score([[1.0]], "pool-2")
    with pytest.raises(MetricError, match="top share"):
        image_score([[1.0]], "top-0%")


IDS = ["a_0001_OK"] * 5 + ["a_0002_OK"] * 5 + ["a_0001_NG_BX"] * 5 + ["a_0002_NG_HS"] * 5
SCORES = [0.1, 0.2, 0.15, 0.3, 0.05, 0.4, 0.1, 0.1, 0.2, 0.3, 0.2, 0.9, 0.1, 0.3, 0.2, 0.35, 0.3, 0.2, 0.1, 0.1]
LABELS = [0] * 10 + [0, 1, 0, 0, 1, 1, 1, 0, 0, 0]


def test_multi_view_samples():
    samples = sample_scores(LABELS, SCORES, IDS, expected_views=5)
    assert samples.scores.tolist() == [0.3, 0.4, 0.9, 0.35]
    assert samples.ranking().auroc() == 0.75
    assert samples.ranking().average_precision() == pytest.approx(0.8333333333)
    images = image_level(LABELS, SCORES)
    assert images["image_auroc"] == pytest.approx(0.8515625)
    assert images["image_ap"] == pytest.approx(0.6071428571)


@given(st.permutations(range(20)))
def test_views_may_come_in_any_order(order):
    shuffled = sample_scores([LABELS[i] for i in order], [SCORES[i] for i in order], [IDS[i] for i in order])
    assert shuffled.ranking().auroc() == 0.75


def test_other_reductions_and_missing_views():
    mean = sample_scores([0, 1], [0.2, 0.4], ["s", "s"], reduction="mean")
    assert mean.scores == pytest.approx([0.3])
    assert sample_scores([0, 1], [0.5, 0.5], ["s", "s"], reduction="noisy-or").scores == pytest.approx([0.75])
    with pytest.raises(MetricError, match="'a_0001_OK' has 4"):
        sample_scores(LABELS[1:], SCORES[1:], IDS[1:], expected_views=5)
    with pytest.raises(MetricError, match="noisy-or needs probabilities"):
        sample_scores([0, 1], [0.2, 4], ["s", "s"], reduction="noisy-or")
    with pytest.raises(MetricError, match="19 group ids"):
        sample_scores(LABELS, SCORES, IDS[1:])


# -- data sets ---------------------------------------------------------------------------------------------------------


def test_classes_are_never_pooled(pictures):
    maps, masks = pictures.toy()
    # The second class scores a thousand times higher: pooling would call all of its pixels anomalous.
    report = evaluate_images(
        [*maps, *(1000 * m for m in maps)], masks * 2, classes=["a"] * 4 + ["b"] * 4, defects=["d"] * 8
    )
    assert report.by_class["a"] == pytest.approx(report.by_class["b"])
    assert report.mean["au_pro@0.3"].value == pytest.approx(0.43557361353500096)
    assert report.mean["au_pro@0.3"].n == 2
    assert report.mean["mad"].value == pytest.approx(np.mean([report.by_class["a"][m] for m in MEAN_AD_PARTS]))
    assert [r.name for r in report.pixels["a"].by_defect()] == ["d"]


def test_a_class_without_defects_is_skipped_and_named(pictures):
    maps, masks = pictures.toy()
    report = evaluate_images([*maps, maps[0]], [*masks, None], classes=[*["a"] * 4, "b"])
    assert report.mean["pixel_auroc"].n == 1
    assert report.mean["pixel_auroc"].skipped == {"b": "y_true holds no anomaly"}
    assert reason_of(report.by_class["b"]["mad"]).startswith("image_auroc is undefined")


def test_image_labels_come_from_the_annotation():
    maps = [np.array([[0.9, 0.1]]), np.array([[0.2, 0.3]])]
    vanished = evaluate_images(maps, [None, None], image_labels=[1, 0])
    assert vanished.by_class["all"]["image_auroc"] == 1.0
    given_scores = evaluate_images(maps, [None, None], image_labels=[1, 0], image_scores=[0.0, 1.0])
    assert given_scores.by_class["all"]["image_auroc"] == 0.0
    assert given_scores.reduction == "given"


def test_samples_of_a_data_set():
    maps = [np.array([[s, 0.0]]) for s in SCORES]
    masks = [np.array([[label, 0]]) for label in LABELS]
    report = evaluate_images(maps, masks, sample_ids=IDS)
    assert report.by_class["all"]["sample_auroc"] == 0.75


def test_lengths_of_a_data_set(pictures):
    maps, masks = pictures.toy()
    with pytest.raises(MetricError, match="image_labels has 3 entries for 4 pictures"):
        evaluate_images(maps, masks, image_labels=[0, 1, 1])
    with pytest.raises(MetricError, match="classes has 2 entries"):
        evaluate_images(maps, masks, classes=["a", "a"])
    with pytest.raises(MetricError, match="sample_ids has 5 entries"):
        evaluate_images(maps, masks, sample_ids=list("abcde"))
    with pytest.raises(MetricError, match="no picture"):
        evaluate_images([], [])


# Rows of arXiv 2406.03262: six image and pixel metrics, AU-PRO, mAD as printed.
PUBLISHED = [
    ((54.5, 76.3, 83.6, 47.6, 3.2, 6.7, 14.3), 40.9),
    ((98.8, 99.5, 98.4, 98.3, 59.9, 61.0, 94.2), 87.2),
    ((95.4, 95.7, 91.6, 98.9, 43.3, 46.8, 93.1), 80.7),
    ((87.0, 85.3, 77.6, 98.6, 32.4, 38.1, 91.2), 72.9),
]


@pytest.mark.parametrize(("parts", "printed"), PUBLISHED)
def test_mean_ad_of_published_rows(parts, printed):
    assert mean_ad(dict(zip(MEAN_AD_PARTS, parts, strict=True))) == pytest.approx(printed, abs=0.1)


def test_mean_ad_needs_all_seven():
    row = dict.fromkeys(MEAN_AD_PARTS, 0.5)
    assert "au_pro@0.3 is undefined: no mask" in reason_of(mean_ad(row | {"au_pro@0.3": Undefined("no mask")}))
    del row["pixel_ap"]
    with pytest.raises(MetricError, match="pixel_ap is missing"):
        mean_ad(row)


def test_intervals_over_pictures_hold_the_exact_value(pictures):
    from tocsin.metrics.image import evaluate_pixels

    maps, masks = pictures.hashed()
    result = evaluate_pixels(masks, maps, resampling=True)
    intervals = result.intervals(n_resamples=500)
    for name, value in result.summary().items():
        assert intervals[name].value == value
        assert intervals[name].low <= value <= intervals[name].high
        assert intervals[name].n_groups == 12
    assert intervals["au_pro@0.3"].high - intervals["au_pro@0.3"].low < 0.2
    again = evaluate_pixels(masks, maps, resampling=True).intervals(n_resamples=500)
    assert again == intervals


def test_the_table_runs_on_pictures(pictures):
    maps, masks = pictures.hashed(4, 40, 40)
    for name, metric in IMAGE_METRICS.items():
        if name.startswith("image"):
            value = metric.function([m.any() for m in masks], [m.max() for m in maps])
        elif name.startswith("au_spro"):
            from tocsin.metrics.image import DefectChannel

            value = metric.function([[DefectChannel(m, 3)] if m.any() else [] for m in masks], maps)
        else:
            value = metric.function(masks, maps)
        number = value[0] if isinstance(value, tuple) else value
        assert 0 <= number <= 1 or reason_of(number)
        assert metric.oracle == ("f1_max" in name or "iou_max" in name)
        assert metric.definition.endswith((".", ")")) or metric.definition
        assert metric.fooled_by
        assert metric.reference


# -- calibration -------------------------------------------------------------------------------------------------------


def test_calibration_golden():
    p = np.arange(0.05, 1, 0.1)
    y = [0, 0, 1, 0, 0, 1, 1, 0, 1, 1]
    five, ten = calibration_errors(y, p, bins=5), calibration_errors(y, p, bins=10)
    assert (five.ece, five.mce) == pytest.approx((0.12, 0.2))
    assert (ten.ece, ten.mce) == pytest.approx((0.35, 0.75))
    assert five.brier == pytest.approx(0.1825)
    assert five.nll == pytest.approx(0.5257453003706581)


@given(
    hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(0, 20).map(lambda k: k / 20)),
    st.integers(1, 9),
    st.data(),
)
def test_calibration_against_loops(p, bins, data):
    y = data.draw(hnp.arrays(np.bool_, len(p)))
    errors = calibration_errors(y, p, bins=bins)
    gaps = []
    for b in range(bins):
        low, high = np.linspace(0, 1, bins + 1)[b : b + 2]
        inside = (p >= low) & ((p < high) | ((b == bins - 1) & (p <= high)))
        if inside.any():
            gaps.append((inside.mean(), abs(p[inside].mean() - y[inside].mean())))
    assert errors.ece == pytest.approx(sum(w * g for w, g in gaps))
    assert errors.mce == pytest.approx(max(g for _, g in gaps))
    order = data.draw(st.permutations(range(len(p))))
    assert calibration_errors(y[order], p[order], bins=bins).ace == pytest.approx(errors.ace)
    assert errors.ace <= errors.mce + 1e-9 or bins > 1


def test_calibration_edges():
    assert calibration_errors([0, 1], [0.0, 1.0]).ece == 0.0
    assert np.isfinite(calibration_errors([1, 0], [0.0, 1.0]).nll)
    with pytest.raises(MetricError, match="outside 0-1"):
        calibration_errors([0, 1], [0.5, 1.5])
    assert clopper_pearson(5, 5)[1] == 1.0
    assert clopper_pearson(0, 0) == (0.0, 1.0)


# -- boxes -------------------------------------------------------------------------------------------------------------


def test_boxes_by_hand():
    truths = [[[0, 0, 10, 10], [20, 20, 30, 30]], [[5, 5, 15, 15]], []]
    predicted = [[[0, 0, 10, 9], [0, 0, 9, 10]], [[6, 5, 16, 15]], [[0, 0, 5, 5]]]
    result = box_metrics(truths, predicted, [[0.9, 0.8], [0.7], [0.6]], kinds=[["open", "short"], ["open"], []])
    # In falling confidence: hit, miss (its truth is taken), hit, miss; three truths.
    assert result.average_precision == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert (result.precision, result.recall, result.f1) == pytest.approx((0.5, 2 / 3, 4 / 7))
    assert result.oracle_f1 == pytest.approx((2 * 2 / (3 + 3), 0.7))
    assert result.recall_by_kind == {"open": 1.0, "short": 0.0}
    strict = box_metrics(truths, predicted, [[0.9, 0.8], [0.7], [0.6]], iou=0.89)
    assert strict.n_hits == 1


def test_a_taken_truth_leaves_the_next_best():
    truths = [[[0, 0, 10, 10], [0, 0, 10, 12]]]
    predicted = [[[0, 0, 10, 11], [0, 0, 10, 12]]]
    assert box_metrics(truths, predicted, [[0.9, 0.8]]).n_hits == 2


@given(st.permutations(range(4)))
def test_order_of_equally_confident_boxes_does_not_move_average_precision(order):
    boxes = [[0, 0, 4, 4], [10, 10, 14, 14], [20, 20, 24, 24], [40, 40, 44, 44]]
    result = box_metrics([boxes[:2]], [[boxes[i] for i in order]], [[0.5] * 4])
    assert result.average_precision == pytest.approx(0.5)
    assert result.oracle_f1.value == pytest.approx(4 / 6)


def test_boxes_undefined_and_bad():
    none = box_metrics([[]], [[]], [[]])
    assert reason_of(none.average_precision) == "there is no truth to find"
    missed = box_metrics([[[0, 0, 1, 1]]], [[]], [[]])
    assert (missed.average_precision, missed.recall) == (0.0, 0.0)
    with pytest.raises(MetricError, match="has no area"):
        box_metrics([[[0, 0, 0, 1]]], [[]], [[]])
    with pytest.raises(MetricError, match="must have shape \\(boxes, 4\\)"):
        box_metrics([[[0, 0, 1]]], [[]], [[]])
    with pytest.raises(MetricError, match=r"predicted\[0\] holds 2 boxes"):
        box_metrics([[]], [[[0, 0, 1, 1], [0, 0, 2, 2]]], [[0.5]])
    with pytest.raises(MetricError, match="give all three"):
        box_metrics([[]], [], [])
    with pytest.raises(MetricError, match="kinds names 0 boxes"):
        box_metrics([[[0, 0, 1, 1]]], [[]], [[]], kinds=[[]])
