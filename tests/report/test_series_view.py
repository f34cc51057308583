"""The charts of a series: nothing that was found is missing from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tocsin.core.anomalies import Evidence
from tocsin.report.figure import Axis, Band, Curve, Panel, stack
from tocsin.report.views import view_of


def positions(trace):
    """Positions of a trace, unpacked as the page's script does it."""
    if isinstance(trace["x"], list):
        return np.array(trace["x"], dtype=float)
    return trace["x"]["start"] + trace["x"]["unit"] * np.cumsum(trace["x"]["steps"])


def curve(figure, name):
    """Positions and heights (NaN for holes) of the trace of a name."""
    trace = next(t for t in figure["data"] if t.get("name") == name)
    return positions(trace), np.array([np.nan if y is None else y for y in trace["y"]], dtype=float)


def millis(sample, row):
    return sample.time[row].astype(np.int64) / 1e6


def overview(found):
    return view_of(found).overview([f"a{n}" for n in range(len(found))], 1.0)


@pytest.fixture(scope="module")
def long_intervals():
    rng = np.random.default_rng(5)
    starts = np.arange(2000, 190_000, 5000) + rng.integers(0, 3000, 38)
    return [(int(s), int(s) + int(n)) for s, n in zip(starts, rng.choice([1, 2, 7, 300], 38), strict=True)]


