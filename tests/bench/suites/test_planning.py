"""Jobs: what their hash depends on, in which order they come, and what an edited suite does to them."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest

from tocsin.bench.plan import fingerprint
from tocsin.bench.plan.differences import differences, remembered
from tocsin.bench.plan.job import Job
from tocsin.bench.plan.planning import plan_jobs
from tocsin.bench.plan.queue import JobQueue
from tocsin.bench.plan.reading import read_suite
from tocsin.core.errors import InputError


def jobs_of(path) -> list[Job]:
    fingerprint.of_data.cache_clear()
    fingerprint.of_code.cache_clear()
    return list(plan_jobs(read_suite(path)).jobs)


def ids(path) -> dict[str, str]:
    return {job.name: job.id for job in jobs_of(path)}


def test_floors_are_always_there_and_seeds_only_where_they_matter(write_suite) -> None:
    path = write_suite("Distance", 'name = "robust-z"', extra="seeds = [0, 1, 2]")
    jobs = jobs_of(path)
    counted = {label: sum(job.label == label for job in jobs) for label in {job.label for job in jobs}}
    # Four series; robust-z, the constant and the first difference have no chance in them.
    assert counted == {"Distance": 12, "robust-z": 4, "random": 12, "constant": 4, "first-difference": 4}
    drawn = jobs_of(write_suite('name = "robust-z"', extra='seeds = [0, 1]\nprotocols = ["one-class"]'))
    assert {job.seed for job in drawn if job.label == "robust-z"} == {0}


def test_jobs_are_plain_json(write_suite) -> None:
    for job in jobs_of(write_suite("Distance")):
        again = Job.from_dict(json.loads(json.dumps(job.to_dict())))
        assert again == job
        assert again.id == job.id


def test_the_hash_depends_on_what_results_depend_on_and_on_nothing_else(place, write_suite) -> None:
    before = ids(write_suite("Distance"))
    name = next(n for n in before if n.startswith("Distance"))

    def changed(path) -> bool:
        return ids(path)[name] != before[name]

    assert not changed(write_suite("Distance", 'name = "robust-z"', extra='title = "other"\n[limits]\ntime = 5'))
    moved = place / "moved"
    shutil.copytree(place / "data", moved)
    assert not changed(write_suite("Distance", datasets='[[datasets]]\nname = "ucr"\npath = "moved/ucr"\n'))
    assert changed(write_suite('class = "odd_detectors:Distance"\nparameters = {noise = 0.1}'))
    assert changed(write_suite("Distance", extra='[metrics]\nseries = "auc_roc"'))
    subset = '[[datasets]]\nname = "ucr"\npath = "data/ucr"\nentries = ["00[12]*"]\n'
    assert changed(write_suite("Distance", datasets=subset))
    file = next((place / "data" / "ucr").glob("004*"))
    file.write_text(file.read_text().replace("\n", " ", 1))
    assert changed(write_suite("Distance"))


def test_an_edited_suite_says_what_is_run_again_and_why(write_suite) -> None:
    before_jobs = jobs_of(write_suite("Distance", 'name = "robust-z"'))
    before, done = remembered(before_jobs), {job.id for job in before_jobs}
    assert differences(before, before_jobs, done) == []
    edited = jobs_of(write_suite('class = "odd_detectors:Distance"\nparameters = {noise = 0.1}', "Steady"))
    assert differences(before, edited, done) == [
        "4 jobs run again (Distance: its parameters changed)",
        "4 jobs added (Steady is new)",
        "4 jobs no longer in the suite: left out of the tables, their files are kept",
    ]
    fewer = jobs_of(write_suite("Distance", 'name = "robust-z"', extra='[metrics]\nseries = "auc_roc"'))
    assert differences(before, fewer, done) == ["20 jobs run again (the metrics changed)"]


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"jobs": []},
        {"jobs": {"a": {"id": "x"}}, "ingredients": []},
        {"jobs": {"a": ["x", 7], "b": [1, 0], "c": ["x", -1]}, "ingredients": [{}]},
        {"jobs": {"a": ["x", 0]}, "ingredients": ["its code"]},
    ],
)
def test_a_plan_of_another_form_tells_nothing(write_suite, before) -> None:
    assert differences(before, jobs_of(write_suite("Distance")), set()) == []


def test_what_is_remembered_is_little(write_suite) -> None:
    jobs = jobs_of(write_suite("Distance", 'name = "robust-z"', extra="seeds = [0, 1, 2]"))
    many = [Job(job.detector, job.dataset, job.protocol, f"{job.task} {n}", job.seed, job.metrics, job.version)
            for job in jobs for n in range(20)]  # fmt: skip
    assert len(json.dumps(remembered(many))) < 120 * len(many)


def test_a_detector_may_be_kept_to_some_data_sets(write_suite) -> None:
    two = '[[datasets]]\nname = "one"\npath = "data/ucr"\n[[datasets]]\nname = "two"\npath = "data/ucr"\n'
    jobs = jobs_of(write_suite("Distance", 'name = "robust-z"\non = ["tw*"]', datasets=two))
    assert {job.dataset["name"] for job in jobs if job.label == "robust-z"} == {"two"}
    assert {job.dataset["name"] for job in jobs if job.label == "Distance"} == {"one", "two"}
    with pytest.raises(InputError, match=r"line \d+: no data set of the suite is called 'twoo'; did you mean two"):
        read_suite(write_suite('name = "robust-z"\non = ["twoo"]', datasets=two))


def test_series_must_say_where(place, write_suite) -> None:
    (place / "data" / "cwru").mkdir()
    wave = np.arange(4000).astype(np.int16)
    arrays = dict.fromkeys(("Normal", "B_7_DE12"), wave)
    np.savez(place / "data" / "cwru" / "cwru.npz", **arrays, **{f"{name}.scale": 0.001 for name in arrays})
    path = write_suite("Distance", datasets='[[datasets]]\npath = "data/cwru"\nlayout = "cwru"\n')
    with pytest.raises(InputError, match="which series are anomalous, and not where"):
        plan_jobs(read_suite(path))


def test_what_does_not_fit_is_told(place, write_suite) -> None:
    plan = plan_jobs(read_suite(write_suite("Distance", 'name = "patch-memory"')))
    assert plan.left_out == {"patch-memory on all data sets": "it looks at image"}
    plan = plan_jobs(
        read_suite(write_suite("Distance", 'name = "robust-z"', extra='protocols = ["one-class", "online"]'))
    )
    assert plan.left_out["Distance on ucr (online)"] == "it cannot go on learning"
    assert {j.label for j in plan.jobs if j.protocol == "online"} == {"random", "constant", "first-difference"}
    with pytest.raises(InputError, match="no detector of the suite fits"):
        plan_jobs(read_suite(write_suite('name = "patch-memory"')))
    with pytest.raises(InputError, match=r"few-shot on 'ucr': .* has 0 at most"):
        plan_jobs(read_suite(write_suite("Distance", extra='protocols = ["few-shot"]')))


def test_every_cell_comes_once_before_any_comes_twice_then_cheap_and_little_known_first(write_suite) -> None:
    jobs = jobs_of(write_suite("Distance", "Steady", extra="seeds = [0, 1]"))
    queue = JobQueue(jobs)
    took = {"Distance": 1.0, "Steady": 100.0, "random": 0.1, "constant": 0.1, "first-difference": 0.1}
    order = []
    while (job := queue.next()) is not None:
        order.append(job)
        queue.learn(job, took[job.label])
    assert sorted(j.id for j in order) == sorted(j.id for j in jobs)
    first = [job.label for job in order[:5]]
    assert set(first) == set(took)
    assert set(first[:3]) == {"random", "constant", "first-difference"}
    # The expensive detector is seen again only after the cheap ones are known well.
    places = [n for n, job in enumerate(order) if job.label == "Steady"]
    assert places[1] > max(n for n, job in enumerate(order) if job.label == "Distance")
    # All detectors go through the tasks in one order, so that what is there can be compared in pairs.
    tasks = [[job.task for job in order if job.label == label and job.seed == 0] for label in took]
    assert all(a == b for a, b in pairwise(tasks))
    seeds = [job.seed for job in order if job.label == "Distance"]
    assert seeds == sorted(seeds)


def test_the_time_that_is_left_is_that_of_what_is_known(write_suite) -> None:
    jobs = jobs_of(write_suite("Distance"))
    queue = JobQueue([job for job in jobs if job.label in ("Distance", "constant")])
    for seconds in (2.0, 4.0):
        job = queue.next()
        queue.learn(job, seconds)
        assert job.label == ("constant" if seconds == 2.0 else "Distance")
    assert queue.seconds_left(2) == (3 * 2.0 + 3 * 4.0) / 2
