"""`tocsin evaluate`, as a user types it, on made and on real data."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tocsin.cli.codes import NOTHING, PARTIAL, USAGE
from tocsin.metrics.image import pixel_auroc
from tocsin.metrics.series import auc_roc


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def metric(content: dict, name: str) -> dict:
    return next(m for m in content["metrics"] if m["name"] == name)


@pytest.fixture
def table(tmp_path: Path):
    """Write a score file and a label file of 400 rows; one event of twenty rows scores high."""

    def write(name: str = "scores.csv", *, seed: int = 0, rows: int = 400, folder: str = "") -> tuple[Path, Path]:
        rng = np.random.default_rng(seed)
        labels = np.zeros(rows, int)
        labels[100:120] = 1
        scores = rng.random(rows) + labels
        stamps = np.datetime64("2026-01-01T00:00:00") + np.arange(rows) * np.timedelta64(60, "s")
        pair = tmp_path / folder / name, tmp_path / f"{folder or 'plain'}-truth" / name
        for path, column, values in zip(pair, ("score", "label"), (scores, labels), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            rows_of = "".join(f"{t},{v}\n" for t, v in zip(stamps, values, strict=True))
            path.write_text(f"time,{column}\n{rows_of}")
        return pair

    return write


def test_table_has_dummies_beside_and_says_why_there_is_no_interval(tocsin, table) -> None:
    outcome = tocsin("evaluate", *table())
    assert outcome.code == NOTHING, outcome.err
    assert "1 series, 400 points, 5 % anomalous in 1 event" in outcome.out
    assert re.search(r"auc_roc +1\.000 +0\.500 +0\.\d{3}", outcome.out)
    assert "intervals: none: one series only" in outcome.out
    assert "point_adjusted" not in outcome.out
    assert "name a threshold with --threshold" in outcome.out


def test_json_agrees_with_the_metric(tocsin, table) -> None:
    scores, labels = table()
    outcome = tocsin("evaluate", scores, labels, "--json", "--metrics", "auc_roc,vus_pr(max_window=10)")
    content = json.loads(outcome.out)
    assert outcome.err == ""
    with scores.open() as a, labels.open() as b:
        expected = auc_roc([int(r["label"]) for r in csv.DictReader(b)], [float(r["score"]) for r in csv.DictReader(a)])
    assert metric(content, "auc_roc")["value"] == expected
    assert metric(content, "vus_pr(max_window=10)")["options"] == {"max_window": 10}
    assert set(metric(content, "auc_roc")["dummies"]) == {"constant", "random"}


def test_the_same_seed_gives_the_same_numbers(tocsin, table) -> None:
    paths = table()
    first, again, other = (
        tocsin("evaluate", *paths, "--json", "--metrics", "auc_roc", "--seed", seed).out for seed in (1, 1, 2)
    )
    assert first == again != other


def test_folders_have_intervals_over_series_and_groups(tocsin, table, tmp_path: Path) -> None:
    for i in range(4):
        table(f"{'left' if i % 2 else 'right'}/s{i}.csv", seed=i, folder="many")
    arguments = ("evaluate", tmp_path / "many", tmp_path / "many-truth", "--metrics", "average_precision")
    content = json.loads(tocsin(*arguments, "--json", "--by", "folder").out)
    assert content["intervals"] == "95 % bootstrap over 2 groups"
    assert {name: row["members"] for name, row in content["by_group"].items()} == {"left": 2, "right": 2}
    shown = tocsin(*arguments)
    assert "95 % bootstrap over 4 series" in shown.out
    assert "only 4 groups: the interval is likely too narrow" in shown.out


def test_one_bad_file_among_several(tocsin, table, tmp_path: Path) -> None:
    for i in range(3):
        table(f"s{i}.csv", seed=i, folder="some")
    (tmp_path / "some" / "s1.csv").write_text("time,score\n2026-01-01,high\n")
    (tmp_path / "some-truth" / "s2.csv").write_text("label\n0\n1\n")
    outcome = tocsin("evaluate", tmp_path / "some", tmp_path / "some-truth", "--metrics", "auc_roc")
    assert outcome.code == PARTIAL
    assert "'high'" in outcome.err
    assert "2 of 3 could not be evaluated, 1 are done" in outcome.err
    assert "1 series, 400 points" in outcome.out


def test_intervals_by_time(tocsin, table, tmp_path: Path) -> None:
    scores, labels = table()
    spans = tmp_path / "spans.csv"
    spans.write_text("start,stop\n2026-01-01 01:40:00,2026-01-01 01:59:00\n")
    by_span, by_point = (
        json.loads(tocsin("evaluate", scores, truth, "--json", "--metrics", "auc_roc,pate").out)["metrics"]
        for truth in (spans, labels)
    )
    assert by_span == by_point


def test_labels_beside_the_scores(tocsin, tmp_path: Path) -> None:
    path = tmp_path / "both.csv"
    path.write_text("score,is_anomaly\n" + "".join(f"{i % 7},{int(i % 7 == 6)}\n" for i in range(70)))
    content = json.loads(tocsin("evaluate", path, "--json", "--metrics", "auc_roc").out)
    assert metric(content, "auc_roc")["value"] == 1.0


def test_thresholds_are_named(tocsin, table) -> None:
    paths = table()
    outcome = tocsin("evaluate", *paths, "--threshold", "oracle", "--metrics", "f1,event_recall")
    assert "threshold: oracle: of each series the threshold of its best point F1" in outcome.out
    content = json.loads(tocsin("evaluate", *paths, "--threshold", "1.0", "--json").out)
    assert content["threshold"] == "scores of 1 and more"
    assert metric(content, "f1")["value"] == 1.0


def test_page_is_self_contained_and_holds_table_and_curves(tocsin, table, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert tocsin("evaluate", *table(), "--html", page, "--metrics", "auc_roc").code == NOTHING
    text = page.read_text(encoding="utf-8")
    assert len(text) < 6_000_000
    assert "default-src 'none'" in text
    assert not re.search(r'(src|href)="(?!#|data:)', text)
    figures = re.findall(r'<script type="application/json" id="figure-\d+">(.*?)</script>', text)
    assert len(figures) == 3
    roc, pr, over = map(json.loads, figures)
    assert (roc["data"][1]["x"][0], roc["data"][1]["y"][-1], pr["data"][1]["x"][-1]) == (0.0, 1.0, 1.0)
    assert len(over["layout"]["shapes"]) == 1, "the one event is shaded"
    assert "auc_roc" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("SCORES", "nowhere.csv"), ["nowhere.csv"]),
        (("SCORES",), ["no column of labels", "--label"]),
        (("SCORES", "LABELS", "--metrics", "auc_rok"), ["auc_rok", "did you mean auc_roc"]),
        (("SCORES", "LABELS", "--metrics", "f1"), ["--threshold"]),
        (("SCORES", "LABELS", "--threshold", "best"), ["best", "oracle"]),
        (("SCORES", "LABELS", "--by", "host"), ["host", "no such column"]),
        (("SCORES", "LABELS", "--modality", "serie"), ["serie", "did you mean series"]),
        (("SCORES", "LABELS", "--missing", "skip"), ["skip", "drop"]),
        (("SCORES", "LABELS", "--label", "truth"), ["truth"]),
        (("SCORES", "LABELS", "--score", "scor"), ["scor", "did you mean score"]),
        (("SCORES", "LABELS", "--html", "/dev/full/page.html"), ["/dev/full/page.html"]),
    ],
)
def test_wrong_requests_get_one_sentence(tocsin, table, arguments, words) -> None:
    scores, labels = table()
    names = {"SCORES": scores, "LABELS": labels}
    outcome = tocsin("evaluate", *(names.get(a, a) for a in arguments))
    assert outcome.code == USAGE
    for word in words:
        assert word in one_line(outcome.err)


def test_help_needs_no_array_library() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tocsin.cli.app import run; run(['evaluate', '--help']); "
        "assert not {'numpy', 'scipy', 'duckdb'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--threshold" in done.stdout


@pytest.fixture
def maps(tmp_path: Path) -> tuple[Path, Path]:
    """Write maps and masks of three good and three scratched pictures."""
    rng = np.random.default_rng(0)
    folders = tmp_path / "maps", tmp_path / "masks"
    for i in range(6):
        kind = "scratch" if i < 3 else "good"
        mask = np.zeros((16, 12), np.uint8)
        mask[4:8, 2 + i : 6 + i] = 255 * (kind == "scratch")
        for folder in folders:
            (folder / kind).mkdir(parents=True, exist_ok=True)
        np.save(folders[0] / kind / f"{i}.npy", (rng.random((16, 12)) + mask / 500).astype(np.float32))
        if kind == "scratch":
            Image.fromarray(mask).save(folders[1] / kind / f"{i}_mask.png")
    return folders


def test_pictures(tocsin, maps, tmp_path: Path) -> None:
    page, names = tmp_path / "p.html", "pixel_auroc,au_pro@0.3,image_auroc,aupimo"
    outcome = tocsin("evaluate", *maps, "--json", "--metrics", names, "--html", page)
    assert outcome.code == NOTHING, outcome.err
    content = json.loads(outcome.out)
    masks, scores = [], []
    for path in sorted(maps[0].rglob("*.npy")):
        scores.append(np.load(path))
        mask = maps[1] / path.parent.name / f"{path.stem}_mask.png"
        masks.append(np.asarray(Image.open(mask)) if mask.is_file() else None)
    found = metric(content, "pixel_auroc")
    assert found["value"] == pixel_auroc(masks, scores)
    assert found["interval"]["low"] <= found["value"] <= found["interval"]["high"]
    assert set(found["dummies"]) == {"constant", "random", "centre prior"}
    assert metric(content, "au_pro@0.3")["dummies"]["constant"] == pytest.approx(0.15)
    assert content["by_group"]["scratch"]["regions"] == 3
    assert "by defect" in tocsin("evaluate", *maps).out


def test_a_mask_of_another_size(tocsin, maps) -> None:
    path = next(maps[1].rglob("*.png"))
    Image.open(path).resize((6, 8)).save(path)
    line = one_line(tocsin("evaluate", *maps).err)
    assert "8 x 6 pixels" in line
    assert "16 x 12" in line


# -- real data -------------------------------------------------------------------------------------------------------


def test_toycar_areas_are_the_published_ones(tocsin, shared: Path) -> None:
    folder = shared / "data" / "toycar_scores"
    names = "event_auroc,event_auroc(max_fpr=0.1,standardised=true)"
    outcome = tocsin("evaluate", folder / "toycar_scores.csv.gz", "--metrics", names, "--json", "--resamples", 20)
    content = json.loads(outcome.out)
    published = {}
    with (folder / "expected_auc_pauc.csv").open() as file:
        for row in csv.reader(file):
            if len(row) == 3 and row[0] != "id":
                published[row[0]] = (float(row[1]), float(row[2]))
    auc, partial = names.split(",", 1)
    for machine in ("01", "02", "03", "04"):
        found = content["by_member"][machine]
        assert (found[auc], found[partial]) == pytest.approx(published[machine], abs=1e-12)
    mean = metric(content, auc)["value"], metric(content, partial)["value"]
    assert mean == pytest.approx(published["Average"], abs=1e-12)
    with gzip.open(folder / "toycar_scores.csv.gz", "rt") as file:
        assert content["items"] == sum(1 for _ in file) - 1


def test_nab_windows_on_a_real_series(tocsin, shared: Path, tmp_path: Path) -> None:
    name = "realKnownCause/nyc_taxi.csv"
    with zipfile.ZipFile(shared / "data" / "nab" / "nab.zip") as archive:
        rows = archive.read(f"data/{name}").decode().splitlines()[1:]
        windows = tmp_path / "combined_windows.json"
        windows.write_bytes(archive.read("labels/combined_windows.json"))
    stamps, values = zip(*(row.split(",") for row in rows), strict=True)
    level = np.array(values, float)
    scores = np.abs(level - np.median(level))
    path = tmp_path / "nyc_taxi.csv-0123abcd.parquet"  # as `tocsin detect -o` calls it
    from tocsin.io.writing import write_parquet

    write_parquet(path, {"time": np.array(stamps, "datetime64[ns]"), "row": np.arange(len(scores)), "score": scores})
    content = json.loads(tocsin("evaluate", path, windows, "--json", "--metrics", "auc_roc,average_precision").out)
    truth = np.zeros(len(scores), bool)
    for start, stop in json.loads(windows.read_text())[name]:
        at = np.array(stamps, "datetime64[ns]")
        truth |= (at >= np.datetime64(start)) & (at <= np.datetime64(stop))
    assert (content["events"], content["anomalous"]) == (5, int(truth.sum()))
    assert metric(content, "auc_roc")["value"] == pytest.approx(auc_roc(truth, scores), abs=1e-12)


def test_skab_labels_in_the_data_file(tocsin, shared: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(shared / "data" / "skab" / "skab.zip") as archive:
        data = tmp_path / "1.csv"
        data.write_bytes(archive.read("other/1.csv"))
    lines = [row.split(";") for row in data.read_text().splitlines()]
    place, stamp = lines[0].index("Volume Flow RateRMS"), lines[0].index("datetime")
    flow = np.array([float(row[place]) for row in lines[1:]])
    scores = tmp_path / "scores.csv"
    rows = zip((row[stamp] for row in lines[1:]), np.abs(flow - np.median(flow[:400])), strict=True)
    scores.write_text("datetime,score\n" + "".join(f"{t},{s}\n" for t, s in rows))
    content = json.loads(tocsin("evaluate", scores, data, "--json", "--metrics", "auc_roc").out)
    truth = [float(row[lines[0].index("anomaly")]) for row in lines[1:]]
    assert metric(content, "auc_roc")["value"] == pytest.approx(auc_roc(truth, np.abs(flow - np.median(flow[:400]))))
    assert "first difference" in metric(content, "auc_roc")["dummies"], "the data stand beside the labels"
    assert any("changepoint" in note for note in content["notes"])


def test_magnetic_tiles_with_a_trivial_map(tocsin, shared: Path, tmp_path: Path) -> None:
    kinds = {"good": 3, "blowhole": 2, "crack": 2}
    with zipfile.ZipFile(shared / "data" / "magnetic_tile" / "magnetic_tile.zip") as archive:
        names = archive.namelist()
        for kind, count in kinds.items():
            for name in [n for n in names if f"/test/{kind}/" in n and n.endswith(".jpg")][:count]:
                with archive.open(name) as file:
                    grey = np.asarray(Image.open(file).convert("L"), np.float32)
                path = tmp_path / "maps" / kind / f"{Path(name).stem}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, np.abs(grey - np.median(grey)))
                if kind != "good":
                    mask = name.replace("/test/", "/ground_truth/").replace(".jpg", "_mask.png")
                    target = tmp_path / "ground_truth" / kind / Path(mask).name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(mask))
    outcome = tocsin("evaluate", tmp_path / "maps", tmp_path / "ground_truth", "--json", "--resamples", 50)
    content = json.loads(outcome.out)
    assert set(content["by_group"]) == {"blowhole", "crack"}
    assert metric(content, "pixel_auroc")["value"] > metric(content, "pixel_auroc")["dummies"]["random"] + 0.1
    assert len(content["members"]) == 7


# -- other kinds of data ---------------------------------------------------------------------------------------------


def test_videos_and_clouds_are_told_by_their_id_column(tocsin, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for column, place, first in (("video", "frame", "frame_auc"), ("cloud", "point", "object_auroc")):
        rows = [f"{column},{place},score,label"]
        for member in range(6):
            for i in range(40):
                label = int(member < 3 and 10 <= i < 20)
                rows.append(f"m{member},{i},{rng.random() + label:.6f},{label}")
        path = tmp_path / f"{column}.csv"
        path.write_text("\n".join(rows) + "\n")
        content = json.loads(tocsin("evaluate", path, "--json", "--resamples", 30).out)
        assert content["metrics"][0]["name"] == first
        assert content["metrics"][0]["value"] > 0.95
        assert len(content["members"]) == 6
        assert "6 " in content["intervals"]


def test_what_detect_left_is_evaluated_as_it_is(tocsin, metrics, tmp_path: Path) -> None:
    out, labels = tmp_path / "out", tmp_path / "labels.csv"
    file = metrics(fault=(1500, 1530))
    assert tocsin("detect", file, "--detector", "robust-z", "-o", out, "-q").code == 1
    labels.write_text("start,end\n1500,1529\n")
    content = json.loads(tocsin("evaluate", out, labels, "--json", "--data", file).out)
    assert content["anomalous"] == 30
    assert metric(content, "auc_roc")["value"] > 0.99
    assert metric(content, "auc_roc")["value"] > metric(content, "auc_roc")["dummies"]["first difference"]


def test_a_labelled_row_without_a_score(tocsin, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("row,score,label\n0,1,0\n1,,1\n2,3,1\n3,0,0\n")
    assert "no score (NaN; the first in row 2)" in one_line(tocsin("evaluate", path).err)
    content = json.loads(tocsin("evaluate", path, "--missing", "lowest", "--json", "--metrics", "auc_roc").out)
    assert content["points"] == 4
    assert metric(content, "auc_roc")["value"] == pytest.approx(0.625)


def test_groups_of_items_are_named_as_ids(tocsin, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("name,kind,score,label\n" + "".join(f"n{i},{'ab'[i % 2]},{i},{int(i > 5)}\n" for i in range(10)))
    assert "--id kind" in one_line(tocsin("evaluate", path, "--by", "kind").err)
    content = json.loads(tocsin("evaluate", path, "--id", "kind", "--json", "--metrics", "event_auroc").out)
    assert content["members"] == ["a", "b"]


def test_names_from_data_cannot_drive_the_terminal(tocsin, tmp_path: Path) -> None:
    path, page = tmp_path / "s.csv", tmp_path / "p.html"
    rows = "".join(f"{name},{i},{i},{int(i > 5)}\n" for name in ("a\x1b[31m", "b<script>") for i in range(9))
    path.write_text(f"id,row,score,label\n{rows}")
    outcome = tocsin("evaluate", path, "--by", "id", "--html", page, "--metrics", "auc_roc")
    assert outcome.code == NOTHING, outcome.err
    assert "\x1b" not in outcome.out
    assert "b<script>" not in page.read_text(encoding="utf-8")
