"""Matrices on the page: their numbers, their place in time, what is framed, and what they may weigh."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.pictures import Matrix
from tocsin.report.figure import Axis
from tocsin.report.heat_map import MOST_CELLS, heat_map, thinned
from tocsin.report.page import write_report
from tocsin.report.views import view_of


def matrix(cells=200, first=900, patch=1, seed=0, **changes):
    values = np.random.default_rng(seed).random((cells, cells)).astype("f4")
    starts = first + patch * np.arange(cells)
    given = {"title": "load: how alike", "text": "This stretch resembles nothing.", "span": (1000, 1040)}
    return Matrix(values, starts, starts, **(given | {"related": ((910, 950),)} | changes))


def unpacked(packed):
    return packed["start"] + packed["unit"] * np.cumsum(packed["steps"])


def figures(path):
    text = path.read_text()
    return [json.loads(f) for f in re.findall(r'<script type="application/json" id="figure-\d+">(.*?)</script>', text)]


def test_cells_are_means_of_what_they_cover():
    given = matrix(cells=200)
    values, down, across = thinned(given)
    assert values.shape == (MOST_CELLS, MOST_CELLS)
    edges = np.unique(np.linspace(0, 200, MOST_CELLS + 1).astype(int))
    for i, j in ((0, 0), (10, 77), (95, 95)):
        part = given.values[edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
        count = np.outer(np.ones(len(part)), np.ones(part.shape[1])).sum()
        # A mean of means: rows first, all blocks of a line having one height.
        assert values[i, j] == pytest.approx(part.astype(float).sum() / count, abs=1e-6)
        assert given.down[edges[i]] <= down[i] < given.down[edges[i]] + (edges[i + 1] - edges[i])
    np.testing.assert_array_equal(down, across)


def test_a_small_matrix_is_drawn_as_it_is_and_holes_stay_holes():
    given = matrix(cells=12)
    holed = given.values.copy()
    holed[3] = holed[:, 3] = np.nan
    drawn = heat_map(replace(given, values=holed), Axis(np.arange(2000), "row"))["data"][0]
    found = np.array([[np.nan if v is None else v for v in line] for line in drawn["z"]])
    np.testing.assert_allclose(found, holed, atol=0.00501)
    assert np.isnan(found[3]).all()
    np.testing.assert_array_equal(unpacked(drawn["x"]), np.arange(900, 912))
    assert (drawn["zmin"], drawn["zmax"]) == (0.0, 1.0)


def test_the_page_holds_the_matrix_in_time_with_the_anomaly_framed(tmp_path, make_series, make_detection):
    sample = make_series()
    found = make_detection(sample, [(1000, 1040), (2000, 2010)])
    given = matrix(patch=2)
    found = replace(found, pictures={found.anomalies[0].where: (given,)})
    path = write_report([found], tmp_path / "r.html")
    heats = [f for f in figures(path) if f["data"][0]["type"] == "heatmap"]
    assert len(heats) == 1
    (heat,), layout = heats[0]["data"], heats[0]["layout"]
    np.testing.assert_allclose(np.array(heat["z"]), thinned(given)[0], atol=0.00501)
    millis = sample.time.astype("datetime64[ms]").astype(int)
    np.testing.assert_allclose(unpacked(heat["x"]), millis[thinned(given)[2]])
    assert layout["xaxis"]["type"] == layout["yaxis"]["type"] == "date"
    frames = [(s["x0"], s["x1"], s["y0"], s["y1"]) for s in layout["shapes"]]
    assert (millis[910], millis[949], millis[1000], millis[1039]) in frames
    text = path.read_text()
    assert text.count("This stretch resembles nothing.") >= 2  # seen, and read out
    assert "hovermode" in layout


def test_pictures_of_other_samples_and_of_no_anomaly(make_series, make_detection):
    found = make_detection(make_series(clock=False), [(1000, 1040)])
    found = replace(found, pictures={found.anomalies[0].where: (matrix(),)})
    blocks = view_of(found).closeup(found.anomalies[0])
    assert len(blocks) == 2
    assert blocks[1].figure["layout"]["xaxis"]["type"] == "linear"
    assert len(view_of(replace(found, pictures={})).closeup(found.anomalies[0])) == 1


def test_eight_large_matrices_cost_less_than_half_a_megabyte(tmp_path, make_series, make_detection):
    found = make_detection(make_series(rows=30_000), [(1000 * k, 1000 * k + 40) for k in range(1, 20)])
    bare = write_report([found], tmp_path / "bare.html").stat().st_size
    shown = {a.where: (matrix(cells=4096, first=a.start, span=(a.start, a.stop)),) for a in found.anomalies[:8]}
    full = write_report([replace(found, pictures=shown)], tmp_path / "full.html").stat().st_size
    assert 100_000 < full - bare < 500_000


def test_hostile_texts_stay_text(tmp_path, make_series, make_detection, hostile):
    found = make_detection(make_series(), [(1000, 1040)])
    picture = matrix(title=hostile, text=hostile)
    path = write_report([replace(found, pictures={found.anomalies[0].where: (picture,)})], tmp_path / "r.html")
    assert hostile not in path.read_text()


def test_a_matrix_that_does_not_fit_its_places_is_refused():
    with pytest.raises(InputError, match=r"shape \(3, 3\) cannot stand over 3 lines and 2 columns"):
        Matrix(np.eye(3), np.arange(3), np.arange(2), "", "", (0, 1))
    with pytest.raises(InputError, match="scale of a matrix"):
        Matrix(np.eye(2), np.arange(2), np.arange(2), "", "", (0, 1), low=1.0)
