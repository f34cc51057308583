"""What is labelled: a mark for each point, or intervals, by series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Points:
    """A label for each point of one series.

    Parameters
    ----------
    id : str
        The series; '' where the file does not say.
    where : str
        The file.
    column : str
        The column of labels.
    labels : ndarray of bool, shape (n,)
    time, rows : ndarray of int64, optional
        Nanoseconds since 1970, and row numbers from 0.
    values : ndarray of float, shape (n, channels), optional
        The other columns of numbers: the data, where the labels stand beside them.
    """

    id: str
    where: str
    column: str
    labels: BoolArray
    time: IntArray | None = None
    rows: IntArray | None = None
    values: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Spans:
    """Anomalous intervals of one series.

    Parameters
    ----------
    id : str
        The series; '' where the file does not say.
    where : str
        The file.
    start, stop : ndarray of int64, shape (k,)
        Nanoseconds since 1970 with both ends included, or rows from 0 with the stop left out.
    by_time : bool
        Which of the two.
    channels : tuple of str
        The channel that each interval is about; '' where the file does not say.
    """

    id: str
    where: str
    start: IntArray
    stop: IntArray
    by_time: bool
    channels: tuple[str, ...] = ()


@dataclass(eq=False)
class LabelBook:
    """All labels that were given, by the series they belong to.

    Parameters
    ----------
    found : dict of str to Points or Spans
        '' for labels that do not say which series they belong to.
    notes : list of str
        What was chosen on the way.
    """

    found: dict[str, Points | Spans] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, labels: Points | Spans) -> None:
        """Add the labels of one series.

        Raises
        ------
        InputError
            If it has some already.
        """
        if labels.id in self.found:
            raise InputError(
                f"{labels.where}: the series {labels.id!r} has labels in {self.found[labels.id].where} already: give "
                "each series one set of labels"
            )
        self.found[labels.id] = labels


def check_overlaps(spans: Spans) -> None:
    """Refuse intervals of one channel that overlap: two events or one, nobody can tell."""
    for channel in dict.fromkeys(spans.channels):
        of_channel = np.flatnonzero(np.array(spans.channels, dtype=object) == channel)
        order = of_channel[np.argsort(spans.start[of_channel], kind="stable")]
        early, late = order[:-1], order[1:]
        for place in np.flatnonzero(spans.start[late] < spans.stop[early])[:1]:
            first, second = int(early[place]) + 1, int(late[place]) + 1
            of_series = f" of {spans.id}" if spans.id else ""
            raise InputError(
                f"{spans.where}: intervals {first} and {second}{of_series} overlap: join them into one, or cut one "
                "short"
            )
