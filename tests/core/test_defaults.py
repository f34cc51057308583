"""Which detector is taken for what, and that it says why."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.defaults import MANY_COLUMNS, choose, default_detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Image, PointCloud, Series

TIME = np.array(["2026-01-01T00:00", "2026-01-01T00:01", "2026-01-01T00:02"], dtype="datetime64[ns]")
WORDS = ["a", "b", "a"]


@pytest.mark.parametrize(
    ("events", "name"),
    [
        (Events({"source": WORDS, "target": WORDS}, time=TIME), "gid"),
        (Events({"source": WORDS, "target": WORDS}), "ape"),  # without a clock there are no paths in time
        (Events({"event": WORDS}, trace=["s", "s", "t"]), "trace-neighbours"),
        (Events({"event": WORDS, "level": WORDS}, trace=["s", "s", "t"], meta={"format": "log"}), "trace-neighbours"),
        (Events({"event": WORDS, "user": WORDS}, trace=["s", "s", "t"]), "ape"),
        (Events({"event": WORDS}, trace=["s", "s", "s"]), "markov-backoff"),
        (Events({"event": WORDS}), "markov-backoff"),
        (Events({"event": WORDS, "level": WORDS}, meta={"format": "log"}), "ape"),
        (Events({"user": WORDS, "host": WORDS}, {"bytes": [1.0, 2.0, 3.0]}), "ape"),
        (Events({"flag": WORDS}, {f"n{i}": [1.0, 2.0, 3.0] for i in range(5)}), "mixed-table"),
        (Events({f"c{i}": WORDS for i in range(MANY_COLUMNS + 1)}), "mixed-table"),
        (Events({f"c{i}": WORDS for i in range(15)}), "ape"),
        (Events(numbers={"x": [1.0, 2.0, 3.0]}), "mixed-table"),
    ],
)
def test_events_by_their_arrangement(events: Events, name: str) -> None:
    choice = choose(events)
    assert choice.detector == default_detector(events) == name
    assert choice.why.startswith("chosen because")


def test_series_have_one_default() -> None:
    choice = choose(Series([1.0, 2.0, 3.0]))
    assert (choice.detector, choice.why) == ("window-neighbours", "")


def test_no_default_is_said() -> None:
    with pytest.raises(InputError, match="there is no default detector for points yet"):
        choose(PointCloud(np.zeros((4, 3))))


def test_pictures_go_to_the_patch_memory() -> None:
    assert choose(Image(np.zeros((4, 4)))).detector == "patch-memory"
