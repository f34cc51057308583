"""Gid: chains of events through which something may have passed, and that nothing usual explains.

Security monitors record who passed something to whom: a file to a process that reads it, a process to a socket that it
sends to. An intrusion is a path through these records. Each of its steps may be merely rare; together, in this order
and within this time, they are not a thing that happens. So events become a graph of entities, steps get a cost by how
unusual they are for both ends, and the paths with the highest cost *for their length* are found exactly, by a search
that never lists the others.

Source: Dong, Chen, Wang, Tang, Zhang, Lin, Chen and Jiang, GID: Graph-based Intrusion Detection on Massive Process
Traces for Enterprise Security Systems, arXiv 1608.02639, 2016.

**Patents.** This family of methods is patented: US 10305917 B2 (US 2016/0330226 A1), NEC Laboratories America, granted
in 2019. Whoever uses it commercially should find out whether that concerns them. This note is no legal advice.

What deviates from the source, and why:

- Scores are sums of logarithms. The product that was published, ``1 - prod X A Y``, is exactly 1.0 in floating point
  for about half of all paths of a graph of ordinary size; ``faithful=True`` gives it.
- Exponent, centre and spread of each length are learned from paths of the training period and frozen; so are all
  statistics. What is judged has no part in what it is judged by.
- By default the cost of a step also asks how often its two ends do something new (see `novelty_cost`), and entities
  that come and go share the statistics of their template (see `names`); ``cost="published"`` and
  ``entity_templates=False`` leave that out.
- Paths may be limited in time (`max_span`). New benign edges are many, but hardly ever do several of them follow each
  other within minutes; where much is new, this raises the rank of an intrusion more than any change of the costs.
- The publication's own pruning is not described in detail; the search here is best-first with an admissible bound.
- Paths that share a strange step are one incident, and one of them speaks for it (see `incidents`).
- The t-test of the source became p-values of the normalised scores with Benjamini and Hochberg's correction for the
  number of all paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.extents import EventSet
from tocsin.core.scores import Scores
from tocsin.events.gid.entity_types import TypeRules
from tocsin.events.gid.graph import Timestamps
from tocsin.events.gid.incidents import speakers_first, with_cores
from tocsin.events.gid.link_table import LinkTable
from tocsin.events.gid.model import LinkModel
from tocsin.events.gid.path import Path, PathEdge
from tocsin.events.gid.search import BestFirst, Found
from tocsin.events.gid.timing import Timing

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples.events import Events
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph

Cost: TypeAlias = Literal["novelty", "published"]
LONGEST = 8
NAMED = 3
TIE = 1e-7


class Gid(Detector):
    """Suspicious paths of events between a source and a target entity.

    Parameters
    ----------
    max_length : int
        Edges of the longest paths, 2 to 8; the shortest have two.
    cost : {'novelty', 'published'}
        What a step costs: the published terms alone, or with what is new for whom.
    faithful : bool
        Score by the product as it was published, without regard to length; implies ``cost="published"``.
    max_span : str, optional
        How much time a path may take, such as ``"10min"`` or ``"1h"``. Needs a clock, and all time stamps.
    timestamps : {'all', 'bounds'}
        What a model keeps of the training period: 8 bytes a record, or the first and the last time of each edge. With
        bounds, paths of two edges are judged exactly; of longer ones, some pass as references that never happened in
        that order. What is scored is always judged exactly.
    rules : sequence of (str, str), optional
        Which kinds of entities can pass something on to which, by the prefixes of their names; those of process
        monitors when left out (process, file, socket, unix). Entities without a known prefix may do anything.
    source, target : str
        The columns.
    operation : str, optional
        A column that tells several kinds of edge between the same entities apart.
    entity_templates : bool
        Let entities that came and went share the statistics of their template (``/tmp/#.o``).
    window : str, optional
        How much of the past `update` keeps, such as ``"7d"``; all of it when left out. Needs all time stamps.
    top : int
        How many paths are looked for.
    restart, smoothing : float
        Of the random walk; and the count of a pair that never occurred.
    references : int
        Training paths that each length is normalised by.
    random_state : int, optional
        Seed of their sampling.

    Raises
    ------
    InputError
        From `fit` and `score`, if a parameter is out of range, a column is absent, or a clock is needed and absent.

    Notes
    -----
    An entity that passes something to itself is counted, but is no step of a path. A path may come back to an entity:
    time only goes forward in it. Of equal time stamps, each may come before the other. Missing entities are no step.
    Without a clock, the order of rows is time. An event's score is that of the best path that it is a step of, reduced
    where the step has less than an even share of the strangeness; other events are judged by themselves, and never
    above the last path that was found.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> usual = Events({"source": ["file:a", "process:p", "file:b", "process:q"] * 25,
    ...                 "target": ["process:p", "socket:x", "process:q", "socket:y"] * 25})
    >>> new = Events({"source": ["file:a", "process:p", "file:a", "process:q"],
    ...               "target": ["process:p", "socket:x", "process:q", "socket:x"]})
    >>> print(Gid().fit(usual).paths(new)[0])
    file:a -> process:q -> socket:x
    """

    card: ClassVar[Card] = Card(
        name="gid",
        summary="chains of events between entities that pass something on in a way nothing usual explains",
        modality=("events",),
        learns_from="normal",
        localises="events",
        arrangement="links",
        online=True,
        streams=False,
        cost="linear in events for the graph; the search looks at hundreds of steps for the exact top 100 paths",
        cite="Dong et al., arXiv 1608.02639, 2016 (patented: US 10305917 B2)",
    )

    model_: LinkModel

    def __init__(
        self,
        max_length: int = 4,
        *,
        cost: Cost = "novelty",
        faithful: bool = False,
        max_span: str | None = None,
        timestamps: Timestamps = "all",
        rules: Sequence[Sequence[str]] | None = None,
        source: str = "source",
        target: str = "target",
        operation: str | None = None,
        entity_templates: bool = True,
        window: str | None = None,
        top: int = 100,
        restart: float = 0.15,
        smoothing: float = 0.01,
        references: int = 2000,
        random_state: int | None = None,
    ) -> None:
        self.max_length = max_length
        self.cost = cost
        self.faithful = faithful
        self.max_span = max_span
        self.timestamps = timestamps
        self.rules = rules
        self.source = source
        self.target = target
        self.operation = operation
        self.entity_templates = entity_templates
        self.window = window
        self.top = top
        self.restart = restart
        self.smoothing = smoothing
        self.references = references
        self.random_state = random_state

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Events], rng: np.random.Generator) -> None:
        self._check_parameters()
        self.model_ = self._learned(None, samples)
        self._tell()

    def _update(self, samples: Sequence[Events]) -> None:
        self.model_ = self._learned(self.model_, samples)
        self._tell()

    def _learned(self, before: LinkModel | None, samples: Sequence[Events]) -> LinkModel:
        tables = [self._table(sample) for sample in samples]
        window = None if self.window is None else _duration(self.window, "window")
        return LinkModel.learn(
            tables,
            before,
            timestamps=self.timestamps,
            window=window,
            rules=TypeRules(self.rules),
            cost="published" if self.faithful else self.cost,
            literal=self.faithful,
            templates=self.entity_templates and not self.faithful,
            max_length=self.max_length,
            max_span=self._span(),
            restart=self.restart,
            smoothing=self.smoothing,
            references=self.references,
            seed=self.random_state or 0,
        )

    def _tell(self) -> None:
        graph, names = self.model_.graph, self.model_.names
        found = [f"{graph.n_edges} edges between {graph.n_entities} entities in {graph.n_records} records"]
        if names.collapsed:
            shown = ", ".join(names.collapsed[:3]) + (" ..." if len(names.collapsed) > 3 else "")
            found.append(f"entities of {len(names.collapsed)} templates come and go and count as one each: {shown}")
        few = self.model_.pooled
        if few:
            found.append(
                f"too few training paths of {', '.join(map(str, few))} edges: "
                "they are normalised by those of all lengths"
            )
        self.findings_ = tuple(found)

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Events) -> Scores:
        return self._scored(sample, own=False)

    def _score_own(self, sample: Events, index: int) -> Scores:
        return self._scored(sample, own=True)

    def _scored(self, sample: Events, own: bool) -> Scores:
        table = self._table(sample)
        costs, seen, unseen = self.model_.costs(table, own)
        found, graph, edges, tests = self._search(table, costs, self.top)
        local = self._alone(table, costs)
        if len(found) >= self.top:  # there may be more: no event by itself is put above the last of these
            local = np.minimum(local, found[self.top - 1].score)
        paths = self._paths(found, table, graph, edges, costs, seen, tests)
        for rank, path in enumerate(paths):
            for step, edge in enumerate(path.edges):
                rows = np.array(edge.rows, dtype=np.int64)
                part = min(1.0, edge.share * len(path)) if path.score > 0 else 1.0
                # Steps of one path, and paths that share steps, would tie: the first one is a hair stranger.
                hair = TIE * (rank * self.max_length + step) * abs(path.score)
                local[rows] = np.maximum(local[rows], path.score * part - hair)
        notes = {"paths": [path.to_dict() for path in paths], "n_paths": tests, "n_unseen": unseen}
        return Scores(local, notes=notes)

    def paths(self, events: Any, top: int | None = None) -> list[Path]:
        """Return the most suspicious paths of a sample: the best of each incident first, then their variants.

        Parameters
        ----------
        events : Events
        top : int, optional
            How many of the best are searched for; as many as the parameter `top` says when left out. Their cores,
            which may score lower, come on top.

        Raises
        ------
        NotFittedError
            If nothing has been learned yet.
        InputError
            If the sample does not fit.
        """
        self._check_fitted()
        sample: Any = self._check(events, first=None)
        table = self._table(sample)
        costs, seen, _ = self.model_.costs(table, own=False)
        found, graph, edges, tests = self._search(table, costs, self.top if top is None else top)
        return self._paths(found, table, graph, edges, costs, seen, tests)

    def _search(
        self, table: LinkTable, costs: FloatArray, top: int
    ) -> tuple[list[Found], EntityGraph, IntArray, float]:
        """The best paths; the graph of the edges that may be steps, and their numbers; how many paths there are."""
        from tocsin.events.gid.path_counts import PathCounts

        kept = self.model_.walkable(table)
        graph = table.graph.only(kept)
        edges = np.flatnonzero(kept)
        lengths = range(2, self.max_length + 1)
        timing = Timing(graph, self._span())
        found = BestFirst(graph, costs[edges], self.model_.normaliser, lengths, timing).top(top)
        found = with_cores(found, costs[edges], self.model_.normaliser)
        return found, graph, edges, sum(PathCounts(graph, self.max_length).valid[1:])

    def _alone(self, table: LinkTable, costs: FloatArray) -> FloatArray:
        """Each event by itself, as a path of one edge; events without a source or a target as one of no cost."""
        known = table.edge >= 0
        own = np.zeros(len(table.edge))
        own[known] = costs[table.edge[known]]
        return self.model_.normaliser.normalise(1, own)

    def _paths(
        self,
        found: Sequence[Found],
        table: LinkTable,
        graph: EntityGraph,
        edges: IntArray,
        costs: FloatArray,
        seen: IntArray,
        tests: float,
    ) -> list[Path]:
        from tocsin.events.gid.significance import p_values, q_values

        p = p_values(np.array([f.score for f in found]))
        q = q_values(p, tests)
        timing = Timing(graph)
        told: list[Path] = []
        for i, one in enumerate(found):
            times = timing.when(one.edges)
            assert times is not None
            whole = [int(edges[edge]) for edge in one.edges]
            total = float(costs[whole].sum())
            steps = []
            for edge, time in zip(whole, times, strict=True):
                share = float(costs[edge]) / total if total > 0 else 1 / len(whole)
                done = int(table.graph.operation[edge]) - 1
                steps.append(
                    PathEdge(
                        table.words[table.graph.source[edge]],
                        table.words[table.graph.target[edge]],
                        table.operations[done] if table.operations and done >= 0 else "",
                        _moment(time) if table.clock else f"row {time}",
                        tuple(table.rows_of(edge, time).tolist()),
                        share,
                        int(seen[edge]),
                        share * len(whole) >= 1 - 1e-9,
                    )
                )
            entities = (steps[0].source, *(step.target for step in steps))
            when = tuple(step.time for step in steps)
            told.append(Path(entities, when, one.score, one.cost, float(p[i]), float(q[i]), tuple(steps)))
        return speakers_first(told)

    # ---------------------------------------------------------- explanation

    def _explain(self, sample: Events, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """The weak edges of the best path that the events belong to, or else the strangest of them alone."""
        if not isinstance(anomaly.where, EventSet) or scores.local is None:
            return None
        inside = set(np.asarray(anomaly.where.rows).tolist())
        for path in scores.notes.get("paths", ()):
            steps = path["edges"]
            if any(inside.intersection(step["rows"]) and step["weak"] for step in steps):
                told = sorted(steps, key=lambda step: -float(step["share"]))
                whole = " -> ".join(path["entities"])
                return [self._evidence(s["source"], s["target"], s["share"], s["seen"], f"on {whole}") for s in told]
        rows = np.asarray(anomaly.where.rows)
        row = int(rows[np.argmax(scores.local[rows])])
        ends = [sample.entities[name].words()[row] for name in (self.source, self.target)]
        if None in ends:
            return None
        return [self._evidence(ends[0], ends[1], 1.0, self.model_.seen(ends[0], ends[1]), "by itself")]

    def _evidence(self, source: str, target: str, share: float, seen: int, where: str) -> Evidence:
        targets, sources = self.model_.usual(source, target, NAMED)
        usual = [f"{source} -> {word}" for word in targets] + [f"{word} -> {target}" for word in sources]
        known = "never seen in training" if not seen else f"seen {seen} times in training"
        habit = ""
        if not seen:
            sends = f"goes to {', '.join(targets)}" if targets else "never sent anything"
            receives = f"has it from {', '.join(sources)}" if sources else "never received anything"
            habit = f"; {source} {sends}; {target} {receives}"
        return Evidence(f"{source} -> {target}", float(share), known, tuple(usual), f"{known}{habit}; {where}")

    # ------------------------------------------------------------ the inside

    def _table(self, sample: Events) -> LinkTable:
        table = LinkTable.of(sample, self.source, self.target, self.operation)
        if not table.clock and (self.max_span is not None or self.window is not None):
            asked = "max_span" if self.max_span is not None else "window"
            raise InputError(
                f"{asked} of gid needs to know when events happened; {sample.id or 'the sample'} has no time"
            )
        return table

    def _span(self) -> int | None:
        return None if self.max_span is None else _duration(self.max_span, "max_span")

    def _check_parameters(self) -> None:
        whole = not isinstance(self.max_length, bool) and isinstance(self.max_length, int)
        if not whole or not 2 <= self.max_length <= LONGEST:
            raise InputError(f"max_length of gid is a whole number from 2 to {LONGEST}, not {self.max_length!r}")
        if self.cost not in ("novelty", "published"):
            raise InputError(f"cost of gid is 'novelty' or 'published', not {self.cost!r}")
        if not self.top >= 1 or not self.references >= 1:
            raise InputError("top and references of gid are 1 or more")
        if not self.smoothing > 0:
            raise InputError(f"smoothing of gid is above zero, not {self.smoothing!r}")
        if self.timestamps == "bounds" and (self.max_span is not None or self.window is not None):
            raise InputError("max_span and window of gid need all time stamps: use timestamps='all'")
        for name in ("max_span", "window"):
            if getattr(self, name) is not None:
                _duration(getattr(self, name), name)

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "model_": self.model_.to_state()}

    def _restore(self, state: dict[str, Any]) -> None:
        self._check_parameters()
        super()._restore(state)
        self.model_ = LinkModel.from_state(
            state["model_"],
            rules=TypeRules(self.rules),
            cost="published" if self.faithful else self.cost,
            restart=self.restart,
            smoothing=self.smoothing,
            max_length=self.max_length,
        )


def _duration(text: str, name: str) -> int:
    """Nanoseconds of a duration such as 10min."""
    from tocsin.core.durations import nanoseconds

    return nanoseconds(text, f"{name} of gid")


def _moment(time: int) -> str:
    return str(np.datetime_as_string(np.datetime64(time, "ns"), unit="ms"))
