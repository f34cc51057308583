"""NoveltyCost: how unlikely it is that this entity does something as rare as this, seen from both ends.

An edge that was never seen is no news from a process that opens new files all day, and great news from one that has
done the same three things for a year. So the cost of an edge is the logarithm of two tail probabilities, one for the
source ("does it send to anything as unusual?") and one for the target ("does it receive from anything as unusual?"):

- an edge known from training: the share of the entity's records on edges that are as rare or rarer, new ones included;
- a new edge: the probability that the entity's next record opens a new edge, by the share of edges in its past that
  were seen only once (Good and Turing), times the share of new edges that lead to things as unlike what it is used to
  (another folder, another port) as this one.

Edges that lived for a short while only count as one record, however many they hold: a temporary file that is opened,
written and closed five times within a second is still one new thing. What little is known about an entity with a short
history is completed by what is usual in its class. An entity that is new itself pays nothing for being new: it was paid
for by whoever brought it in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.events.gid.links import Links
from tocsin.events.gid.tail_table import TailTable

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph

# An edge that lived for no more than this share of the training period was one occasion.
OCCASION = 0.01
# A rare edge that was there before is less of a surprise than its rarity: intrusions seldom keep to known edges.
KNOWN = 0.3
# How many records of its own an entity needs to be believed as much as its class.
PRIOR = 1.0
PRIOR_CLASS = 3.0


class NoveltyCost:
    """Costs by what is new for whom.

    Parameters
    ----------
    graph : EntityGraph
        Of the training period.
    group : ndarray of int, shape (n,)
        Number under which the records of each entity are counted; several that come and go may share one.
    class_of : ndarray of int, shape (number of groups,)
        The class of each group.
    n_classes : int
    """

    def __init__(self, graph: EntityGraph, group: IntArray, class_of: IntArray, n_classes: int) -> None:
        self.class_of = class_of
        self.n_classes = max(n_classes, 1)
        self._operations = int(graph.operation.max(initial=0)) + 1
        n = len(class_of)
        source, target = group[graph.source], group[graph.target]
        weight = _occasions(graph)
        self._out = _Side(source, target, graph.operation, weight, class_of, n, self._operations, self.n_classes)
        self._in = _Side(target, source, graph.operation, weight, class_of, n, self._operations, self.n_classes)

    def costs(self, links: Links) -> FloatArray:
        """Return the cost of each link, zero or above."""
        return self._both(links, left_out=False)

    def costs_without_itself(self, links: Links) -> FloatArray:
        """Return costs of links of the training period, each as if it had not been seen on one occasion."""
        return self._both(links, left_out=True)

    def _both(self, links: Links, left_out: bool) -> FloatArray:
        s, t, cs, ct, o = links.source, links.target, links.source_class, links.target_class, links.operation
        return self._out.costs(s, t, cs, ct, o, left_out) + self._in.costs(t, s, ct, cs, o, left_out)


class _Side:
    """One end of the edges: what each entity does, or what is done to it."""

    def __init__(
        self,
        own: IntArray,
        other: IntArray,
        operation: IntArray,
        weight: FloatArray,
        class_of: IntArray,
        n: int,
        operations: int,
        n_classes: int,
    ) -> None:
        self._operations = operations
        self.table = TailTable(own, other.astype(np.int64) * operations + operation, weight, (n, n * operations))
        known_other = (self.table.keys % self.table.columns) // operations
        ones = np.ones(len(self.table.keys))
        self.once = np.bincount(self.table.row, weights=self.table.counts <= 1, minlength=n)
        own_class, other_class = class_of[self.table.row], class_of[known_other]
        self.by_class = TailTable(self.table.row, other_class, ones, (n, n_classes))
        self.among_classes = TailTable(own_class, other_class, ones, (n_classes, n_classes))
        once = np.bincount(class_of, weights=self.once, minlength=n_classes)
        total = np.bincount(class_of, weights=self.table.total, minlength=n_classes)
        overall = (float(once.sum()) + 1.0) / (float(total.sum()) + 2.0)
        self.class_novelty = (once + overall) / (total + 1.0)
        self.overall = overall

    def costs(
        self,
        own: IntArray,
        other: IntArray,
        own_class: IntArray,
        other_class: IntArray,
        operation: IntArray,
        left_out: bool,
    ) -> FloatArray:
        table = self.table
        column = np.where((other >= 0) & (operation >= 0), other.astype(np.int64) * self._operations + operation, -1)
        at = table.find(own, column)
        count = table.counts[np.maximum(at, 0)] if len(table.counts) else np.zeros(len(at))
        new: BoolArray = (at < 0) | (left_out & (count <= 1))
        less = ((at >= 0) & new).astype(np.float64)
        total = np.append(table.total, 0.0)[own] - less
        novelty = np.append(self.class_novelty, self.overall)[own_class]
        opens = (np.append(self.once, 0.0)[own] - less + PRIOR * novelty) / (total + PRIOR)
        # Whatever somebody does who has never been seen is new.
        opens = np.where(own >= 0, np.minimum(opens, 1.0), 1.0)
        known = opens + (1 - opens) * table.mass_at(at) / np.maximum(total, 1.0)
        opened = opens * self._likeness(own, own_class, other_class, less)
        return np.asarray(np.where(new, -np.log(opened), -KNOWN * np.log(np.minimum(known, 1.0))))

    def _likeness(self, own: IntArray, own_class: IntArray, other_class: IntArray, less: FloatArray) -> FloatArray:
        """Of the new edges of an entity, the share that lead to classes as rare among them."""
        mine, all_ = self.by_class, self.among_classes
        edges = np.append(mine.total, 0.0)[own] - less
        own_mass = np.maximum(mine.mass(own, other_class) - less, 0.0)
        class_total = np.append(all_.total, 0.0)[own_class]
        class_mass = np.maximum(all_.mass(own_class, other_class) - less, 0.0)
        usual = (class_mass + 1.0) / (class_total + 1.0)
        return np.asarray(np.minimum((own_mass + PRIOR_CLASS * usual) / (edges + PRIOR_CLASS), 1.0))


def _occasions(graph: EntityGraph) -> FloatArray:
    """Records of each edge, those that lie close together as one."""
    if not graph.n_edges:
        return np.zeros(0)
    period = int(graph.last.max()) - int(graph.first.min())
    short = (graph.last - graph.first) <= OCCASION * period
    return np.where(short, 1.0, graph.count.astype(np.float64))
