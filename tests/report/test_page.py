"""The page: what it says, in which order, that it is inert, small and complete."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.detection import Detection
from tocsin.core.errors import InputError
from tocsin.core.extents import Cluster, EventSet, Region, Whole
from tocsin.core.samples import Bundle, Events, Image, PointCloud, Series
from tocsin.core.scores import Scores
from tocsin.report import write_report
from tocsin.report.page import MOST_BYTES
from tocsin.report.views.blocks import Picture
from tocsin.report.views.view import View


class Reader(HTMLParser):
    """Elements, attributes, visible text and scripts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words, self.scripts, self._inside = [], [], [], [], None
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif self._inside != "style":
            self.words.append(data)


@pytest.fixture
def page(tmp_path):
    def write(detections, **options):
        path = write_report(detections, tmp_path / "report.html", **options)
        return Reader(path.read_text(encoding="utf-8"))

    return write


def test_one_detection_is_told_from_headline_to_command(page, make_series, make_detection, plain_level):
    level = plain_level(support="only 2 days of data stand behind 1/day")
    found = make_detection(make_series(), [(1000, 1060), (2000, 2001)], level)
    read = page([found], command="tocsin detect telemetry.csv -o 'out dir'")
    assert "2 anomalies in telemetry.csv" in read.text
    assert "2 d 02 h, 3 channels; the strongest at 2024-03-01 17:10:00: channel.2." in read.text
    in_order = [
        "2 anomalies in telemetry.csv",
        "Before you trust this only 2 days of data stand behind 1/day",
        "Anomalies, strongest first",
        "2024-03-01 16:40:00 to 17:39:00 1 h",
        "3.0× threshold",
        "once in 50 days by chance",
        "The score peaks with 9 at 2024-03-01 17:10:00",
        "42, usually 8 to 12",
        "p = 1×10⁻⁴".replace("×", "\u202f×\u202f"),
        "among the 3\u202f000 places judged here, chance alone gives 0.3 of them",
        "stay above the threshold for so long once in 50 days",
        "2024-03-02 09:20:00 1 min",
        "The data",
        "The threshold Threshold 3 It promises about 1 false alarm per day",
        "Calibrated on the data itself (unlabelled)",
        "runs at most 5 rows (5 min) apart are one anomaly",
        "a period of 1440 rows was found",
        "The detector: far-off",
        "Nobody 1900",
        "window 50 share 0.25",
        "tocsin detect telemetry.csv -o 'out dir'",
        "tocsin 0.",
    ]
    # White space of all kinds is one blank in the text read.
    in_order = [" ".join(part.split()) for part in in_order]
    place = 0
    for part in in_order:
        found_at = read.text.find(part, place)
        assert found_at >= 0, (part, read.text[place : place + 300])
        place = found_at


def test_nothing_found_is_said_and_still_shown(page, make_series, make_detection):
    read = page([make_detection(make_series())])
    assert "No anomaly in telemetry.csv" in read.text
    assert "no score crossed the threshold of 3." in read.text
    assert sum(kind == "application/json" for kind, _ in read.scripts) == 1


def test_repairs_and_gaps_in_the_verdict_are_told(page, make_series, make_detection):
    from tocsin.core.samples.sample import Repair

    sample = make_series()
    values = sample.values.copy()
    values[100:400] = np.nan
    repairs = (Repair("text, left out", 1, "hostname"), Repair("3 duplicate time stamps were dropped", 3))
    read = page([make_detection(replace(sample, values=values, repairs=repairs), [(1000, 1010)])])
    assert "hostname: text, left out" in read.text
    assert "3 duplicate time stamps were dropped" in read.text
    assert "10 % of the places have no score, for lack of data" in read.text


