"""Pictures on the page: what was found is outlined where it is, nothing is fetched, and the page stays small."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from tests.report.conftest import CARD, PlainLevel

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.detection import Detection
from tocsin.core.extents import Region
from tocsin.core.samples import Bundle, Image
from tocsin.core.scores import Scores
from tocsin.report import Run, drawing, write_report
from tocsin.report.views import view_of
from tocsin.report.views.blocks import Picture, Table
from tocsin.report.views.contact import Contact, Thumb

pillow = pytest.importorskip("PIL.Image")
BOX = (40, 20, 60, 30)


def found(image: Image, *, id: str = "part.png", text: str = "", training: dict[str, str] | None = None) -> Detection:
    """A detection with one box of high scores at the same place of any picture."""
    height, width = image.grid
    local = np.full((height, width), 1.0, dtype=np.float32)
    left, top, right, bottom = BOX
    local[top:bottom, left:right] = 6.0
    region = Region(BOX, (right - left) * (bottom - top), np.ones((bottom - top, right - left), dtype=bool))
    reasons = (Evidence("unlike any normal patch", 1.0, text=text),)
    anomaly = Anomaly(region, 6.0, f"x={left}, y={top}", 0.001, None, reasons, id)
    return Detection(
        sample=replace(image, id=id),
        scores=Scores(local, 5.0),
        level=PlainLevel(),
        anomalies=(anomaly,),
        rules=AlarmRules(),
        card=replace(CARD, modality=("image",), localises="pixels", decides="sample"),
        parameters={},
        extra={"training": training or {}},
    )


def decoded(block: Picture) -> np.ndarray:
    return np.asarray(pillow.open(io.BytesIO(block.content)).convert("RGB")).astype(int)


def picture(height: int = 90, width: int = 120) -> Image:
    return Image(np.full((height, width, 3), 128, dtype=np.uint8))


def bluish(drawn: np.ndarray) -> np.ndarray:
    return (drawn[..., 2] - drawn[..., 0]) > 60


def test_what_was_found_is_outlined_and_hot():
    (block,) = view_of(found(picture())).overview(["a"], 1.0)
    drawn = decoded(block)
    assert drawn.shape[:2] == (90, 120 + 8 + 120)
    marked = np.argwhere(bluish(drawn[:, :120]))
    left, top, right, bottom = BOX
    assert abs(marked[:, 1].min() - left) <= 5
    assert abs(marked[:, 1].max() - right) <= 5
    assert abs(marked[:, 0].min() - top) <= 5
    assert abs(marked[:, 0].max() - bottom) <= 5
    heat = drawn[:, 128:]
    inside = heat[top + 3 : bottom - 3, left + 3 : right - 3]
    outside = heat[60:, :]
    assert (inside[..., 0] - inside[..., 2]).mean() > 30  # red rather than grey
    assert np.abs(outside - 128).max() < 12  # and the rest is the picture itself
    assert "1 place outlined" in block.says


def test_small_places_survive_shrinking():
    mask = np.zeros((4000, 3000), dtype=np.float32)
    mask[1234, 567] = 1
    small = drawing.shrunk_map(mask, (40, 30))
    assert small.max() == 1
    assert np.argwhere(small).tolist() == [[12, 5]]
    assert drawing.scaled_boxes([(567, 1234, 568, 1235)], (4000, 3000), (40, 30)) == [(5, 12, 6, 13)]


@pytest.mark.parametrize("seed", range(3))
def test_shrunk_maps_are_the_highest_of_their_cells(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=tuple(rng.integers(20, 60, 2)))
    size = (7, 11)
    rows = [np.arange(7) * values.shape[0] // 7, np.arange(11) * values.shape[1] // 11]
    ends = [np.append(rows[0][1:], values.shape[0]), np.append(rows[1][1:], values.shape[1])]
    down, across = (list(zip(a, b, strict=True)) for a, b in zip(rows, ends, strict=True))
    slow = [[values[a:b, c:d].max() for c, d in across] for a, b in down]
    np.testing.assert_allclose(drawing.shrunk_map(values, size), np.float32(slow))


def test_heat_has_one_scale_for_all_pictures():
    grey = np.full((4, 4, 3), 100, dtype=np.uint8)
    weak, strong = (drawing.heated(grey, np.full((4, 4), value), 1.0, 4.0) for value in (0.9, 3.0))
    np.testing.assert_array_equal(weak, grey)
    assert np.ptp(strong.reshape(-1, 3).astype(int), axis=0).max() == 0
    assert not np.array_equal(strong, grey)


def test_close_up_shows_the_nearest_normal_patch_if_its_picture_is_there(tmp_path):
    normal = np.full((90, 120), 10, dtype=np.uint8)
    normal[40:50, 70:90] = 250
    pillow.fromarray(normal).save(tmp_path / "n.png")
    text = "at x=50, y=25, 9.1 from the nearest normal patch (good/n (1), x=80, y=45); normal patches lie about 2 apart"
    with_it = found(picture(), text=text, training={"good/n (1)": str(tmp_path / "n.png")})
    (block,) = view_of(with_it).closeup(with_it.anomalies[0])
    assert "good/n (1)" in block.caption
    wide = decoded(block).shape[1]
    without = replace(with_it, extra={})
    (bare,) = view_of(without).closeup(without.anomalies[0])
    assert "nearest" not in bare.caption
    assert wide > decoded(bare).shape[1]
    bright = decoded(block)[:, -decoded(bare).shape[1] // 2 :]
    assert bright.max() > 230  # the patch itself, not some part of its picture
    (tmp_path / "n.png").write_bytes(b"gone")
    assert "nearest" not in view_of(with_it).closeup(with_it.anomalies[0])[0].caption


def test_pictures_of_sixteen_bits_grey_and_with_opacity_are_shown():
    deep = np.zeros((90, 120, 1), dtype=np.uint16)
    deep[:, 60:] = 900
    shown = drawing.shown(deep)
    assert (shown[0, 0, 0], shown[0, 100, 0]) == (0, 255)
    clear = np.zeros((4, 4, 4), dtype=np.uint8)
    assert drawing.shown(clear).min() == 255
    assert len(view_of(found(Image(deep))).overview(["a"], 1.0)) == 1


def test_a_picture_that_went_away_leaves_the_rest_of_the_page(tmp_path):
    pillow.fromarray(np.zeros((90, 120), dtype=np.uint8)).save(tmp_path / "p.png")
    image = Image.open(tmp_path / "p.png", meta={"path": str(tmp_path / "p.png")})
    detection = found(image)
    assert detection.sample.grid == (90, 120)
    (tmp_path / "p.png").unlink()
    assert view_of(detection).overview(["a"], 1.0) == []
    page = write_report([detection], tmp_path / "r.html").read_text()
    assert "20 x 10 pixels at x=40, y=20" in page


def test_bundles_show_their_main_picture():
    board = picture()
    detection = replace(found(board), sample=Bundle({"test": board, "template": picture()}, "test"))
    assert len(view_of(detection).overview(["a"], 1.0)) == 1


def run_of(many: int, content: bytes) -> Run:
    thumbs = [Thumb(content, "webp", f"<b>good</b>/{n}", "1.20×", n == 0) for n in range(many)]
    return Run(f"Something wrong with 1 of {many} pictures", f"All {many} pictures", [Contact(thumbs, "all")])


def test_the_page_shows_all_pictures_and_is_inert(tmp_path):
    content, kind = drawing.thumbnail(picture().pixels, None)
    assert kind in ("webp", "jpeg")
    detections = [found(picture(), id=f"<script>{n}</script>.png") for n in range(30)]
    page = write_report(detections, tmp_path / "r.html", run=run_of(200, content)).read_text()
    assert "Something wrong with 1 of 200 pictures" in page
    assert page.count("1.20×") == 200
    assert "<b>good" not in page
    assert "<script>1" not in page
    for kind, data in re.findall(r'src="data:image/(\w+);base64,([^"]*)"', page):
        assert kind in ("webp", "jpeg")
        pillow.open(io.BytesIO(base64.b64decode(data, validate=True))).load()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert len(page.encode()) < 6_000_000


def test_too_many_small_pictures_are_left_out_with_a_word(tmp_path):
    noisy, _ = drawing.encode(np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8), 95)
    detections = [found(picture())]
    page = write_report(detections, tmp_path / "r.html", run=run_of(1500, noisy)).read_text()
    assert len(page.encode()) < 6_000_000
    left_out = int(re.search(r"(\d+) more were left out", page)[1])
    assert left_out + page.count("1.20×") == 1500


def test_a_run_may_hold_tables():
    run = Run("headline", "title", [Table(("kind", "pictures"), [("good", "3")])])
    assert run.blocks[0].rows == [("good", "3")]
