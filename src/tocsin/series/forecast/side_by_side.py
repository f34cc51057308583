"""Independent work done side by side: the trees release the interpreter, and each grows on one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tocsin.core.progress import track

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], items: Sequence[T], what: str, jobs: int | None) -> list[R]:
    """Return the results of `work` on all items, in their order.

    Parameters
    ----------
    work : callable
        Must not depend on the order in which items are done.
    items : sequence
    what : str
        What progress is called; nothing is shown when empty.
    jobs : int, optional
        How many at a time; as many as there are processors when left out.

    Examples
    --------
    >>> side_by_side(lambda n: n * n, [3, 1, 2], "", 2)
    [9, 1, 4]
    """
    jobs = jobs or len(os.sched_getaffinity(0))
    if jobs == 1 or len(items) == 1:
        return [work(i) for i in (track(items, what) if what else items)]
    with ThreadPoolExecutor(min(jobs, len(items))) as pool:
        waiting = [pool.submit(work, i) for i in items]
        return [w.result() for w in (track(waiting, what) if what else waiting)]
