from __future__ import annotations

import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from tocsin.core.errors import InputError
from tocsin.core.parameters import Parameters


class Inner(Parameters):
    def __init__(self, depth: int = 2, names: tuple[str, ...] = ()) -> None:
        self.depth = depth
        self.names = names


class Outer(Parameters):
    def __init__(self, inner: object = None, rate: float = 0.1, *, only: str | None = None) -> None:
        self.inner = inner
        self.rate = rate
        self.only = only


class Bare(Parameters):
    pass


def test_names_follow_the_signature():
    assert Outer.parameter_names() == ["inner", "rate", "only"]
    assert Bare.parameter_names() == []


def test_deep_parameters_have_compound_names():
    outer = Outer(Inner(depth=5))
    assert outer.get_params()["inner__depth"] == 5
    assert "inner__depth" not in outer.get_params(deep=False)
    assert Outer(Ridge(alpha=3)).get_params()["inner__alpha"] == 3


def test_set_params_reaches_inside_and_returns_self():
    outer = Outer(Inner())
    assert outer.set_params(inner__depth=9, rate=0.5) is outer
    assert (outer.inner.depth, outer.rate) == (9, 0.5)


def test_unknown_names_get_the_nearest():
    with pytest.raises(InputError, match="Outer has no parameter 'rte'; did you mean rate"):
        Outer().set_params(rte=1)
    with pytest.raises(InputError, match="Inner has no parameter 'dept'; did you mean depth"):
        Outer(Inner()).set_params(inner__dept=1)
    with pytest.raises(InputError, match="inner of Outer is None, which has no parameters"):
        Outer().set_params(inner__depth=1)


@pytest.mark.parametrize("copy", [lambda p: p.clone(), clone], ids=["own", "sklearn"])
def test_clones_are_equal_and_apart(copy):
    outer = Outer(Inner(names=("a",)), rate=0.3, only="x")
    again = copy(outer)
    assert repr(again) == repr(outer)
    again.inner.depth = 77
    assert outer.inner.depth == 2
    assert copy(Outer(Ridge(alpha=3))).inner.alpha == 3


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Outer()) == "Outer()"
    assert repr(Outer(Inner(depth=3), only="x")) == "Outer(inner=Inner(depth=3), only='x')"
