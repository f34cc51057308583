from __future__ import annotations

import pytest

from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Series


def entries():
    def load(i):
        return lambda: (Series([float(i), 2.0], id=f"s{i}"), None)

    return [Entry(f"s{i}", load(i), "train" if i < 4 else "test", f"host{i % 3}") for i in range(9)]


def test_it_is_a_lazy_sequence():
    def never():
        raise AssertionError("read before it was asked for")

    data = Dataset([Entry("a", never), *entries()], name="d")
    assert len(data) == 10
    assert data[1].load()[0].values[0, 0] == 0
    assert [e.id for e in data][-1] == "s8"


def test_splits_and_groups():
    data = Dataset(entries(), "d", "somewhere")
    assert [e.id for e in data.where(split="train")] == ["s0", "s1", "s2", "s3"]
    assert [e.id for e in data.where(group="host1", split="test")] == ["s4", "s7"]
    assert data.where(split="none").source == "somewhere"
    assert len(data.where(split="none")) == 0


def test_no_group_stands_on_both_sides_of_halves():
    choose, report = Dataset(entries()).halves()
    assert {e.group for e in choose} == {"host0", "host2"}
    assert {e.group for e in report} == {"host1"}
    assert len(choose) + len(report) == 9


def test_without_groups_every_entry_is_its_own():
    data = Dataset([Entry(i, entries()[0].load) for i in "dbca"])
    choose, report = data.halves()
    assert [e.id for e in choose] == ["c", "a"]
    assert [e.id for e in report] == ["d", "b"]


def test_ids_are_unique():
    with pytest.raises(InputError, match="'d' has two entries called 's1'"):
        Dataset([*entries(), entries()[1]], "d")
