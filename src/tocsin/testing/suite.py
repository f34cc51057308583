"""Running the checks: all of them on one detector, or one test per detector and check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from types import ModuleType
from typing import Any

from tocsin.core.detector import Detector
from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.registry import nearest
from tocsin.testing.doubles import Double
from tocsin.testing.subject import NotApplicable, Subject

Check = Callable[[Subject], None]
PREFIX = "check_"


@cache
def _checks() -> dict[str, Check]:
    """All checks by name, in the order in which their files are listed and they are written."""
    from tocsin.testing import (
        checks_detection,
        checks_input,
        checks_learning,
        checks_online,
        checks_parameters,
        checks_scores,
        checks_storage,
    )

    modules: tuple[ModuleType, ...] = (
        checks_parameters,
        checks_learning,
        checks_scores,
        checks_input,
        checks_detection,
        checks_storage,
        checks_online,
    )
    return {
        name.removeprefix(PREFIX): found
        for module in modules
        for name, found in vars(module).items()
        if name.startswith(PREFIX) and callable(found)
    }


def check_names() -> list[str]:
    """Return the names of all checks."""
    return list(_checks())


def check_detector(
    detector: type[Detector] | Detector,
    only: Iterable[str] | None = None,
    *,
    double: Callable[[int], Double] | None = None,
) -> dict[str, str]:
    """Check that a detector keeps the contract.

    Parameters
    ----------
    detector : type or Detector
        A class, tried with its `example_parameters`, or an instance, tried with its own.
    only : iterable of str, optional
        Names of checks; all of `check_names` when left out.
    double : callable of int, optional
        Makes samples to try it on from a seed, for detectors that the usual ones do not suit.

    Returns
    -------
    dict of str to str
        ``passed``, or ``skipped: `` and why, for every check.

    Raises
    ------
    AssertionError
        If any check fails. The message has one line for each, which says what to change.
    InputError
        If there is no check of a name.
    """
    known = _checks()
    wanted = list(known) if only is None else list(only)
    for name in wanted:
        if name not in known:
            raise InputError(f"there is no check {name!r}{nearest(name, known)}")
    subject = Subject(detector, double)
    results: dict[str, str] = {}
    failures: list[tuple[str, Exception]] = []
    for name in wanted:
        try:
            _run(known[name], subject)
            results[name] = "passed"
        except NotApplicable as reason:
            results[name] = f"skipped: {reason}"
        except Exception as failure:  # what a detector raises in the middle of a check is a finding, too
            failures.append((name, failure))
    if failures:
        lines = "\n".join(f"  {name}: {_said(failure)}" for name, failure in failures)
        raise AssertionError(f"{subject!r} fails {len(failures)} of {len(wanted)} checks:\n{lines}") from failures[0][1]
    return results


def parametrize_with_checks(
    detectors: Iterable[type[Detector] | Detector], *, double: Callable[[int], Double] | None = None
) -> Any:
    """Return a pytest decorator that runs a test for every detector and check.

    The test takes `detector` and `check` and calls ``check(detector)``. What several checks need, such as a fitted
    instance, is made once per detector. Checks that do not concern a detector are skipped.

    Examples
    --------
    >>> from tocsin.series.robust_z import RobustZ
    >>> @parametrize_with_checks([RobustZ])
    ... def test_contract(detector, check):
    ...     check(detector)
    """
    import pytest

    cases = []
    for detector in detectors:
        subject = Subject(detector, double)
        cases += [
            pytest.param(detector, _bound(check, subject), id=f"{subject!r}-{name}")
            for name, check in _checks().items()
        ]
    return pytest.mark.parametrize(("detector", "check"), cases)


def _said(failure: Exception) -> str:
    return str(failure) if isinstance(failure, AssertionError) else f"{type(failure).__name__} was raised: {failure}"


def _bound(check: Check, subject: Subject) -> Callable[[Any], None]:
    def run(detector: Any) -> None:
        _run(check, subject)

    return run


def _run(check: Check, subject: Subject) -> None:
    try:
        check(subject)
    except MissingExtra as missing:
        raise NotApplicable(str(missing)) from missing
    except AssertionError as failure:
        # A check that wants a refusal has met one of another kind.
        if isinstance(failure.__cause__, MissingExtra):
            raise NotApplicable(str(failure.__cause__)) from failure
        raise
