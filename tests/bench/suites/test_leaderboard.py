"""What the leaderboard says is what its rows say: against slow twins, golden values and planted results."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tocsin.bench.leaderboard import as_text, comparing, read_board
from tocsin.bench.leaderboard.board import _sheets
from tocsin.bench.leaderboard.building import Sheet, build_section
from tocsin.bench.leaderboard.page import LETTER, LINE, WIDTH, _place_names, as_page
from tocsin.bench.leaderboard.published import published_rows
from tocsin.bench.leaderboard.values import Values
from tocsin.core.errors import InputError
from tocsin.metrics.image import mean_ad


def row(detector: str, dataset: str, group: str, value: float | None, **known) -> dict:
    return {
        "job": detector, "detector": detector, "family": detector, "floor": detector in ("random", "first-difference"),
        "dataset": dataset, "protocol": "one-class", "task": group, "seed": 0, "unit": group, "group": group,
        "half": "", "metric": "vus_pr", "value": value,
        "reason": "" if value is not None else "y_true holds no anomaly", "places": 100, "anomalous": 5, **known,
    }  # fmt: skip


def job(detector: str, dataset: str, status: str = "done", seconds: float = 1.0, **known) -> dict:
    return {
        "detector": detector, "family": detector, "floor": detector in ("random", "first-difference"),
        "dataset": dataset, "protocol": "one-class", "task": "", "seed": 0, "status": status, "message": "",
        "fit_seconds": seconds, "score_seconds": seconds, "fit_memory": 1e6, "score_memory": 2e6, "scored": 100.0,
        **known,
    }  # fmt: skip


def made(rng: np.random.Generator, lift: dict[str, float], sizes: dict[str, int]) -> tuple[list[dict], list[dict]]:
    rows, jobs = [], []
    for dataset, size in sizes.items():
        hardness = rng.uniform(0.2, 0.6, size)
        for detector, more in lift.items():
            jobs.append(job(detector, dataset))
            rows += [
                row(detector, dataset, f"{dataset}{n}", float(hardness[n] + more + rng.normal(0, 0.02)))
                for n in range(size)
            ]
    return rows, jobs


def section_of(rows: list[dict], jobs: list[dict]):
    return build_section(Sheet("one-class", "series", "vus_pr", [], rows, jobs))


def test_means_are_over_data_sets_of_means_over_groups() -> None:
    rows = [row("a", "x", "1", 1.0), row("a", "x", "2", 0.5), row("a", "y", "1", 0.25)]
    rows += [row("a", "x", "1", 0.5, unit="1b"), row("a", "x", "1", None, unit="1c")]
    section = section_of(rows, [job("a", "x"), job("a", "y")])
    (only,) = section.standings
    assert only.by_dataset == {"x": pytest.approx((0.75 + 0.5) / 2), "y": 0.25}
    assert only.mean == pytest.approx((0.625 + 0.25) / 2)
    assert "x: 1 of 4 units without a value (y_true holds no anomaly)" in section.remarks


def test_the_best_is_found_and_what_cannot_be_told_from_it_is_said() -> None:
    rows, jobs = made(
        np.random.default_rng(0), {"good": 0.3, "twin": 0.3, "poor": 0.1, "random": 0.0}, {"x": 12, "y": 9}
    )
    section = section_of(rows, jobs)
    by_name = {s.detector: s for s in section.standings}
    assert section.best in ("good", "twin")
    other = "twin" if section.best == "good" else "good"
    assert by_name[other].p_value > 0.05
    assert by_name["poor"].p_value < 0.01
    assert by_name["poor"].low < by_name["poor"].mean < by_name["poor"].high
    assert by_name["random"].wins == 0
    assert sum(s.wins for s in section.standings) == 2
    assert by_name["random"].rank == 4.0
    assert math.isnan(by_name[section.best].p_value)


def test_the_interval_is_that_of_resampled_groups() -> None:
    rng = np.random.default_rng(3)
    rows, jobs = made(rng, {"a": 0.2}, {"x": 30, "y": 10})
    (only,) = section_of(rows, jobs).standings
    means = []
    for _ in range(3000):  # the slow way: draw groups inside of each data set, average, average
        drawn = []
        for dataset in ("x", "y"):
            values = np.array([r["value"] for r in rows if r["dataset"] == dataset])
            drawn.append(rng.choice(values, len(values)).mean())
        means.append(np.mean(drawn))
    low, high = np.quantile(means, [0.025, 0.975])
    assert (only.low, only.high) == pytest.approx((low, high), abs=0.006)


def test_ranks_share_ties_and_put_failures_last() -> None:
    values = Values(
        ("a", "b", "c", "d"),
        (("x", "1"), ("y", "1"), ("z", "1")),
        np.array([[0.9, 0.1, np.nan], [0.5, 0.2, 0.5], [0.5, np.nan, 0.1], [0.1, 0.0, 0.2]]),
        {},
    )
    failed = [set(), set(), {"y"}, set()]
    ranked = comparing.ranks(values, failed, higher=True)
    assert ranked[:, 0].tolist() == [1.0, 2.5, 2.5, 4.0]
    assert ranked[:, 1].tolist() == [2.0, 1.0, 4.0, 3.0]
    assert np.isnan(ranked[:, 2]).all(), "one detector has not been run there"
    assert comparing.wins(ranked, values, failed) == [1, 1, 0, 0]
    assert comparing.ranks(values, failed, higher=False)[:, 0].tolist() == [4.0, 2.5, 2.5, 1.0]


@pytest.mark.parametrize(("detectors", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_of_the_published_table(detectors: int, q: float) -> None:
    """Demsar (2006), table 5 (a): q at 0.05 for the Nemenyi test."""
    found = comparing.critical_difference(detectors, 20)
    assert found == pytest.approx(q * math.sqrt(detectors * (detectors + 1) / 120), rel=5e-4)


def test_the_paired_test_exchanges_inside_of_groups() -> None:
    rng = np.random.default_rng(1)
    table = rng.random((2, 6))
    values = Values(("a", "b"), tuple([("x", str(n)) for n in range(4)] + [("y", "1"), ("y", "2")]), table, {})
    difference = table[0] - table[1]
    weights = np.array([1 / 8] * 4 + [1 / 4] * 2)
    observed = abs(float(weights @ difference))
    exchanged = [abs(float(weights @ (np.array(s) * difference))) for s in itertools.product((1, -1), repeat=6)]
    expected = np.mean([value >= observed * (1 - 1e-12) for value in exchanged])
    assert comparing.against(values, 0)[1] == pytest.approx(expected)


def test_trivial_sets_are_pointed_out() -> None:
    rows = [row("a", "x", "1", 0.97), row("first-difference", "x", "1", 0.99), row("random", "x", "1", 0.1)]
    rows += [row("a", "y", "1", 0.50), row("first-difference", "y", "1", 0.6), row("random", "y", "1", 0.1)]
    dense = {"anomalous": 70}
    rows += [row(d, "z", "1", v, **dense) for d, v in (("a", 0.7), ("first-difference", 0.5), ("random", 0.7))]
    rows += [row("a", "fair", "1", 0.70), row("first-difference", "fair", "1", 0.3), row("random", "fair", "1", 0.1)]
    jobs = [job(d, s) for d in ("a", "first-difference", "random") for s in ("x", "y", "z", "fair")]
    remarks = section_of(rows, jobs).remarks
    assert "x is solved by a cheap trick: first-difference gets vus_pr 0.990, the best detector 0.970" in remarks
    assert any(r.startswith("y is no harder for a cheap trick than for detectors") for r in remarks)
    assert any(r.startswith("z: no detector beats random scores") for r in remarks)
    assert any(r.startswith("z: 70% of what is judged is anomalous") for r in remarks)
    assert not any(r.startswith("fair") for r in remarks)


def test_settings_are_chosen_on_one_half_and_shown_on_the_other() -> None:
    rows = []
    for power, (choose, report) in {"1": (0.4, 0.9), "2": (0.8, 0.6)}.items():
        known = {"family": "a", "job": power}
        rows += [row(f"a(power={power})", "x", "g", choose, half="choose", **known)]
        rows += [row(f"a(power={power})", "x", "h", report, half="report", **known)]
    jobs = [job(f"a(power={p})", "x", family="a") for p in "12"]
    section = section_of(rows, jobs)
    (only,) = section.standings
    assert (only.detector, only.mean) == ("a", 0.6), "0.9 was to be had only by looking at the half that is reported"
    assert section.chosen == {"a": {"x": "a(power=2)"}}
    assert only.seconds == 4.0, "what was tried is part of what it cost"


def test_a_setting_that_fails_does_not_count_against_its_family() -> None:
    rows = [
        row("a(w=1)", "x", "g", 0.4, half="choose", family="a"),
        row("a(w=1)", "x", "h", 0.7, half="report", family="a"),
    ]
    jobs = [job("a(w=1)", "x", family="a"), job("a(w=2)", "x", "failed", family="a")]
    (only,) = section_of(rows, jobs).standings
    assert (only.mean, only.missing) == (0.7, "")


def test_a_failure_is_shown_where_a_mean_would_hide_it() -> None:
    rows = [row("a", "x", "1", 0.9), row("b", "x", "1", 0.5), row("b", "y", "1", 0.5)]
    section = section_of(rows, [job("a", "x"), job("a", "y", "memory"), job("b", "x"), job("b", "y")])
    first = section.standings[0]
    assert (first.detector, first.missing) == ("a", "failed on y")
    assert first.rank == 1.5


def test_only_data_sets_with_the_same_detectors_are_averaged() -> None:
    rows = [row(d, s, "1", 0.5) for d, s in (("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("c", "z"))]
    jobs = [job(d, s) for d, s in (("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("c", "z"), ("random", "z"))]
    for entry in rows:
        entry["job"] = entry["detector"] + entry["dataset"]
    sheets = _sheets("one-class", "series", ["vus_pr"], rows, jobs)
    assert [{r["dataset"] for r in sheet.rows} for sheet in sheets] == [{"x", "y"}, {"z"}]
    assert [{j["detector"] for j in sheet.jobs} for sheet in sheets] == [{"a", "b"}, {"c", "random"}]


def test_nothing_to_compare_is_no_crash() -> None:
    section = section_of([row("a", "x", "1", None)], [job("a", "x")])
    assert section.best == ""
    assert math.isnan(section.standings[0].mean)


def test_published_rows_are_those_of_the_source_and_fit_together() -> None:
    rows = published_rows(["ader"])
    cells = {(r.dataset, r.detector, r.metric): r.value for r in rows}
    assert cells["real-iad", "InvAD", "au_pro@0.3"] == 0.927
    assert len({(r.dataset, r.detector) for r in rows}) == 45
    assert all(0 <= r.value <= 1 and r.source and r.verified for r in published_rows())
    # mAD, the mean of seven of the metrics, is printed in the source: what was copied must give it.
    names = ("image_auroc", "image_ap", "image_f1_max", "pixel_auroc", "pixel_ap", "pixel_f1_max", "au_pro@0.3")
    for dataset, detector, printed in (
        ("mvtec-ad", "PatchCore", 87.2),
        ("visa", "UniAD", 75.0),
        ("real-iad", "RD", 68.8),
    ):
        mean = mean_ad({name: cells[dataset, detector, name] for name in names})
        assert 100 * mean == pytest.approx(printed, abs=0.11)
    with pytest.raises(InputError, match=r"no published table 'adr'; did you mean ader"):
        published_rows(["adr"])


def test_the_page_stands_alone_and_harms_nobody(tmp_path, monkeypatch) -> None:
    rows, jobs = made(np.random.default_rng(0), {"<b>x</b>": 0.3, "random": 0.0}, {"x": 3, "y": 2})
    from tocsin.bench.leaderboard.board import Board

    board = Board(
        "s", "A <script>", [section_of(rows, jobs)], {"done": 4, "memory": 1}, [("j", "memory", "<i>")], [], {}
    )
    page, text = as_page(board), as_text(board)
    assert "<script" not in page
    assert "<b>x" not in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<circle") == 2
    assert "1 ran out of memory" in text
    assert "j ran out of memory: <i>" in text


def test_names_in_the_drawing_do_not_cover_one_another() -> None:
    points = [{"x": 300.0 + n % 3, "y": 150.0 + n % 4, "name": "a-long-name" * (1 + n % 2)} for n in range(12)]
    _place_names(points)
    boxes = [(p["name_x"], p["name_x"] + LETTER * len(p["name"]), p["name_y"]) for p in points]
    for n, (left, right, y) in enumerate(boxes):
        assert left >= 0
        assert right <= WIDTH
        for other_left, other_right, other_y in boxes[:n]:
            assert left > other_right or right < other_left or abs(y - other_y) >= LINE


def test_a_folder_that_is_no_run_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="is no folder of a run"):
        read_board(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="has no tables yet"):
        read_board(tmp_path)
