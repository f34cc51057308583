"""`--marked`: defects with masks that a detector of pictures learns from beside good ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tocsin.cli.marked_defects import find_marked
from tocsin.metrics.ranks import Ranking

pillow = pytest.importorskip("PIL.Image")
pytest.importorskip("torch")
duckdb = pytest.importorskip("duckdb")

FAST = ["--set", "side=96", "--set", "patches=200"]
SIDE = 96
DEFECTS = Path(__file__).parents[3] / "shared" / "data" / "kolektor_sdd"


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def texture(seed: int, spot: tuple[int, int] | None = None) -> np.ndarray:
    pixels = np.random.default_rng(seed).normal(128, 8, (SIDE, SIDE)).clip(0, 255)
    if spot is not None:
        y, x = spot
        pixels[y : y + 16, x : x + 16] = 255 * ((np.arange(16) // 4) % 2)
    return pixels


def marks(spot: tuple[int, int], value: int = 1) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE))
    mask[spot[0] : spot[0] + 16, spot[1] : spot[1] + 16] = value
    return mask


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    root = tmp_path / "parts"
    for number in range(4):
        save(root / "train" / "good" / f"{number}.png", texture(number))
    for number in range(2):
        save(root / "test" / "good" / f"{number}.png", texture(10 + number))
        save(root / "test" / "spot" / f"{number}.png", texture(20 + number, (40, 40)))
    return root


@pytest.fixture
def defects(tmp_path: Path) -> Path:
    """Masks are of 0 and 1: whoever expects 255 marks nothing."""
    root = tmp_path / "defects"
    save(root / "spot" / "a.png", texture(30, (20, 30)))
    save(root / "spot" / "a_mask.png", marks((20, 30)))
    save(root / "images" / "b.png", texture(31, (60, 10)))
    save(root / "masks" / "b.png", marks((60, 10), 255))
    return root


def scores(out: Path) -> dict[str, float]:
    rows = duckdb.sql(f"SELECT source, score FROM '{out}/scores.parquet'").fetchall()
    return {Path(path).parent.name + "/" + Path(path).name: score for path, score in rows}


def test_masks_are_found_by_name_and_by_folder(defects):
    found, remarks = find_marked([str(defects)])
    assert remarks == ()
    assert [(Path(one.path).name, one.kind) for one in found] == [("b.png", ""), ("a.png", "spot")]
    for one, spot in zip(found, [(60, 10), (20, 30)], strict=True):
        bundle = one.load()
        assert np.array_equal(bundle.members["mask"].pixels[:, :, 0] > 0, marks(spot) > 0)


def test_marked_defects_change_what_is_found(tocsin, parts, defects, tmp_path):
    plain = tocsin("detect", parts, "--detector", "nagl", *FAST, "-o", tmp_path / "plain")
    known = tocsin("detect", parts, "--marked", defects, *FAST, "-o", tmp_path / "known")
    assert plain.code == known.code == 1, plain.err + known.err
    assert "nagl, calibrated on" in known.out
    before, after = scores(tmp_path / "plain"), scores(tmp_path / "known")
    assert set(before) == set(after)
    assert all(before[name] != after[name] for name in before)
    assert all(after[f"good/{n}.png"] < after["spot/0.png"] / 5 for n in range(2))
    reasons = [(tmp_path / name / "anomalies.ndjson").read_text() for name in ("plain", "known")]
    assert ["like a marked defect" in text for text in reasons] == [False, True]


def test_a_stored_model_judges_the_same(tocsin, parts, defects, tmp_path):
    model = tmp_path / "model"
    assert tocsin("detect", parts, "--marked", defects, *FAST, "-o", tmp_path / "one").code == 1
    done = tocsin("fit", parts / "train" / "good", "--marked", defects, *FAST, "-o", model)
    assert done.code == 0, done.err
    assert "nagl learned from 6 of 6 pictures" in done.out
    assert tocsin("detect", parts / "test", "--model", model, "-o", tmp_path / "two").code == 1
    one, two = scores(tmp_path / "one"), scores(tmp_path / "two")
    assert one == pytest.approx({name: two[name] for name in one}, abs=1e-6)


def test_what_is_marked_is_not_judged_and_not_taken_for_good(tocsin, parts, tmp_path):
    spoiled = save(parts / "train" / "good" / "bad.png", texture(40, (8, 8)))
    judged = parts / "test" / "spot" / "0.png"
    both = tmp_path / "both"
    for file, spot in ((spoiled, (8, 8)), (judged, (40, 40))):
        (both / "masks").mkdir(parents=True, exist_ok=True)
        (both / file.name).symlink_to(file)
        save(both / "masks" / file.name, marks(spot))
    done = tocsin("detect", parts, "--marked", both, *FAST, "-o", tmp_path / "out")
    assert done.code == 1, done.err
    assert "2 marked pictures left out of those judged or taken for good" in done.out
    assert "spot/0.png" not in scores(tmp_path / "out")


def test_other_marks_make_another_run(tocsin, parts, defects, tmp_path):
    out = tmp_path / "out"
    call = ["detect", parts, "--marked", defects, *FAST, "-o", out]
    tocsin(*call)
    first = scores(out)
    assert "finished by an earlier run" in tocsin(*call).out
    save(defects / "masks" / "b.png", marks((60, 10), 255) + marks((0, 0), 255))
    again = tocsin(*call)
    assert "finished by an earlier run" not in again.out
    assert scores(out) != first


def test_broken_marks_are_named_and_the_rest_goes_on(tocsin, parts, defects, tmp_path):
    save(defects / "spot" / "alone.png", texture(50, (1, 1)))
    save(defects / "spot" / "nobody_mask.png", marks((1, 1)))
    save(defects / "spot" / "black.png", texture(51, (1, 1)))
    save(defects / "spot" / "black_mask.png", marks((1, 1), 0))
    save(defects / "spot" / "small.png", texture(52, (1, 1)))
    save(defects / "spot" / "small_mask.png", np.ones((8, 8)))
    done = tocsin("detect", parts, "--marked", defects, *FAST, "-o", tmp_path / "out")
    assert done.code == 3, done.err
    assert "without a mask passed over: spot/alone.png" in done.out
    assert "without a picture passed over: spot/nobody_mask.png" in done.out
    assert "nothing is marked in the mask of spot/black.png" in done.err
    assert "the mask of spot/small.png has 8 x 8 pixels, its picture 96 x 96" in done.err
    assert len(scores(tmp_path / "out")) == 4


def test_what_cannot_be_done_is_said(tocsin, parts, defects, metrics, tmp_path):
    def said(*arguments):
        done = tocsin(*arguments)
        assert done.code not in (0, 1)
        assert "Traceback" not in done.err
        return done.err

    assert "patch-memory does not learn from marked defects: take nagl" in said(
        "detect", parts, "--detector", "patch-memory", "--marked", defects
    )
    assert "holds no picture of a defect with a mask: a mask is called NAME_mask.png" in said(
        "detect", parts, "--marked", parts / "train"
    )
    assert "--marked needs pictures that are known to be good" in said("detect", parts / "test" / "good",
                                                                     "--marked", defects)  # fmt: skip
    assert "--marked is for pictures" in said("detect", metrics(), "--marked", defects)
    assert "there is no file or folder" in said("detect", parts, "--marked", tmp_path / "nowhere")
    assert "leave --marked out" in said("detect", parts, "--model", tmp_path / "m", "--marked", defects)


@pytest.mark.skipif(not DEFECTS.is_dir(), reason="the shared data are not here")
def test_one_marked_crack_finds_more_cracks(tocsin, tmp_path):
    """Commutators: one good picture, and one crack of the half that is not judged."""
    import zipfile

    with zipfile.ZipFile(next(DEFECTS.glob("*.zip"))) as opened:
        opened.extractall(tmp_path)
    root = next(tmp_path.rglob("train")).parent
    cracks = sorted(p for p in (root / "test").rglob("*.*") if p.parent.name != "good")
    masks = {p.stem.removesuffix("_mask"): p for p in (root / "ground_truth").rglob("*.*")}
    (tmp_path / "marked" / "masks").mkdir(parents=True)
    shutil.copy(cracks[0], tmp_path / "marked")
    shutil.copy(masks[cracks[0].stem], tmp_path / "marked" / "masks" / cracks[0].name)
    good = sorted((root / "train" / "good").iterdir())
    for folder, files in (
        ("normal", good[:2]),
        ("judged", [*cracks[1::2], *sorted((root / "test" / "good").iterdir())]),
    ):
        (tmp_path / folder).mkdir()
        for file in files:
            shutil.copy(file, tmp_path / folder / f"{file.parent.name}-{file.name}")
    found = {}
    for name, extra in (("without", ["--detector", "nagl"]), ("with", ["--marked", tmp_path / "marked"])):
        out = tmp_path / name
        done = tocsin("detect", tmp_path / "judged", "--train", tmp_path / "normal", *extra, "-q", "-o", out)
        assert done.code in (0, 1), done.err
        rows = duckdb.sql(f"SELECT source, score FROM '{out}/scores.parquet'").fetchall()
        bad = np.array([not Path(path).name.startswith("good-") for path, _ in rows])
        found[name] = Ranking.from_scores(bad, np.array([score for _, score in rows])).auroc()
    assert found["with"] > found["without"] + 0.01, found
