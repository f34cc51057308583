"""LinkTable: events with a source and a target as numbers, with the words behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.events.gid.builder import GraphBuilder, edges_of_records

if TYPE_CHECKING:
    from tocsin.core.samples.events import Column, Events
    from tocsin.core.types import IntArray
    from tocsin.events.gid.graph import EntityGraph


@dataclass(frozen=True, eq=False)
class LinkTable:
    """The links of a sample.

    Parameters
    ----------
    words : tuple of str
        Entities that occur, sorted.
    operations : tuple of str
        Operations that occur; empty where they are not told apart.
    source, target : ndarray of int32, shape (n,)
        Numbers of entities, -1 where one is missing.
    operation : ndarray of int32, optional
    time : ndarray of int64, shape (n,)
        Nanoseconds, or running numbers where there is no clock.
    clock : bool
        Whether the time is one.
    """

    words: tuple[str, ...]
    operations: tuple[str, ...]
    source: IntArray
    target: IntArray
    operation: IntArray | None
    time: IntArray
    clock: bool

    @classmethod
    def of(cls, events: Events, source: str, target: str, operation: str | None) -> LinkTable:
        """Take the columns out of a sample.

        Raises
        ------
        InputError
            If one of them is absent; the nearest names are given.
        """
        ends = [_column(events, name) for name in (source, target)]
        words, (sources, targets) = _together(ends)
        operations: tuple[str, ...] = ()
        done: IntArray | None = None
        if operation is not None:
            operations, (done,) = _together([_column(events, operation)])
        time = np.arange(len(events), dtype=np.int64)
        if events.time is not None:
            time = events.time.astype("datetime64[ns]").view(np.int64)
        return cls(words, operations, sources, targets, done, time, events.time is not None)

    @cached_property
    def graph(self) -> EntityGraph:
        """The compact graph of the links, with all time stamps."""
        builder = GraphBuilder()
        builder.add(self.source, self.target, self.time, self.operation)
        return builder.build(len(self.words))

    @cached_property
    def edge(self) -> IntArray:
        """The edge of each event, -1 where an end is missing."""
        return edges_of_records(self.graph, self.source, self.target, self.operation)

    @cached_property
    def _by_edge(self) -> tuple[IntArray, IntArray]:
        order = np.argsort(self.edge, kind="stable")
        return order, np.searchsorted(self.edge[order], np.arange(self.graph.n_edges + 1))

    def rows_of(self, edge: int, time: int) -> IntArray:
        """Return the events that are an edge at one time."""
        order, begin = self._by_edge
        rows = order[begin[edge] : begin[edge + 1]]
        return np.asarray(rows[self.time[rows] == time])


def _column(events: Events, name: str) -> Column:
    held = events.entities.get(name)
    if held is None:
        raise InputError(
            f"{events.id or 'the sample'} has no entity column {name!r}{nearest(name, events.entities)}; paths need a "
            f"source and a target: name the columns (source=..., target=...)"
        )
    return held  # type: ignore[no-any-return]


def _together(columns: list[Column]) -> tuple[tuple[str, ...], list[IntArray]]:
    """The words that occur in any of the columns, sorted, and the columns in their numbers."""
    used: set[str] = set()
    for column in columns:
        codes = np.unique(column.codes)
        used.update(column.vocabulary[code] for code in codes[codes >= 0].tolist())
    words = tuple(sorted(used))
    number: Mapping[str, int] = {word: i for i, word in enumerate(words)}
    found: list[IntArray] = []
    for column in columns:
        table = np.array([*(number.get(word, -1) for word in column.vocabulary), -1], dtype=np.int32)
        found.append(table[column.codes])
    return words, found
