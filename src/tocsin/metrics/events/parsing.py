"""How well lines of a log were put into groups of one template, against groups that a person made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError

_Ints = npt.NDArray[np.int64]


class ParsingResult(NamedTuple):
    """Agreement of two ways of grouping lines.

    ``accuracy`` is the share of lines that are in a right group; ``precision`` the share of found groups that are
    right, ``recall`` the share of true groups that were found, ``f1`` their harmonic mean; then the three counts.
    """

    accuracy: float
    f1: float
    precision: float
    recall: float
    right: int
    found: int
    true: int


def parsing_scores(true: Sequence[Hashable], found: Sequence[Hashable]) -> ParsingResult:
    """Return grouping accuracy and F1 of groups.

    A group is right if it holds the same lines as a true one: one line too many or too few makes it wrong. Accuracy
    counts lines and so hangs on the few large groups; F1 counts groups, and a group of one line weighs as much as any.
    Each flatters where the other does not, so state both.

    Parameters
    ----------
    true, found : sequence of hashable, shape (n,)
        The template of each line; only which lines share one matters.

    Raises
    ------
    MetricError
        If they differ in length, or hold nothing.

    References
    ----------
    Zhu et al.: Tools and Benchmarks for Automated Log Parsing. ICSE-SEIP 2019 (grouping accuracy). Jiang et al.: A
    Large-scale Evaluation for Log Parsing Techniques. ISSTA 2024 (F1 of groups, FGA).

    Examples
    --------
    >>> parsing_scores(["a", "a", "b", "c"], [1, 1, 2, 2])
    ParsingResult(accuracy=0.5, f1=0.4, precision=0.5, recall=0.3333333333333333, right=1, found=2, true=3)
    """
    if len(true) != len(found):
        raise MetricError(f"true has {len(true)} lines where found has {len(found)}: give one template for each line")
    if not len(true):
        raise MetricError("there are no lines to compare")
    t, n_true = _codes(true)
    f, n_found = _codes(found)
    pairs, sizes = np.unique(t * n_found + f, return_counts=True)
    of_true, of_found = np.bincount(t)[pairs // n_found], np.bincount(f)[pairs % n_found]
    exact = (sizes == of_true) & (sizes == of_found)
    right = int(exact.sum())
    return ParsingResult(
        accuracy=float(sizes[exact].sum() / len(true)),
        f1=2 * right / (n_true + n_found),
        precision=right / n_found,
        recall=right / n_true,
        right=right,
        found=n_found,
        true=n_true,
    )


def grouping_accuracy(true: Sequence[Hashable], found: Sequence[Hashable]) -> float:
    """Return the share of lines whose group holds just the lines that it should.

    Examples
    --------
    >>> grouping_accuracy(["a", "a", "b", "c"], [1, 1, 2, 2])
    0.5
    """
    return parsing_scores(true, found).accuracy


def grouping_f1(true: Sequence[Hashable], found: Sequence[Hashable]) -> float:
    """Return the F1 of groups: of the share of found groups that are right, and of true ones that were found.

    Examples
    --------
    >>> grouping_f1(["a", "a", "b", "c"], [1, 1, 2, 2])
    0.4
    """
    return parsing_scores(true, found).f1


def _codes(values: Sequence[Hashable]) -> tuple[_Ints, int]:
    """Number the values in the order of their appearance; they need not be comparable."""
    place: dict[Hashable, int] = {}
    return np.array([place.setdefault(value, len(place)) for value in values], dtype=np.int64), len(place)
