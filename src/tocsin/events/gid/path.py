"""Path and PathEdge: a suspicious chain of events, as it is handed to a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PathEdge:
    """One step of a path.

    Parameters
    ----------
    source, target : str
        Entities.
    operation : str
        What was done; empty where that is not known.
    time : str
        When, on this path; the number of the row where there is no clock.
    rows : tuple of int
        Events of the sample that are this step: same entities, same time.
    share : float
        Part of the path's strangeness.
    seen : int
        How often the edge, or one that counts as the same, occurred in training.
    weak : bool
        Whether it accounts for more than an even share: what the path was noticed for.
    """

    source: str
    target: str
    operation: str
    time: str
    rows: tuple[int, ...]
    share: float
    seen: int
    weak: bool

    def __str__(self) -> str:
        done = f" ({self.operation})" if self.operation else ""
        return f"{self.source} -> {self.target}{done}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "source": self.source,
            "target": self.target,
            "operation": self.operation,
            "time": self.time,
            "rows": list(self.rows),
            "share": self.share,
            "seen": self.seen,
            "weak": self.weak,
        }


@dataclass(frozen=True)
class Path:
    """A chain of events through which something may have passed.

    Parameters
    ----------
    entities : tuple of str
        From the first sender to the last receiver, one more than edges.
    times : tuple of str
        When each step happened; of all possible choices, the one with the shortest span.
    score : float
        Normalised cost: deviations from what is usual for this length.
    cost : float
        Sum of the costs of the edges.
    p_value : float
        Chance of a score this high if the path were drawn from the reference.
    q_value : float
        Share of false discoveries among the paths up to this one, by Benjamini and Hochberg over all paths there are.
    edges : tuple of PathEdge
    """

    entities: tuple[str, ...]
    times: tuple[str, ...]
    score: float
    cost: float
    p_value: float
    q_value: float
    edges: tuple[PathEdge, ...]

    def __len__(self) -> int:
        return len(self.edges)

    def __str__(self) -> str:
        return " -> ".join(self.entities)

    @property
    def rows(self) -> tuple[int, ...]:
        """Events of the sample that make up the path, sorted."""
        return tuple(sorted({row for edge in self.edges for row in edge.rows}))

    @property
    def weakest(self) -> PathEdge:
        """The step with the largest share."""
        return max(self.edges, key=lambda edge: edge.share)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "entities": list(self.entities),
            "times": list(self.times),
            "score": self.score,
            "cost": self.cost,
            "p_value": self.p_value,
            "q_value": self.q_value,
            "edges": [edge.to_dict() for edge in self.edges],
        }
