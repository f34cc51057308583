"""What every metric asks of its input, and how a metric says that a value does not exist.

Signatures that the rest of ``tocsin.metrics`` relies on::

    check_pair(y_true, y_score)      -> (bool (n,), float (n,))     equal lengths, finite scores, n >= 1
    as_labels(values, name)          -> bool array, any shape       0/1, True/False, 0.0/1.0; nothing else
    as_scores(values, name)          -> float32 or float64 array    finite; float16 becomes float32, integers float64
    as_weights(values, n, name)      -> float64 (n,) or None        finite, >= 0, not all zero
    check_same_shape(a, b, names)    -> None
    check_fraction(value, name)      -> float                       0 <= value <= 1 (``open_left=True``: 0 < value)
    check_count(value, name, least)  -> int
    warn_if_flattered(distinct, metric, instead)                    MetricWarning below ten distinct scores

``MetricError`` is raised for input that cannot be scored at all.  ``Undefined(reason)`` is *returned* where the input
is fine and the number does not exist (no anomaly in the labels, say): it is a NaN, so it travels through arithmetic,
and ``reason_of(value)`` gives its sentence back.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.floating[Any]]


class MetricError(ValueError):
    """The input of a metric cannot be used as it is; the message says what is wrong, where, and what to do."""


class MetricWarning(UserWarning):
    """The number is right by its definition, and known to flatter a score of this kind; the message says why."""


class Undefined(float):
    """A NaN that knows why: the value of a metric that does not exist on these labels.

    Examples
    --------
    >>> value = Undefined("y_true holds no anomaly")
    >>> value != value, value.reason
    (True, 'y_true holds no anomaly')
    """

    reason: str

    def __new__(cls, reason: str) -> Undefined:
        self = super().__new__(cls, "nan")
        self.reason = reason
        return self

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self.reason,)

    def __repr__(self) -> str:
        return f"Undefined({self.reason!r})"

    def __str__(self) -> str:
        return f"nan ({self.reason})"


NO_POSITIVES = "y_true holds no anomaly"
NO_NEGATIVES = "y_true holds nothing but anomalies"


def reason_of(value: float) -> str | None:
    """Return why a metric's value is undefined, or None where it is an ordinary number.

    Examples
    --------
    >>> reason_of(Undefined("no event")), reason_of(0.5)
    ('no event', None)
    """
    return value.reason if isinstance(value, Undefined) else None


def as_scores(values: npt.ArrayLike, name: str = "y_score") -> FloatArray:
    """Return scores as a finite float32 or float64 array of the same shape, without a copy where possible.

    Raises
    ------
    MetricError
        If the values are not real numbers, or any of them is NaN or infinite.
    """
    array = np.asarray(values)
    if array.dtype.kind == "f":
        if array.dtype.itemsize == 2:
            array = array.astype(np.float32)
        elif array.dtype.itemsize > 8:
            array = array.astype(np.float64)
    elif array.dtype.kind in "iub":
        array = array.astype(np.float64)
    else:
        raise MetricError(f"{name} must hold numbers, not {_kind(array)}: convert it to floats first")
    if array.size and not np.isfinite(array.sum()):  # one pass; a sum can overflow without a bad value in it
        bad = ~np.isfinite(array)
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise MetricError(
                f"{name} holds {array.flat[first]} at position {_place(first, array.shape)} ({int(bad.sum())} "
                "non-finite values in all): drop or fill those places in scores and labels alike"
            )
    return array


def as_labels(values: npt.ArrayLike, name: str = "y_true") -> BoolArray:
    """Return labels or binary predictions as a boolean array of the same shape.

    Raises
    ------
    MetricError
        If the values are text, or numbers other than 0 and 1.
    """
    array = np.asarray(values)
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind not in "iuf":
        raise MetricError(f"{name} must hold 0 and 1 (or False and True), not {_kind(array)}: map the labels first")
    truth: BoolArray = np.asarray(array == 1)
    wrong = ~(truth | (array == 0))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise MetricError(
            f"{name} must hold only 0 and 1, but holds {array.flat[first]} at position {_place(first, array.shape)}: "
            "map the labels first (anomalous = 1)"
        )
    return truth


def check_pair(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, names: tuple[str, str] = ("y_true", "y_score")
) -> tuple[BoolArray, FloatArray]:
    """Return labels and scores of one series as ``(n,)`` arrays, n >= 1.

    Raises
    ------
    MetricError
        If either is not one-dimensional, is empty, differs in length from the other, or holds unusable values.
    """
    labels, scores = as_labels(y_true, names[0]), as_scores(y_score, names[1])
    check_line(labels, scores, names)
    return labels, scores


def check_binary_pair(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[BoolArray, BoolArray]:
    """Return labels and binary predictions of one series as ``(n,)`` boolean arrays, n >= 1; raises as `check_pair`."""
    try:
        labels, predicted = as_labels(y_true, names[0]), as_labels(y_pred, names[1])
    except MetricError as error:
        if str(error).startswith(names[1]) and np.asarray(y_pred).dtype.kind == "f":
            raise MetricError(f"{error}; a score needs a threshold first: y_pred = y_score >= threshold") from None
        raise
    check_line(labels, predicted, names)
    return labels, predicted


def check_line(first: npt.NDArray[Any], second: npt.NDArray[Any], names: tuple[str, str]) -> None:
    """Raise `MetricError` unless both arrays are one-dimensional, non-empty and equally long."""
    for array, name in ((first, names[0]), (second, names[1])):
        if array.ndim != 1:
            raise MetricError(
                f"{name} must be one-dimensional, but its shape is {array.shape}: score one series at a time"
            )
    check_same_shape(first, second, names)
    if not len(first):
        raise MetricError(f"{names[0]} and {names[1]} are empty: there is nothing to score")


def check_same_shape(first: npt.NDArray[Any], second: npt.NDArray[Any], names: tuple[str, str]) -> None:
    """Raise `MetricError` unless both arrays have one shape."""
    if first.shape == second.shape:
        return
    if first.ndim == second.ndim == 1:
        raise MetricError(
            f"{names[0]} has {len(first)} values and {names[1]} has {len(second)}: they must describe the same places"
        )
    raise MetricError(
        f"{names[0]} has shape {first.shape} and {names[1]} shape {second.shape}: they must describe the same places"
    )


def as_weights(values: npt.ArrayLike | None, n: int, name: str = "sample_weight") -> npt.NDArray[np.float64] | None:
    """Return ``n`` finite non-negative weights as float64, or None where none are given; raises `MetricError`."""
    if values is None:
        return None
    weights = np.asarray(as_scores(values, name), dtype=np.float64)
    if weights.shape != (n,):
        raise MetricError(f"{name} has shape {weights.shape}, but there are {n} scores: give one weight for each")
    if n and weights.min() < 0:
        raise MetricError(
            f"{name} holds {weights.min()} at position {int(weights.argmin())}: weights must not be negative"
        )
    if n and weights.max() == 0:
        raise MetricError(f"{name} holds only zeros: at least one place must count")
    return weights


def check_fraction(value: float, name: str, *, open_left: bool = False) -> float:
    """Return ``value`` as a float in [0, 1] (in (0, 1] with ``open_left``); raises `MetricError`."""
    fraction = _number(value, name)
    if not (0 <= fraction <= 1) or (open_left and fraction == 0):
        raise MetricError(f"{name} must lie in {'(0' if open_left else '[0'}, 1], but is {value}")
    return fraction


def check_positive(value: float, name: str) -> float:
    """Return ``value`` as a finite float above zero; raises `MetricError`."""
    number = _number(value, name)
    if not (0 < number < np.inf):
        raise MetricError(f"{name} must be a finite number above 0, but is {value}")
    return number


def check_count(value: int, name: str, least: int = 0) -> int:
    """Return ``value`` as an int of at least ``least``; raises `MetricError`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise MetricError(f"{name} must be a whole number, but is {value!r}") from None
    if count < least:
        raise MetricError(f"{name} must be at least {least}, but is {value}")
    return count