def test_the_overview_shows_ends_and_peak_of_every_anomaly_of_a_long_series(
    make_series, make_detection, long_intervals
):
    sample = make_series(rows=200_000, channels=2)
    found = make_detection(sample, long_intervals)
    figure = overview(found)[0].figure
    x, y = curve(figure, "score")
    assert len(x) < 9000
    height = dict(zip(x.tolist(), y.tolist(), strict=True))
    for anomaly in found.anomalies:
        for row in (anomaly.start, (anomaly.start + anomaly.stop) // 2, anomaly.stop - 1):
            assert height[millis(sample, row)] == pytest.approx(found.scores.local[row], abs=0.01)
    shades = [s for s in figure["layout"]["shapes"] if s["yref"] == "paper"]
    assert sorted((s["x0"], s["x1"]) for s in shades) == sorted(
        (millis(sample, a.start), millis(sample, a.stop - 1)) for a in found.anomalies
    )
    assert all(s["line"]["width"] >= 1 for s in shades), "an anomaly of one row in a million needs an outline"


def test_every_score_above_the_level_is_drawn(make_series, make_detection):
    sample = make_series(rows=100_000, channels=1)
    found = make_detection(sample, [(5000, 9000), (70_000, 70_001)])
    x, _ = curve(overview(found)[0].figure, "score")
    wanted = {millis(sample, r) for r in np.flatnonzero(found.scores.local > 3.0)}
    assert len(wanted) == 4001
    assert wanted <= set(x.tolist())


def test_channels_that_are_blamed_most_come_first_and_the_rest_waits_behind_a_fold(make_series, make_detection):
    found = make_detection(make_series(channels=9), [(100, 120), (500, 505)])
    blame = (Evidence("channel.6", 0.6), Evidence("channel.2", 0.3))
    found = replace(found, anomalies=tuple(replace(a, because=blame) for a in found.anomalies))
    front, back = overview(found)
    titles = [n["text"] for n in front.figure["layout"]["annotations"]]
    assert titles == ["Score; dashed: the threshold", "channel.6", "channel.2", "channel.0", "channel.1"]
    assert back.behind == "5 more channels"
    assert [n["text"] for n in back.figure["layout"]["annotations"]] == [f"channel.{c}" for c in (3, 4, 5, 7, 8)]


def test_missing_stretches_and_leaps_of_the_clock_are_holes(make_series, make_detection):
    sample = make_series(rows=20_000, channels=2)
    values = sample.values.copy()
    values[8000:8400] = np.nan
    time = sample.time.copy()
    time[15_000:] += np.timedelta64(2, "D")
    sample = replace(sample, values=values, time=time)
    figure = overview(make_detection(sample, [(100, 120)]))[0].figure
    for name in ("score", "channel.0"):
        x, y = curve(figure, name)
        for before, after in ((7999, 8400), (14_999, 15_000)):
            between = (x >= millis(sample, before)) & (x <= millis(sample, after))
            assert np.isnan(y[between]).any(), (name, before)
        assert np.isfinite(y).sum() > 1000


def test_a_channel_seen_only_now_and_then_is_drawn_as_dots(make_series, make_detection):
    sample = make_series(rows=2000, channels=2)
    values = sample.values.copy()
    values[np.arange(2000) % 10 != 0, 1] = np.nan
    figure = overview(make_detection(replace(sample, values=values), [(100, 120)]))[0].figure
    modes = {t["name"]: t["mode"] for t in figure["data"] if "name" in t}
    assert modes == {"score": "lines", "channel.0": "lines", "channel.1": "markers"}


def test_a_close_up_shows_seen_against_usual_or_against_expected(make_series, make_detection):
    sample = make_series()
    found = make_detection(sample, [(1000, 1010)])
    (chart,) = view_of(found).closeup(found.anomalies[0])
    assert [n["text"] for n in chart.figure["layout"]["annotations"]] == ["Score; dashed: the threshold", "channel.2"]
    band = next(s for s in chart.figure["layout"]["shapes"] if s["type"] == "rect" and s["yref"] == "y2")
    assert (band["y0"], band["y1"]) == pytest.approx((found.profile.low[2], found.profile.high[2]), rel=1e-5)
    first, last = chart.figure["layout"]["xaxis"]["range"]
    assert first < millis(sample, 1000) - 50 * 60_000
    assert last > millis(sample, 1009) + 50 * 60_000

    guessed = replace(found, expected=sample.values * 0 + 11.0)
    (chart,) = view_of(guessed).closeup(guessed.anomalies[0])
    _, guess = curve(chart.figure, "expected")
    assert set(guess.tolist()) == {11.0}
    x, seen = curve(chart.figure, "seen")
    rows = np.searchsorted(sample.time.astype(np.int64) / 1e6, x)
    assert seen == pytest.approx(sample.values[rows, 2], abs=0.005)
    assert "Dotted: expected" in chart.caption


def test_an_anomaly_at_the_edge_is_shown_with_what_there_is(make_series, make_detection):
    found = make_detection(make_series(rows=100), [(0, 1), (99, 100)])
    for anomaly in found.anomalies:
        (chart,) = view_of(found).closeup(anomaly)
        x, _ = curve(chart.figure, "seen")
        assert len(x) == 61


def test_a_threshold_that_moves_is_a_curve(make_series, make_detection, moving_level, plain_level):
    sample = make_series(rows=1000)
    moving = overview(make_detection(sample, [(100, 120)], moving_level))[0].figure
    _, level = curve(moving, "threshold")
    assert level[0] == pytest.approx(2.0, abs=0.01)
    assert level[-1] == pytest.approx(4.0, abs=0.01)
    fixed = overview(make_detection(sample, [(100, 120)], plain_level(3.5)))[0].figure
    assert [s["y0"] for s in fixed["layout"]["shapes"] if s["type"] == "line"] == [3.5]


def test_one_giant_does_not_flatten_the_others(make_series, make_detection):
    found = make_detection(make_series(), [(100, 120), (900, 905)])
    scores = found.scores.local.copy()
    scores[110] = 5e4
    found = replace(found, scores=replace(found.scores, local=scores))
    layout = overview(found)[0].figure["layout"]
    assert layout["yaxis"]["type"] == "log"
    low, high = layout["yaxis"]["range"]
    share_of_level = (np.log10(3.0) - low) / (high - low)
    assert 0.1 < share_of_level < 0.7
    assert "logarithmic" in layout["annotations"][0]["text"]


def test_without_a_clock_rows_are_the_axis_and_keep_their_first_number(make_series, make_detection):
    sample = replace(make_series(clock=False), meta={"first_row": 7000})
    found = make_detection(sample, [(1000, 1010)])
    x, _ = curve(overview(found)[0].figure, "score")
    assert (x[0], x[-1]) == (7000, 9999)
    assert view_of(found).size(found.anomalies[0]) == "10 rows"
    assert view_of(found).extent() == "3\u202f000 rows, 3 channels"


def test_facts_tell_step_leaps_and_missing(make_series, make_detection):
    sample = make_series(rows=1440)
    facts = dict(view_of(make_detection(sample)).facts())
    assert facts["Step"] == "1 min, regular"
    assert facts["Missing"] == "nothing"
    time, values = sample.time.copy(), sample.values.copy()
    time[1000:] += np.timedelta64(3, "h")
    values[:144, 1] = np.nan
    found = make_detection(replace(sample, time=time, values=values))
    facts = dict(view_of(found).facts())
    assert facts["Step"] == "1 min; otherwise in 0.069 % of the rows, up to 3 h 01 min"
    assert facts["Missing"] == "3.3 % of the values"
    assert view_of(found).extent() == "1 d 03 h, 3 channels"
    table = {row[0]: row[1] for row in view_of(found).profile().rows}
    assert table == {"channel.0": "–", "channel.1": "10 %", "channel.2": "–"}


def test_the_strip_places_anomalies_in_time_not_in_rows(make_series, make_detection):
    sample = make_series(rows=1000)
    time = sample.time.copy()
    time[500:] += np.timedelta64(1000, "m")
    found = make_detection(replace(sample, time=time), [(500, 510)])
    ((at, length),) = view_of(found).strip()
    assert at == pytest.approx(0.25, abs=0.001)
    assert length == pytest.approx(10 / 2000, abs=1e-4)


def test_an_empty_or_constant_panel_still_has_an_axis():
    axis = Axis(np.arange(5), "row")
    none = np.empty(0, dtype=np.int64)
    for values in (np.full(5, np.nan), np.full(5, 3.0)):
        panel = Panel("x", [Curve(np.arange(5), values, none, "x")])
        low, high = stack([panel], axis, [Band(2, 3)], (0, 5))["layout"]["yaxis"]["range"]
        assert np.isfinite([low, high]).all()
        assert low < high
