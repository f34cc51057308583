from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Column, Events


@pytest.mark.parametrize("absent", [None, "", float("nan"), np.nan, pd.NA, pd.NaT], ids=repr)
def test_missing_words_have_no_code(absent):
    column = Column.of(["root", absent, "bob", "root"])
    assert column.vocabulary == ("bob", "root")
    assert column.codes.tolist() == [1, -1, 0, 1]
    assert column.words().tolist() == ["root", None, "bob", "root"]


def test_words_of_any_kind():
    assert Column.of([3, 1, 3]).vocabulary == ("1", "3")
    assert Column.of(pd.Series(["a", None], dtype="string")).codes.tolist() == [0, -1]
    assert Column.of(pd.Series(["b", "a"], dtype="category")).vocabulary == ("a", "b")
    assert Column.of([]).codes.shape == (0,)
    column = Column.of(["a"])
    assert Column.of(column) is column


def test_parts_and_names():
    time = np.datetime64("2024-01-01", "s") + np.arange(3)
    events = Events(
        {"user": ["a", "b", None]},
        {"bytes": [1, np.nan, 3]},
        time,
        trace=["t", "t", "u"],
        text=["x", "y", "z"],
        id="log",
    )
    part = events.take(1, 3)
    assert part.grid == (2,)
    assert part.name(1) == "event 1 2024-01-01T00:00:02 (user=?)"
    assert part.trace.words().tolist() == ["t", "u"]
    assert part.text.tolist() == ["y", "z"]
    assert part.numbers["bytes"][1] == 3
    assert part.observed.all()
    assert Events(numbers={"x": [1.0, 2.0]}).name((1,)) == "event 1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "at least one entity or number"),
        ({"entities": {"a": ["x"], "b": ["x", "y"]}}, "'b' has 2 rows where the others have 1"),
        ({"entities": {"a": ["x"]}, "numbers": {"n": [1, 2]}}, "'n' has 2"),
        ({"entities": {"a": ["x"]}, "trace": ["t", "t"]}, "'trace' has 2"),
        ({"entities": {"a": ["x"]}, "text": ["t", "t"]}, "'text' has 2"),
        ({"entities": {"a": ["x"]}, "time": np.array(["2024", "2025"], dtype="M8[Y]")}, "2 time stamps for 1"),
        ({"entities": {"a": list("xy")}, "time": np.array(["2025", "2024"], dtype="M8[Y]")}, "goes back"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        Events(**arguments)
