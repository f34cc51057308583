"""The random walk: how much each entity is a sender and a receiver.

A walk that goes along edges, as often as they were used, and starts anew with a small probability, is run to its end:
``x <- A y`` and ``y <- A' x``, each scaled to sum to one. Good senders send to good receivers. With the restart the
result does not depend on where the walk began: it is the leading pair of singular vectors of the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.events.gid.graph import EntityGraph


@dataclass(frozen=True, eq=False)
class Walk:
    """Scores of entities, each row summing to one.

    Parameters
    ----------
    sender, receiver : ndarray of float, shape (n,)
    unseen : tuple of float
        Sender and receiver score of an entity without any edge.
    rounds : int
        How many steps it took.
    """

    sender: FloatArray
    receiver: FloatArray
    unseen: tuple[float, float]
    rounds: int


def walk(graph: EntityGraph, restart: float = 0.15, tolerance: float = 1e-8, most: int = 500) -> Walk:
    """Return sender and receiver scores.

    Parameters
    ----------
    graph : EntityGraph
    restart : float
        Probability of starting anew at any entity; 0 < restart < 1.
    tolerance, most : float, int
        Stop when no score changes by more, or after so many rounds.

    Raises
    ------
    InputError
        If `restart` is out of range or there are no entities.
    """
    from scipy.sparse import csr_array

    n = graph.n_entities
    if not 0 < restart < 1:
        raise InputError(f"restart is a probability between 0 and 1, not {restart!r}")
    if not n:
        raise InputError("there are no entities to walk between")
    out = np.bincount(graph.source, weights=graph.count, minlength=n)
    share = graph.count / out[graph.source]
    # Edges of several operations between the same entities add up in the products.
    forth = csr_array((share * (1 - restart), graph.target, graph.pointer), shape=(n, n))
    back = forth.T.tocsr()
    floor = restart / n
    y: FloatArray = np.full(n, 1 / n)
    x: FloatArray = y
    unseen = (1 / n, 1 / n)
    for rounds in range(1, most + 1):  # noqa: B007 - told at the end
        to = forth @ y + floor * y.sum()
        x_next = to / to.sum()
        fro = back @ x_next + floor * x_next.sum()
        y_next = fro / fro.sum()
        unseen = (float(floor / to.sum()), float(floor / fro.sum()))
        moved = max(float(np.abs(x_next - x).max()), float(np.abs(y_next - y).max()))
        x, y = x_next, y_next
        if moved < tolerance:
            break
    return Walk(x, y, unseen, rounds)
