"""Checks of the class itself: its constructor, parameters and card."""

from __future__ import annotations

import inspect
from typing import Any, get_args

from tocsin.core.card import Card, Decides, LearnsFrom
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.testing.subject import NotApplicable, Subject, message_of

FINAL = ("fit", "fit_score", "score", "score_many", "detect", "fit_detect", "explain", "update", "save", "load")
PLACES = ("time steps", "pixels", "frames", "points", "events", "samples")
MODALITIES = ("series", "events", "image", "video", "points", "bundle")


def check_public_verbs_not_overridden(subject: Subject) -> None:
    """The final verbs of the base class are the ones in use."""
    for verb in FINAL:
        assert inspect.getattr_static(subject.cls, verb) is inspect.getattr_static(Detector, verb), (
            f"{subject.cls.__name__} overrides {verb}, which does the validating for all: write _{verb} instead"
        )


def check_constructor_only_stores(subject: Subject) -> None:
    """The constructor stores every parameter under its name, unchanged, and does nothing else."""
    cls = subject.cls
    for parameter in inspect.signature(cls.__init__).parameters.values():
        assert (
            parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or cls.__init__ is object.__init__
        ), f"the constructor takes *{parameter.name}: name every parameter, so that they can be listed and stored"
    names = cls.parameter_names()
    for name in names:
        assert not name.endswith("_"), f"the parameter {name} ends in an underscore, which marks what is learned"
    # Objects without any behaviour: a constructor that looks at them, copies or checks them gives itself away.
    given = {name: object() for name in names}
    try:
        made = cls(**given)
    except Exception as error:
        raise AssertionError(
            f"the constructor of {cls.__name__} does more than store its parameters ({error}): check them in _fit"
        ) from error
    for name in names:
        assert getattr(made, name, None) is given[name], (
            f"the constructor must store {name} unchanged as self.{name}; convert it in _fit and keep that as {name}_"
        )
    extra = sorted(set(vars(made)) - set(names))
    assert not extra, f"the constructor sets {', '.join(extra)} besides its parameters: do that in _fit"


def check_parameters_round_trip(subject: Subject) -> None:
    """`get_params`, `set_params` and the constructor agree."""
    made = subject.make()
    parameters = made.get_params(deep=False)
    assert list(parameters) == made.parameter_names(), "get_params must give exactly the constructor's parameters"
    again = subject.cls(**parameters)
    for name, value in parameters.items():
        assert again.get_params(deep=False)[name] is value, f"{name} does not survive get_params and the constructor"
        assert made.set_params(**{name: value}) is made, "set_params must return the detector itself"
    assert subject.cls.__name__ in repr(made), "repr must show the class's name"
    text = message_of(lambda: made.set_params(no_such_parameter=1), "an unknown parameter")
    assert "no_such_parameter" in text, "the message about an unknown parameter must name it"


def check_clone(subject: Subject) -> None:
    """Clones, ours and scikit-learn's, are unfitted and equal."""
    from sklearn.base import clone

    fitted = subject.make().fit(subject.double.train)
    for how, copy in (("clone()", fitted.clone()), ("sklearn.base.clone", clone(fitted))):
        assert type(copy) is subject.cls, f"{how} must give the same class"
        assert repr(copy) == repr(fitted), f"{how} changes parameters: {copy!r} instead of {fitted!r}"
        learned = [name for name in vars(copy) if name not in copy.parameter_names()]
        assert not learned, f"{how} must give an unfitted detector, but {', '.join(learned)} came along"


def check_example_parameters(subject: Subject) -> None:
    """The parameters of fast instances exist."""
    unknown = sorted(set(subject.cls.example_parameters()) - set(subject.cls.parameter_names()))
    assert not unknown, f"example_parameters names {', '.join(unknown)}, which the constructor does not take"


def check_card_is_sound(subject: Subject) -> None:
    """Every entry of the card is one of those that there are."""
    card: Any = subject.cls.card
    assert isinstance(card, Card), "a detector class has a `card`, an instance of tocsin.Card"
    typeable = bool(card.name) and card.name == card.name.lower() and " " not in card.name
    assert typeable, f"the card's name is what users type: lower case with hyphens, not {card.name!r}"
    one_sentence = bool(card.summary) and "\n" not in card.summary
    assert one_sentence, "the card's summary is one sentence about what counts as strange"
    several = isinstance(card.modality, tuple) and len(card.modality) > 0
    assert several, "the card's modality is a tuple of kinds of sample"
    unknown = sorted(set(card.modality) - set(MODALITIES))
    assert not unknown, f"the card names the modality {', '.join(unknown)}; there are {', '.join(MODALITIES)}"
    for field, options in (
        ("learns_from", get_args(LearnsFrom)),
        ("localises", PLACES),
        ("decides", get_args(Decides)),
    ):
        assert getattr(card, field) in options, (
            f"the card's {field} is {getattr(card, field)!r}; it can be {', '.join(options)}"
        )
    assert (inspect.getdoc(subject.cls) or "") != (inspect.getdoc(Detector) or ""), (
        "the class has no docstring: say what it does, its parameters with units, and what it raises"
    )


def check_registered_under_its_name(subject: Subject) -> None:
    """The card's name leads to this class."""
    from tocsin.core.registry import find, names

    if subject.card.name not in names():
        raise NotApplicable(
            f"{subject.card.name} is not registered: add the entry point tocsin.detectors to use it by name"
        )
    try:
        found = find(subject.card.name)
    except InputError as error:
        raise AssertionError(str(error)) from error
    assert found is subject.cls, (
        f"the name {subject.card.name!r} belongs to {found.__module__}.{found.__name__} already: choose another"
    )