def check_choice(value: str, name: str, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``; raises `MetricError` naming them all."""
    if value not in choices:
        raise MetricError(f"{name} must be one of {', '.join(map(repr, choices))}, but is {value!r}")
    return value


def warn_if_flattered(distinct: int, metric: str, instead: str) -> None:
    """Warn that a trapezoid area over fewer than ten distinct scores is inflated, naming what to use instead."""
    if distinct < 10:
        warnings.warn(
            f"{metric} draws straight lines between thresholds, and the score has only {distinct} distinct values: "
            f"the area is inflated (a constant score gets more than 0.5); use {instead}",
            MetricWarning,
            stacklevel=3,
        )


def _number(value: float, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise MetricError(f"{name} must be a number, but is {value!r}") from None


def _kind(array: npt.NDArray[Any]) -> str:
    """Name what an array of the wrong type holds, with an example."""
    example = f" such as {array.flat[0]!r}" if array.size else ""
    return f"{'text' if array.dtype.kind in 'US' else f'values of type {array.dtype}'}{example}"


def _place(flat: int, shape: tuple[int, ...]) -> str:
    """Name a flat position in the array's own coordinates."""
    return str(flat) if len(shape) <= 1 else str(tuple(int(i) for i in np.unravel_index(flat, shape)))
