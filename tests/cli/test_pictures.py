"""`tocsin detect`, `fit`, `score` and `evaluate` on folders of pictures."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tocsin.cli import judging_images
from tocsin.cli.picture_plan import plan_judging
from tocsin.cli.request import Request
from tocsin.io.maps import find_pictures

pillow = pytest.importorskip("PIL.Image")
pytest.importorskip("torch")
duckdb = pytest.importorskip("duckdb")

FAST = ["--set", "encoder=random:tocsin", "--set", "side=160", "--set", "patches=150", "--set", "dimensions=16"]
SIDE = 160


def draw(path: Path, seed: int, scratch: bool = False) -> None:
    """A grey texture; with a black and white patch if there is to be a scratch."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(128, 6, (SIDE, SIDE)).clip(0, 255)
    if scratch:
        pixels[24:40, 20:44] = 255 * ((np.arange(24) // 4) % 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    root = tmp_path / "parts"
    for number in range(10):
        draw(root / "train" / "good" / f"{number:02d}.png", number)
    for number in range(2):
        draw(root / "test" / "good" / f"{number:02d}.png", 100 + number)
        draw(root / "test" / "scratch" / f"{number:02d}.png", 200 + number, scratch=True)
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
        mask[24:40, 20:44] = 1
        path = root / "ground_truth" / "scratch" / f"{number:02d}_mask.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(mask).save(path)
    return root


def table(path: Path) -> list[dict]:
    found = duckdb.sql(f"SELECT * FROM '{path}'")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_a_folder_with_a_training_part_is_learned_and_judged(tocsin, parts, tmp_path):
    out = tmp_path / "out"
    done = tocsin("detect", parts, *FAST, "--masks", "-o", out)
    assert done.code == 1, done.err
    assert "read as mvtec-like" in done.out
    assert "calibrated on the training part" in done.out
    assert done.out.count("patch-memory, calibrated") == 1
    assert "! " in done.out  # ten pictures are few to promise one false alarm in a hundred on
    rows = {row["place"]: row for row in table(out / "scores.parquet")}
    assert {place: row["anomalous"] for place, row in rows.items()} == {
        "good/00": False,
        "good/01": False,
        "scratch/00": True,
        "scratch/01": True,
    }
    assert {row["label"] for place, row in rows.items() if "scratch" in place} == {1}
    strongest: dict[str, dict] = {}
    for row in (json.loads(line) for line in (out / "anomalies.ndjson").read_text().splitlines()):
        if row["peak"] > strongest.get(row["source"], {"peak": 0})["peak"]:
            strongest[row["source"]] = row
    assert len(strongest) == 2
    for row in strongest.values():
        left, top, right, bottom = row["where"]["box"]
        assert left < 44
        assert right > 20
        assert top < 40
        assert bottom > 24
    report = (out / "report.html").read_text()
    assert "Something wrong with 2 of 4 pictures" in report
    assert "AUROC against good" in report
    assert report.count('class="contact"') == 1


def test_maps_are_what_evaluate_reads(tocsin, parts, tmp_path):
    out = tmp_path / "out"
    tocsin("detect", parts, *FAST, "--masks", "-o", out)
    for picture in find_pictures(out, parts / "ground_truth"):
        assert picture.scores().shape == (SIDE, SIDE)
        assert picture.scores().dtype == np.float16
    done = tocsin("evaluate", out, parts / "ground_truth", "--resamples", 10, "--json")
    assert done.code == 0, done.err
    text = json.dumps(json.loads(done.out))
    assert "pixel_auroc" in text
    assert "the score of a picture is the detector's own" in text
    other = tocsin("evaluate", out, parts / "ground_truth", "--resamples", 10, "--json", "--reduction", "max")
    assert "the score of a picture is the maximum of its map" not in other.out
    assert "the score of a picture is the max of its map" in other.out
    mask = np.asarray(pillow.open(out / "masks" / "scratch" / "00.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert mask[24:40, 20:44].mean() > 200
    assert not np.asarray(pillow.open(out / "masks" / "good" / "00.png")).any()


def test_boxes_and_coco_say_the_same_as_the_masks(tocsin, parts, tmp_path):
    out = tmp_path / "out"
    tocsin("detect", parts, *FAST, "--masks", "-o", out)
    coco = json.loads((out / "coco.json").read_text())
    rows = list(csv.DictReader((out / "boxes.csv").open()))
    assert len(rows) == len(coco["annotations"]) > 0
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    assert len(names) == 4
    masks: dict[str, np.ndarray] = {}
    for note, row in zip(coco["annotations"], rows, strict=True):
        assert names[note["image_id"]] == row["source"]
        assert note["bbox"][:2] == [int(row["left"]), int(row["top"])]
        counts = note["segmentation"]["counts"]
        flat = np.repeat(np.arange(len(counts)) % 2, counts)
        assert flat.sum() == note["area"] == int(row["area"])
        decoded = flat.reshape(SIDE, SIDE).T.astype(bool)  # column by column
        masks[row["source"]] = masks.get(row["source"], np.zeros((SIDE, SIDE), bool)) | decoded
    for source, mask in masks.items():
        file = out / "masks" / Path(source).parent.name / Path(source).name
        np.testing.assert_array_equal(mask, np.asarray(pillow.open(file)) > 0)


def test_good_pictures_elsewhere(tocsin, parts, tmp_path):
    out = tmp_path / "out"
    done = tocsin("detect", parts / "test", "--train", parts / "train" / "good", *FAST, "-o", out, "--json")
    assert done.code == 1, done.err
    found = {Path(json.loads(line)["source"]).parent.name for line in done.out.splitlines()}
    assert found == {"scratch"}
    assert len(table(out / "scores.parquet")) == 4
    assert len(find_pictures(out, parts / "ground_truth")) == 4


def test_a_flat_folder_is_judged_by_itself_and_says_so(tocsin, tmp_path):
    for number in range(12):
        draw(tmp_path / "flat" / f"{number:02d}.png", number, scratch=number == 7)
    (tmp_path / "flat" / "list.txt").write_text("x")
    done = tocsin("detect", tmp_path / "flat", *FAST, "-o", tmp_path / "out")
    assert "name good ones with --train" in done.out
    assert "1 file of" in done.out
    assert "list.txt" in done.out
    rows = table(tmp_path / "out" / "scores.parquet")
    assert len(rows) == 12
    assert max(rows, key=lambda row: row["score"])["place"] == "07"


def test_good_and_bad_folders_learn_from_half_of_the_good(tmp_path):
    for number in range(5):
        draw(tmp_path / "good" / f"{number}.png", number)
    draw(tmp_path / "bad" / "0.png", 9, scratch=True)
    (job,) = plan_judging(Request([str(tmp_path)]))
    assert [part.place for part in job.train] == ["good/0", "good/2", "good/4"]
    assert [part.place for part in job.test] == ["bad/0", "good/1", "good/3"]
    assert not job.itself


def test_each_product_has_a_model_of_its_own(tocsin, tmp_path):
    for name, base in (("screw", 0), ("tile", 50)):
        for number in range(6):
            draw(tmp_path / "set" / name / "train" / "good" / f"{number}.png", base + number)
        draw(tmp_path / "set" / name / "test" / "good" / "0.png", base + 20)
        draw(tmp_path / "set" / name / "test" / "hole" / "0.png", base + 21, scratch=True)
    draw(tmp_path / "set" / "wood" / "train" / "good" / "0.png", 1)
    draw(tmp_path / "set" / "wood" / "test" / "hole" / "0.png", 1, scratch=True)
    done = tocsin("detect", tmp_path / "set", *FAST, "-o", tmp_path / "out")
    assert done.code == 3  # one picture is too little to learn from: the other products are done
    assert "wood: 1 picture to learn from" in done.err
    rows = table(tmp_path / "out" / "scores.parquet")
    assert {row["place"] for row in rows} == {"screw/good/0", "screw/hole/0", "tile/good/0", "tile/hole/0"}
    assert len({row["threshold"] for row in rows}) == 2


def test_broken_pictures_are_named_and_the_rest_goes_on(tocsin, parts, tmp_path):
    (parts / "train" / "good" / "10.png").write_bytes(b"")
    draw(parts / "train" / "good" / "11.png", 3)
    whole = (parts / "train" / "good" / "11.png").read_bytes()
    (parts / "train" / "good" / "11.png").write_bytes(whole[:1500])
    pillow.new("L", (5, 5)).save(parts / "train" / "good" / "12.png")
    (parts / "test" / "good" / "02.jpg").write_text("no picture")
    done = tocsin("detect", parts, *FAST, "-o", tmp_path / "out")
    assert done.code == 3
    for name, why in (
        ("10.png", "the file is empty"),
        ("11.png", "truncated"),
        ("12.png", "smaller than a patch"),
        ("02.jpg", "no picture in a known format"),
    ):
        (line,) = (line for line in done.err.splitlines() if name in line)
        assert why in line
    assert len(table(tmp_path / "out" / "scores.parquet")) == 4


def test_a_stopped_run_goes_on_where_it_was(tocsin, parts, tmp_path, monkeypatch):
    out = tmp_path / "out"
    real, calls = judging_images.store_picture, []

    def stopping(*arguments, **named):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(arguments[1].place)
        return real(*arguments, **named)

    monkeypatch.setattr(judging_images, "store_picture", stopping)
    assert tocsin("detect", parts, *FAST, "-o", out).code == 130
    monkeypatch.setattr(judging_images, "store_picture", real)
    # What a kill leaves behind between storing and noting: a row without an entry in the journal.
    with (out / "scores.ndjson").open("a") as file:
        file.write(
            json.dumps({"source": str(parts / "test" / "scratch" / "01.png"), "score": 1e9, "sample": "x"}) + "\n"
        )
    done = tocsin("detect", parts, *FAST, "-o", out)
    assert done.code == 1
    assert "2 were finished by an earlier run" in done.out
    rows = table(out / "scores.parquet")
    assert sorted(row["place"] for row in rows) == ["good/00", "good/01", "scratch/00", "scratch/01"]
    assert max(row["score"] for row in rows) < 1e6
    whole = tmp_path / "whole"
    tocsin("detect", parts, *FAST, "-o", whole)
    assert {r["place"]: r["score"] for r in rows} == {r["place"]: r["score"] for r in table(whole / "scores.parquet")}


def test_other_training_pictures_make_a_run_start_anew(tocsin, parts, tmp_path):
    out = tmp_path / "out"
    tocsin("detect", parts, *FAST, "-o", out)
    before = {r["place"]: r["score"] for r in table(out / "scores.parquet")}
    (out / "mine.txt").write_text("stays")
    draw(parts / "train" / "good" / "77.png", 77, scratch=True)
    done = tocsin("detect", parts, *FAST, "-o", out)
    assert "earlier run" not in done.out
    after = {r["place"]: r["score"] for r in table(out / "scores.parquet")}
    assert after.keys() == before.keys()
    assert after != before
    assert (out / "mine.txt").exists()


def test_fit_and_score(tocsin, parts, tmp_path):
    model = tmp_path / "model"
    done = tocsin("fit", parts, *FAST, "-o", model)
    assert done.code == 0, done.err
    assert "learned from 10 of 10 pictures" in done.out
    out = tmp_path / "scores"
    assert tocsin("score", model, parts, "-o", out).code == 0
    rows = {row["place"]: row["score"] for row in table(out / "scores.parquet")}
    assert set(rows) == {"good/00", "good/01", "scratch/00", "scratch/01"}
    assert min(rows["scratch/00"], rows["scratch/01"]) > max(rows["good/00"], rows["good/01"])
    assert len(find_pictures(out, parts / "ground_truth")) == 4
    assert "4 were finished" in tocsin("score", model, parts, "-o", out).out
    single = tmp_path / "one.parquet"
    assert tocsin("score", model, parts / "test" / "scratch", "-o", single).code == 0
    assert [row["place"] for row in table(single)] == ["00", "01"]
    judged = tocsin("detect", parts / "test", "--model", model, "-o", tmp_path / "judged")
    assert judged.code == 1
    assert {r["place"]: r["score"] for r in table(tmp_path / "judged" / "scores.parquet")} == rows


def test_what_makes_no_sense_is_refused(tocsin, parts, tmp_path):
    done = tocsin("detect", parts, "--train", "25%")
    assert done.code == 2
    assert "name a folder of good pictures" in done.err
    (tmp_path / "none").mkdir()
    assert tocsin("detect", tmp_path / "none", "--modality", "image").code == 2
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        assert tocsin("detect", parts, *FAST, "-o", locked / "out").code == 2
