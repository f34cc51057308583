"""Readers of public layouts on the real files: the counts that their sources state, and what a stranger brings."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.io.datasets import layouts, read_dataset


@pytest.mark.parametrize(
    ("folder", "layout", "splits", "groups"),
    [
        ("kpi_netman", "kpi", {"test": 3}, 1),
        ("ecg_sed", "tsb-uad", {"test": 3}, 1),
        ("ucr_anomaly", "ucr", {"test": 4}, 4),
        ("smd", "smd", {"train": 5, "test": 5}, 5),
        ("asd", "asd", {"train": 9, "test": 9}, 9),
        ("smap_msl", "smap-msl", {"train": 61, "test": 61}, 61),
        ("skab", "skab", {"train": 1, "test": 27}, 28),
        ("hpc_ldms", "hpc-ldms", {"train": 1, "test": 27}, 28),
        ("rosa", "rosa", {"train": 48, "test": 92}, 140),
        ("cwru_bearing", "cwru", {"train": 1, "test": 9}, 10),
        ("opssat_ad", "opssat", {"train": 1, "test": 1}, 2),
    ],
)
def test_each_set_is_recognised_by_its_shape(
    shared: Path, folder: str, layout: str, splits: dict[str, int], groups: int
) -> None:
    found = read_dataset(shared / "data" / folder)
    assert found.name == layout
    assert layout in layouts()
    assert Counter(entry.split for entry in found) == splits
    assert len({entry.group for entry in found}) == groups
    sample, truth = found[len(found) - 1].load()
    assert isinstance(sample, Series)
    if truth is not None and truth.intervals is not None:
        assert truth.as_mask(sample.grid).shape == (len(sample),)


def events(found: Dataset) -> dict[str, int]:
    counted = {}
    for entry in found:
        truth = entry.load()[1]
        counted[entry.id] = len(truth.intervals or ()) if truth is not None else 0
    return counted


def test_nab_has_its_windows(shared: Path) -> None:
    found = read_dataset(shared / "data" / "nab")
    counted = events(found)
    assert len(counted) == 43
    assert sum(n > 0 for n in counted.values()) == 38
    assert sum(counted.values()) == 92


def test_kpi_segments_are_those_of_the_source(shared: Path) -> None:
    counted = events(read_dataset(shared / "data" / "kpi_netman"))
    assert sorted(counted.values()) == [6, 7, 17]


def test_ucr_intervals_are_those_of_the_file_name(shared: Path) -> None:
    found = read_dataset(shared / "data" / "ucr_anomaly")
    (entry,) = [e for e in found if e.id.startswith("135")]
    sample, truth = entry.load()
    # 135_UCR_Anomaly_InternalBleeding16_1200_4187_4199: the first and last anomalous value, counted from one.
    assert list(truth.intervals) == [(4186, 4199)]
    assert sample.meta["train_rows"] == 1200


def test_smd_names_the_channels_to_blame(shared: Path) -> None:
    entry = read_dataset(shared / "data" / "smd").where(split="test")[0]
    sample, truth = entry.load()
    assert len(sample.channels) == 38
    assert len(truth.causes) == len(truth.intervals)
    assert all(set(named) <= set(sample.channels) for named in truth.causes)
    assert any(truth.causes)


def test_rosa_keeps_kind_and_severity(shared: Path) -> None:
    found = read_dataset(shared / "data" / "rosa").where(split="test")
    kinds = Counter(entry.load()[1].kind for entry in found)
    assert sum(kinds[k] for k in kinds if k) == 76, kinds


def test_archive_and_unpacked_folder_are_the_same(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "kpi_netman"
    with zipfile.ZipFile(next(source.glob("*.zip"))) as archive:
        archive.extractall(tmp_path)
    packed, unpacked = read_dataset(source), read_dataset(tmp_path)
    assert [e.id for e in packed] == [e.id for e in unpacked]
    for a, b in zip(packed, unpacked, strict=True):
        assert np.array_equal(a.load()[0].values, b.load()[0].values, equal_nan=True)


def test_what_is_no_known_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError) as caught:
        read_dataset(tmp_path)
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(InputError):
        read_dataset(tmp_path / "nowhere")


def test_an_archive_cannot_reach_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("../outside.txt", "1\n2\n")
        archive.writestr("001_UCR_Anomaly_tiny_3_5_6.txt", "1 2 1 2 9 9 1 2")
    try:
        found = read_dataset(tmp_path / "set.zip")
        assert [e.id for e in found] == ["001_tiny"]
    except InputError:
        pass  # refusing the whole archive is fine, too
    assert not outside.exists()