def test_several_files_begin_with_a_table_and_link_to_their_sections(page, make_series, make_detection):
    weak = make_detection(make_series(id="weak.csv"), [(50, 60)])
    weak = replace(weak, anomalies=tuple(replace(a, p_value=0.01) for a in weak.anomalies))
    quiet = make_detection(make_series(id="quiet.csv"))
    strong = make_detection(make_series(id="strong.csv"), [(10, 20), (70, 90)])
    read = page([weak, quiet, strong])
    assert "3 anomalies in 2 of 3 files" in read.text
    assert "The strongest in strong.csv at" in read.text
    order = [read.text.find(name) for name in ("All files", "weak.csv 2 d", "quiet.csv 2 d")]
    assert order == sorted(order)
    assert order[0] >= 0
    links = {value[1:] for tag, name, value in read.attributes if tag == "a" and name == "href"}
    ids = {value for _, name, value in read.attributes if name == "id"}
    assert links == {"d1", "d2", "d3"}
    assert links <= ids


def test_the_strip_of_a_file_hides_no_anomaly_however_many_there_are(page, make_series, make_detection):
    many = make_detection(make_series(rows=40_000, channels=1), [(20 * n, 20 * n + 2) for n in range(1, 1500)])
    one = make_detection(make_series(rows=40_000, channels=1), [(39_990, 39_991)])
    read = page([many, one])
    at, wide = ([float(v) for t, n, v in read.attributes if t == "rect" and n == name] for name in ("x", "width"))
    spans = list(zip(at, wide, strict=True))
    *first, last = spans
    assert all(any(x <= 1000 * 20 * n / 40_000 <= x + w + 1 for x, w in first) for n in range(1, 1500))
    assert last[0] > 990
    assert last[1] >= 3
    assert last[0] + last[1] <= 1001


def test_dots_on_the_chart_open_anomalies_that_exist(page, make_series, make_detection):
    read = page([make_detection(make_series(), [(100, 110), (500, 501), (900, 950)])])
    ids = {value for _, name, value in read.attributes if name == "id"}
    figures = [json.loads(text) for kind, text in read.scripts if kind == "application/json"]
    targets = [t for f in figures for trace in f["data"] for t in trace.get("customdata", [])]
    assert sorted(targets) == ["d1-a1", "d1-a2", "d1-a3"]
    assert set(targets) <= ids
    drawn = {value for _, name, value in read.attributes if name == "data-figure"}
    assert len(drawn) == len(figures)
    assert drawn <= ids


def test_everything_from_the_data_is_inert(page, hostile, hostile_detection, make_series, make_detection):
    plain = page([make_detection(make_series(rows=600), [(100, 110), (300, 301)])])
    read = page([hostile_detection], command=hostile, title=hostile)
    assert set(read.tags) <= set(plain.tags) | {"pre", "ul", "li", "h4"}
    assert "img" not in read.tags
    handlers = [a for a in read.attributes if a[1].startswith("on") or (a[2] or "").startswith("javascript:")]
    assert not handlers
    kinds = [kind for kind, _ in read.scripts]
    assert kinds.count(None) == 1, "the page's own script is the only one that runs by itself"
    assert [text for kind, text in read.scripts if kind is None] == [t for k, t in plain.scripts if k is None]
    assert "{{ 7 * 7 }}" in read.text
    for kind, text in read.scripts:
        if kind == "application/json":
            assert not set("<>&") & set(text)
            for note in json.loads(text)["layout"]["annotations"]:
                assert not set("<>\x1b\u202e") & set(note["text"])
    assert not re.search("[\x1b\u202e\u2028]", read.text)


def test_several_hostile_files_are_inert_in_the_summary(page, hostile_detection):
    read = page([hostile_detection, hostile_detection])
    assert "img" not in read.tags
    assert {v for t, n, v in read.attributes if t == "a" and n == "href"} == {"#d1", "#d2"}


