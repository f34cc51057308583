from __future__ import annotations

import pytest

from tocsin.core.progress import reporting, track


class Recorder:
    def __init__(self):
        self.heard = []

    def start(self, what, total):
        self.heard.append(("start", what, total))
        return len(self.heard)

    def advance(self, handle, by=1):
        self.heard.append(("advance", handle))

    def finish(self, handle):
        self.heard.append(("finish", handle))


def test_without_a_reporter_nothing_happens():
    assert list(track(iter("ab"), "x")) == ["a", "b"]


def test_a_reporter_hears_of_every_step_and_the_total_where_it_is_known():
    recorder = Recorder()
    with reporting(recorder):
        assert list(track([1, 2], "windows")) == [1, 2]
        list(track(iter([1]), "files"))
        list(track(iter([1]), "files", total=7))
    assert recorder.heard[:4] == [("start", "windows", 2), ("advance", 1), ("advance", 1), ("finish", 1)]
    assert [h for h in recorder.heard if h[0] == "start"][1:] == [("start", "files", None), ("start", "files", 7)]


def test_the_end_is_told_also_after_an_error_and_after_giving_up():
    recorder = Recorder()
    with reporting(recorder):
        with pytest.raises(ZeroDivisionError):
            [1 // step for step in track([0, 2], "failing")]
        loop = track([1, 2, 3], "left")
        next(loop)
        loop.close()
    assert [h[0] for h in recorder.heard] == ["start", "finish", "start", "finish"]


def test_reporters_are_put_back():
    outer, inner = Recorder(), Recorder()
    with reporting(outer):
        with reporting(inner):
            list(track([1], "in"))
        with reporting(None):
            list(track([1], "silent"))
        list(track([1], "out"))
    list(track([1], "after"))
    assert [h[1] for h in inner.heard if h[0] == "start"] == ["in"]
    assert [h[1] for h in outer.heard if h[0] == "start"] == ["out"]


def test_scoring_many_reports():
    from tocsin.series.robust_z import RobustZ

    recorder = Recorder()
    with reporting(recorder):
        list(RobustZ().fit([1.0, 2.0, 4.0]).score_many([[1.0], [2.0]]))
    assert recorder.heard[0] == ("start", "scoring", 2)
