"""The shipped recording of a host: it loads, is regular, small and clean, and each of its faults can be seen."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from tocsin.core.errors import InputError
from tocsin.data import path

MINUTES, CHANNELS, MAX_BYTES = 60, 40, 1.5e6
SHOWN_AT = 3.0


@pytest.fixture(scope="module")
def recording():
    table = pq.read_table(path("host/host.parquet"))
    times = np.array(table["time"].to_pylist(), dtype=object)
    channels = {n: table[n].to_numpy() for n in table.column_names if n != "time"}
    return times, channels


@pytest.fixture(scope="module")
def faults():
    with path("host/host_labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["start"], row["stop"] = datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["stop"])
        row["channels"] = row["channels"].split(";")
    return rows


def robust_z(inside, clean):
    mad = 1.4826 * np.median(np.abs(clean - np.median(clean)))
    return (np.median(inside) - np.median(clean)) / (mad or np.std(clean) or 1.0)


def test_it_is_an_hour_of_float32_channels_and_small(recording):
    times, channels = recording
    assert len(times) >= MINUTES * 60
    assert len(channels) >= CHANNELS
    assert all(v.dtype == np.float32 for v in channels.values())
    assert sum(p.stat().st_size for p in path("host").iterdir()) <= MAX_BYTES


def test_duckdb_reads_the_same(recording):
    times, channels = recording
    rows, queue = duckdb.sql(
        f"SELECT count(*), sum(\"service.queue\"::DOUBLE) FROM read_parquet('{path('host/host.parquet')}')"
    ).fetchall()[0]
    assert rows == len(times)
    assert queue == pytest.approx(channels["service.queue"].astype(float).sum())


def test_there_is_one_row_a_second(recording):
    times, _ = recording
    assert times[0].utcoffset() == timedelta(0)
    steps = np.array([(b - a).total_seconds() for a, b in pairwise(times)])
    assert (steps > 0).all()
    assert np.median(steps) == pytest.approx(1.0, abs=1e-3)
    assert np.mean(np.abs(steps - 1.0) < 0.1) > 0.99
    assert steps.max() < 5.0


def test_no_value_is_missing_and_rates_are_not_negative(recording):
    _, channels = recording
    for name, values in channels.items():
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name


def test_cpu_time_adds_up(recording):
    """The parts stay within the whole, but for counters that move in steps of a hundredth of a second."""
    _, c = recording
    cores = c["cpu.core0"] + c["cpu.core1"]
    assert max(np.max(c["cpu.core0"]), np.max(c["cpu.core1"])) <= 110
    assert np.mean(c["cpu.user"] + c["cpu.system"] <= cores + 8) > 0.99
    # what is neither the service nor the rest is the recorder
    recorder = cores - c["service.cpu"] - c["cpu.other"]
    assert 0 <= np.median(recorder) < 10
    assert np.mean(np.abs(recorder) < 20) > 0.98


def test_requests_are_conserved(recording):
    """What arrived was answered, was refused, or is still queued."""
    _, c = recording
    arrived, left = c["service.arrivals"].sum(), (c["service.requests"] + c["service.errors"]).sum()
    assert left + c["service.queue"][-1] == pytest.approx(arrived, rel=5e-3)


def test_faults_are_many_of_many_kinds_and_apart(recording, faults):
    times, channels = recording
    assert len(faults) >= 12
    kinds = [f["kind"] for f in faults]
    assert len(set(kinds)) >= 6
    assert sum(kinds.count(k) >= 2 for k in set(kinds)) > len(set(kinds)) / 2
    assert (faults[0]["start"] - times[0]).total_seconds() >= 900
    for fault in faults:
        assert times[0] < fault["start"] < fault["stop"] < times[-1]
        assert 30 <= (fault["stop"] - fault["start"]).total_seconds() <= 150
        assert set(fault["channels"]) <= set(channels)
    for one, two in pairwise(faults):
        assert (two["start"] - one["stop"]).total_seconds() >= 88


def test_every_fault_moves_its_channels(recording, faults):
    times, channels = recording
    clean = times < faults[0]["start"]
    hidden = []
    for fault in faults:
        inside = (times > fault["start"]) & (times <= fault["stop"])
        z = {c: robust_z(channels[c][inside], channels[c][clean]) for c in fault["channels"]}
        # the first channel named is the one that must show it
        if abs(z[fault["channels"][0]]) < SHOWN_AT:
            hidden.append((fault["kind"], fault["strength"], z))
    assert not hidden


def test_the_labels_are_the_plan_of_the_seed_in_the_card(recording, faults, monkeypatch):
    """The plan of seed 7 has the same faults at the same times, so the command in the card repeats the schedule."""
    training = Path(__file__).resolve().parents[2] / "training"
    if not training.is_dir():
        pytest.skip("the recorder is part of the repository, not of the package")
    monkeypatch.syspath_prepend(training)
    from host.plan import make_plan

    planned, runs = make_plan(seed=7)
    begin = recording[0][0]
    assert [(f["kind"], float(f["strength"])) for f in faults] == [(p.kind, p.strength) for p in planned]
    for fault, plan in zip(faults, planned, strict=True):
        assert (fault["start"] - begin).total_seconds() == pytest.approx(plan.start, abs=2.1)
        assert (fault["stop"] - begin).total_seconds() == pytest.approx(plan.stop, abs=2.1)
    assert len(runs) == len(set(runs))


def test_the_job_ran_at_its_planned_times(recording, faults):
    """Each start of the job sets its age back to 0; between starts the age grows by one second a second."""
    times, c = recording
    age, healthy = c["service.job.age"], np.ones(len(times), dtype=bool)
    for fault in faults:
        if fault["kind"] == "job_shift":
            healthy &= (times <= fault["start"]) | (times > fault["stop"] + timedelta(seconds=60))
    starts = np.flatnonzero(np.diff(age) < 0) + 1
    steps = np.diff(starts)[healthy[starts[1:]] & healthy[starts[:-1]]]
    assert len(steps) > 45
    assert np.abs(steps - 60).max() <= 2


def test_faults_end_with_their_labels(recording, faults):
    """A quarter of a minute after each label its first channel is back within its range before the first fault."""
    times, channels = recording
    clean = times < faults[0]["start"]
    for fault in faults:
        after = (times > fault["stop"] + timedelta(seconds=15)) & (times <= fault["stop"] + timedelta(seconds=75))
        values, usual = channels[fault["channels"][0]][after], channels[fault["channels"][0]][clean]
        assert usual.min() - 1 <= np.median(values) <= usual.max() + 1, fault


def test_the_card_explains_every_channel_and_kind(recording, faults):
    card = path("host/CARD.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z0-9.]+)` \|", card, flags=re.MULTILINE))
    assert explained == {"time", *recording[1]}
    assert all(f"`{fault['kind']}`" in card for fault in faults)


def test_nothing_tells_whose_machine_it_was(recording):
    """Only numbers and stamps: no text column, and no path, address or user in the texts."""
    assert all(np.issubdtype(v.dtype, np.number) for v in recording[1].values())
    for name in ("host/host_labels.csv", "host/CARD.md"):
        text = path(name).read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|work|tmp)\b|\b\d{1,3}(\.\d{1,3}){3}\b(?<!127\.0\.0\.1)|@", text)


def test_unknown_data_is_named_with_what_there_is():
    with pytest.raises(InputError, match=r"host/host\.parquet"):
        path("hosts")
    with pytest.raises(InputError):
        path("../core")