def test_the_policy_in_the_page_allows_its_two_scripts_only(tmp_path, make_series, make_detection):
    import base64
    import gzip
    import hashlib

    text = write_report([make_detection(make_series())], tmp_path / "r.html").read_text(encoding="utf-8")
    read = Reader(text)
    policy = next(v for t, n, v in read.attributes if t == "meta" and n == "content" and "default-src" in v)
    assert policy.startswith("default-src 'none';")
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    packed = next(text for kind, text in read.scripts if kind == "text/plain")
    own = next(text for kind, text in read.scripts if kind is None)
    library = gzip.decompress(base64.b64decode(packed))
    for code in (own.encode(), library):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'" in policy
    assert b"plotly.js v" in library[:200]
    outside = [v for t, n, v in read.attributes if n in ("src", "href") and not (v or "").startswith("#")]
    assert not outside


def test_a_million_rows_of_eight_channels_and_forty_anomalies_stay_below_six_megabytes(
    tmp_path, make_series, make_detection
):
    sample = make_series(rows=1_000_000, channels=8)
    starts = np.arange(5000, 965_000, 24_000)
    found = make_detection(sample, [(int(s), int(s) + 40 * (n + 1)) for n, s in enumerate(starts)])
    assert len(found) == 40
    blame = tuple(Evidence(name, 1 / 8, 42.0, (8.0, 12.0), "42, usually 8 to 12") for name in sample.channels)
    found = replace(
        found, expected=sample.values[::-1], anomalies=tuple(replace(a, because=blame) for a in found.anomalies)
    )
    path = write_report([found], tmp_path / "big.html")
    assert path.stat().st_size < MOST_BYTES
    text = path.read_text(encoding="utf-8")
    assert text.count('class="chart"') == 42, "the overview, the other channels and forty close-ups"
    assert "left out to keep the page small" not in text


def test_many_files_of_many_wide_series_stay_below_six_megabytes(tmp_path, make_series, make_detection):
    wide = make_series(rows=3000, channels=120)
    found = make_detection(wide, [(100 * n, 100 * n + 20) for n in range(1, 29)])
    path = write_report([replace(found, sample=replace(wide, id=f"{n}.csv")) for n in range(30)], tmp_path / "r.html")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < MOST_BYTES
    assert "left out to keep the page small" in text
    assert text.count('class="detection"') == 24
    assert all(f"{n}.csv" in text for n in range(30))


def test_names_that_swell_when_escaped_do_not_burst_the_page(tmp_path, make_series, make_detection):
    wide = make_series(rows=3000, channels=120)
    wide = replace(wide, channels=tuple(f"{'<' * 100}{c}" for c in range(120)))
    found = make_detection(wide, [(100 * n, 100 * n + 20) for n in range(1, 29)])
    blame = tuple(Evidence(name, 0.1, text="<" * 300) for name in wide.channels[:8])
    found = replace(found, anomalies=tuple(replace(a, because=blame) for a in found.anomalies))
    path = write_report([found] * 24, tmp_path / "r.html")
    assert path.stat().st_size < MOST_BYTES
    assert path.read_text(encoding="utf-8").count('class="chart"') >= 1, "the strongest sample keeps its chart"


def test_thousands_of_anomalies_are_listed_up_to_a_point_that_is_told(page, make_series, make_detection):
    found = make_detection(make_series(rows=40_000, channels=1), [(20 * n, 20 * n + 2) for n in range(1, 1500)])
    read = page([found])
    assert "1 499 anomalies" in read.text
    assert "1259 weaker ones are not listed here" in read.text


def _generic(sample, scores, anomalies, card, level, decides="places"):
    from tocsin.core.alarm_rules import AlarmRules

    localises = {"image": "pixels", "events": "events", "points": "points"}.get(sample.modality, "samples")
    card = replace(card, modality=(sample.modality,), localises=localises, decides=decides)
    return Detection(sample, scores, level, tuple(anomalies), AlarmRules(), card, {})


