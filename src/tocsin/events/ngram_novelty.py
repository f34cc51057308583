"""NgramNovelty: a trace is strange when its events come in orders that were never seen.

For each event it is asked how many of the events up to it, ending with it, occur in this order anywhere in training. An
event that closes n known events in a row is usual; one that was never seen at all is as strange as can be. The score of
a trace is the mean over its events.

Source: Forrest, Hofmeyr, Somayaji and Longstaff, A sense of self for Unix processes, IEEE Symposium on Security and
Privacy 1996, and its successor stide: Hofmeyr, Forrest and Somayaji, Intrusion detection using sequences of system
calls, J. Computer Security 6, 1998.

Deviations: stide asks only whether the last n events are known (``graded=False``). The graded form averages that over
all lengths up to n, which on system calls (ADFA-LD) ranks better than any single length. The mean over the trace takes
the place of the largest local frame count, which grows with length and ranked worse there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.events._grams import UNKNOWN, Grams, Padded, at
from tocsin.events._trace_detector import Judgement, TraceDetector

if TYPE_CHECKING:
    from tocsin.core.types import IntArray
    from tocsin.events._sequences import Traces

MOST = 64


class NgramNovelty(TraceDetector):
    """Share of the orders of events that were never seen.

    Parameters
    ----------
    n : int
        Events of the longest sequence, up to 64.
    graded : bool
        Count all lengths up to `n`; otherwise an event is new (1) or not (0) by the last `n` events alone.
    column : str, optional
        Which column is the event; ``event``, or else the first, when left out.

    Raises
    ------
    InputError
        From `fit`, if `n` is out of range, or the column is absent or empty.

    Notes
    -----
    Training traces are judged by the others: a sequence that occurs in one trace only is new to it.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> usual = Events({"event": "open read close".split() * 2}, trace=[1, 1, 1, 2, 2, 2])
    >>> detector = NgramNovelty(n=2).fit(usual)
    >>> detector.score(Events({"event": ["open", "close", "exec"]})).local.tolist()
    [0.0, 0.5, 1.0]
    """

    card: ClassVar[Card] = Card(
        name="ngram-novelty",
        summary="traces whose events come in orders that were never seen",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
        online=True,
        streams=False,
        cost="linear in events x n: a sort of all events for each length, then look-ups",
        cite="Hofmeyr, Forrest and Somayaji, J. Computer Security 6, 1998",
    )

    grams_: Grams

    def __init__(self, n: int = 8, *, graded: bool = True, column: str | None = None) -> None:
        self.n = n
        self.graded = graded
        self.column = column

    # ------------------------------------------------------------- learning

    def _learn_traces(self, traces: Traces, rng: np.random.Generator) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int) or not 1 <= self.n <= MOST:
            raise InputError(f"n of ngram-novelty is a whole number from 1 to {MOST}, not {self.n!r}")
        self.grams_ = Grams.learn(traces, self.n)

    def _learn_more(self, traces: Traces) -> None:
        self.grams_ = self.grams_.joined(Grams.learn(traces, self.n))

    # -------------------------------------------------------------- scoring

    def _judge(self, traces: Traces, own: bool) -> Judgement:
        padded = Padded.of(traces)
        known = np.zeros(len(padded.codes), dtype=np.int64)
        alive = padded.events
        for level, nodes in zip(self.grams_.levels, self.grams_.walk(padded), strict=True):
            # What would begin before the padding is known if what begins with the padding is.
            alive = alive & (nodes != UNKNOWN)
            if own:
                # In a trace that was learned from, a sequence that is its own alone is no evidence.
                alive &= at(level.traces, nodes, 2) > 1
            known += alive
        known = known[padded.events]
        local = 1.0 - known / self.n if self.graded else (known < self.n).astype(np.float64)
        return Judgement(local, traces.mean(local))

    # ---------------------------------------------------------- explanation

    def _likely(self, codes: IntArray, place: int) -> tuple[list[str], str]:
        return self._followers(self.grams_, codes[:place])

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"grams_": self.grams_.to_state()}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.grams_ = Grams.from_state(state["grams_"], self.n)
