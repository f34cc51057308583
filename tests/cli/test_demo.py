"""`tocsin demo`: what the README's first command shows."""

from __future__ import annotations

from pathlib import Path


def test_the_demo_finds_most_faults_and_writes_the_report(tocsin, tmp_path: Path) -> None:
    outcome = tocsin("demo", "-o", tmp_path / "demo")
    assert outcome.code == 1, outcome.err
    verdict, caution = outcome.out.strip().splitlines()[-2:]
    assert "not a measurement" in caution
    found, total = int(verdict.split()[0]), int(verdict.split()[2])
    assert total >= 12
    assert found >= 0.8 * total, verdict
    # Of all alarms, most belong to a fault; an alarm everywhere would find all faults, too.
    others, alarms = int(verdict.split(";")[1].split()[0]), int(verdict.split(";")[1].split()[2])
    assert alarms >= 12
    assert others <= alarms / 2
    assert "job_shift          found, blaming service.job.interval" in outcome.out
    assert (tmp_path / "demo" / "report.html").stat().st_size < 6e6


def test_an_unknown_recording(tocsin) -> None:
    outcome = tocsin("demo", "nothing")
    assert outcome.code == 2
    assert "host" in outcome.err
