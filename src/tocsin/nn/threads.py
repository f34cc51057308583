"""Threads of torch, limited for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def limited(threads: int | None) -> Iterator[None]:
    """Let torch use so many threads at most; as many as before when None.

    Examples
    --------
    >>> before = torch.get_num_threads()
    >>> with limited(1):
    ...     torch.get_num_threads()
    1
    >>> torch.get_num_threads() == before
    True
    """
    before = torch.get_num_threads()
    if threads is None or threads >= before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
