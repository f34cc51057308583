"""Checks of `update`: only where the card says so, scoring comes first, and a saved model goes on where it was."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tocsin.core.detector import Detector
from tocsin.core.samples import Sample
from tocsin.testing.subject import NotApplicable, Subject, message_of, scores_differ


def check_update_as_the_card_says(subject: Subject) -> None:
    """`update` learns where the card says so and refuses where it does not."""
    double = subject.double
    message = "update before fit"
    try:
        subject.make().update(double.normal)
    except AttributeError:
        pass
    else:
        raise AssertionError(f"{message} must raise NotFittedError")
    made = subject.make().fit(double.train)
    if not subject.card.online:
        text = message_of(lambda: made.update(double.normal), "update of a detector whose card is not online")
        assert subject.name in text, "the message about update must name the detector"
        return
    before = made.score(double.odd)
    assert made.update(double.odd) is made, "update must return the detector itself"
    assert scores_differ(before, made.score(double.odd)), (
        "update changes nothing: a detector whose card says online must learn from it"
    )


def check_scores_before_it_learns(subject: Subject) -> None:
    """A score never depends on what was learned from after it."""
    _online(subject)
    made = subject.make().fit(subject.double.train)
    first = made.score(subject.double.odd)
    made.update(subject.double.odd)
    again = subject.make().fit(subject.double.train).score(subject.double.odd)
    told = scores_differ(first, again, loose=1e-9)
    assert not told, f"a score depends on samples that were learned from later ({told})"


def check_saved_mid_stream(subject: Subject) -> None:
    """A model that is saved and loaded between updates goes on as if it had not been."""
    _online(subject)
    stream = _stream(subject)
    uninterrupted = subject.make().fit(subject.double.train)
    for sample in stream:
        uninterrupted.update(sample)
    interrupted: Detector = subject.make().fit(subject.double.train)
    with TemporaryDirectory() as folder:
        for number, sample in enumerate(stream):
            interrupted.update(sample)
            interrupted = type(interrupted).load(interrupted.save(Path(folder) / f"{number}.tocsin"))
    told = scores_differ(uninterrupted.score(subject.double.odd), interrupted.score(subject.double.odd), loose=1e-6)
    assert not told, (
        f"a model saved and loaded in mid-stream learns otherwise from there on ({told}): is all in _state?"
    )


def _online(subject: Subject) -> None:
    if not subject.card.online:
        raise NotApplicable(f"{subject.name} does not go on learning")


def _stream(subject: Subject) -> list[Sample]:
    normal = subject.double.normal
    return list(normal.split(0.5)) if subject.double.grow is not None else [normal, *subject.double.train[:1]]
