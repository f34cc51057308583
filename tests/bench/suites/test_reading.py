"""Every mistake in a suite is one sentence with its line and the nearest names."""

from __future__ import annotations

import re

import pytest

from tocsin.bench.plan.limits import bytes_of, seconds_of
from tocsin.bench.plan.reading import read_suite
from tocsin.bench.suites import find_suite, shipped
from tocsin.core.errors import InputError

GOOD = """name = "mine"
protocols = ["one-class", "few-shot(k=1)"]
seeds = [0, 1]
[limits]
time = "2 min"
memory = "500 MB"
[metrics]
series = "auc_roc,vus_pr(max_window=10)"
[[datasets]]
path = "data/ucr"
[[detectors]]
name = "robust-z"
[[detectors]]
class = "odd_detectors:Distance"
parameters = { noise = 0.5 }
grid = { power = [1.0, 2.0] }
"""


def test_a_suite_says_what_it_says(place) -> None:
    (place / "s.toml").write_text(GOOD)
    suite = read_suite(place / "s.toml")
    assert [str(p) for p in suite.datasets[0][1]] == ["one-class", "few-shot(k=1)"]
    assert [d.label for d in suite.detectors] == ["robust-z", "Distance(power=1.0)", "Distance(power=2.0)"]
    assert suite.detectors[2].parameters == {"noise": 0.5, "power": 2.0}
    assert (suite.limits.seconds, suite.limits.memory, suite.limits.threads) == (120.0, 5e8, 1)
    assert suite.metrics["series"] == "auc_roc,vus_pr(max_window=10)"
    assert suite.seeds == (0, 1)
    detector = suite.detectors[2].make(seed=3)
    assert (detector.power, detector.noise, detector.random_state) == (2.0, 0.5, 3)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('name = "robust-z"', 'name = "robust-z', 12, "this is no TOML.*robust-z"),
        ("[limits]", "[limits", 4, "this is no TOML"),
        ('name = "robust-z"', 'name = "robst-z"', 12, r"no detector 'robst-z'; did you mean robust-z\?"),
        ("grid = { power", "grid = { pwer", 16, r"no parameter 'pwer'; did you mean power"),
        ("{ noise", "{ nois", 15, r"no parameter 'nois'; did you mean noise"),
        ("odd_detectors:Distance", "odd_detectors:Distnce", 14, "cannot be loaded"),
        ("odd_detectors:Distance", "odd_detectors:NotOne", 14, "is not a tocsin detector"),
        ("odd_detectors:Distance", "odd_detectors", 14, "of the form module:Class"),
        ("series = ", "serie = ", 8, r"no metrics of 'serie'; did you mean series"),
        ("auc_roc", "auc_rok", 8, r"no metric 'auc_rok' for series; did you mean auc_roc"),
        ("max_window", "window", 8, "no option 'window'"),
        ('"auc_roc,vus', '"f1,vus', 8, "f1 needs alarms"),
        ("few-shot(k=1)", "fewshot", 2, r"no protocol 'fewshot'; did you mean few-shot"),
        ("(k=1)", "(n=1)", 2, r"no option 'n'; there are fraction, k"),
        ("(k=1)", "(k=0)", 2, "whole number of at least 1"),
        ('path = "data/ucr"', 'path = "data/urc"', 10, r"not at .*data/urc; did you mean ucr: say where .*--data"),
        ('path = "data/ucr"', 'path = "data/ucr"\nlayout = "ucrr"', 10, r"no layout 'ucrr'; did you mean ucr"),
        ('path = "data/ucr"', 'path = "data/ucr"\nlayout = "nab"', 10, "does not look like nab"),
        (
            'path = "data/ucr"',
            'path = "data/ucr"\ngroups = ["onee"]',
            10,
            r"nothing that fits 'onee'; did you mean one",
        ),
        ('"2 min"', '"2 fortnights"', 5, "no amount such as"),
        ('"500 MB"', "-1", 6, "no amount such as"),
        ("seeds = [0, 1]", 'seeds = ["a"]', 3, "whole numbers"),
        ("seeds = [0, 1]", "seeds = 3", 3, "seeds is a list, not 3"),
        ("seeds", "sedes", 3, "no key 'sedes' here; did you mean seeds"),
        ('class = "odd_detectors:Distance"', 'clas = "a:b"', 14, "no key 'clas' here; did you mean class"),
        ("[1.0, 2.0]", "2.0", 16, "grid of 'power' is a list"),
    ],
)
def test_mistakes_are_one_sentence_with_the_line(place, old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    (place / "s.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_suite(place / "s.toml")
    said = str(caught.value)
    assert said.startswith(f"s.toml, line {line}: "), said
    assert re.search(says, said), said
    assert "\n" not in said
    assert f"(the line: {new.splitlines()[0][:8]}"[:12] in said or "(the line: " in said


def test_a_half_downloaded_set_is_named(place) -> None:
    (place / "data" / "half").mkdir()
    (place / "data" / "half" / "labels.csv").write_text("file,defect_probability,cell_type,split\na.png,0,mono,train\n")
    (place / "data" / "half" / "b.png").write_bytes(b"")
    (place / "s.toml").write_text(GOOD.replace("data/ucr", "data/half"))
    with pytest.raises(
        InputError, match=r"line 10: the data set 'half' cannot be used: .*lists 'a\.png', which is not there"
    ):
        read_suite(place / "s.toml")


def test_what_is_missing_can_be_left_out(place) -> None:
    (place / "s.toml").write_text(GOOD + '[[datasets]]\npath = "data/none"\n')
    with pytest.raises(InputError, match="line 18: the data set 'none' is not at"):
        read_suite(place / "s.toml")
    suite = read_suite(place / "s.toml", skip_missing=True)
    assert list(suite.missing) == ["none"]
    with pytest.raises(InputError, match="none of its data sets"):
        read_suite(place / "s.toml", skip_missing=True, data=str(place / "elsewhere"))


def test_two_of_one_name_are_refused(place) -> None:
    (place / "s.toml").write_text(GOOD + '[[detectors]]\nname = "robust-z"\n')
    with pytest.raises(InputError, match="line 18: two detectors are called 'robust-z'"):
        read_suite(place / "s.toml")
    (place / "s.toml").write_text(GOOD + '[[datasets]]\npath = "data/ucr"\n')
    with pytest.raises(InputError, match="two data sets are called 'ucr'"):
        read_suite(place / "s.toml")


def test_a_part_of_a_set_is_spread_evenly(place) -> None:
    (place / "s.toml").write_text(GOOD.replace('path = "data/ucr"', 'path = "data/ucr"\nentries = ["00[134]*"]'))
    choice = read_suite(place / "s.toml").datasets[0][0]
    assert [e.id for e in choice.open()] == ["001_one", "003_three", "004_four"]
    again = type(choice).of(choice.name, choice.path, choice.taken())
    assert again == choice


def test_amounts() -> None:
    assert seconds_of("1.5 hours", "time") == 5400
    assert bytes_of("1 GiB", "memory") == 1 << 30
    with pytest.raises(InputError, match="time is True"):
        seconds_of(True, "time")


def test_shipped_suites_are_sound(shared) -> None:
    assert {"small", "ader", "real-iad", "tsb-ad"} <= set(shipped())
    suite = read_suite(find_suite("small"), data=str(shared / "data"))
    assert len({choice.name for choice, _ in suite.datasets}) >= 6
    assert len(suite.detectors) >= 8
    with pytest.raises(InputError, match=r"no suite 'smal'; did you mean small\?"):
        find_suite("smal")


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_suites_name_what_there_is(name: str, tmp_path) -> None:
    """Without their data all of them are read as far as the data."""
    with pytest.raises(InputError, match="is not at"):
        read_suite(find_suite(name), data=str(tmp_path))