def test_other_modalities_have_a_page_too(page, card, plain_level):
    image = Image(np.zeros((20, 30)), id="part.png")
    region = Region((3, 4, 8, 9), 20, np.ones((5, 5), dtype=bool))
    events = Events({"user": ["root", "bob", "eve"]}, id="log.csv")
    points = PointCloud(np.zeros((50, 3)), id="scan.ply")
    bundle = Bundle({"a": Series(np.zeros(16))}, id="pair")
    made = [
        (image, Scores(np.ones((20, 30))), Anomaly(region, 7.0, "x=5, y=6", 0.001), "20 pixels"),
        (
            events,
            Scores(np.ones(3)),
            Anomaly(EventSet(np.array([1]), "t1", "event 1"), 5.0, "event 1", because=(Evidence("user", 1.0, "bob"),)),
            "1 event",
        ),
        (points, Scores(np.ones(50)), Anomaly(Cluster(np.arange(9), (0, 0, 0), 0.1), 4.0, "point 3"), "9 points"),
        (bundle, Scores(overall=8.0), Anomaly(Whole(16, "pair"), 8.0, "pair"), "16 places"),
    ]
    for sample, scores, anomaly, size in made:
        read = page([_generic(sample, scores, [anomaly], card, plain_level(3.0))])
        assert f"1 anomaly in {sample.id}" in read.text
        assert size in read.text
        assert str(anomaly.where) in read.text
    detections = [_generic(s, scores, [a], card, plain_level(3.0)) for s, scores, a, _ in made]
    assert "4 anomalies in 4 of 4 files" in page(detections).text


def test_a_view_may_show_pictures(page, card, plain_level, monkeypatch):
    class Pictures(View):
        def overview(self, targets, detail):
            return [Picture(b"\x89PNG...", "png", "a <b>map</b>", "what was <i>seen</i>")]

    monkeypatch.setattr("tocsin.report.content.view_of", Pictures)
    image = Image(np.zeros((20, 30)), id="part.png")
    read = page([_generic(image, Scores(np.ones((20, 30))), [], card, plain_level())])
    assert ("img", "src", "data:image/png;base64,iVBORy4uLg==") in read.attributes
    assert ("img", "alt", "a <b>map</b>") in read.attributes
    assert "what was <i>seen</i>" in read.text


def test_a_sample_without_any_score_has_a_page(page, make_series, make_detection, plain_level):
    sample = make_series(rows=50)
    found = make_detection(sample, level=plain_level(float("nan")))
    empty = replace(found, scores=Scores(np.full(50, np.nan)))
    read = page([empty])
    assert "100 % of the places have no score" in read.text


def test_what_cannot_be_written_is_said_in_one_sentence(tmp_path, make_series, make_detection):
    found = make_detection(make_series())
    with pytest.raises(InputError, match=r"the report .*report\.html cannot be written: No such file or directory"):
        write_report([found], tmp_path / "no such folder" / "report.html")
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        write_report([found], tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]
    with pytest.raises(InputError, match="at least one detection"):
        write_report([], tmp_path / "report.html")


def test_an_earlier_report_survives_a_failed_one(tmp_path, make_series, make_detection, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("earlier")
    (tmp_path / "report.html.partial").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_report([make_detection(make_series())], path)
    assert path.read_text() == "earlier"


def test_a_detection_reports_itself(tmp_path, make_series, make_detection):
    path = make_detection(make_series(), [(100, 110)]).report(tmp_path / "report.html")
    assert "1 anomaly in telemetry.csv" in path.read_text(encoding="utf-8")


def test_a_detector_s_own_detection_has_a_page(page):
    from tocsin.series.robust_z import RobustZ

    load = np.sin(np.arange(600.0) / 9)
    load[250] = 9.0
    read = page([RobustZ().fit_detect(load, false_alarms="top 1")])
    assert "1 anomaly in the series" in read.text
    assert "row 250 1 row" in read.text


def test_importing_the_report_draws_in_nothing_heavy():
    code = "import sys, tocsin.report; print([m for m in ('jinja2', 'plotly', 'scipy', 'pandas') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_plotly_itself_is_never_imported(tmp_path):
    code = (
        "import sys, numpy as np; from pathlib import Path; from tocsin.series.robust_z import RobustZ;"
        "d = RobustZ().fit_detect(np.arange(99.0), false_alarms='top 1'); d.report(Path(sys.argv[1]));"
        "print('plotly' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r.html")], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
