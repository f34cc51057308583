"""The flaws that are known of public sets are found in them, with the numbers that are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.bench.audit import AuditReport, as_text, audit
from tocsin.io.datasets import read_dataset


def audited(shared: Path, name: str) -> AuditReport:
    folder = shared / "data" / name
    if not folder.exists():
        pytest.skip(f"{name} is not here")
    return audit(read_dataset(folder))


def test_adfa_ld_copies(shared: Path) -> None:
    report = audited(shared, "adfa_ld")
    text = as_text(report)
    across = next(f for f in report.of("exact-copies") if "test traces" in f.text)
    assert across.values == {"normal": 297, "anomalous": 0}
    assert "occurs 721 times" in text
    assert "4 of 531 anomalous traces with the very content of a normal one" in text


def test_hdfs_is_solved_by_bags_never_seen(shared: Path) -> None:
    report = audited(shared, "hdfs_sequences")
    (found,) = report.of("one-liners")
    assert "unseen bag" in found.text
    assert found.values["auroc"] == pytest.approx(0.998, abs=0.003)
    assert len(report.of("exact-copies")) == 2


def test_openstack_is_solved_and_hadoop_is_not(shared: Path) -> None:
    found = audited(shared, "log_sequences").of("one-liners")
    assert [f.text.split(",")[0] for f in found] == ["in openstack"]
    assert found[0].values["auroc"] > 0.999


def test_cwru_is_told_by_amplitude(shared: Path) -> None:
    report = audited(shared, "cwru_bearing")
    assert "amplitude" in report.of("shortcuts")[0].text
    assert report.findings[0].severity == "serious"  # no normal recording to test on


def test_brain_mri_holds_pictures_twice(shared: Path) -> None:
    (found,) = audited(shared, "brain_mri").of("twin-pictures")
    assert found.count == 8
    assert "no/2_no ~ no/47_no" in found.examples


@pytest.mark.slow
@pytest.mark.parametrize(("name", "across"), [("magnetic_tile", 22), ("kolektor_sdd", 1)])
def test_things_photographed_again(shared: Path, name: str, across: int) -> None:
    found = audited(shared, name).of("twin-pictures")
    assert found[0].count == across
    assert found[0].severity == "warning"
