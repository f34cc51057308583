"""Scoring many inputs on a cluster: in parts, each of them committed as a whole, each input once."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from tocsin.scale.flow import TRIES, flow
from tocsin.scale.needs import Needs

if TYPE_CHECKING:
    from tocsin.scale.cluster import Cluster

# Inputs in a part at most, and the bytes of them: what a worker hands back is of that order.
MOST, BYTES = 256, 32 << 20
# Parts for each worker: enough that the last ones end nearly together.
PER_WORKER = 8

# What became of an input: ``source``, ``files``, ``errors``.
Row: TypeAlias = dict[str, Any]
Commit: TypeAlias = Callable[[list[Row], dict[str, bytes]], None]


def score_sources(
    cluster: Cluster,
    sources: Sequence[str],
    target: str,
    order: Mapping[str, Any],
    commit: Commit,
    *,
    needs: Needs | None = None,
) -> None:
    """Score inputs in parts and commit each part once.

    Nothing is written but by `commit`, in this process: a part whose machine is lost has left no trace and is done
    again elsewhere. A part whose workers are lost every time is halved until the input that does it stands alone; that
    one is committed with an error, and all others with their results. After a kill of this process, call it with the
    inputs whose part has not been committed.

    Parameters
    ----------
    cluster : Cluster
    sources : sequence of str
        Inputs that every machine can read under these names.
    target : str
        ``module:function`` of what scores a part: takes JSON text, `order` with the part's ``sources``, and returns
        the rows as a JSON list, and the files that they name (see `tocsin.scale.remote`).
    order : mapping
        JSON-ready values.
    commit : callable
        Takes rows and files of a part.
    needs : Needs, optional
        What a part reserves; a processor when left out.

    Raises
    ------
    InputError
        If a machine cannot do its part, or `commit` cannot write.
    """
    wanted = needs or Needs()
    size = max(1, min(MOST, len(sources) // (PER_WORKER * cluster.slots)))
    parts = parts_of(sources, size)
    halves: deque[list[str]] = deque()

    def next_part() -> list[str] | None:
        return halves.popleft() if halves else next(parts, None)

    def text(part: list[str]) -> str:
        return json.dumps({**order, "sources": part})

    for ended in flow(cluster, target, next_part, text, lambda _: wanted):
        part = ended.item
        if ended.how == "answered":
            commit(json.loads(ended.text), ended.files)
        elif ended.how == "lost" and len(part) > 1:
            middle = len(part) // 2
            halves += [part[:middle], part[middle:]]
        else:
            why = (
                f"the worker that scored it was lost {TRIES} times ({ended.why})" if ended.how == "lost" else ended.why
            )
            commit([{"source": source, "files": [], "errors": [f"{source}: {why}"]} for source in part], {})


def parts_of(sources: Iterable[str], most: int, most_bytes: float = BYTES) -> Iterator[list[str]]:
    """Yield inputs in parts, in order, of so many and so many bytes at most; a large one is a part of its own.

    Examples
    --------
    >>> list(parts_of(["a", "b", "c"], 2))
    [['a', 'b'], ['c']]
    """
    part: list[str] = []
    held = 0
    for source in sources:
        size = os.path.getsize(source) if os.path.isfile(source) else 0
        if part and (len(part) >= most or held + size > most_bytes):
            yield part
            part, held = [], 0
        part.append(source)
        held += size
    if part:
        yield part
