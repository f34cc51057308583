"""Subject: the detector under examination, with what several checks share computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import numpy as np

from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.testing.doubles import Double, double_for

if TYPE_CHECKING:
    from tocsin.core.card import Card
    from tocsin.core.types import FloatArray


class NotApplicable(SkipTest):
    """A check does not concern this detector; the message says why."""


class Subject:
    """A detector class with parameters that make fast instances, and samples to try it on.

    Parameters
    ----------
    detector : type or Detector
        A class, instantiated with its `example_parameters`, or an instance, whose own parameters are used.
    double : callable of int, optional
        Makes the samples from a seed; those of the card's first modality when left out.
    """

    def __init__(self, detector: type[Detector] | Detector, double: Callable[[int], Double] | None = None) -> None:
        if isinstance(detector, Detector):
            self.cls: type[Detector] = type(detector)
            self._prototype: Detector | None = detector
        elif isinstance(detector, type) and issubclass(detector, Detector):
            self.cls, self._prototype = detector, None
        else:
            raise InputError(f"the checks take a detector class or instance, not {detector!r}")
        self.own_double = double

    def __repr__(self) -> str:
        return repr(self._prototype) if self._prototype is not None else self.cls.__name__

    @property
    def card(self) -> Card:
        """The card of the class."""
        return self.cls.card

    def make(self) -> Detector:
        """Return a new unfitted instance."""
        if self._prototype is not None:
            return self._prototype.clone()
        return self.cls(**self.cls.example_parameters())

    @cached_property
    def double(self) -> Double:
        """The samples that most checks use."""
        return self.double_of(0)

    def double_of(self, seed: int) -> Double:
        """Return the samples made from a seed."""
        return double_for(self.card, seed) if self.own_double is None else self.own_double(seed)

    @cached_property
    def fitted(self) -> Detector:
        """A detector that has learned from `double.train`; only to be read from."""
        return self.make().fit(self.double.train)

    @cached_property
    def scores(self) -> Scores:
        """The scores of the sample with the planted anomaly."""
        return self.fitted.score(self.double.odd)

    @property
    def name(self) -> str:
        """The name on the card."""
        return self.card.name

    def series(self, what: str) -> Series:
        """Return a sample of the double, where it is a series.

        Raises
        ------
        NotApplicable
            For other modalities.
        """
        sample = self.double.train[0] if what == "train" else getattr(self.double, what)
        if not isinstance(sample, Series):
            raise NotApplicable(f"{self.name} does not look at series")
        return sample

    def reach(self) -> int:
        """Return how many places a score looks at, at least one."""
        return max(1, self.fitted.reach)


def flat(scores: Scores) -> FloatArray:
    """Return all numbers of some scores in one row: local, or overall where there is no local."""
    local = scores.local
    return np.array([scores.overall]) if local is None else np.asarray(local, dtype=np.float64).ravel()


def differ(left: FloatArray, right: FloatArray, loose: float | None = None) -> str:
    """Return in words how two rows of scores differ, or nothing where they are equal up to rounding."""
    if left.shape != right.shape:
        return f"shapes {left.shape} and {right.shape}"
    if not np.array_equal(np.isnan(left), np.isnan(right)):
        return f"NaN at {int((np.isnan(left) != np.isnan(right)).sum())} other places"
    seen = np.isfinite(left)
    if not seen.any():
        return ""
    size = float(np.abs(left[seen]).max())
    apart = np.abs(left - right)[seen]
    if apart.max() <= (1e-5 if loose is None else loose) * max(size, 1e-300):
        return ""
    worst = np.flatnonzero(seen)[int(apart.argmax())]
    return f"place {worst}: {left[worst]:.9g} and {right[worst]:.9g}"


def scores_differ(left: Scores, right: Scores, loose: float | None = None) -> str:
    """`differ` for scores, their overall part and their parts."""
    found = differ(flat(left), flat(right), loose)
    found = found or differ(np.array([left.overall]), np.array([right.overall]), loose)
    if not found and (left.traces is None) != (right.traces is None):
        return "one has scores of traces and the other has none"
    if not found and left.traces is not None and right.traces is not None:
        found = differ(left.traces, right.traces, loose)
    if not found and (left.parts is None) != (right.parts is None):
        return "one has parts and the other has none"
    if not found and left.parts is not None and right.parts is not None:
        found = differ(left.parts.astype(np.float64).ravel(), right.parts.astype(np.float64).ravel(), loose)
    return found


def message_of(call: Callable[[], Any], what: str) -> str:
    """Return the sentence with which a call refuses; anything but one `InputError` of one line fails.

    Raises
    ------
    AssertionError
        If the call goes through or raises anything else.
    """
    try:
        call()
    except InputError as error:
        text = str(error)
        sentence = bool(text) and "\n" not in text
        assert sentence, f"{what} must be refused with one sentence, not {text!r}"
        return text
    except Exception as error:
        raise AssertionError(
            f"{what} must be refused with an InputError that says what was wrong and what to do; "
            f"{type(error).__name__} came out instead: {error}"
        ) from error
    raise AssertionError(f"{what} must be refused with an InputError, but was accepted")
