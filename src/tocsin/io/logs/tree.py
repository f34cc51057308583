"""The prefix tree: from the number of tokens and the first of them to the few clusters that may fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tocsin.io.logs.cluster import Cluster
from tocsin.io.logs.masks import WILD

_MOST_BRANCHES, _MOST_CLUSTERS = 100, 256
_LEAF = ""  # no token is empty, so this key is free

Path = tuple[str, ...]


class Tree:
    """A tree of fixed depth, as in Drain: messages of unequal length, or with other first words, never meet.

    Parameters
    ----------
    similarity : float
        Share of places that must hold the same word for a message to join a cluster; one place that differs never
        stands in the way, for a cluster keeps apart what it takes in until it has seen enough.
    depth : int
        How many of the first tokens must agree; the last token is never one of them unless it is the only one.
    """

    def __init__(self, similarity: float, depth: int) -> None:
        self.similarity, self.depth = similarity, depth
        self._root: dict[int, dict[str, Any]] = {}

    def path(self, tokens: list[str]) -> Path:
        """Return the branches that lead to the clusters of a message."""
        node = self._root.get(len(tokens), {})
        found = []
        for token in tokens[: max(1, min(self.depth, len(tokens) - 1))]:
            key = WILD if WILD in token else token
            if key not in node and len(node) >= _MOST_BRANCHES:
                key = WILD
            found.append(key)
            node = node.get(key, {})
        return tuple(found)

    def leaf(self, path: Path, width: int) -> list[Cluster]:
        """Return the clusters at the end of a path, which is laid where there is none."""
        node = self._root.setdefault(width, {})
        for key in path:
            node = node.setdefault(key, {})
        clusters: list[Cluster] = node.setdefault(_LEAF, [])
        return clusters

    def nearest(self, tokens: list[str]) -> Cluster | None:
        """Return the cluster that a message belongs to, or None if it needs one of its own.

        A frozen cluster takes a message only if it need not change for it.
        """
        clusters = self.leaf(self.path(tokens), len(tokens))
        best, most = None, -1
        for cluster in clusters:
            count = cluster.agreement(tokens)
            if count > most and (not cluster.frozen or cluster.covers(tokens)):
                best, most = cluster, count
        if best is None or best.frozen:
            return best
        alike = most >= self.similarity * len(tokens) or (len(tokens) > 1 and len(tokens) - most <= 1)
        return best if alike or len(clusters) >= _MOST_CLUSTERS else None

    def covering(self, tokens: list[str]) -> Cluster | None:
        """Return the most specific cluster that covers a message as it is; nothing is changed."""
        node: Any = self._root.get(len(tokens), {})
        for key in self.path(tokens):
            node = node.get(key, {})
        fitting = [cluster for cluster in node.get(_LEAF, ()) if cluster.covers(tokens)]
        return max(fitting, key=lambda cluster: cluster.agreement(tokens), default=None)

    def add(self, cluster: Cluster, path: Path) -> None:
        """Hang a cluster into the tree."""
        self.leaf(path, len(cluster.tokens)).append(cluster)

    def clusters(self) -> Iterator[tuple[Path, Cluster]]:
        """Yield every cluster with its path."""

        def walk(node: dict[str, Any], path: Path) -> Iterator[tuple[Path, Cluster]]:
            for key, below in node.items():
                if key == _LEAF:
                    yield from ((path, cluster) for cluster in below)
                else:
                    yield from walk(below, (*path, key))

        for node in self._root.values():
            yield from walk(node, ())
