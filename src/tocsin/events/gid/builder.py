"""GraphBuilder: from records, chunk by chunk, to the compact graph.

Records are grouped by counting, not by comparing: one stable pass by target and one by source leave the records of each
edge side by side and in the order of time, in time proportional to their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.events.gid.graph import EntityGraph, Timestamps

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray

# With time stamps' bounds only, parts are joined when they hold this many rows: memory stays bounded by the edges.
JOIN_AT = 2_000_000


@dataclass(frozen=True, eq=False)
class _Part:
    """Some records, or edges that stand for several each."""

    source: IntArray
    target: IntArray
    operation: IntArray | None
    first: IntArray
    last: IntArray | None = None  # left out: that of `first`
    count: IntArray | None = None  # left out: 1


class GraphBuilder:
    """Takes records in chunks and builds the graph of all of them.

    Parameters
    ----------
    timestamps : {'all', 'bounds'}
        Keep every time stamp (8 bytes a record), or only the first and the last of each edge. Bounds judge paths of two
        edges exactly; an edge inside a longer path then counts as having happened at every time between its first and
        its last, so some longer paths pass that never happened in this order.

    Examples
    --------
    >>> builder = GraphBuilder()
    >>> builder.add([0, 1, 0], [1, 2, 1], [10, 20, 30])
    >>> graph = builder.build()
    >>> graph.pointer.tolist(), graph.target.tolist(), graph.times_of(0).tolist()
    ([0, 1, 2, 2], [1, 2], [10, 30])
    """

    def __init__(self, timestamps: Timestamps = "all") -> None:
        if timestamps not in ("all", "bounds"):
            raise InputError(f"timestamps is 'all' or 'bounds', not {timestamps!r}")
        self.timestamps = timestamps
        self.n_records = 0
        self.n_skipped = 0
        self._parts: list[_Part] = []
        self._pending = 0
        self._entities = 0
        self._operations = 1

    def add(self, source: Any, target: Any, times: Any = None, operation: Any = None) -> None:
        """Add records.

        Parameters
        ----------
        source, target : array_like of int, shape (k,)
            Numbers of entities; records with a negative one are left out and counted in `n_skipped`.
        times : array_like of int64 or datetime64, shape (k,), optional
            When; need not be sorted. Running numbers where left out.
        operation : array_like of int, shape (k,), optional
            Numbers of operations; a pair of entities then has an edge for each.

        Raises
        ------
        InputError
            If lengths differ, or numbers are no integers.
        """
        source, target = _codes(source, "source"), _codes(target, "target")
        operation = None if operation is None else _codes(operation, "operation")
        if times is None:
            times = np.arange(self.n_records, self.n_records + len(source), dtype=np.int64)
        times = np.asarray(times)
        times = times.astype("datetime64[ns]").view(np.int64) if times.dtype.kind == "M" else times.astype(np.int64)
        for name, array in (("target", target), ("times", times), ("operation", operation)):
            if array is not None and len(array) != len(source):
                raise InputError(f"{len(array)} numbers of {name} were given for {len(source)} of source")
        self.n_records += len(source)
        gone = (source < 0) | (target < 0)
        if operation is not None:
            operation = operation + np.int32(1)  # a missing operation is one of its own
            self._operations = max(self._operations, int(operation.max(initial=0)) + 1)
        if gone.any():
            self.n_skipped += int(gone.sum())
            source, target, times = source[~gone], target[~gone], times[~gone]
            operation = None if operation is None else operation[~gone]
        if not len(source):
            return
        self._entities = max(self._entities, int(source.max()) + 1, int(target.max()) + 1)
        self._append(_Part(source, target, operation, times))

    def add_graph(self, graph: EntityGraph, numbers: IntArray | None = None) -> None:
        """Add all records of a graph.

        Parameters
        ----------
        graph : EntityGraph
        numbers : ndarray of int, shape (number of entities,), optional
            New numbers of its entities; several may become one.

        Raises
        ------
        InputError
            If time stamps that are to be kept are not in it.
        """
        source, target = graph.source, graph.target
        if numbers is not None:
            source, target = numbers[source].astype(np.int32), numbers[target].astype(np.int32)
        if not graph.n_edges:
            return
        self._entities = max(self._entities, int(source.max()) + 1, int(target.max()) + 1)
        self._operations = max(self._operations, int(graph.operation.max(initial=0)) + 1)
        self.n_records += graph.n_records
        if self.timestamps == "bounds":
            self._append(_Part(source, target, graph.operation, graph.first, graph.last, graph.count))
            return
        if graph.times is None:
            raise InputError("a graph that holds the bounds of its time stamps only cannot go into one that holds all")
        each = graph.count
        self._append(
            _Part(
                np.repeat(source, each),
                np.repeat(target, each),
                np.repeat(graph.operation, each),
                graph.times,
            )
        )

    def build(self, n_entities: int | None = None) -> EntityGraph:
        """Return the graph of everything added so far; the records in the builder are given up.

        Parameters
        ----------
        n_entities : int, optional
            How many entities there are; one more than the largest number when left out.
        """
        size = max(self._entities, n_entities or 0)
        part = self._joined()
        self._parts, self._pending = [], 0
        if not len(part.source):
            return _graph(part, size, part.first if self.timestamps == "all" else None)
        if self.timestamps == "bounds":
            return _graph(_grouped(part, size, self._operations), size, None)
        order, starts = _by_edge(part, size, self._operations)
        times = part.first[order]
        stops = np.append(starts[1:], len(times))
        return _graph(
            _Part(
                part.source[order[starts]],
                part.target[order[starts]],
                None if part.operation is None else part.operation[order[starts]],
                times[starts],
                times[stops - 1],
                stops - starts,
            ),
            size,
            times,
        )

    def _append(self, part: _Part) -> None:
        if self.timestamps == "bounds":
            part = _grouped(part, self._entities, self._operations)
        self._parts.append(part)
        self._pending += len(part.source)
        if self.timestamps == "bounds" and self._pending > JOIN_AT and len(self._parts) > 1:
            whole = _grouped(self._joined(), self._entities, self._operations)
            # Parts that hardly shrink must not be joined again and again.
            self._parts, self._pending = [whole], 0

    def _joined(self) -> _Part:
        parts = self._parts
        if len(parts) == 1:
            return parts[0]

        def column(name: str) -> Any:
            given = [getattr(part, name) for part in parts]
            if not parts or all(values is None for values in given):
                return None
            fill = {"operation": 0, "count": 1}
            return np.concatenate(
                [
                    v
                    if v is not None
                    else (p.first if name == "last" else np.full(len(p.source), fill[name], np.int32))
                    for v, p in zip(given, parts, strict=True)
                ]
            )

        if not parts:
            none = np.zeros(0, dtype=np.int32)
            return _Part(none, none, None, none.astype(np.int64))
        return _Part(*(column(name) for name in ("source", "target", "operation", "first", "last", "count")))


def _codes(values: Any, name: str) -> IntArray:
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and len(array)):
        raise InputError(f"{name} is one row of whole numbers, not an array of {array.dtype} of shape {array.shape}")
    return array.astype(np.int32, copy=False)


def _by_edge(part: _Part, entities: int, operations: int) -> tuple[IntArray, IntArray]:
    """Return the order that puts the records of each edge side by side, sorted by time, and where each edge begins."""
    order: IntArray | None = None
    if len(part.first) and bool((part.first[1:] < part.first[:-1]).any()):
        order = np.argsort(part.first, kind="stable").astype(np.int32)
    keys = [(part.target, entities), (part.source, entities)]
    if part.operation is not None and operations > 1:
        keys.insert(0, (part.operation, operations))
    for key, size in keys:
        step = _counting_order(key if order is None else key[order], size)
        order = step if order is None else order[step]
    assert order is not None
    new = np.zeros(len(order), dtype=bool)
    new[:1] = True
    for key, _ in keys:
        sorted_key = key[order]
        new[1:] |= sorted_key[1:] != sorted_key[:-1]
    return order, np.flatnonzero(new)


def _counting_order(key: IntArray, size: int) -> IntArray:
    """Return the stable order of small whole numbers, found by counting them.

    A matrix with a single entry in each row, turned from rows to columns, is a stable counting sort.
    """
    from scipy.sparse import csr_array

    rows = len(key)
    marks = np.ones(rows, dtype=np.int8)
    turned = csr_array((marks, key, np.arange(rows + 1, dtype=np.int32)), shape=(rows, max(size, 1)), copy=False)
    return np.asarray(turned.tocsc().indices)


def _grouped(part: _Part, entities: int, operations: int) -> _Part:
    """Return one row for each edge."""
    order, starts = _by_edge(part, entities, operations)
    count = np.ones(len(order), dtype=np.int64) if part.count is None else part.count[order]
    last = part.first if part.last is None else part.last
    head = order[starts]
    if not len(starts):
        return part
    return _Part(
        part.source[head],
        part.target[head],
        None if part.operation is None else part.operation[head],
        np.minimum.reduceat(part.first[order], starts),
        np.maximum.reduceat(last[order], starts),
        np.add.reduceat(count, starts),
    )


def _graph(edges: _Part, entities: int, times: IntArray | None) -> EntityGraph:
    pointer = np.zeros(entities + 1, dtype=np.int64)
    np.cumsum(np.bincount(edges.source, minlength=entities), out=pointer[1:])
    size = len(edges.source)
    count = np.ones(size, dtype=np.int64) if edges.count is None else edges.count.astype(np.int64)
    return EntityGraph(
        pointer,
        edges.target,
        np.zeros(size, dtype=np.int32) if edges.operation is None else edges.operation,
        count,
        edges.first,
        edges.first if edges.last is None else edges.last,
        times,
    )


def edges_of_records(graph: EntityGraph, source: IntArray, target: IntArray, operation: IntArray | None) -> IntArray:
    """Return the edge of each record, -1 for records that have none.

    Parameters
    ----------
    graph : EntityGraph
    source, target, operation : ndarray of int
        As given to `GraphBuilder.add`.
    """
    operations = int(graph.operation.max(initial=0)) + 2
    keys = (graph.source.astype(np.int64) * graph.n_entities + graph.target) * operations + graph.operation
    asked = source.astype(np.int64) * graph.n_entities + target
    asked = asked * operations + (0 if operation is None else operation.astype(np.int64) + 1)
    if not len(keys):
        return np.full(len(source), -1, dtype=np.int64)
    at = np.searchsorted(keys, asked)
    at[at == len(keys)] = 0
    known: BoolArray = (source >= 0) & (target >= 0)
    return np.asarray(np.where(known & (keys[at] == asked), at, -1))
