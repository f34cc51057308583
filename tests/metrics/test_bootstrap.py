from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tocsin.metrics._checks import MetricError, Undefined, reason_of
from tocsin.metrics.bootstrap import (
    BinnedCurves,
    RankResampler,
    bootstrap_interval,
    mean_interval,
    paired_bootstrap,
    paired_permutation,
)
from tocsin.metrics.ranks import Ranking

# -- intervals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_agrees_with_scipy(method):
    values = np.random.default_rng(0).exponential(size=40)
    ours = bootstrap_interval(lambda g: values[g].mean(), 40, n_resamples=9000, method=method)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=9000, method=method, random_state=1).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.high, abs=0.02)
    assert ours.value == pytest.approx(values.mean())
    fast = mean_interval(values, n_resamples=9000, method=method)
    assert (fast.low, fast.high) == pytest.approx((ours.low, ours.high), abs=1e-9)  # the same draws


def test_coverage_of_the_mean():
    hits = {"percentile": 0, "bca": 0}
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=30)
        for method in hits:
            interval = mean_interval(values, n_resamples=400, method=method, seed=seed)
            hits[method] += interval.low <= 0 <= interval.high
    assert all(0.89 <= count / 200 <= 0.99 for count in hits.values())


def test_groups_are_the_unit_and_not_their_members():
    random = np.random.default_rng(0)
    groups = [random.normal() + 0.1 * random.normal(size=100) for _ in range(20)]
    by_group = mean_interval([g.mean() for g in groups])
    by_member = mean_interval(np.concatenate(groups))
    assert by_group.high - by_group.low > 4 * (by_member.high - by_member.low)


def test_strata_keep_their_sizes():
    seen = []
    bootstrap_interval(
        lambda g: seen.append(np.sort(g)) or 0.0, 5, strata=["good", "bad", "good", "bad", "bad"], n_resamples=50
    )
    for chosen in seen[1:]:
        assert np.isin(chosen, [0, 2]).sum() == 2
    with pytest.raises(MetricError, match="strata names 2 of 3 groups"):
        bootstrap_interval(lambda g: 0.0, 3, strata=[0, 1])


def test_seeds():
    values = np.arange(12.0) ** 2
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval(values, seed=1).low != mean_interval(values, seed=2).low


def test_undefined_resamples_are_counted():
    labels = np.array([1] + [0] * 9)
    interval = bootstrap_interval(lambda g: Undefined("no anomaly") if not labels[g].any() else 0.5, 10)
    assert 500 < interval.n_undefined < 900
    assert "resamples had no value" in interval.note
    assert (interval.low, interval.high) == (0.5, 0.5)
    nothing = bootstrap_interval(lambda g: Undefined("no anomaly"), 10, n_resamples=10)
    assert reason_of(nothing.low) == "no anomaly"


def test_few_groups_are_named():
    assert reason_of(mean_interval([0.5]).low) == "an interval needs at least two groups"
    assert "only 3 groups" in mean_interval([0.5, 0.6, 0.7]).note
    assert mean_interval(np.arange(10.0)).note == ""
    empty = mean_interval([float("nan")])
    assert reason_of(empty.value) == "no group has a value"


def test_bad_settings():
    with pytest.raises(MetricError, match="method must be one of"):
        mean_interval([1.0, 2.0], method="basic")
    with pytest.raises(MetricError, match="level must be below 1"):
        mean_interval([1.0, 2.0], level=1.0)
    with pytest.raises(MetricError, match="n_resamples must be at least 1"):
        mean_interval([1.0, 2.0], n_resamples=0)
    with pytest.raises(MetricError, match="one number per group"):
        mean_interval([[1.0], [2.0]])


# -- pairs -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=9))
@settings(max_examples=40)
def test_exact_exchange_agrees_with_scipy(rows):
    a, b = np.array([x for x, _ in rows], float), np.array([y for _, y in rows], float)
    ours = paired_permutation(a, b).p_value
    theirs = stats.permutation_test(
        (a, b), lambda x, y: abs(np.sum(x - y)), permutation_type="samples", n_resamples=np.inf, alternative="greater"
    ).pvalue
    assert ours == pytest.approx(theirs)


def test_drawn_exchange_is_close_to_the_exact_one():
    random = np.random.default_rng(1)
    a = random.normal(size=14)
    b = a + random.normal(size=14) + 0.4
    exact = paired_permutation(a, b)
    drawn = paired_permutation(
        np.append(a, [0, 0]), np.append(b, [0, 0])
    )  # two groups without a difference add nothing
    assert exact.test.endswith("exact")
    assert drawn.test.endswith("drawn")
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.02)


def test_p_values_of_equal_detectors_are_uniform():
    small = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        a, b = random.normal(size=(2, 25))
        small += paired_permutation(a, b, n_resamples=300, seed=seed).p_value <= 0.1
    assert 8 <= small <= 34


def test_pairing_sees_what_two_intervals_do_not():
    random = np.random.default_rng(0)
    difficulty = random.normal(size=30)
    first, second = difficulty + 0.2, difficulty + 0.05 * random.normal(size=30)
    a, b = mean_interval(first), mean_interval(second)
    assert a.low < b.high
    assert paired_permutation(first, second).p_value < 0.001
    paired = paired_bootstrap(lambda g: first[g].mean(), lambda g: second[g].mean(), 30)
    assert paired.p_value < 0.01
    assert 0 < paired.difference.low < 0.2 < paired.difference.high
    same = paired_bootstrap(lambda g: first[g].mean(), lambda g: first[g].mean(), 30)
    assert same.p_value == 1.0


