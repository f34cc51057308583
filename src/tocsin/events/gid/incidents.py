"""Paths that tell of the same incident, told once.

The steps of an intrusion can be walked in many ways: with an ordinary step before or after, or only a part of them. All
of these score high, and one intrusion would fill the list. So paths that share a strange step are one incident, and the
path that holds most of its strange steps and the fewest ordinary ones speaks for it. For that, the cores of paths are
looked at as well: what is left without the ordinary steps at both ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tocsin.events.gid.search import Found

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.events.gid.normaliser import LengthNormaliser
    from tocsin.events.gid.path import Path

# A step is strange if it bears at least this share of what the strangest step of its path bears.
STRANGE = 0.5


def with_cores(found: Sequence[Found], costs: FloatArray, normaliser: LengthNormaliser) -> list[Found]:
    """Return the paths and their cores, each once, best first.

    Parameters
    ----------
    found : sequence of Found
    costs : ndarray of float, shape (m,)
        Of the edges.
    normaliser : LengthNormaliser
        Gives a core the score of a path of its length.
    """
    kept = {one.edges: one for one in found}
    for one in found:
        steps = costs[list(one.edges)]
        strange = [place for place, cost in enumerate(steps.tolist()) if cost >= STRANGE * steps.max()]
        first = min(strange[0], len(steps) - 2)
        last = max(strange[-1], first + 1)
        edges = one.edges[first : last + 1]
        if edges not in kept:
            cost = float(costs[list(edges)].sum())
            kept[edges] = Found(normaliser.scalar(len(edges))(cost), cost, edges)
    return sorted(kept.values(), key=lambda one: -one.score)


def speakers_first(paths: Sequence[Path]) -> list[Path]:
    """Return the same paths: first one of each incident, in the order of its best path, then the others in order."""
    incidents: list[tuple[set[tuple[str, str]], list[int]]] = []
    for place, path in enumerate(paths):
        steps = _strange(path)
        joined = next((i for i in incidents if i[0] & steps), None)
        if joined is None:
            incidents.append((set(steps), [place]))
        else:
            joined[0].update(steps)
            joined[1].append(place)
    first = [max(members, key=lambda place: _telling(paths[place])) for _, members in incidents]
    chosen = set(first)
    return [paths[place] for place in first] + [path for place, path in enumerate(paths) if place not in chosen]


def _strange(path: Path) -> set[tuple[str, str]]:
    most = max(edge.share for edge in path.edges)
    return {(edge.source, edge.target) for edge in path.edges if edge.share >= STRANGE * most}


def _telling(path: Path) -> tuple[int, int, float]:
    strange = len(_strange(path))
    return strange, strange - len(path.edges), path.score
