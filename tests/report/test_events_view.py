"""The page about events: the lines, the pairs and the path of an anomaly are on it, and nothing in them comes alive."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.samples import Events
from tocsin.core.scores import Scores
from tocsin.report import write_report
from tocsin.report.views import view_of

HOSTILE = "<script>alert(1)</script>\x1b[31m =HYPERLINK(1) \u202egpj"


class Marked(Detector):
    """Strange is what says "odd"; paths and reasons are given, so that the page is known."""

    card = Card(name="marked", summary="", modality=("events",), learns_from="nothing", localises="events")

    def _fit(self, samples, rng):
        self.known_ = 1

    def _score(self, sample):
        odd = np.array(["odd" in word for word in sample.entities["event"].words()])
        paths = [
            {
                "entities": ["file:/etc/shadow", f"process:{HOSTILE}", "socket:10.0.0.9:4444"],
                "edges": [
                    {"seen": 0, "weak": True, "rows": np.flatnonzero(odd).tolist()},
                    {"seen": 1234, "weak": False, "rows": []},
                ],
            }
        ]
        return Scores(np.where(odd, 9.0, np.arange(len(odd)) % 7 / 10), notes={"paths": paths})

    def _explain(self, sample, scores, anomaly):
        return [Evidence("user x event", 0.9, f"bob, {HOSTILE}", ("alice", "ops"), "bob never does this")]


@pytest.fixture(scope="module")
def found():
    words = [f"step {i % 5}" for i in range(400)]
    words[250] = words[251] = f"odd {HOSTILE}"
    text = [f"line {i}: {w}" for i, w in enumerate(words)]
    time = np.datetime64("2024-03-04", "ns") + np.arange(400) * np.timedelta64(7, "s")
    usual = Events({"event": words[:200], "user": ["bob"] * 200}, time=time[:200], text=text[:200])
    sample = Events({"event": words, "user": ["bob"] * 400}, time=time, text=text, id="app.log")
    return Marked().fit(usual).detect(sample, false_alarms="1%")


def test_the_lines_of_an_anomaly_stand_between_their_neighbours(found):
    listing = next(b for b in view_of(found).closeup(found.anomalies[0]) if hasattr(b, "lines"))
    assert [number for number, _, marked in listing.lines if marked] == ["250", "251"]
    assert [number for number, _, _ in listing.lines] == [str(n) for n in range(247, 255)]
    assert listing.lines[0][1] == "line 247: step 2"


def test_the_path_is_drawn_with_its_weak_step(found):
    diagram = next(b for b in view_of(found).closeup(found.anomalies[0]) if hasattr(b, "arrows"))
    assert [b.kind for b in diagram.boxes] == ["file", "process", "socket"]
    assert [b.label for b in diagram.boxes][::2] == ["/etc/shadow", "10.0.0.9:4444"]
    assert [(a.label, a.strong) for a in diagram.arrows] == [("new", True), ("1\u202f234 ×", False)]
    assert diagram.arrows[0].x1 < diagram.arrows[0].x2 < diagram.arrows[1].x1


def test_what_was_seen_stands_beside_what_is_usual(found):
    table = next(b for b in view_of(found).closeup(found.anomalies[0]) if hasattr(b, "headings"))
    assert table.rows[0][0] == "user x event"
    assert table.rows[0][2] == "alice, ops"


def test_the_timeline_counts_every_event_and_marks_the_anomaly(found):
    figure = view_of(found).overview(["a1"], 1.0)[0].figure
    rates = next(t for t in figure["data"] if t.get("name") == "events")
    assert sum(rates["y"]) == 400
    marks = next(t for t in figure["data"] if t["mode"] == "markers+text")
    assert marks["customdata"] == ["a1"]
    assert marks["y"] == [9.0]


def test_templates_are_listed_the_strangest_first(found):
    templates = next(b for b in view_of(found).overview(["a1"], 1.0) if hasattr(b, "headings"))
    assert len(templates.rows) == 6
    assert templates.rows[0][1:3] == ("2", "9")
    assert sum(int(row[1]) for row in templates.rows) == 400


def test_hostile_words_are_inert_on_the_page(found, tmp_path):
    page = write_report([found], tmp_path / "r.html").read_text(encoding="utf-8")
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert len(re.findall(r"<svg class=\"diagram\"", page)) == 1


def test_a_trace_is_listed_by_its_strangest_events():
    class Traced(Marked):
        card = Card(
            name="traced",
            summary="",
            modality=("events",),
            learns_from="nothing",
            localises="events",
            decides="traces",
            arrangement="traces",
        )

        def _score(self, sample):
            odd = np.array(["odd" in w for w in sample.entities["event"].words()], dtype=float)
            return Scores(odd, traces=np.bincount(sample.by_trace()[1], weights=odd))

    words = ["a"] * 300
    words[170] = "odd"
    traces = [f"t{i // 100}" for i in range(300)]
    usual = Events({"event": ["a"] * 100}, trace=[f"u{i // 10}" for i in range(100)])
    found = Traced().fit(usual).detect(Events({"event": words}, trace=traces), false_alarms="top 1")
    view = view_of(found)
    assert view.extent() == "300 events, 3 traces"
    listing = next(b for b in view.closeup(found.anomalies[0]) if hasattr(b, "lines"))
    assert [number for number, _, marked in listing.lines if marked] == ["170"]
    assert "40 more lines" in listing.caption
    assert listing.behind
