"""EntityNames: from words to the numbers under which a model keeps its statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.events.gid.names import HOLE, class_of, template_of

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray
    from tocsin.events.gid.graph import EntityGraph

# So many entities of one template, most of which came and went, are taken for one.
LEAST_MEMBERS = 5
LASTING = 0.5
OCCASION = 0.01


class EntityNames:
    """Words of training, the groups that share statistics, and the classes of those.

    Parameters
    ----------
    words : sequence of str
        The entities of training, in the order of their numbers.
    collapsed : sequence of str
        Templates whose entities share one group.

    Attributes
    ----------
    group : ndarray of int, shape (number of words,)
        Group of each entity.
    class_of_group : ndarray of int
        Class of each group.
    """

    def __init__(self, words: Sequence[str], collapsed: Sequence[str] = ()) -> None:
        self.words = tuple(words)
        self.collapsed = tuple(collapsed)
        shared = frozenset(collapsed)
        self._number: dict[str, int] = {}
        self._classes: dict[str, int] = {}
        classes: list[int] = []
        group = np.empty(len(self.words), dtype=np.int64)
        for i, word in enumerate(self.words):
            name = self._group_name(word, shared)
            known = self._number.get(name)
            if known is None:
                known = self._number[name] = len(classes)
                classes.append(self._classes.setdefault(class_of(word), len(self._classes)))
            group[i] = known
        self.group: IntArray = group
        self.class_of_group: IntArray = np.array(classes, dtype=np.int64)

    @classmethod
    def learn(cls, words: Sequence[str], graph: EntityGraph, templates: bool) -> EntityNames:
        """Decide which templates are one thing: those with several entities, most of which came and went.

        Names with numbers in them are not enough: ``web-001`` to ``web-040``, which all stay, are forty machines.
        """
        if not templates:
            return cls(words)
        brief = _brief(graph)
        members: dict[str, list[int]] = {}
        for i, word in enumerate(words):
            template = template_of(word)
            if HOLE in template and template != word:
                members.setdefault(template, []).append(i)
        chosen = [
            template
            for template, numbers in members.items()
            if len(numbers) >= LEAST_MEMBERS and float(brief[numbers].mean()) > LASTING
        ]
        return cls(words, sorted(chosen))

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self._classes)

    def place(self, words: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Return the group and the class of each word, -1 where they are unknown."""
        shared = frozenset(self.collapsed)
        groups = np.empty(len(words), dtype=np.int64)
        classes = np.empty(len(words), dtype=np.int64)
        for i, word in enumerate(words):
            groups[i] = self._number.get(self._group_name(word, shared), -1)
            classes[i] = self._classes.get(class_of(word), -1)
        return groups, classes

    def _group_name(self, word: str, shared: frozenset[str]) -> str:
        template = template_of(word)
        return template if template in shared else word


def _brief(graph: EntityGraph) -> BoolArray:
    """Whether each entity came and went within a small part of the time."""
    n = graph.n_entities
    if not graph.n_edges:
        return np.zeros(n, dtype=bool)
    begin = np.full(n, np.iinfo(np.int64).max)
    end = np.full(n, np.iinfo(np.int64).min)
    for entities in (graph.source, graph.target):
        np.minimum.at(begin, entities, graph.first)
        np.maximum.at(end, entities, graph.last)
    period = int(graph.last.max()) - int(graph.first.min())
    seen = end >= begin
    # An entity without edges has no first and last time to take apart.
    lifetime = np.zeros(n, dtype=np.int64)
    lifetime[seen] = end[seen] - begin[seen]
    return np.asarray(seen & (lifetime <= OCCASION * period))
