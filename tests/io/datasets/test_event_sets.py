"""Readers of public sets of events on the real files: the counts that their sources state."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Events
from tocsin.core.truth import Truth
from tocsin.io.datasets import read_dataset


def load(found: Path, id: str) -> tuple[Events, Truth | None]:
    entry = next(e for e in read_dataset(found) if e.id == id)
    sample, truth = entry.load()
    assert isinstance(sample, Events)
    if truth is not None:
        assert truth.mask is not None
        assert truth.mask.shape == sample.grid
    return sample, truth


@pytest.mark.parametrize(
    ("folder", "layout", "id", "traces", "odd"),
    [
        ("adfa_ld", "adfa-ld", "train", 833, 0),
        ("adfa_ld", "adfa-ld", "test", 3742, 531),
        ("hdfs_sequences", "hdfs-sequences", "hdfs/train", 3000, 0),
        ("hdfs_sequences", "hdfs-sequences", "hdfs/test", 6300, 5000),
        ("log_sequences", "log-sequences", "openstack/train", 50, 0),
        ("log_sequences", "log-sequences", "openstack/test", 5546, 651),
        ("log_sequences", "log-sequences", "hadoop/train", 17, 0),
        ("log_sequences", "log-sequences", "hadoop/test", 961, 811),
    ],
)
def test_sets_of_traces(shared: Path, folder: str, layout: str, id: str, traces: int, odd: int) -> None:
    place = shared / "data" / folder
    assert read_dataset(place).name == layout
    sample, truth = load(place, id)
    names, numbers = sample.by_trace()
    labels = sample.meta["trace_labels"]
    assert len(names) == len(labels) == traces
    assert int(labels.sum()) == odd
    if truth is None:
        assert id.endswith("train")
    else:
        np.testing.assert_array_equal(truth.mask, labels[numbers])


def test_the_families_of_adfa(shared: Path) -> None:
    sample, _ = load(shared / "data/adfa_ld", "test")
    kinds = sample.meta["trace_kinds"]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "normal": 3211,
        "Hydra_FTP": 162,
        "Hydra_SSH": 176,
        "Meterpreter": 75,
        "Web_Shell": 118,
    }


def test_templates_lie_beside_the_sequences(shared: Path) -> None:
    sample, _ = load(shared / "data/hdfs_sequences", "hdfs/test")
    assert len(sample.meta["templates"]) == 33
    assert max(int(word) for word in sample.entities["event"].vocabulary) <= 33


def test_adfa_as_its_authors_laid_it_out(tmp_path: Path) -> None:
    for name, text in (
        ("Training_Data_Master/UTD-0001.txt", "6 6 63"),
        ("Validation_Data_Master/UVD-0001.txt", "6 6 5"),
        ("Validation_Data_Master/UVD-0002.txt", " "),
        ("Attack_Data_Master/Adduser_1/UAD-Adduser-1-1.txt", "265 168"),
        ("Attack_Data_Master/Adduser_2/UAD-Adduser-2-=1.txt", "265"),
    ):
        path = tmp_path / "ADFA-LD" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert [entry.id for entry in read_dataset(tmp_path)] == ["train", "test"]
    sample, truth = load(tmp_path, "test")
    assert sample.entities["event"].words().tolist() == ["265", "168", "265", "6", "6", "5"]
    assert sample.meta["trace_kinds"] == ("Adduser", "Adduser", "normal")
    assert sample.meta["trace_labels"].tolist() == [True, True, False]
    assert "1" in str(sample.repairs[0].count)
    assert truth is not None


def test_loghub_from_two_archives(shared: Path) -> None:
    place = shared / "data/loghub_2k"
    assert sorted(entry.id for entry in read_dataset(place)) == ["BGL", "HDFS", "OpenStack"]
    sample, truth = load(place, "BGL")
    assert len(sample) == 2000
    assert truth is not None
    assert int(np.sum(truth.mask)) == 143
    assert len(set(sample.meta["event_ids"])) == 120
    # the mark must not be among what is learned from
    words = {word for column in sample.entities.values() for word in column.vocabulary}
    assert not words & {"KERNDTLB", "APPSEV", "KERNSTOR"}
    assert sample.text is not None
    assert sample.text[0].startswith("1117838570 2005.06.03")
    for id, templates in (("HDFS", 14), ("OpenStack", 43)):
        sample, truth = load(place, id)
        assert truth is None
        assert len(set(sample.meta["event_ids"])) == templates


def test_nsl_kdd(shared: Path) -> None:
    place = shared / "data/nsl_kdd"
    train, nothing = load(place, "KDDTrain+_20Percent/train")
    assert nothing is None
    assert len(train) == 13449
    test, truth = load(place, "KDDTest+_subset/test")
    assert len(test) == 15918
    assert truth is not None
    assert int(np.sum(truth.mask)) == 9104
    for sample in (train, test):
        assert list(sample.entities) == ["protocol_type", "service", "flag"]
        assert len(sample.numbers) == 38
        assert "labels" not in sample.meta


def test_netflow_minds_the_sign(shared: Path) -> None:
    place = shared / "data/netflow_categorical"
    train, nothing = load(place, "ids2017_train")
    assert nothing is None
    assert len(train) == 18137
    assert train.meta["count"].sum() == 2_085_733
    assert "count" not in train.entities
    test, truth = load(place, "ids2017_test")
    assert truth is not None
    assert (len(test), int(np.sum(truth.mask))) == (734, 367)
    unsw, truth = load(place, "unsw_nb15_test")
    assert truth is not None
    assert (len(unsw), int(np.sum(truth.mask))) == (21891, 10888)
    # service "ssh" on port 22 in the first row, which is marked 1: normal
    assert not truth.mask[0] if truth.mask is not None else False


def test_a_label_of_another_sign_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ids2017_test.csv").write_text("srcIp,dstIp,dstPort,proto,label\na,b,1,6,1\na,c,1,6,0\n")
    with pytest.raises(InputError, match=r"labels are 1 \(normal\) and -1 \(attack\)"):
        load(tmp_path, "ids2017_test")


def test_beth(shared: Path) -> None:
    place = shared / "data/beth_schema_sample"
    found = read_dataset(place)
    assert found.name == "beth"
    assert {entry.split for entry in found} == {"train", "validation", "test"}
    sample, truth = load(place, "testing_data")
    assert list(sample.entities) == ["process", "user", "host", "event", "object", "result"]
    assert len(sample) == 100
    assert truth is not None
    assert int(np.sum(truth.mask)) == 4


def test_a_damaged_packed_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("hdfs.csv", "block,split,label,events\nb1,train,0,5 5\nb2,test\n")
    with pytest.raises(InputError):
        load(tmp_path / "set.zip", "hdfs/train")
