"""What a job reports is what the metrics say of its detector's scores, computed by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from tocsin.bench.floors import floors_for
from tocsin.bench.plan.facts import Facts
from tocsin.bench.plan.planning import plan_jobs
from tocsin.bench.plan.reading import read_suite
from tocsin.bench.protocols import Item
from tocsin.bench.work import run_job
from tocsin.bench.work.event_measure import EventMeasure
from tocsin.bench.work.picture_measure import PictureMeasure
from tocsin.bench.work.series_measure import SeriesMeasure
from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Image, Series
from tocsin.core.scores import Scores
from tocsin.core.truth import Truth
from tocsin.io.datasets import read_dataset
from tocsin.metrics.image import pixel_average_precision
from tocsin.metrics.series import auc_roc, average_precision
from tocsin.metrics.severity import severity_metrics


def item(name: str = "s", group: str = "g", half: str = "") -> Item:
    return Item(name, lambda: (None, None), group, half)


def values(measure) -> dict[tuple[str, str], float | None]:
    return {(row.half, row.metric): row.value for row in measure.rows()}


def test_a_job_on_series_gives_the_metrics_of_its_scores(place, write_suite) -> None:
    jobs = plan_jobs(read_suite(write_suite("Distance", extra='[metrics]\nseries = "auc_roc,average_precision"'))).jobs
    job = next(j for j in jobs if j.label == "Distance" and "one" in j.task)
    result = run_job(job)
    sample, truth = next(e for e in read_dataset(place / "data" / "ucr") if e.id == "001_one").load()
    learned, later = sample.values[:200, 0], sample.values[200:, 0]
    scores, labels = np.abs(later - learned.mean()), truth.as_mask(sample.grid)[200:]
    found = {row.metric: row.value for row in result.rows}
    assert found == {"auc_roc": auc_roc(labels, scores), "average_precision": average_precision(labels, scores)}
    assert result.places["001_one"] == pytest.approx(scores)
    assert {(row.unit, row.group, row.places, row.anomalous) for row in result.rows} == {("001_one", "one", 200, 10)}
    assert json.loads(result.to_json())["rows"][0]["value"] == found["auc_roc"]


def test_rows_without_data_are_left_out_and_halves_are_cut_in_the_middle() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros(100, bool)
    mask[[10, 20, 60, 90]] = True
    scores = rng.random(100) + mask
    scores[[20, 30]] = np.nan
    series, known = Series(rng.random(100), id="s"), ~np.isnan(scores)
    whole, halved = SeriesMeasure("auc_roc"), SeriesMeasure("auc_roc")
    whole.add(item(), series, Truth(mask=mask), Scores(scores))
    halved.add(item(half="both"), series, Truth(mask=mask), Scores(scores))
    assert values(whole)["", "auc_roc"] == auc_roc(mask[known], scores[known])
    first = known & (np.arange(100) < 50)
    assert values(halved)["choose", "auc_roc"] == auc_roc(mask[first], scores[first])
    nothing = SeriesMeasure("auc_roc")
    nothing.add(item(), series, Truth(mask=np.zeros(100, bool)), Scores(scores))
    (row,) = nothing.rows()
    assert (row.value, row.reason) == (None, "y_true holds no anomaly")


def test_traces_are_judged_as_wholes() -> None:
    events = Events({"event": list("aabbbc")}, trace=["x", "x", "y", "y", "y", "z"], id="e")
    truth = Truth(mask=np.array([0, 0, 0, 1, 0, 0], bool))
    by_trace = EventMeasure("event_auroc")
    by_trace.add(item(), events, truth, Scores(np.zeros(6), traces=np.array([0.5, 0.2, 0.1])))
    assert values(by_trace)["", "event_auroc"] == auc_roc([0, 1, 0], [0.5, 0.2, 0.1])
    assert by_trace.judged.sample == ["x", "y", "z"]
    by_event = EventMeasure("event_auroc")
    by_event.add(item(), events, truth, Scores(np.array([0.1, 0.3, 0.9, 0.0, 0.0, 0.25])))
    assert by_event.judged.score == pytest.approx([0.2, 0.3, 0.25])
    assert values(by_event)["", "event_auroc"] == 1.0
    assert by_event.rows()[0].places == 3


def test_pictures_of_a_product_are_pooled_and_labels_are_those_of_the_set() -> None:
    rng = np.random.default_rng(1)
    measure = PictureMeasure("image_auroc,pixel_ap")
    maps, masks, labels = [], [], []
    for n in range(6):
        mask = np.zeros((8, 8), bool)
        mask[2:4, 2:4] = n >= 4
        # The mask of one defective picture is empty, as masks of tiny defects become when they are shrunk.
        label = n >= 3
        maps.append((rng.random((8, 8)) + mask).astype(np.float32))
        masks.append(mask)
        labels.append(label)
        truth = Truth(mask=mask, label=label, kind="dent" if label else "")
        measure.add(
            item(f"p{n}", "tile"), Image(np.zeros((8, 8)), id=f"p{n}"), truth, Scores(maps[-1], overall=float(n))
        )
    measure.add(item("p9", "tile"), Image(np.zeros((8, 8))), Truth(severity=0.3), Scores(maps[0]))
    found = values(measure)
    assert found["", "image_auroc"] == 1.0
    assert found["", "pixel_ap"] == pytest.approx(pixel_average_precision(masks, maps))
    assert measure.unknown == 1
    with pytest.raises(InputError, match=r"shape \(4, 4\), its mask \(8, 8\)"):
        measure.add(item("q", "tile"), Image(np.zeros((8, 8))), Truth(mask=masks[0]), Scores(np.zeros((4, 4))))


@pytest.fixture
def graded(place):
    """Write thirty pictures with grades in the layout of ELPV; worse ones are darker."""
    folder = place / "data" / "cells"
    folder.mkdir()
    lines = ["file,defect_probability,cell_type,split"]
    rng = np.random.default_rng(0)
    for n in range(30):
        grade = 0.0 if n < 12 else (0.0, 1 / 3, 2 / 3, 1.0)[n % 4]
        pixels = np.clip(200 - 60 * grade + rng.normal(0, 12, (12, 12)) + rng.normal(0, 12), 0, 255).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / f"c{n:02d}.png")
        lines.append(f"c{n:02d}.png,{grade},mono,{'train' if n < 12 else 'test'}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return '[[datasets]]\npath = "data/cells"\nprotocols = ["severity", "one-class"]\n'


def test_severity_is_that_of_all_graded_samples(place, write_suite, graded) -> None:
    path = write_suite('name = "patch-memory"', datasets=graded)
    jobs = plan_jobs(read_suite(path)).jobs
    trick = "brightness-and-centre"
    result = run_job(next(j for j in jobs if j.label == trick and j.protocol == "severity"))
    entries = {e.id: e.load() for e in read_dataset(place / "data" / "cells")}
    bright = {name: float(sample.pixels.mean()) for name, (sample, _) in entries.items()}
    normal = [bright[f"c{n:02d}"] for n in range(12)]
    scores = [abs(bright[f"c{n:02d}"] - np.mean(normal)) / np.std(normal) for n in range(12, 30)]
    expected = severity_metrics([entries[f"c{n:02d}"][1].severity for n in range(12, 30)], scores)
    found = {row.metric: row.value for row in result.rows}
    assert found["c_index"] == pytest.approx(expected.c_index)
    assert found["c_index_anomalous"] == pytest.approx(expected.c_index_anomalous)
    assert result.rows[0].places == 18
    # Detection leaves out those of whom nobody says what they are, and has no pixels to judge.
    detected = run_job(next(j for j in jobs if j.label == trick and j.protocol == "one-class"))
    rows = {row.metric: row for row in detected.rows}
    assert detected.notes["without a label"] == sum(0 < e[1].severity < 1 for e in entries.values())
    assert rows["image_auroc"].value > 0.8
    assert (rows["pixel_ap"].value, rows["pixel_ap"].reason) == (None, "the data set does not mark where defects are")


@pytest.mark.parametrize(
    "facts", [Facts("series"), Facts("events"), Facts("events", traces=True), Facts("image")], ids=str
)
def test_floors_tell_what_they_are_worth(facts: Facts) -> None:
    """Constant scores cannot tell anything apart, and all of them keep the contract that floors can keep."""
    names = [floor.family for floor in floors_for(facts)]
    assert names[:2] == ["random", "constant"]
    assert len(names) == 3
    for floor in floors_for(facts):
        detector = floor.make(seed=4)
        assert detector.card.name == floor.family
        assert facts.modality in detector.card.modality


def test_the_unseen_bag_knows_traces_whatever_their_order() -> None:
    known = Events({"event": list("aabcc")}, trace=list("xxxyy"))
    later = Events({"event": list("abaccb")}, trace=list("pppqqr"))
    (floor,) = [f for f in floors_for(Facts("events", traces=True)) if f.family == "unseen-bag"]
    detector = floor.make(0).fit(known)
    assert (detector.score(later).traces >= 1).tolist() == [False, False, True]
    # Learned from the very data, a trace is new if none is like it.
    both = Events({"event": list("abba" + "c")}, trace=list("xxyyz"))
    assert (detector.fit_score(both).traces >= 1).tolist() == [False, False, True]


def test_parts_are_as_strange_as_their_strangest_view() -> None:
    """Values worked out by hand: four parts of five views, of which not all show the defect."""
    parts = {
        "a_0001_OK": ([0.1, 0.2, 0.15, 0.3, 0.05], [0, 0, 0, 0, 0]),
        "a_0002_OK": ([0.4, 0.1, 0.1, 0.2, 0.3], [0, 0, 0, 0, 0]),
        "a_0001_NG_BX": ([0.2, 0.9, 0.1, 0.3, 0.2], [0, 1, 0, 0, 1]),
        "a_0002_NG_HS": ([0.35, 0.3, 0.2, 0.1, 0.1], [1, 1, 0, 0, 0]),
    }
    views = [
        (part, s, bool(y)) for part, (scores, labels) in parts.items() for s, y in zip(scores, labels, strict=True)
    ]
    for order in (range(20), np.random.default_rng(0).permutation(20)):
        measure = PictureMeasure("image_auroc,image_ap,part_auroc,part_ap")
        for n in order:
            part, score, label = views[n]
            picture = Image(np.zeros((2, 2)), id=str(n), meta={"part": part})
            measure.add(item(str(n), "a"), picture, Truth(label=label), Scores(overall=score))
        found = {metric: value for (_, metric), value in values(measure).items()}
        assert found == pytest.approx(
            {"image_auroc": 0.8515625, "image_ap": 0.6071428571, "part_auroc": 0.75, "part_ap": 0.8333333333}
        )