def test_bad_pairs():
    with pytest.raises(MetricError, match="shapes"):
        paired_permutation([1.0], [1.0, 2.0])
    assert reason_of(paired_permutation([np.nan], [1.0]).p_value) == "no group has a value for both"


# -- histograms --------------------------------------------------------------------------------------------------------


def grouped(seed, n_groups=15, size=120):
    random = np.random.default_rng(seed)
    groups = []
    for i in range(n_groups):
        labels = random.random(size) < (0.3 if i % 3 else 0.0)
        groups.append((labels, random.normal(size=size) + labels + 0.5 * random.normal()))
    return groups


def resampler_of(groups, weight=None):
    resampler = RankResampler(weighted=weight is not None)
    for i, (labels, scores) in enumerate(groups):
        weights = None if weight is None else weight[i][labels]
        resampler.add(scores[~labels], scores[labels], weights, group=f"g{i}")
    return resampler


def exact_of(groups, read):
    labels, scores = (np.concatenate(part) for part in zip(*groups, strict=True))
    return read(Ranking.from_scores(labels, scores))


@pytest.mark.parametrize(
    ("binned", "read"),
    [
        (BinnedCurves.auroc, Ranking.auroc),
        (lambda c: c.auroc(0.1), lambda r: r.auroc(0.1)),
        (BinnedCurves.average_precision, Ranking.average_precision),
        (BinnedCurves.oracle_f1, lambda r: r.oracle_f1().value),
        (BinnedCurves.oracle_iou, lambda r: r.oracle_iou().value),
    ],
)
def test_histograms_resample_like_the_scores_themselves(binned, read):
    groups = grouped(0)
    exact = exact_of(groups, read)
    fast = resampler_of(groups).interval(binned, exact, n_resamples=300)
    slow = bootstrap_interval(lambda g: exact_of([groups[i] for i in g], read), 15, n_resamples=300)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=3e-3)
    bca = resampler_of(groups).interval(binned, exact, n_resamples=300, method="bca")
    slow_bca = bootstrap_interval(lambda g: exact_of([groups[i] for i in g], read), 15, n_resamples=300, method="bca")
    assert (bca.low, bca.high) == pytest.approx((slow_bca.low, slow_bca.high), abs=5e-3)


def test_weights_of_anomalous_places():
    groups = grouped(1)
    random = np.random.default_rng(2)
    weight = [random.random(len(labels)) + 0.1 for labels, _ in groups]
    whole = np.ones((1, 15))
    labels, scores = (np.concatenate(part) for part in zip(*groups, strict=True))
    exact = Ranking.from_scores(labels, scores, sample_weight=np.where(labels, np.concatenate(weight), 1.0)).auroc(0.3)
    resampler = resampler_of(groups, weight)
    interval = resampler.interval(lambda c: c.weighted_auroc(0.3), exact, n_resamples=100)
    assert interval.low < exact < interval.high
    curves = next(resampler._curves(whole))
    assert curves.weighted_auroc(0.3)[0] == pytest.approx(exact, abs=2e-3)


def test_shards_merge_and_groups_add_up():
    groups = grouped(3)
    whole = resampler_of(groups)
    left, right = RankResampler(), RankResampler()
    for i, (labels, scores) in enumerate(groups):
        half = len(labels) // 2
        for shard, part in ((left, slice(None, half)), (right, slice(half, None))):
            shard.add(scores[part][~labels[part]], scores[part][labels[part]], group=f"g{i}")
    left.merge(right)
    assert left.groups == whole.groups
    assert left.interval(BinnedCurves.auroc, 0.8) == whole.interval(BinnedCurves.auroc, 0.8)
    with pytest.raises(MetricError, match="one shard weighs"):
        left.merge(RankResampler(weighted=True))
    with pytest.raises(MetricError, match="no group was given"):
        RankResampler().interval(BinnedCurves.auroc, 0.5)


def test_two_detectors_on_the_same_groups():
    groups = grouped(4)
    better = [(labels, scores + 0.7 * labels) for labels, scores in groups]
    difference = exact_of(better, Ranking.auroc) - exact_of(groups, Ranking.auroc)
    shuffled = RankResampler()
    for i in reversed(range(15)):
        labels, scores = groups[i]
        shuffled.add(scores[~labels], scores[labels], group=f"g{i}")
    result = resampler_of(better).difference(shuffled, BinnedCurves.auroc, difference, n_resamples=500)
    assert result.difference.value == difference
    assert result.difference.low > 0
    assert result.p_value < 0.01
    slow = paired_bootstrap(
        lambda g: exact_of([better[i] for i in g], Ranking.auroc),
        lambda g: exact_of([groups[i] for i in g], Ranking.auroc),
        15,
        n_resamples=500,
    )
    assert result.difference.low == pytest.approx(slow.difference.low, abs=3e-3)
    with pytest.raises(MetricError, match="different groups"):
        resampler_of(better).difference(resampler_of(groups[:-1]), BinnedCurves.auroc, 0.0)
