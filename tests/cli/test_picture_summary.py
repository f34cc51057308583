"""What a run over many pictures is summed up in."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.cli.picture_results import whole_run_lengths
from tocsin.cli.picture_summary import MOST_THUMBS, chosen, contact_sheet, kind_table, picture_run, separation
from tocsin.core.extents import Region


def row(name: str, score: float, kind: str = "", group: str = "", threshold: float = 2.0) -> dict:
    return {
        "source": name,
        "sample": name,
        "place": name,
        "kind": kind,
        "group": group,
        "score": score,
        "threshold": threshold,
        "anomalous": score > threshold,
        "anomalies": int(score > threshold),
        "thumb": f"thumbs/{name}.webp",
    }


def test_kinds_are_compared_with_the_good_ones_of_their_product():
    rows = [
        row("a", 1.0, "good", "x"),
        row("b", 1.5, "good", "x"),
        row("c", 3.0, "crack", "x"),
        row("d", 1.2, "crack", "x"),
    ]
    rows += [row("e", 9.0, "good", "y", 10.0), row("f", 8.0, "hole", "y", 10.0)]
    table = kind_table(rows)
    assert [cells[0] for cells in table.rows] == ["x / good", "x / crack", "y / good", "y / hole"]
    assert [cells[2].split()[0] for cells in table.rows] == ["0", "1", "0", "0"]
    assert [cells[4] for cells in table.rows] == ["", "0.75", "", "0"]


@pytest.mark.parametrize("seed", range(3))
def test_separation_is_the_area_under_the_curve(seed):
    rng = np.random.default_rng(seed)
    bad, good = rng.integers(0, 6, 17).astype(float), rng.integers(0, 5, 23).astype(float)
    slow = np.mean([(b > g) + 0.5 * (b == g) for b in bad for g in good])
    assert separation(bad, good) == pytest.approx(slow)


def test_the_sheet_begins_with_the_strangest_and_shows_some_of_all(tmp_path):
    (tmp_path / "thumbs").mkdir()
    many = MOST_THUMBS + 200
    rows = [row(str(n), n / 100) for n in range(many)]
    for one in rows:
        (tmp_path / one["thumb"]).write_bytes(b"x")
    sheet = contact_sheet(tmp_path, rows)
    names = [int(thumb.name) for thumb in sheet.thumbs]
    assert len(names) == MOST_THUMBS
    assert names[:3] == [many - 1, many - 2, many - 3]
    assert names == sorted(names, reverse=True)
    assert names[-1] == 0
    assert f"Of {many} pictures" in sheet.caption
    assert [thumb.marked for thumb in sheet.thumbs] == [n / 100 > 2.0 for n in names]


def test_products_with_other_thresholds_are_ranked_by_how_far_above_they_are(tmp_path):
    (tmp_path / "thumbs").mkdir()
    rows = [row("near", 90.0, threshold=100.0), row("far", 3.0, threshold=1.0)]
    for one in rows:
        (tmp_path / one["thumb"]).write_bytes(b"x")
    assert [thumb.name for thumb in contact_sheet(tmp_path, rows).thumbs] == ["far", "near"]


def test_all_are_chosen_once():
    for many in (1, 299, 300, 301, 5000):
        picked = chosen(many, 300)
        assert len(picked) == len(set(picked)) == min(many, 300)
        assert max(picked) == many - 1


def test_headline_counts_pictures_and_places(tmp_path):
    rows = [row("a", 5.0) | {"anomalies": 3}, row("b", 1.0)]
    assert picture_run(tmp_path, rows).headline == "Something wrong with 1 of 2 pictures: 3 places"
    assert picture_run(tmp_path, rows[1:]).headline == "Nothing found in 1 picture"


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_over_the_whole_picture(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 9, 2)
    left, top = rng.integers(0, width), rng.integers(0, height)
    right, bottom = rng.integers(left + 1, width + 1), rng.integers(top + 1, height + 1)
    inside = rng.random((bottom - top, right - left)) < (1.1 if seed % 4 == 0 else 0.5)
    region = Region((int(left), int(top), int(right), int(bottom)), int(inside.sum()), inside)
    whole = np.zeros((height, width), dtype=bool)
    whole[top:bottom, left:right] = inside
    told = region.to_dict()
    counts = whole_run_lengths(told["rle"], told["box"], int(height), int(width))
    np.testing.assert_array_equal(np.repeat(np.arange(len(counts)) % 2 == 1, counts), whole.ravel(order="F"))
    assert all(count > 0 for count in counts[1:-1])
