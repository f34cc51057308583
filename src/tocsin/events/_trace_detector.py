"""TraceDetector: what all judges of traces share, from the column that they read to the sentence that they say."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.extents import EventSet
from tocsin.core.samples.events import Events
from tocsin.core.scores import Scores
from tocsin.events._sequences import (
    KNOWN,
    MISSING,
    UNSEEN,
    Traces,
    check_column,
    encode,
    event_column,
    numbering,
    spoken,
    traces_of,
    words_of,
)

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events._grams import Grams

REASONS, LEAST_SHARE, NAMED = 5, 0.05, 4


@dataclass(frozen=True, eq=False)
class Judgement:
    """Scores of events, in the order of `Traces`, and of traces.

    Parameters
    ----------
    local : ndarray, shape (n,)
        How strange each event is.
    traces : ndarray, shape (t,)
        How strange each trace is.
    parts : ndarray, shape (n, k), optional
        `local` in parts.
    """

    local: FloatArray
    traces: FloatArray
    parts: FloatArray | None = None


class TraceDetector(Detector):
    """Base of detectors of traces.

    Subclasses have a parameter `column`, and write `_learn_traces`, `_judge` and `_likely`.
    """

    column: str | None
    column_: str
    words_: tuple[str, ...]
    part_names: tuple[str, ...] = ()

    @abstractmethod
    def _learn_traces(self, traces: Traces, rng: np.random.Generator) -> None:
        """Learn from all training traces; `words_` are known already."""

    @abstractmethod
    def _judge(self, traces: Traces, own: bool) -> Judgement:
        """Score traces; with `own` they were learned from, and each is to be judged by the others."""

    def _learn_more(self, traces: Traces) -> None:
        """Go on learning; `words_` hold the new words already."""
        raise InputError(f"{self.card.name} cannot go on learning")

    def _likely(self, codes: IntArray, place: int) -> tuple[list[str], str]:
        """Return words that would have been usual at a place of a trace, best first, and a remark."""
        return [], ""

    # ---------------------------------------------------------------- verbs

    def _fit(self, samples: Sequence[Events], rng: np.random.Generator) -> None:
        if self.column is not None and not isinstance(self.column, str):
            raise InputError(f"column of {self.card.name} is the name of a column, not {self.column!r}")
        self.column_ = event_column(samples, self.column)
        self.words_ = words_of(samples, self.column_)
        if not self.words_:
            raise InputError(f"every value of the column {self.column_!r} is missing: there is nothing to learn from")
        self._learn_traces(traces_of(samples, self.column_, numbering(self.words_)), rng)

    def _update(self, samples: Sequence[Events]) -> None:
        for sample in samples:
            check_column(sample, self.column_)
        known = set(self.words_)
        # New words come last, so that the codes of those known stay.
        self.words_ = (*self.words_, *(w for w in words_of(samples, self.column_) if w not in known))
        self._learn_more(traces_of(samples, self.column_, numbering(self.words_)))

    def _score(self, sample: Events) -> Scores:
        return self._scored(sample, own=False)

    def _score_own(self, sample: Events, index: int) -> Scores:
        return self._scored(sample, own=True)

    def _scored(self, sample: Events, own: bool) -> Scores:
        traces = traces_of([sample], self.column_, numbering(self.words_))
        found = self._judge(traces, own)
        parts = None
        if found.parts is not None:
            parts = np.stack([traces.in_rows(part) for part in found.parts.T], axis=1)
        return Scores(
            traces.in_rows(found.local),
            float(found.traces.max()),
            parts,
            self.part_names if parts is not None else (),
            traces=found.traces,
            notes={"n_unseen": int((traces.codes == UNSEEN).sum())},
        )

    # ---------------------------------------------------------- explanation

    def _explain(self, sample: Events, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """The strangest events of the trace: what would have been usual there, and what came instead."""
        if not isinstance(anomaly.where, EventSet) or scores.local is None:
            return None
        rows = np.asarray(anomaly.where.rows)
        codes = encode(sample, self.column_, numbering(self.words_), rows)
        said = [self._said(sample, row) for row in rows.tolist()]
        return [*self._reasons(sample, scores.local[rows], rows, codes), *self._about(codes, said)]

    def _about(self, codes: IntArray, said: Sequence[str]) -> list[Evidence]:
        """Reasons that concern the trace as a whole; `said` are its words, unknown ones as well."""
        return []

    def _reasons(self, sample: Events, local: FloatArray, rows: IntArray, codes: IntArray) -> list[Evidence]:
        strange = np.clip(local, 0.0, None)
        total = float(strange.sum())
        found: list[Evidence] = []
        for place in np.argsort(-strange, kind="stable")[:REASONS].tolist():
            share = float(strange[place]) / total if total > 0 else 0.0
            if share < (LEAST_SHARE if found else 1e-12):
                break
            likely, remark = self._likely(codes, place)
            expected = tuple(likely[:NAMED])
            seen = self._said(sample, int(rows[place]))
            text = f"expected {spoken(expected)}, saw {seen}" if expected else f"saw {seen}"
            if seen in expected:
                text = f"saw {seen}, as at times before"
            if codes[place] == UNSEEN:
                remark = "never seen in training"
            found.append(
                Evidence(sample.name(int(rows[place])), share, seen, expected, text + (f"; {remark}" if remark else ""))
            )
        return found

    def _said(self, sample: Events, row: int) -> str:
        held = sample.entities[self.column_]
        code = int(held.codes[row])
        return held.vocabulary[code] if code >= 0 else "(missing)"

    def _followers(self, grams: Grams, history: IntArray) -> tuple[list[str], str]:
        """The words that followed the longest known stretch of a history, most frequent first."""
        codes: IntArray = np.zeros(0, dtype=np.int64)
        counts, length = codes, 0
        for number, (after, times) in enumerate(grams.after(history.tolist())):
            codes, counts, length = after, times, number
        best = codes[np.argsort(-counts, kind="stable")]
        words = [self._word(code) for code in best[:NAMED].tolist()]
        if length == 0:
            return words, "what came before was never seen" if len(history) else ""
        start = "the start and " if length > len(history) else ""
        told = [self._word(code) for code in history[-min(length, len(history), NAMED) :].tolist()]
        shown = "the start" if not told else f"{start if length <= NAMED else ''}{', '.join(told)}"
        return words, f"after {shown}"

    def _word(self, code: int) -> str:
        """The learned word of a code."""
        if code < KNOWN:
            return "(missing)" if code == MISSING else "(unknown)"
        return self.words_[code - KNOWN]

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        words = getattr(self, "words_", None)
        if not isinstance(words, tuple) or not all(isinstance(word, str) for word in words):
            raise InputError("its vocabulary is not a list of words")
        if not isinstance(getattr(self, "column_", None), str):
            raise InputError("it does not say which column holds the event")
