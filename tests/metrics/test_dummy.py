from __future__ import annotations

import numpy as np
import pytest

from tocsin.metrics._checks import MetricError, Undefined, reason_of
from tocsin.metrics.dummy import (
    dummy_rows,
    event_dummies,
    image_dummies,
    point_dummies,
    series_dummies,
    severity_dummies,
    video_dummies,
)
from tocsin.metrics.image import IMAGE_METRICS
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.table import CoarseScoresWarning, Metric, warn_if_coarse
from tocsin.metrics.video import VIDEO_METRICS

AUC = {
    "auc": lambda y, s: Ranking.from_scores(y, s).auroc(),
    "ap": lambda y, s: Ranking.from_scores(y, s).average_precision(),
}


def rows_of(metrics, truth, dummies):
    return {row.name: row.values for row in dummy_rows(metrics, truth, dummies)}


def test_constant_and_random_give_the_floor_of_each_metric():
    random = np.random.default_rng(0)
    truth = (random.random(20000) < 0.1).astype(int)
    rows = rows_of(AUC, truth, series_dummies(truth, seed=3))
    assert rows["constant"] == pytest.approx({"auc": 0.5, "ap": truth.mean()})
    assert rows["random"]["auc"] == pytest.approx(0.5, abs=0.02)
    assert rows["random"]["ap"] == pytest.approx(0.1, abs=0.01)
    assert rows_of(AUC, truth, series_dummies(truth, seed=3)) == rows


def test_steps_find_spikes():
    random = np.random.default_rng(1)
    values = np.cumsum(random.normal(size=(2000, 2)) * 0.1, axis=0) * [1, 1000]
    truth = np.zeros(2000, int)
    truth[[300, 900, 1500]] = 1
    values[truth == 1, 0] += 5
    values[40, 1] = np.nan
    rows = rows_of(AUC, truth, series_dummies(truth, values))
    assert rows["first difference"]["auc"] > 0.99
    with pytest.raises(MetricError, match="values has 3 rows and y_true has 2"):
        series_dummies([0, 1], [1, 2, 3])


def test_the_middle_of_the_picture_scores_well():
    random = np.random.default_rng(0)
    masks = []
    for _ in range(30):
        mask = np.zeros((40, 60), int)
        r, c = np.clip(random.normal((20, 30), (6, 9)), 3, (36, 56)).astype(int)
        mask[r - 2 : r + 2, c - 2 : c + 2] = 1
        masks.append(mask)
    chosen = {name: IMAGE_METRICS[name].function for name in ("pixel_auroc", "au_pro@0.3", "pixel_ap")}
    rows = rows_of(chosen, masks, image_dummies(masks))
    assert rows["constant"] == pytest.approx({"pixel_auroc": 0.5, "au_pro@0.3": 0.15, "pixel_ap": np.mean(masks)})
    assert rows["random"]["au_pro@0.3"] == pytest.approx(0.15, abs=0.03)
    assert rows["centre prior"]["pixel_auroc"] > 0.75
    assert rows["centre prior"]["au_pro@0.3"] > 0.5
    assert [m.shape for m in image_dummies([None], shapes=[(3, 5)])[2].scores()] == [(3, 5)]
    with pytest.raises(MetricError, match="give the shapes"):
        image_dummies([None])


def test_knowing_which_video_without_when():
    truth = [np.zeros(100, int) for _ in range(10)]
    for video in truth[:5]:
        video[40:60] = 1
    chosen = {name: metric.function for name, metric in VIDEO_METRICS.items()}
    rows = rows_of(chosen, truth, video_dummies(truth))
    # Perfect in the videos, blind inside them: exactly what pooled AUC cannot see and AUC_A can.
    assert rows["video oracle"]["frame_auc"] == pytest.approx(1 - 0.5 * 400 / 900)
    assert rows["video oracle"]["auc_anomalous"] == 0.5
    assert rows["video oracle"]["video_auc"] == 1.0
    assert rows["video oracle"]["frame_pr_trapezoid"] > 2 * rows["video oracle"]["frame_ap"]
    assert rows["video oracle x centre prior"]["frame_auc"] == 1.0
    shorter = [video[20:80] if video.any() else video for video in truth]
    assert rows_of(chosen, shorter, video_dummies(shorter))["1 / length"]["video_auc"] == 1.0


def test_rare_values():
    random = np.random.default_rng(0)
    fields = np.column_stack((random.choice(["get", "put"], 1000, p=[0.7, 0.3]), random.choice(["a", "b"], 1000)))
    truth = (random.random(1000) < 0.02).astype(int)
    fields[truth == 1, 1] = "z"
    rows = rows_of(AUC, truth, event_dummies(truth, fields))
    assert rows["frequency prior"]["auc"] > 0.95
    unseen = event_dummies(truth, fields, reference=fields[truth == 0])[2].scores()
    assert unseen[truth == 1].min() > unseen[truth == 0].max()
    one_column = event_dummies([0, 0, 1], ["a", "a", "b"])[2].scores()
    assert one_column == pytest.approx(-np.log([2 / 3, 2 / 3, 1 / 3]))
    with pytest.raises(MetricError, match="fields has 1 rows"):
        event_dummies([0, 1], ["a"])
    with pytest.raises(MetricError, match="reference has 1 columns"):
        event_dummies(truth, fields, reference=fields[:, :1])


def test_ends_of_clouds_and_detection_without_grading():
    cloud = np.column_stack((np.linspace(-1, 1, 50), np.zeros((50, 2))))
    labels = (np.abs(cloud[:, 0]) > 0.9).astype(int)
    distance = point_dummies([labels], [cloud])[2].scores()[0]
    assert Ranking.from_scores(labels, distance).auroc() == 1.0
    with pytest.raises(MetricError, match="same numbers of points"):
        point_dummies([labels], [cloud[:-1]])
    assert severity_dummies([0, 1, 3])[2].scores().tolist() == [0.0, 1.0, 1.0]


def test_undefined_values_keep_their_reason():
    row = dummy_rows({"auc": lambda y, s: Undefined("no anomaly")}, [0], series_dummies([0]))[0]
    assert reason_of(row.values["auc"]) == "no anomaly"


def test_coarse_scores_are_warned_about_only_where_they_flatter():
    flattered = VIDEO_METRICS["frame_pr_trapezoid"]
    with pytest.warns(CoarseScoresWarning, match="these have 3"):
        assert warn_if_coarse(flattered, [0.0, 0.5, 1.0, 0.5]) == 3
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert warn_if_coarse(VIDEO_METRICS["frame_ap"], [0.0, 0.5]) == 2
        assert warn_if_coarse(flattered, np.arange(100.0)) == 100


@pytest.mark.parametrize("family", ["image", "video", "points", "events"])
def test_tables_are_whole(family):
    import importlib

    module = importlib.import_module(f"tocsin.metrics.{family}")
    table = next(value for name, value in vars(module).items() if name.endswith("_METRICS"))
    for name, metric in table.items():
        assert isinstance(metric, Metric)
        assert metric.name == name
        assert callable(metric.function)
        assert len(metric.definition) > 20
        assert metric.reference
        assert len(metric.fooled_by) > 10
    assert any(metric.default for metric in table.values())
