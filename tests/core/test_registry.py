from __future__ import annotations

import pytest

from tocsin.core import registry
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.registry import TABLE, cards, find, make, names, nearest


def test_the_table_is_sorted_and_true():
    assert list(TABLE) == sorted(TABLE)
    for name in TABLE:
        assert issubclass(find(name), Detector)
        assert find(name).card.name == name


def test_a_typo_gets_the_nearest_names():
    with pytest.raises(InputError, match="no detector 'matrix-profil'; did you mean matrix-profile"):
        find("matrix-profil")
    with pytest.raises(InputError, match="spectral-residual has no parameter 'windw'; did you mean window"):
        make("spectral-residual", windw=3)


def test_nothing_near_lists_what_there_is():
    assert nearest("zzz", ["a1", "b1"]) == "; there are a1, b1"
    assert nearest("zzz", [f"name{i}" for i in range(20)]).endswith(" ...")


@pytest.mark.parametrize("name", ["os:system", "tocsin.core.errors:InputError", "../robust-z", ""])
def test_only_names_are_names(name):
    with pytest.raises(InputError, match="there is no detector"):
        find(name)


def test_plug_ins_cannot_take_the_place_of_ours(monkeypatch):
    monkeypatch.setattr(registry, "_plug_ins", lambda: {"robust-z": "os:system", "theirs": "os:getcwd"})
    assert find("robust-z").__name__ == "RobustZ"
    assert "theirs" in names()
    with pytest.raises(InputError, match="os:getcwd, registered as 'theirs', is not a tocsin detector"):
        find("theirs")


@pytest.mark.parametrize("target", ["no_such_module:X", "math:nothing", "math", "tests.core.exploding:X"])
def test_a_plug_in_that_cannot_be_loaded_is_one_sentence(monkeypatch, target, tmp_path):
    monkeypatch.setattr(registry, "_plug_ins", lambda: {"theirs": target})
    with pytest.raises(InputError, match=r"the plug-in detector 'theirs' .* cannot be loaded"):
        find("theirs")


def test_a_plug_in_that_explodes_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "exploding_plug_in.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_plug_ins", lambda: {"theirs": "exploding_plug_in:X"})
    with pytest.raises(InputError, match="cannot be loaded: division by zero"):
        find("theirs")
    with pytest.warns(UserWarning, match="theirs"):
        assert "robust-z" in [card.name for card in cards()]


def test_cards_by_modality():
    assert {card.name for card in cards("series")} >= {"robust-z", "seasonal-residual", "spectral-residual"}
    assert all("image" in card.modality for card in cards("image"))
