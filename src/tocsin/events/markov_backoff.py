"""MarkovBackoff: a trace is strange when its events are improbable after the events before them.

How often each event followed each history is counted for histories of all lengths up to `order`. The probability of an
event mixes them from the shortest to the longest: a history that was seen often, with few different events after it,
counts more than the shorter ones; one that was never seen says nothing. The score of an event is its surprise, -ln of
its probability; that of a trace is the mean.

Source: the mixing is that of Witten and Bell, The zero-frequency problem: estimating the probabilities of novel events
in adaptive text compression, IEEE Trans. Information Theory 37, 1991 (their method C). Histories of all lengths at
once, as in prediction by partial matching.

Deviations: a history reaches back to the beginning of the trace and one step of padding before it, never further, so
that none counts twice. There is no event for the end of a trace, since most recorded traces end because the recording
did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.events._grams import Grams, Level, Padded, at
from tocsin.events._trace_detector import NAMED, Judgement, TraceDetector

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events._sequences import Traces

MOST_ORDER = 64


class MarkovBackoff(TraceDetector):
    """Surprise of each event after the events before it, by histories of all lengths.

    Parameters
    ----------
    order : int
        Events of the longest history, up to 64.
    column : str, optional
        Which column is the event; ``event``, or else the first, when left out.

    Raises
    ------
    InputError
        From `fit`, if `order` is out of range, or the column is absent or empty.

    Notes
    -----
    Training traces are judged without their own counts, so the calibration holds for new traces. Parts of the score
    are ``rare event`` (its surprise if nothing was known of its history) and ``wrong place`` (what the history adds;
    negative where it makes the event more likely).

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> words = "open read close ".split() * 20
    >>> e = Events({"event": words}, trace=[f"s{i // 3}" for i in range(60)])
    >>> detector = MarkovBackoff(order=2).fit(e)
    >>> scores = detector.score(Events({"event": ["open", "read", "read"]}))
    >>> int(scores.local.argmax())
    2
    """

    card: ClassVar[Card] = Card(
        name="markov-backoff",
        summary="traces whose events are improbable after the events before them",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
        online=True,
        streams=False,
        cost="linear in events x order: a sort of all events for each length of history, then look-ups",
        cite="Witten and Bell, IEEE Trans. Information Theory 37, 1991",
    )
    part_names: tuple[str, ...] = ("rare event", "wrong place")

    grams_: Grams

    def __init__(self, order: int = 12, *, column: str | None = None) -> None:
        self.order = order
        self.column = column

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"order": 4}

    # ------------------------------------------------------------- learning

    def _learn_traces(self, traces: Traces, rng: np.random.Generator) -> None:
        if isinstance(self.order, bool) or not isinstance(self.order, int) or not 0 <= self.order <= MOST_ORDER:
            raise InputError(f"order of markov-backoff is a whole number from 0 to {MOST_ORDER}, not {self.order!r}")
        self.grams_ = Grams.learn(traces, self.order + 1)

    def _learn_more(self, traces: Traces) -> None:
        self.grams_ = self.grams_.joined(Grams.learn(traces, self.order + 1))

    # -------------------------------------------------------------- scoring

    @property
    def _floor(self) -> float:
        """Probability of any one word before anything is known: learned ones, a missing and an unknown one alike."""
        return 1.0 / (len(self.words_) + 2)

    def _judge(self, traces: Traces, own: bool) -> Judgement:
        padded = Padded.of(traces)
        chance = np.full(len(padded.codes), self._floor)
        alone = chance
        before = np.zeros(len(chance), dtype=np.int64)
        for level, nodes in zip(self.grams_.levels, self.grams_.walk(padded), strict=True):
            at = np.flatnonzero((before >= 0) & padded.events)
            seen, total, kinds = _counts(level, before[at], nodes[at], padded.owner[at] if own else None)
            chance = chance.copy()
            chance[at] = _mixed(seen, total, kinds, chance[at])
            alone = chance if level is self.grams_.levels[0] else alone
            before = np.concatenate(([-1], nodes[:-1]))
        surprise, rare = -np.log(chance[padded.events]), -np.log(alone[padded.events])
        return Judgement(surprise, traces.mean(surprise), np.stack((rare, surprise - rare), axis=1))

    # ---------------------------------------------------------- explanation

    def _likely(self, codes: IntArray, place: int) -> tuple[list[str], str]:
        chances = self.next_chances(codes[:place])
        best = sorted(chances, key=lambda code: -chances[code])[:NAMED]
        words = [self._word(code) for code in best if chances[code] > self._floor]
        surprise = -float(np.log(chances.get(int(codes[place]), chances[-1])))
        return words, f"a chance of {np.exp(-surprise):.2g}"

    def next_chances(self, history: IntArray) -> dict[int, float]:
        """Return the probability of each code after a history; that of any one other word stands under -1.

        Parameters
        ----------
        history : ndarray of int
            Codes of the events before, from the beginning of the trace on.
        """
        found = {-1: self._floor}
        for codes, counts in self.grams_.after(history.tolist()):
            total, kinds = float(counts.sum()), float(len(counts))
            seen = dict(zip(codes.tolist(), counts.tolist(), strict=True))
            found = {
                code: (seen.get(code, 0) + kinds * found.get(code, found[-1])) / (total + kinds)
                for code in found.keys() | seen.keys()
            }
        return found

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"grams_": self.grams_.to_state()}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.grams_ = Grams.from_state(state["grams_"], self.order + 1)


def _mixed(seen: IntArray, total: IntArray, kinds: IntArray, lower: FloatArray) -> FloatArray:
    """Witten and Bell's step from a shorter history to a longer one; a history never seen says nothing."""
    return np.asarray(np.where(total > 0, (seen + kinds * lower) / np.maximum(total + kinds, 1), lower))


def _counts(
    level: Level, before: IntArray, nodes: IntArray, owner: IntArray | None
) -> tuple[IntArray, IntArray, IntArray]:
    """How often an event followed its history, how often any did, and how many different ones.

    With the traces that the steps belong to, what each trace itself taught is left out.
    """
    size = int(level.parents[-1]) + 1 if len(level.keys) else 0
    total_of = np.bincount(level.parents, weights=level.counts, minlength=size)
    kinds_of = np.bincount(level.parents[level.counts > 0], minlength=size)
    inside = before < size
    seen = at(level.counts, nodes, 0)
    total, kinds = (at(values, np.where(inside, before, -1), 0) for values in (total_of, kinds_of))
    if owner is None or not len(nodes):
        return seen, total, kinds
    # Every step of a trace that was learned from is a known one.
    pairs, place, times = np.unique(owner * len(level.keys) + nodes, return_inverse=True, return_counts=True)
    node = pairs % len(level.keys)
    histories, of_step = np.unique(owner * size + before, return_inverse=True)
    of_pair = np.searchsorted(histories, pairs // len(level.keys) * size + level.parents[node])
    mine = np.bincount(of_pair, weights=times, minlength=len(histories))
    alone = np.bincount(of_pair, weights=times == level.counts[node], minlength=len(histories))
    return seen - times[place], total - mine[of_step], kinds - alone[of_step]
