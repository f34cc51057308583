"""Every flaw that is planted in a clean set is found, counted, and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tocsin.bench.audit import Finding, as_text, audit
from tocsin.core.errors import InputError
from tocsin.core.samples import Column, Events, Image, Series
from tocsin.core.truth import Truth


def only(report: Any, check: str, text: str) -> Finding:
    found = [f for f in report.of(check) if text in f.text]
    assert len(found) == 1, as_text(report)
    return found[0]


def pixels(row: Any) -> np.ndarray:
    return np.asarray(row[1].pixels)


def test_pictures_copied_across_the_split_and_inside(made: Any) -> None:
    rows = made.clean["pictures"](0)
    train = [i for i, r in enumerate(rows) if r[3] == "train"]
    good = [i for i, r in enumerate(rows) if r[3] == "test" and not r[2].label]
    for k in range(3):
        rows[good[k]] = made.changed(rows[good[k]], sample=Image(pixels(rows[train[k]])))
    rows[train[10]] = made.changed(rows[train[10]], sample=Image(pixels(rows[train[11]])))
    report = audit(made.dataset(rows))
    across = only(report, "exact-copies", "the same as a training one")
    assert (across.count, across.total, across.severity) == (3, 60, "warning")
    assert across.values == {"normal": 3, "anomalous": 0}
    assert rows[good[0]][0] in " ".join(across.examples)
    assert only(report, "exact-copies", "train part").count == 1
    assert not report.of("twin-pictures")  # copies are not told twice


def test_pictures_taken_again_in_another_light(made: Any) -> None:
    rows = made.clean["pictures"](1)
    train = [i for i, r in enumerate(rows) if r[3] == "train"]
    good = [i for i, r in enumerate(rows) if r[3] == "test" and not r[2].label]
    rng = np.random.default_rng(0)
    for k in range(4):
        seen = pixels(rows[train[k]]).astype(float) * 0.8 + 10 + rng.normal(0, 1, pixels(rows[0]).shape)
        rows[good[k]] = made.changed(rows[good[k]], sample=Image(np.clip(seen, 0, 255).astype(np.uint8)))
    found = audit(made.dataset(rows)).of("twin-pictures")
    assert [(f.count, f.total, f.severity) for f in found] == [(4, 60, "warning")]


def test_one_content_with_two_labels(made: Any) -> None:
    rows = made.clean["pictures"](2)
    good = next(i for i, r in enumerate(rows) if r[3] == "test" and not r[2].label)
    bad = next(i for i, r in enumerate(rows) if r[2].label)
    rows[bad] = made.changed(rows[bad], sample=Image(pixels(rows[good])))
    found = only(audit(made.dataset(rows)), "exact-copies", "very content of a normal one")
    assert (found.count, found.total) == (1, 30)


def broken(row: Any, trouble: str) -> Truth:
    if trouble == "another size":
        return Truth(mask=np.ones((3, 3), dtype=bool), label=True)
    if trouble == "no place marked":
        return Truth(mask=np.zeros(row[1].grid, dtype=bool), label=True)
    if trouble == "places marked":
        return Truth(mask=np.eye(*row[1].grid, dtype=bool), label=False)
    if trouble == "in every place":
        return Truth(mask=np.ones(row[1].grid, dtype=bool), label=True)
    if trouble == "box that is":
        return Truth(label=True, boxes=((0, 0, 900, 4),))
    return Truth(label=True, severity=-1.0)


TROUBLES = ["another size", "no place marked", "places marked", "in every place", "box that is", "a severity that is"]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_truths_that_contradict_their_sample(made: Any, trouble: str) -> None:
    rows = made.clean["pictures"](3)
    bad = next(i for i, r in enumerate(rows) if r[2].label)
    rows[bad] = made.changed(rows[bad], truth=broken(rows[bad], trouble))
    found = only(audit(made.dataset(rows)), "label-sanity", trouble)
    assert found.count == 1
    assert found.examples[0].startswith(rows[bad][0])


def test_intervals_past_the_end_and_files_that_cannot_be_read(made: Any) -> None:
    rows = made.clean["recordings"](0)
    rows[1] = made.changed(rows[1], truth=Truth(intervals=[(890, 950)]))
    whole = made.dataset(rows)

    def refuse() -> Any:
        raise InputError("m3.npz is damaged")

    object.__setattr__(whole[6], "load", refuse)
    report = audit(whole)
    assert only(report, "label-sanity", "past the end").severity == "serious"
    assert "m3.npz is damaged" in only(report, "label-sanity", "not readable").examples[0]


def test_anomalies_to_learn_from_and_none_to_find(made: Any) -> None:
    rows = made.clean["pictures"](4)
    swapped = [made.changed(r, split="train" if r[2].label else r[3]) for r in rows]
    report = audit(made.dataset(swapped))
    assert only(report, "label-sanity", "training pictures").count == 30
    assert only(report, "base-rates", "no test picture is anomalous").severity == "serious"


def test_too_few_and_too_many_anomalies(made: Any) -> None:
    rows = made.clean["pictures"](0)
    bad = [i for i, r in enumerate(rows) if r[2].label]
    few = [r for i, r in enumerate(rows) if i not in bad[4:]]
    assert only(audit(made.dataset(few)), "base-rates", "4 anomalous and 30 normal").severity == "warning"
    good = [i for i, r in enumerate(rows) if r[3] == "test" and i not in bad]
    many = [r for i, r in enumerate(rows) if i not in good[15:]]
    assert only(audit(made.dataset(many)), "base-rates", "66.7 %").severity == "note"


def test_groups_on_both_sides(made: Any) -> None:
    rows = made.clean["pictures"](0)
    split = [made.changed(r, group=f"{r[3]}{i % 6}") for i, r in enumerate(rows)]
    assert not audit(made.dataset(split)).of("split-groups")
    test = [i for i, r in enumerate(split) if r[3] == "test"]
    for i in test[:2]:
        split[i] = made.changed(split[i], group="train0")
    found = only(audit(made.dataset(split)), "split-groups", "the others have none")
    assert (found.count, found.total, found.severity, found.examples) == (1, 7, "warning", ("train0",))


def test_numbers_in_names_meta_and_groups_that_tell(made: Any) -> None:
    rows = made.clean["pictures"](1)
    named = [made.changed(r, id=f"{r[3]}/img_{(5000 if r[2].label else 0) + i}") for i, r in enumerate(rows)]
    assert only(audit(made.dataset(named)), "names", "numbers in names").severity == "warning"
    for column, value in (("camera", lambda bad: "left" if bad else "right"), ("gain", lambda bad: 2.0 + bad)):
        told = [made.changed(r, sample=Image(pixels(r), meta={column: value(bool(r[2].label))})) for r in rows]
        assert only(audit(made.dataset(told)), "telling-columns", f"column {column} alone").values["auroc"] == 1.0
    grouped = [made.changed(r, group="bad" if r[2].label else "good") for r in rows if r[3] == "test"]
    assert only(audit(made.dataset(grouped)), "telling-columns", "the group alone")


@pytest.mark.parametrize("trait", ["mean brightness", "height"])
def test_pictures_told_by_how_they_were_taken(made: Any, trait: str) -> None:
    rows = made.clean["pictures"](2)
    for i, row in enumerate(rows):
        if row[2].label:
            seen = pixels(row)
            new = np.minimum(seen.astype(int) + 40, 255).astype(np.uint8) if trait != "height" else seen[:40]
            rows[i] = made.changed(row, sample=Image(new), truth=Truth(label=True))
    assert only(audit(made.dataset(rows)), "shortcuts", trait).values["auroc"] > 0.95


def test_pictures_solved_by_their_brightest_pixel(made: Any) -> None:
    rows = made.clean["pictures"](3)
    for i, row in enumerate(rows):
        if row[2].label:
            seen = pixels(row).copy()
            seen[5, 5] = 255
            rows[i] = made.changed(row, sample=Image(seen))
        else:
            rows[i] = made.changed(row, sample=Image(np.minimum(pixels(row), 250)))
    assert only(audit(made.dataset(rows)), "one-liners", "brightest pixel").severity == "warning"


def _trace_part(row: Any, words: list[list[str]]) -> Events:
    of = np.repeat(np.arange(len(words)), [len(w) for w in words]).astype(np.int32)
    return Events(
        {"event": [w for trace in words for w in trace]}, trace=Column(of, row[1].trace.vocabulary), id=row[0]
    )


def _words(row: Any) -> list[list[str]]:
    names, numbers = row[1].by_trace()
    words = row[1].entities["event"].words()
    return [list(words[numbers == k]) for k in range(len(names))]


def test_traces_copied_and_solved_by_an_unseen_event(made: Any) -> None:
    train, test = made.clean["traces"](0)
    learned, judged = _words(train), _words(test)
    labels = np.array([bool(test[2].mask[test[1].by_trace()[1] == k].any()) for k in range(150)])
    good = np.flatnonzero(~labels)
    for k in range(20):
        judged[good[k]] = list(learned[k])
    for k in np.flatnonzero(labels):
        judged[k][3] = "panic"
    lengths = [len(w) for w in judged]
    rows = [train, made.changed(test, sample=_trace_part(test, judged), truth=Truth(mask=np.repeat(labels, lengths)))]
    report = audit(made.dataset(rows))
    across = only(report, "exact-copies", "the same as a training one")
    assert (across.count, across.total, across.values["normal"]) == (20, 150, 20)
    assert "unseen events" in only(report, "one-liners", "solves the set").text


def test_traces_told_by_their_length_and_sorted_by_label(made: Any) -> None:
    train, test = made.clean["traces"](1)
    judged = _words(test)
    labels = np.arange(150) >= 100
    judged = [w[:15] + (w * 3)[:40] if bad else w for w, bad in zip(judged, labels, strict=True)]
    mask = np.repeat(labels, [len(w) for w in judged])
    report = audit(made.dataset([train, made.changed(test, sample=_trace_part(test, judged), truth=Truth(mask=mask))]))
    assert only(report, "shortcuts", "length alone")
    assert only(report, "names", "sorted by label").severity == "note"


def test_a_column_of_events_that_tells(made: Any) -> None:
    train, test = made.clean["flows"](0)
    bad = test[2].mask
    columns = {name: column.words() for name, column in test[1].entities.items()}
    told = Events({**columns, "host": np.where(bad, "10.0.0.9", "10.0.0.1")}, numbers={"ttl": 60.0 + bad}, id="test")
    report = audit(made.dataset([train, made.changed(test, sample=told)]))
    assert only(report, "telling-columns", "column host")
    assert only(report, "telling-columns", "column ttl")


def test_stretches_and_scaled_copies_of_recordings(made: Any) -> None:
    rows = made.clean["recordings"](0)
    values = [np.array(r[1].values) for r in rows]
    values[1][300:700] = values[2][100:500]  # a test recording holds a stretch of another machine's training part
    values[5] = values[8] * 3.0 + 7.0 + np.random.default_rng(0).normal(0, 0.02, values[8].shape)
    rows = [made.changed(r, sample=Series(v, ("a", "b"), id=r[0])) for r, v in zip(rows, values, strict=True)]
    report = audit(made.dataset(rows))
    exact = only(report, "copied-series", "to the last digit")
    assert (exact.count, exact.total) == (1, 8)
    assert "m0/test" in exact.examples[0]
    assert "m1/train" in exact.examples[0]
    near = only(report, "copied-series", "near-copies")
    assert near.count == 1
    assert "m2/test" in near.examples[0]


def test_series_solved_by_one_step(made: Any) -> None:
    rows = made.clean["recordings"](1)
    for i, row in enumerate(rows):
        if row[3] == "test":
            values, mask = np.array(row[1].values), np.zeros(900, dtype=bool)
            mask[400:403] = True
            values[400:403] += [[20], [-20], [20]]
            rows[i] = made.changed(row, sample=Series(values, ("a", "b"), id=row[0]), truth=Truth(mask=mask))
    assert only(audit(made.dataset(rows)), "one-liners", "solves the set").count == 8


def test_recordings_told_by_their_amplitude() -> None:
    rng = np.random.default_rng(0)

    def loud(factor: float) -> Series:
        return Series(rng.normal(0, factor, 8192))

    from tocsin.core.dataset import Dataset, Entry

    def entry(id: str, sample: Series, label: bool, split: str) -> Entry:
        return Entry(id, lambda: (sample, Truth(label=label)), split, id)

    plain = [entry("ok", loud(1.0), False, "train"), *(entry(f"f{k}", loud(1.0), True, "test") for k in range(6))]
    assert not audit(Dataset(plain)).of("shortcuts")
    leak = [entry("ok", loud(1.0), False, "train"), *(entry(f"f{k}", loud(1.3), True, "test") for k in range(6))]
    found = only(audit(Dataset(leak)), "shortcuts", "amplitude")
    assert (found.count, found.total) == (6, 6)
