"""The rank engine: against scikit-learn, against loops over every threshold, and against itself in shards."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from tocsin.metrics._checks import MetricError, Undefined, as_scores, reason_of
from tocsin.metrics.ranks import ExactRanks, HistogramRanks, Ranking, score_of_key, sortable_key

Y = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])
S = np.array(
    [0.1, 0.35, 0.3, 0.8, 0.2, 0.6, 0.15, 0.05, 0.4, 0.55, 0.12, 0.33, 0.07, 0.45, 0.02, 0.5, 0.22, 0.7, 0.25, 0.01]
)


@st.composite
def labelled(draw, both=True, least=2):
    """Labels and scores with many ties; both classes present unless told otherwise."""
    n = draw(st.integers(least, 60))
    y = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    if both:
        y[0], y[-1] = 0, 1
    levels = draw(st.sampled_from([1, 2, 5, 1000]))
    s = draw(hnp.arrays(np.int64, n, elements=st.integers(-levels, levels))) / levels
    return y, s


def slow_points(y, s, w=None):
    """(threshold, tp, fp) at every distinct score, highest first, counted one by one."""
    w = np.ones(len(y)) if w is None else w
    return [(t, w[(s >= t) & (y == 1)].sum(), w[(s >= t) & (y == 0)].sum()) for t in sorted(set(s), reverse=True)]


def slow_partial_auroc(y, s, limit):
    """Walk along the polygon of the ROC curve and stop at the limit."""
    p, n = (y == 1).sum(), (y == 0).sum()
    points = [(0.0, 0.0)] + [(fp / n, tp / p) for _, tp, fp in slow_points(y, s)]
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= limit or x1 == x0:
            continue
        end = min(x1, limit)
        y_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        area += (end - x0) * (y0 + y_end) / 2
    return area / limit


def test_values_of_the_shared_example():
    ranking = Ranking.from_scores(Y, S)
    assert ranking.auroc() == pytest.approx(0.595238095, abs=5e-10)
    assert ranking.average_precision() == pytest.approx(0.486324786, abs=5e-10)
    assert ranking.pr_area_trapezoid() == pytest.approx(0.453058978, abs=5e-10)
    best = ranking.oracle_f1()
    assert best.value == pytest.approx(0.571428571, abs=5e-10)
    assert best.threshold == 0.12
    at = ranking.curves([0.3])
    assert (at.precision[0], at.recall[0], at.f1[0]) == pytest.approx((0.3, 0.5, 0.375))


@given(labelled(), st.floats(0.01, 1.0))
def test_agrees_with_scikit_learn(pair, limit):
    y, s = pair
    ranking = Ranking.from_scores(y, s)
    assert ranking.auroc() == pytest.approx(sk.roc_auc_score(y, s), abs=1e-12)
    assert ranking.average_precision() == pytest.approx(sk.average_precision_score(y, s), abs=1e-12)
    precision, recall, _ = sk.precision_recall_curve(y, s)
    assert ranking.pr_area_trapezoid() == pytest.approx(sk.auc(recall, precision), abs=1e-12)
    if limit < 1:
        assert ranking.auroc(limit, standardised=True) == pytest.approx(
            sk.roc_auc_score(y, s, max_fpr=limit), abs=1e-12
        )


@given(labelled(), st.data())
def test_weights_agree_with_scikit_learn(pair, data):
    y, s = pair
    w = data.draw(hnp.arrays(np.float64, len(y), elements=st.floats(0.1, 9)))
    ranking = Ranking.from_scores(y, s, sample_weight=w)
    assert ranking.auroc() == pytest.approx(sk.roc_auc_score(y, s, sample_weight=w), abs=1e-10)
    assert ranking.average_precision() == pytest.approx(sk.average_precision_score(y, s, sample_weight=w), abs=1e-10)
    whole = np.rint(w).astype(int) + 1
    heavy = Ranking.from_scores(y, s, sample_weight=whole)
    repeated = Ranking.from_scores(np.repeat(y, whole), np.repeat(s, whole))
    for name in ("auroc", "average_precision", "pr_area_trapezoid", "oracle_f1", "oracle_iou"):
        assert getattr(heavy, name)() == pytest.approx(getattr(repeated, name)(), abs=1e-12)


@given(labelled(), st.floats(0.001, 1.0))
def test_partial_area_is_the_walk_along_the_curve(pair, limit):
    y, s = pair
    ranking = Ranking.from_scores(y, s)
    slow = slow_partial_auroc(y, s, limit)
    assert ranking.auroc(limit) == pytest.approx(slow, abs=1e-10)
    assert ranking.partial_area(s[y == 1], limit).mean() / limit == pytest.approx(slow, abs=1e-10)


@given(labelled(), st.floats(0, 1), st.floats(0.01, 1))
def test_best_points_and_rates_against_every_threshold(pair, fpr, tpr):
    y, s = pair
    p, n = (y == 1).sum(), (y == 0).sum()
    points = slow_points(y, s)
    ranking = Ranking.from_scores(y, s)
    f1 = max((2 * tp / (tp + fp + p), -t) for t, tp, fp in points)
    assert ranking.oracle_f1() == pytest.approx((f1[0], -f1[1]))
    f2 = max((5 * tp / (tp + fp + 4 * p), -t) for t, tp, fp in points)
    assert ranking.oracle_fbeta(2) == pytest.approx((f2[0], -f2[1]))
    assert ranking.oracle_iou().value == pytest.approx(max(tp / (fp + p) for _, tp, fp in points))
    assert ranking.tpr_at_fpr(fpr) == max([tp / p for _, tp, fp in points if fp <= fpr * n], default=0)
    assert ranking.fpr_at_tpr(tpr) == min(fp / n for _, tp, fp in points if tp / p >= tpr)
    curves = ranking.curves()
    assert np.array_equal(curves.threshold, [t for t, _, _ in points])
    assert np.allclose(curves.recall, [tp / p for _, tp, _ in points])
    assert np.allclose(curves.fpr, [fp / n for _, _, fp in points])
    assert np.allclose(curves.precision, [tp / (tp + fp) for _, tp, fp in points])
    assert ranking.distinct_scores() == len(points)


@given(labelled(least=2), st.data())
def test_precision_at_k_is_the_mean_over_orders_of_ties(pair, data):
    y, s = pair
    k = data.draw(st.integers(1, len(y)))
    t = np.sort(s)[-k]
    sure, tied = s > t, s == t
    expected = (y[sure].sum() + (k - sure.sum()) * y[tied].mean()) / k
    assert Ranking.from_scores(y, s).precision_at(k) == pytest.approx(expected)


@given(labelled(), st.sampled_from([np.exp, np.arctan, lambda x: 3 * x - 7, lambda x: np.cbrt(x)]))
def test_increasing_transforms_and_duplication_change_nothing(pair, transform):
    y, s = pair
    first = Ranking.from_scores(y, s)
    for other in (Ranking.from_scores(y, transform(s)), Ranking.from_scores(np.tile(y, 3), np.tile(s, 3))):
        for name in ("auroc", "average_precision", "pr_area_trapezoid"):
            assert getattr(other, name)() == pytest.approx(getattr(first, name)(), abs=1e-12)
        assert other.oracle_f1().value == pytest.approx(first.oracle_f1().value)
        assert other.auroc(0.2) == pytest.approx(first.auroc(0.2), abs=1e-12)


@given(labelled())
def test_swapping_labels_and_signs_keeps_auroc(pair):
    y, s = pair
    assert Ranking.from_scores(1 - y, -s).auroc() == pytest.approx(Ranking.from_scores(y, s).auroc(), abs=1e-12)


@given(labelled(both=False, least=1), st.integers(1, 4), st.sampled_from([np.float16, np.float32, np.float64]))
def test_shards_merge_to_the_whole(pair, shards, dtype):
    y, s = pair[0].astype(bool), pair[1].astype(dtype)
    group = np.arange(len(y)) % 3
    whole = Ranking.from_scores(y, s)
    total = ExactRanks()
    for part in np.array_split(np.arange(len(y)), shards):
        shard = ExactRanks().update(y[part].reshape(1, -1), s[part].reshape(1, -1), groups=group[part].reshape(1, -1))
        total.merge(shard)
        early = total.compute()  # an early look must neither disturb what follows nor be disturbed by it
        seen = (early.negatives.copy(), early.positives.copy())
    assert total.n_places == len(y)
    assert np.array_equal(early.negatives, seen[0])
    ranking = total.compute()
    assert np.array_equal(ranking.negatives, whole.negatives)
    assert np.array_equal(ranking.positives, whole.positives)
    if y.any():
        pairs = sorted(zip(total.positives.tolist(), total.groups.tolist(), strict=True))
        assert pairs == sorted(zip(as_scores(s)[y].tolist(), group[y].tolist(), strict=True))
        assert np.array_equal(total.positives, ranking.positives)


def test_an_earlier_ranking_survives_later_batches():
    ranks = ExactRanks().update([0, 1, 0], [0.5, 0.7, 0.1])
    early = ranks.compute()
    before = early.auroc()
    for step in range(50):
        ranks.update([0, 1], [0.9 + step, 0.01 * step])
    assert early.auroc() == before == 1.0
    assert early.negatives.tolist() == [0.1, 0.5]
    assert ranks.compute().n_negative == 52


@given(
    labelled(),
    st.sampled_from([8, 10, 13, 20]),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from([0.1, 0.3, 1.0]),
)
@settings(max_examples=60)
def test_histogram_stays_within_its_bounds(pair, bits, dtype, limit):
    y, s = pair[0], pair[1] + 0.1 * np.sin(np.arange(len(pair[0])))
    exact = Ranking.from_scores(y, s)
    shards = [HistogramRanks(bits, dtype).update(y[i::2], s[i::2]) for i in (0, 1)]
    binned = shards[0].merge(shards[1])
    assert abs(binned.compute().auroc(limit) - exact.auroc(limit)) <= binned.auroc_error(limit) + 1e-12
    low, high = binned.average_precision_bounds()
    assert low - 1e-12 <= exact.average_precision() <= high + 1e-12
    assert low - 1e-12 <= binned.compute().average_precision() <= high + 1e-12


def test_histogram_ignores_the_scale_of_scores_where_linear_bins_would_not():
    rng = np.random.default_rng(3)
    y = rng.random(20_000) < 0.05
    s = np.exp(8 * (rng.normal(size=20_000) + y)).astype(np.float32)
    exact = Ranking.from_scores(y, s).auroc()
    binned = HistogramRanks(16).update(y, s)
    assert binned.compute().auroc() == pytest.approx(exact, abs=1e-4)
    assert binned.auroc_error() < 1e-3
    linear = np.floor(65535 * (s - s.min()) / (s.max() - s.min()))
    assert abs(Ranking.from_scores(y, linear).auroc() - exact) > 0.2


def test_histogram_weights_and_extreme_scores():
    y = np.array([0, 1, 0, 1, 1])
    s = np.array([-1e300, -3e38, 0.0, 1e-45, 1e300])
    w = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    binned = HistogramRanks(24).update(y, s, weights=w).compute()
    exact = Ranking.from_scores(y, s, sample_weight=w)
    assert binned.n_positive == 11
    assert np.isfinite(binned.negatives).all()
    assert HistogramRanks(24, "float64").update(y, s, weights=w).compute().auroc() == pytest.approx(exact.auroc())


@given(hnp.arrays(np.float32, st.integers(2, 50), elements=st.floats(width=32, allow_nan=False)))
def test_keys_sort_as_their_scores_and_come_back(values):
    for array in (values, values.astype(np.float64)):
        keys = sortable_key(array)
        assert np.array_equal(np.argsort(keys, kind="stable"), np.argsort(array, kind="stable"))
        assert np.array_equal(score_of_key(keys), array)


def test_thresholds_of_another_precision_compare_exactly():
    ranking = Ranking.from_scores(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    assert ranking.true_positives(0.3) == 2  # float32(0.3) lies above 0.3
    assert ranking.true_positives(np.float64(np.float32(0.3)), strict=True) == 1
    assert ranking.true_positives(float(np.float32(0.4)) + 1e-12) == 0
    assert ranking.false_positives(float(np.float32(0.1)) - 1e-12, strict=True) == 2


def test_memory_of_pixels():
    import tracemalloc

    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(4, 256, 256)).astype(np.float32) for _ in range(8)]
    masks = [rng.random((4, 256, 256)) < 0.01 for _ in range(8)]
    pixels, positives = sum(m.size for m in maps), sum(int(m.sum()) for m in masks)
    batch = maps[0].size * 6  # the batch in hand, split by class
    tracemalloc.start()
    ranks = ExactRanks()
    for scores, mask in zip(maps, masks, strict=True):
        ranks.update(mask, scores, groups=np.ones(mask.shape, np.int32))
    ranking = ranks.compute()
    ranking.auroc(0.3), ranking.average_precision(), ranking.oracle_f1()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 6 * pixels + 32 * positives + batch


def test_undefined_values_say_why():
    empty = Ranking.from_scores([0, 0], [1.0, 2.0])
    full = Ranking.from_scores([1, 1], [1.0, 2.0])
    for value in (empty.auroc(), empty.average_precision(), empty.oracle_f1().value, empty.pr_area_trapezoid()):
        assert np.isnan(value)
        assert reason_of(value) == "y_true holds no anomaly"
    assert reason_of(full.auroc()) == "y_true holds nothing but anomalies"
    assert full.average_precision() == 1.0
    assert reason_of(0.3) is None
    again = pickle.loads(pickle.dumps(Undefined("why")))
    assert again.reason == "why"
    assert np.isnan(again + 1)
    assert str(again) == "nan (why)"


@pytest.mark.parametrize(
    ("y", "s", "message"),
    [
        ([0, 1], [0.1], "y_true has 2 values and y_score has 1"),
        ([0, 1], [0.1, np.nan], "y_score holds nan at position 1"),
        ([0, 1], [np.inf, 0.1], "y_score holds inf at position 0"),
        ([0, 2], [0.1, 0.2], "y_true must hold only 0 and 1, but holds 2 at position 1"),
        (["a", "b"], [0.1, 0.2], "y_true must hold 0 and 1 .* not text such as"),
        ([0, 1], ["a", "b"], "y_score must hold numbers, not text"),
        ([], [], "are empty"),
        ([[0, 1]], [[0.1, 0.2]], "y_true must be one-dimensional"),
        ([0.5, 1], [0.1, 0.2], "holds 0.5 at position 0"),
        ([0, 1], [None, 0.2], "y_score must hold numbers"),
    ],
)
def test_bad_input_is_one_clear_sentence(y, s, message):
    with pytest.raises(MetricError, match=message):
        Ranking.from_scores(y, s)


def test_bad_parameters_are_one_clear_sentence():
    ranking = Ranking.from_scores(Y, S)
    with pytest.raises(MetricError, match="max_fpr must lie in"):
        ranking.auroc(0)
    with pytest.raises(MetricError, match="k is 21, but there are only 20"):
        ranking.precision_at(21)
    with pytest.raises(MetricError, match="whole number"):
        ranking.precision_at(1.5)
    with pytest.raises(MetricError, match="takes no weights"):
        Ranking.from_scores(Y, S, sample_weight=S).precision_at(3)
    with pytest.raises(MetricError, match="weights must not be negative"):
        Ranking.from_scores(Y, S, sample_weight=-S)
    with pytest.raises(MetricError, match="do not merge"):
        HistogramRanks(10).merge(HistogramRanks(11))
    with pytest.raises(MetricError, match="some batches name groups"):
        ExactRanks().update([1], [0.1], groups=[3]).update([1], [0.1])
    with pytest.raises(MetricError, match="y_true has shape"):
        ExactRanks().update(np.ones((2, 3), bool), np.ones((3, 2)))


def test_published_areas_of_an_audio_detector(shared):
    """Every digit of AUC and standardised partial AUC that a published benchmark prints for its scores."""
    import csv
    import gzip

    with gzip.open(shared / "data" / "toycar_scores" / "toycar_scores.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    lines = (shared / "data" / "toycar_scores" / "expected_auc_pauc.csv").read_text().splitlines()
    checked = 0
    for machine, auc, pauc in (line.split(",") for line in lines if line[:2].isdigit()):
        mine = [row for row in rows if row["machine_id"].removeprefix("id_") == machine]
        ranking = Ranking.from_scores([int(row["label"]) for row in mine], [float(row["score"]) for row in mine])
        assert ranking.auroc() == pytest.approx(float(auc), abs=1e-12)
        assert ranking.auroc(0.1, standardised=True) == pytest.approx(float(pauc), abs=1e-12)
        checked += 1
    assert checked == 4
