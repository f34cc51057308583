"""EntityGraph: who sent something to whom, and when, in a few flat arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray

Timestamps: TypeAlias = Literal["all", "bounds"]


@dataclass(frozen=True, eq=False)
class EntityGraph:
    """One edge for each pair of entities (and operation) that occurs, in compressed rows.

    Edges are sorted by source, then target, then operation. With all time stamps the graph takes 8 bytes a record; with
    the first and the last one only, its size grows with the number of edges and not with that of records.

    Parameters
    ----------
    pointer : ndarray of int64, shape (n + 1,)
        The edges that leave entity u are ``pointer[u]`` to ``pointer[u + 1]``.
    target, operation : ndarray of int32, shape (m,)
        Where each edge goes and by which operation (0 where there are none).
    count, first, last : ndarray of int64, shape (m,)
        How often each edge occurred, and when for the first and the last time.
    times : ndarray of int64, optional
        All time stamps, edge by edge, sorted within each; ``time_pointer`` (m + 1) says which are whose.
    """

    pointer: IntArray
    target: IntArray
    operation: IntArray
    count: IntArray
    first: IntArray
    last: IntArray
    times: IntArray | None = None

    @property
    def n_entities(self) -> int:
        """Number of entities."""
        return len(self.pointer) - 1

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.target)

    @property
    def n_records(self) -> int:
        """Number of records that the edges stand for."""
        return int(self.count.sum())

    @cached_property
    def source(self) -> IntArray:
        """Where each edge comes from."""
        return np.repeat(np.arange(self.n_entities, dtype=np.int32), np.diff(self.pointer))

    @cached_property
    def time_pointer(self) -> IntArray:
        """Where the time stamps of each edge begin in `times`."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.count)])

    def times_of(self, edge: int) -> IntArray:
        """Return the sorted time stamps of an edge; the first and the last where the others were not kept."""
        if self.times is None:
            return np.array([self.first[edge], self.last[edge]])
        return self.times[self.time_pointer[edge] : self.time_pointer[edge + 1]]

    def only(self, kept: BoolArray) -> EntityGraph:
        """Return the graph of some of the edges, all entities keeping their numbers."""
        if bool(kept.all()):
            return self
        ahead = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(kept)])
        return replace(
            self,
            pointer=ahead[self.pointer],
            target=self.target[kept],
            operation=self.operation[kept],
            count=self.count[kept],
            first=self.first[kept],
            last=self.last[kept],
            times=None if self.times is None else self.times[np.repeat(kept, self.count)],
        )

    def to_state(self) -> dict[str, Any]:
        """Return the arrays by name."""
        found = {name: getattr(self, name) for name in ("pointer", "target", "operation", "count", "first", "last")}
        return found | ({} if self.times is None else {"times": self.times})

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> EntityGraph:
        """Rebuild a graph from what may be a damaged or hostile file.

        Raises
        ------
        InputError
            If the arrays do not make a graph.
        """
        try:
            wanted = {"pointer": np.int64, "target": np.int32, "operation": np.int32}
            wanted |= dict.fromkeys(("count", "first", "last"), np.int64)
            arrays: dict[str, Any] = {name: np.asarray(state[name], dtype=dtype) for name, dtype in wanted.items()}
            times = np.asarray(state["times"], dtype=np.int64) if "times" in state else None
        except (KeyError, TypeError, ValueError):
            raise InputError("an array of its graph is missing or of another kind") from None
        graph = cls(**arrays, times=times)
        edges = graph.n_edges
        flat = all(a.ndim == 1 for a in arrays.values()) and all(
            len(arrays[k]) == edges for k in ("operation", "count", "first", "last")
        )
        pointer = graph.pointer
        sound = (
            flat
            and len(pointer) >= 1
            and pointer[0] == 0
            and pointer[-1] == edges
            and bool((np.diff(pointer) >= 0).all())
            and bool(((graph.target >= 0) & (graph.target < graph.n_entities)).all())
            and bool((graph.count > 0).all())
            and (times is None or len(times) == graph.n_records)
        )
        if not sound:
            raise InputError("the arrays of its graph do not fit together")
        return graph
