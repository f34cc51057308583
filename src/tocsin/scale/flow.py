"""Flow: many calls, few of them under way at one time, each of them ending once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from tocsin.scale.cluster import Cluster
    from tocsin.scale.needs import Needs

T = TypeVar("T")
How: TypeAlias = Literal["answered", "lost", "impossible", "stopped"]

# How often a call is tried whose machine or worker was lost under it.
TRIES = 4
# Seconds after which one looks whether the machines that calls wait for are still there.
LOOK = 10.0


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How a call ended.

    Parameters
    ----------
    item : T
        What it was for.
    how : {'answered', 'lost', 'impossible', 'stopped'}
        ``lost`` when its worker was lost in every try, ``impossible`` when no machine has what it needs.
    text, files : str, dict of bytes
        Its answer.
    why : str
        What was lost, in Ray's words.
    """

    item: T
    how: How
    text: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    why: str = ""


@dataclass
class _Waiting(Generic[T]):
    item: T
    needs: Needs
    tries: int


def flow(
    cluster: Cluster,
    target: str,
    next_item: Callable[[], T | None],
    order: Callable[[T], str],
    needs: Callable[[T], Needs],
    *,
    deadline: float | None = None,
) -> Iterator[Ended[T]]:
    """Call a function for each item.

    What this process holds does not grow with the number of items: an item is asked for when there is room for it,
    and forgotten when its answer has been taken. A call is answered once; one whose worker or machine is lost is made
    again, up to `TRIES` times, and what the lost one may have written is of no concern, for it writes nowhere but into
    its answer.

    Parameters
    ----------
    cluster : Cluster
    target : str
        ``module:function``, see `tocsin.scale.remote.call`.
    next_item : callable
        Returns the next item, None when there is none.
    order : callable
        Item -> the JSON text of the call.
    needs : callable
        Item -> what it reserves.
    deadline : float, optional
        The value of ``time.monotonic()`` at which calls are stopped.

    Yields
    ------
    Ended
        In the order in which calls end.

    Raises
    ------
    InputError
        If the function cannot be called or raises an error.
    """
    under_way: dict[Any, _Waiting[T]] = {}
    again: list[tuple[T, int]] = []
    looked = time.monotonic()
    try:
        while True:
            while len(under_way) < cluster.most_in_flight:
                item, tries = again.pop() if again else (next_item(), 0)
                if item is None:
                    break
                wanted = needs(item).on(cluster.nodes())
                if wanted is None:
                    yield Ended(item, "impossible", why="it needs a GPU, and no machine of the cluster has one")
                    continue
                under_way[cluster.submit(target, order(item), wanted)] = _Waiting(item, wanted, tries + 1)
            if not under_way:
                return
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                for waiting in under_way.values():
                    yield Ended(waiting.item, "stopped")
                return
            for ended in cluster.wait(list(under_way), LOOK if left is None else min(LOOK, left)):
                waiting = under_way.pop(ended)
                answer = cluster.collect(ended)
                del ended  # Ray keeps the answer for as long as anyone may ask for it
                if not isinstance(answer, str):
                    yield Ended(waiting.item, "answered", *answer)
                elif waiting.tries < TRIES:
                    again.append((waiting.item, waiting.tries))
                else:
                    yield Ended(waiting.item, "lost", why=answer)
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                again += _hopeless(cluster, under_way)
    finally:
        cluster.cancel(list(under_way))


def _hopeless(cluster: Cluster, under_way: dict[Any, _Waiting[T]]) -> list[tuple[T, int]]:
    """Take back the calls that wait for a machine which has gone; they are made again with what there is."""
    nodes = cluster.nodes()
    gone = {one: waiting for one, waiting in under_way.items() if not waiting.needs.fit(nodes)}
    cluster.cancel(list(gone))
    for one in gone:
        del under_way[one]
    return [(waiting.item, waiting.tries - 1) for waiting in gone.values()]
