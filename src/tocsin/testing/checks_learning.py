"""Checks of `fit`: what it must and must not touch, forget and depend on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.core.detector import Detector
from tocsin.core.errors import NotFittedError
from tocsin.core.samples import Series
from tocsin.testing.subject import NotApplicable, Subject, flat, scores_differ


def check_unfitted_refuses(subject: Subject) -> None:
    """Nothing but `fit` works before `fit`."""
    odd = subject.double.odd
    verbs: dict[str, Callable[[Detector], Any]] = {
        "score": lambda d: d.score(odd),
        "detect": lambda d: d.detect(odd),
        "save": lambda d: d.save(Path("never-written")),
    }
    for verb, call in verbs.items():
        try:
            call(subject.make())
        except NotFittedError:
            continue
        except Exception as error:
            raise AssertionError(
                f"{verb} before fit must raise NotFittedError, not {type(error).__name__}: {error}"
            ) from error
        raise AssertionError(f"{verb} before fit must raise NotFittedError, but went through")


def check_fit_returns_self(subject: Subject) -> None:
    """`fit` returns the detector, so that calls can be chained."""
    made = subject.make()
    assert made.fit(subject.double.train) is made, "fit must return the detector itself"


def check_learned_names(subject: Subject) -> None:
    """What is learned is named so that it is saved and forgotten; parameters stay as they were."""
    made = subject.make()
    before = repr(made)
    made.fit(subject.double.train)
    list(made.score_many([subject.double.odd]))
    assert repr(made) == before, f"fit changed parameters from {before} to {made!r}: keep what is derived as name_"
    names = set(made.parameter_names())
    wrong = [n for n in vars(made) if n not in names and (not n.endswith("_") or n.startswith("_"))]
    assert not wrong, (
        f"{', '.join(wrong)} was set while learning or scoring: what is learned ends in one underscore and does not "
        f"begin with one, or it is neither saved nor forgotten"
    )


def check_input_untouched(subject: Subject) -> None:
    """No sample is changed in place."""
    double = subject.double_of(3)
    samples = {"training sample": double.train[0], "scored sample": double.odd}
    before = {name: _arrays(sample) for name, sample in samples.items()}
    made = subject.make().fit(double.train)
    made.score(double.odd)
    made.detect(double.odd, false_alarms="top 1")
    for name, sample in samples.items():
        for where, array in _arrays(sample).items():
            assert np.array_equal(array, before[name][where], equal_nan=array.dtype.kind == "f"), (
                f"the {name} was changed in place ({where}): work on a copy"
            )


def check_input_not_kept(subject: Subject) -> None:
    """A model does not change when the caller goes on using its own array."""
    train = subject.series("train")
    values = np.array(train.values)
    made = subject.make().fit(dataclasses.replace(train, values=values))
    before = made.score(subject.double.odd)
    values[:] = np.random.default_rng(0).normal(size=values.shape) * 1e3
    told = scores_differ(before, made.score(subject.double.odd))
    assert not told, (
        f"scores changed when the caller wrote into its own training array ({told}): keep a copy of what is needed"
    )


def check_same_seed_same_scores(subject: Subject) -> None:
    """Equal parameters and data give equal scores."""
    again = subject.make().fit(subject.double.train)
    told = scores_differ(subject.scores, again.score(subject.double.odd), loose=1e-9)
    assert not told, (
        f"two fits with equal parameters and data give different scores ({told}): take all chance from the generator "
        f"that _fit is given"
    )


def check_refit_forgets(subject: Subject) -> None:
    """A second fit is as if there had been no first."""
    made = subject.make().fit(subject.double.other)
    first = set(vars(made))
    vars(made)["left_over_"] = 1
    made.fit(subject.double.train)
    told = scores_differ(subject.scores, made.score(subject.double.odd), loose=1e-9)
    assert not told, f"something of the first fit is left after the second ({told}): _fit must set all that it uses"
    assert not hasattr(made, "left_over_"), "fit must drop everything learned before"
    kept = sorted(set(vars(made)) - set(vars(subject.fitted)))
    assert not kept, f"{', '.join(kept)} of the first fit (which had {len(first)} attributes) is left after the second"


def check_learns_something(subject: Subject) -> None:
    """Other training data give other scores."""
    if subject.card.learns_from == "nothing":
        raise NotApplicable(f"{subject.name} says that it learns from nothing")
    other = subject.make().fit(subject.double.other).score(subject.double.normal)
    mine = subject.fitted.score(subject.double.normal)
    assert scores_differ(mine, other), (
        "scores are the same whatever was learned from: _fit does nothing, or _score does not use it; where that is "
        "meant, the card's learns_from is 'nothing'"
    )


def check_several_samples(subject: Subject) -> None:
    """Several samples can be learned from at once, from a list or an iterator."""
    train = subject.double.train
    halves = [part for sample in train for part in sample.split(0.5)] if len(train) == 1 else list(train)
    if not isinstance(halves[0], Series) and len(train) == 1:
        raise NotApplicable("a part of such a sample need not be one")
    scores = subject.make().fit(halves).score(subject.double.odd)
    assert np.isfinite(flat(scores)).any(), "learning from several samples at once must give scores as well"
    iterated = subject.make().fit(iter(halves)).score(subject.double.odd)
    told = scores_differ(scores, iterated, loose=1e-9)
    assert not told, f"samples from an iterator give other scores than the same in a list ({told})"


def check_several_judged_by_themselves(subject: Subject) -> None:
    """`fit_score_many` of one unlabelled sample says what `fit_score` says of it."""
    train = subject.series("train")
    alone = subject.make().fit_score(train)
    many = list(subject.make().fit_score_many([train]))
    assert len(many) == 1, f"fit_score_many gave {len(many)} scores for one sample"
    told = scores_differ(alone, many[0], loose=1e-9)
    assert not told, f"fit_score_many judges a sample otherwise than fit_score ({told})"


def _arrays(thing: Any, where: str = "sample", depth: int = 0) -> dict[str, np.ndarray]:
    """Copies of all arrays in a sample, by where they are."""
    if isinstance(thing, np.ndarray):
        return {where: thing.copy()}
    found: dict[str, np.ndarray] = {}
    if depth > 4:
        return found
    if dataclasses.is_dataclass(thing):
        thing = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    if isinstance(thing, Mapping):
        for key, value in thing.items():
            found |= _arrays(value, f"{where}.{key}", depth + 1)
    return found
