"""Invariants: a trace is strange when its counts break what holds for nearly all traces, or are like no others.

Two things are asked of how often each kind of event occurs in a trace, whatever the order. First, which relations
between the counts that hold in nearly all training traces it breaks: "as many open as close", "three write for each
allocate", "start once". Each broken relation adds its surprise, -ln of the share of training traces that break it.
Second, how far the counts, as logarithms, are from the nearest ones that were learned; the distance counts by how rare
it is among training traces.

Sources: Lou, Fu, Yang, Xu and Li, Mining invariants from console logs for system problem detection, USENIX ATC 2010
(see `tocsin.events._relations`). The nearest counts are the plain baseline that does best on the HDFS logs: nearly all
normal blocks there have counts that occur in training.

Deviations: the source raises an alarm at the first broken relation; here they add up, so traces can be ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.core.tails import tail, tail_scale
from tocsin.events._relations import Relation, mine
from tocsin.events._sequences import KNOWN, Traces
from tocsin.events._trace_detector import Judgement, TraceDetector

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

CELLS = 1 << 22
MOST_KINDS = 4096
SHOWN = 6


class Invariants(TraceDetector):
    """Relations between counts that a trace breaks, and the distance to the nearest counts learned.

    Parameters
    ----------
    share : float
        In which share of its traces a relation must hold.
    factors : int
        The largest coefficient of a relation, up to 9.
    nearest : bool
        Whether the distance to the nearest learned counts is added.
    column : str, optional
        Which column is the event; ``event``, or else the first, when left out.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, there are more than 4096 different events, or the column is absent
        or empty.

    Notes
    -----
    An event's score is the sum of the surprises of the broken relations in which its kind takes part, plus its kind's
    share of the distance. A relation that is broken because its events are absent can only be pointed at where its
    other events are. Events never seen are one kind of their own, which never occurs in training: one of them is as
    surprising as a relation of all training traces. A training trace is judged by the counts of the others.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> words = [w for i in range(20) for w in ["open"] * (1 + i % 3) + ["read"] * (i % 4) + ["close"] * (1 + i % 3)]
    >>> names = [i for i in range(20) for _ in range(2 * (1 + i % 3) + i % 4)]
    >>> detector = Invariants().fit(Events({"event": words}, trace=names))
    >>> detector.relations()
    ['close = open']
    >>> leak = Events({"event": ["open", "open", "read", "close"]})
    >>> detector.score(leak).traces[0] > detector.calibration_.scores.max()
    np.True_
    """

    card: ClassVar[Card] = Card(
        name="invariants",
        summary="traces whose counts of events break what holds for nearly all traces",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
        streams=False,
        cost="different traces scored x different traces learned; mining: traces x pairs of the 400 commonest events",
        cite="Lou et al., USENIX ATC 2010",
    )
    part_names: tuple[str, ...] = ("broken relations", "unlike any counts")

    relations_: list[Relation]
    counts_: IntArray
    copies_: IntArray
    scale_: FloatArray
    total_: int

    def __init__(
        self, share: float = 0.98, *, factors: int = 3, nearest: bool = True, column: str | None = None
    ) -> None:
        self.share = share
        self.factors = factors
        self.nearest = nearest
        self.column = column

    # ------------------------------------------------------------- learning

    def _learn_traces(self, traces: Traces, rng: np.random.Generator) -> None:
        if not isinstance(self.share, int | float) or not 0.5 < self.share <= 1:
            raise InputError(f"share of invariants lies above 0.5 and is at most 1, not {self.share!r}")
        if isinstance(self.factors, bool) or not isinstance(self.factors, int) or not 1 <= self.factors <= 9:
            raise InputError(f"factors of invariants is a whole number from 1 to 9, not {self.factors!r}")
        if len(self.words_) > MOST_KINDS:
            raise InputError(
                f"{len(self.words_)} different events are too many for invariants (at most {MOST_KINDS}): "
                f"turn lines into templates first"
            )
        counts = self._counts(traces)
        self.total_ = len(counts)
        self.counts_, self.copies_ = np.unique(counts, axis=0, return_counts=True)
        # What was learned has no unknown events: the first column is for those to come.
        self.relations_ = mine(counts, self.share, self.factors)
        distance, _ = self._nearest(counts, own=True)
        self.scale_ = tail_scale(distance)
        self.findings_ += (
            f"{len(self.relations_)} relations between counts of events, {len(self.counts_)} different counts in "
            f"{len(counts)} traces",
        )

    def relations(self) -> list[str]:
        """Return the relations that were found, in words."""
        return [self._in_words(relation) for relation in self.relations_]

    def _counts(self, traces: Traces) -> IntArray:
        """How often each kind occurs in each trace: unknown, missing, then the learned words; shape (t, kinds)."""
        width = len(self.words_) + KNOWN - 1
        cells = traces.owner * width + traces.codes - 1
        return np.bincount(cells, minlength=len(traces) * width).reshape(len(traces), width).astype(np.int32)

    # -------------------------------------------------------------- scoring

    def _judge(self, traces: Traces, own: bool) -> Judgement:
        broken, far, found = np.zeros(len(traces.codes)), np.zeros(len(traces.codes)), np.zeros(len(traces))
        width = len(self.words_) + KNOWN - 1
        step = max(1, CELLS // width)
        for start in range(0, len(traces), step):
            chosen = np.arange(start, min(start + step, len(traces)))
            some = traces.take(chosen)
            counts, of_trace = np.unique(self._counts(some), axis=0, return_inverse=True)
            of_trace = of_trace.ravel()
            blame, total = self._broken(counts)
            cell = (of_trace[some.owner], some.codes - 1)
            events = slice(traces.starts[start], traces.starts[chosen[-1] + 1])
            broken[events] = blame[cell]
            found[chosen] = total[of_trace]
            if self.nearest:
                distance, at = self._nearest(counts, own)
                rarity = tail(self.scale_, distance)
                apart = np.abs(np.log1p(counts) - np.log1p(self.counts_[at]))
                share = apart / np.maximum(apart.sum(axis=1, keepdims=True), 1e-300)
                far[events] = (rarity[:, None] * share)[cell]
                found[chosen] += rarity[of_trace]
        return Judgement(broken + far, found, np.stack((broken, far), axis=1))

    def _broken(self, counts: IntArray) -> tuple[FloatArray, FloatArray]:
        """Surprise by kind of event, shape (t, kinds), and in all."""
        blame = np.zeros(counts.shape)
        unknown = np.where(counts[:, 0] > 0, self._never, 0.0)
        blame[:, 0] = unknown
        total = unknown.copy()
        for relation in self.relations_:
            off = relation.excess(counts) != 0
            total[off] += relation.surprise
            for kind, _ in relation.terms:
                blame[off, kind] += relation.surprise
        return blame, total

    @property
    def _never(self) -> float:
        return float(np.log(self.total_ + 2))

    def _nearest(self, counts: IntArray, own: bool) -> tuple[FloatArray, IntArray]:
        """Distance between logarithms of counts and the nearest learned ones, and which these are."""
        known = np.log1p(self.counts_)
        squares = (known**2).sum(axis=1)
        distance, nearest = np.zeros(len(counts)), np.zeros(len(counts), dtype=np.int64)
        step = max(1, CELLS // max(len(known), 1))
        for start in range(0, len(counts), step):
            rows = slice(start, start + step)
            asked = np.log1p(counts[rows])
            apart = np.maximum((asked**2).sum(axis=1)[:, None] + squares - 2 * asked @ known.T, 0.0)
            if own and len(known) > 1:
                same = apart.argmin(axis=1)
                alone = np.flatnonzero(self.copies_[same] == 1)
                apart[alone, same[alone]] = np.inf
            nearest[rows] = apart.argmin(axis=1)
            # Worked out again from differences: equal counts are at no distance, not at the rounding of a product.
            distance[rows] = np.sqrt(((asked - known[nearest[rows]]) ** 2).sum(axis=1))
        return distance, nearest

    # ---------------------------------------------------------- explanation

    def _about(self, codes: IntArray, said: Sequence[str]) -> list[Evidence]:
        """Broken relations with both sides, then the kinds of which there are too many or too few."""
        counts = self._counts(Traces(codes, np.array([0, len(codes)]), np.arange(len(codes)), ("",)))
        one = counts[0]
        _, broken = self._broken(counts)
        distance, at = self._nearest(counts, own=False)
        rarity = float(tail(self.scale_, distance)[0]) if self.nearest else 0.0
        total = max(float(broken[0]) + rarity, 1e-300)
        found = [self._told(r, one, r.surprise / total) for r in self.relations_ if r.excess(counts)[0]]
        if one[0]:
            text = f"{one[0]} events that were never seen in training"
            found.append(Evidence("unknown events", self._never / total, float(one[0]), (0.0,), text))
        found.sort(key=lambda evidence: -evidence.share)
        apart = np.abs(np.log1p(one) - np.log1p(self.counts_[at[0]]))
        for kind in np.argsort(-apart, kind="stable").tolist():
            if not apart[kind] > 0 or len(found) >= SHOWN or rarity <= 0:
                break
            name, usual = self._kind(kind), int(self.counts_[at[0], kind])
            share = rarity / total * float(apart[kind] / apart.sum())
            text = f"{one[kind]} times; the most similar learned trace has it {usual} times"
            found.append(Evidence(name, share, float(one[kind]), (float(usual),), text))
        return found[:SHOWN]

    def _reasons(self, sample: Any, local: FloatArray, rows: IntArray, codes: IntArray) -> list[Evidence]:
        return []  # counts have no places

    def _told(self, relation: Relation, counts: IntArray, share: float) -> Evidence:
        name = self._in_words(relation)
        left, right = (sum(abs(f) * int(counts[k]) for k, f in relation.terms if f * sign > 0) for sign in (1, -1))
        right += -relation.constant
        text = f"{name} holds in {_percent(relation.share)} of {relation.traces} traces; here {left} against {right}"
        return Evidence(name, share, float(left), (float(right),), text)

    def _in_words(self, relation: Relation) -> str:
        def side(sign: int) -> str:
            return " + ".join(
                f"{abs(f)} x {self._kind(k)}" if abs(f) > 1 else self._kind(k)
                for k, f in relation.terms
                if f * sign > 0
            )

        return f"{side(1)} = {side(-1) or -relation.constant}"

    def _kind(self, kind: int) -> str:
        return "(unknown)" if kind == 0 else self._word(kind + 1)

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        listed = [[[list(term) for term in r.terms], r.constant, r.traces, r.held] for r in self.relations_]
        return super()._state() | {"relations_": listed}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        width = len(self.words_) + KNOWN - 1
        self.relations_ = [_restored(stored, width) for stored in state["relations_"]]
        counts, copies, scale = self.counts_, self.copies_, self.scale_
        sound = (
            counts.ndim == 2
            and counts.dtype.kind == "i"
            and counts.shape[1] == width
            and len(counts) > 0
            and counts.min() >= 0
            and copies.shape == (len(counts),)
            and scale.ndim == 2
            and scale.shape[0] == 2
            and scale.shape[1] >= 2
            and isinstance(self.total_, int)
            and self.total_ >= 0
        )
        if not sound:
            raise InputError("its learned counts do not fit together")


def _restored(stored: Sequence[Any], width: int) -> Relation:
    terms, constant, traces, held = stored
    pairs = tuple((int(kind), int(factor)) for kind, factor in terms)
    if not all(0 <= kind < width for kind, _ in pairs) or not 0 <= held <= traces or traces < 1:
        raise InputError("a stored relation is damaged")
    return Relation(pairs, int(constant), int(traces), int(held))


def _percent(share: float) -> str:
    """A share in per cent; 100 % only where it is."""
    return "100 %" if share == 1 else f"{min(100 * share, 99.9):.1f} %"
