"""The table of series metrics, and what must hold for every row of it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tocsin.metrics._checks import MetricError, MetricWarning, reason_of
from tocsin.metrics.series import SERIES_METRICS, point_adjusted_oracle_f1, vus

pytestmark = pytest.mark.filterwarnings("ignore::tocsin.metrics._checks.MetricWarning")
ROWS = [pytest.param(row, id=row.name) for row in SERIES_METRICS.values()]


def a_series(seed=0, n=400):
    rng = np.random.default_rng(seed)
    y = np.zeros(n, int)
    y[n // 3 : n // 3 + 30] = 1
    s = np.round(rng.random(n) + 0.4 * y, 2)
    return y, s


def given_to(row, y, s):
    return (y, s > np.quantile(s, 0.9)) if row.needs_threshold else (y, s)


@pytest.mark.parametrize("row", ROWS)
def test_every_row_computes_a_number_and_explains_itself(row):
    value = row.compute(*given_to(row, *a_series()))
    assert np.isfinite(value)
    assert isinstance(value, float)
    assert row.definition
    assert row.reference
    assert row.fooled_by


@pytest.mark.parametrize("row", ROWS)
def test_perfection_beats_chance(row):
    y, s = a_series()
    # The published 250 thresholds step over the perfect one here: that alone would cost a perfect score 0.003.
    exact = {"n_thresholds": None} if row.name.startswith(("vus", "range_auc")) else {}
    perfect = row.compute(y, y.astype(bool) if row.needs_threshold else y + 0.5 * s / s.max(), **exact)
    worse = row.compute(*given_to(row, y, np.random.default_rng(1).random(len(y))))
    assert perfect >= worse if row.higher_is_better else perfect <= worse
    if row.name == "nab_score":
        assert perfect == pytest.approx(100)
    elif row.higher_is_better:
        assert perfect == pytest.approx(1.0)
    else:
        assert perfect == 0


@pytest.mark.parametrize("row", [p for p in ROWS if not p.values[0].needs_threshold])
def test_only_the_order_of_scores_counts(row):
    y, s = a_series()
    for transform in (lambda v: 7 * v - 3, lambda v: np.exp(2 * v), np.arctan, lambda v: v.astype(np.float32)):
        assert row.compute(y, transform(s)) == pytest.approx(row.compute(y, s), abs=1e-9)


@pytest.mark.parametrize("row", ROWS)
def test_labels_of_any_binary_kind_give_the_same(row):
    y, s = given_to(row, *a_series())
    expected = row.compute(y, s)
    for kind in (bool, np.uint8, np.int8, float, list):
        labels = y.tolist() if kind is list else y.astype(kind)
        assert row.compute(labels, s) == expected


@pytest.mark.parametrize("row", ROWS)
def test_inputs_stay_untouched(row):
    y, s = given_to(row, *a_series())
    before = y.copy(), s.copy()
    row.compute(y, s)
    assert np.array_equal(y, before[0])
    assert np.array_equal(s, before[1])


@pytest.mark.parametrize("row", ROWS)
def test_no_anomaly_is_undefined_with_a_reason(row):
    value = row.compute(np.zeros(10, int), np.arange(10) % 2)
    assert np.isnan(value)
    assert reason_of(value)


@pytest.mark.parametrize("row", ROWS)
def test_awkward_series_do_not_break(row):
    def check(y, s):
        value = row.compute(*given_to(row, np.array(y), np.array(s, float)))
        assert np.isfinite(value) or reason_of(value), (y, s)

    check([1], [0.3])
    check([0, 1], [0.5, 0.5])
    check([1, 0, 0], [0.1, 0.9, 0.2])
    check([0, 0, 1], [0.1, 0.9, 0.2])
    check([1, 1, 1], [0.1, 0.9, 0.2])
    check([0] * 30 + [1] + [0] * 30, [0.0] * 61)
    if not row.one_event_only:
        check([1, 0, 1, 0, 1], [0.1, 0.9, 0.2, 0.2, 0.2])


@pytest.mark.parametrize("row", ROWS)
def test_bad_input_is_one_clear_sentence(row):
    y, s = given_to(row, *a_series())
    bad = s.astype(float)
    bad[3] = np.nan
    for labels, values, message in (
        (y[:-1], s, "they must describe the same places"),
        (y, bad, "y_score holds nan at position 3|y_pred must hold only 0 and 1, but holds nan at position 3"),
        (y + 1, s, "y_true must hold only 0 and 1, but holds 2"),
        (["a"] * len(s), s, "y_true must hold 0 and 1 .* not text such as"),
        (y, ["a"] * len(s), "must hold .* not text such as"),
        ([], [], "are empty"),
        (np.stack([y, y]), np.stack([s, s]), "must be one-dimensional"),
    ):
        with pytest.raises(MetricError, match=message) as caught:
            row.compute(labels, values)
        assert "\n" not in str(caught.value)


def test_adjusted_metrics_wait_to_be_named():
    for name, row in SERIES_METRICS.items():
        assert row.asked_by_name_only == name.startswith("point_adjusted")
        assert not (row.asked_by_name_only and row.default)
        assert row.oracle or not name.startswith("oracle")


def test_points_repeated_in_place_keep_rank_metrics():
    y, s = a_series()
    for name in ("auc_roc", "average_precision", "oracle_f1", "precision", "recall", "f1", "composite_f1"):
        row = SERIES_METRICS[name]
        labels, values = given_to(row, y, s)
        assert row.compute(np.repeat(labels, 3), np.repeat(values, 3)) == pytest.approx(row.compute(labels, values))


def test_series_end_to_end_keep_metrics_of_ranges():
    y, s = a_series()
    b = s > 1.0
    for name in ("range_precision", "range_recall", "etap", "etar", "event_recall", "missed_events", "delay_median"):
        row = SERIES_METRICS[name]
        b[0] = b[-1] = False
        twice = row.compute(np.tile(y, 2), np.tile(b, 2))
        assert twice == pytest.approx(row.compute(y, b)), name


def test_named_trap_counter_examples():
    """What no information scores: why dummy rows are printed beside every result."""
    y = np.zeros(10_000, int)
    for start in range(800, 10_000, 1600):
        y[start : start + 200] = 1
    random, constant = np.random.default_rng(7).random(10_000), np.ones(10_000)
    assert SERIES_METRICS["average_precision"].compute(y, random) < 0.15
    assert SERIES_METRICS["average_precision"].compute(y, constant) == pytest.approx(0.12)
    with pytest.warns(MetricWarning):
        assert SERIES_METRICS["pr_auc_trapezoid"].compute(y, constant) > 0.5
    assert SERIES_METRICS["pate"].compute(y, constant) > 0.5
    assert SERIES_METRICS["pate"].compute(y, constant, interpolation="step") < 0.2
    assert point_adjusted_oracle_f1(y, random).value > 0.9
    assert vus(y, random, max_window=400).pr > vus(y, random, max_window=50).pr


def test_results_can_be_pickled_and_written():
    value = SERIES_METRICS["pate"].compute([0, 0], [0.1, 0.2])
    assert reason_of(pickle.loads(pickle.dumps(value))) == "y_true holds no anomaly"
    assert json.dumps([value]) == "[NaN]"


def test_import_needs_numpy_only():
    code = (
        "import sys, tocsin.metrics.series as s; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'scipy', 'sklearn', 'torch', 'pandas', 'duckdb'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
