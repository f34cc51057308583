from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle, Events, Series


def test_places_are_those_of_the_primary_member():
    bundle = Bundle({"imu": Series(np.zeros(4)), "audio": Series([1, np.nan, 3])}, primary="audio", id="run")
    assert bundle.grid == (3,)
    assert bundle.observed.tolist() == [True, False, True]
    assert bundle.main is bundle["audio"]
    assert bundle.name(2) == "2"
    assert Bundle({"imu": Series(np.zeros(4)), "audio": Series([1.0])}).grid == (4,)


def test_parts_cut_members_of_the_same_length_and_leave_context_whole():
    bundle = Bundle(
        {"a": Series(np.arange(6.0)), "b": Series(np.arange(6.0)), "log": Events({"x": list("pq")})}, id="run"
    )
    part = bundle.take(2, 5)
    assert [len(part[name]) for name in ("a", "b", "log")] == [3, 3, 2]
    assert part["b"].values[0, 0] == 2
    assert part.id == "run"


@pytest.mark.parametrize(
    ("members", "primary", "said"),
    [
        ({}, "", "at least one member"),
        ({"a": [1, 2]}, "", "'a' of the bundle is a list, not a sample"),
        ({"a": Series([1.0])}, "b", "no member 'b'; it has a"),
    ],
)
def test_what_does_not_fit_is_refused(members, primary, said):
    with pytest.raises(InputError, match=said):
        Bundle(members, primary)
