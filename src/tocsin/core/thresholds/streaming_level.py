"""The level of a streaming tail: judges one score after the other, and learns from the normal ones."""

from __future__ import annotations

import math
from collections import deque
from copy import copy
from typing import Any

import numpy as np

from tocsin.core.errors import ArtifactError
from tocsin.core.thresholds.base import Level
from tocsin.core.thresholds.fixed import rank_p_values
from tocsin.core.thresholds.tail import Tail, fit_tail
from tocsin.core.types import BoolArray, FloatArray

_REFERENCE = 2001
_GROWTH = 1.02
_FORMAT = 1
_LEARNED_ALARMS = 2.0
_MOST_ALLOWED = 3.0


class StreamingLevel(Level):
    """The state of a stream; made by `StreamingPOT.fit` or `from_state`.

    `update` judges one score and learns from it. `flags`, `levels` and `p_values` run over a batch as the stream would,
    starting from the present state, and leave that state untouched.

    Parameters
    ----------
    risk : float
        Probability that a normal place crosses.
    begin : float
        Where the tail begins, relative to the drifting mean.
    seen, exceeded : int
        Normal scores so far, and how many of them lay above `begin`.
    excesses : list of float
        The newest excesses over `begin`.
    memory : int
        How many of them are kept.
    window : list of float
        The last normal scores, of which the drifting mean is taken; empty for none.
    ordered : ndarray of float
        Calibration scores relative to the drifting mean, ascending: p-values of ordinary places.
    promise, support
        See `Level`.
    """

    def __init__(
        self,
        *,
        risk: float,
        begin: float,
        seen: int,
        exceeded: int,
        excesses: list[float],
        memory: int,
        window: list[float],
        ordered: FloatArray,
        promise: str,
        support: str | None,
    ) -> None:
        self.risk = risk
        self.begin = begin
        self.seen = seen
        self.exceeded = exceeded
        self.promise = promise
        self.support = support
        self._excesses = deque(excesses, maxlen=memory)
        self._window = deque(window, maxlen=len(window) or 1)
        self._depth = len(window)
        self._sum = math.fsum(window)
        self._until_sum = max(self._depth, 1)
        if ordered.size > _REFERENCE:
            ordered = ordered[np.linspace(0, ordered.size - 1, _REFERENCE).astype(np.int64)]
        self._ordered = ordered
        self._allowed = 1.0
        self._highest = float(ordered[-1])
        self._refit()

    def _refit(self) -> None:
        fitted = fit_tail(np.fromiter(self._excesses, dtype=np.float64), 0.0, 1.0)
        self._tail: Tail | None = fitted if isinstance(fitted, Tail) else None
        self.tail_words: str | None = None if isinstance(fitted, Tail) else fitted
        self._refit_at = max(self.exceeded + 1, math.ceil(self.exceeded * _GROWTH))

    @property
    def value(self) -> float:  # type: ignore[override]  # computed where other rules store it
        """The level for the next score."""
        return self._base() + self._above_base()

    def _base(self) -> float:
        return self._sum / self._depth if self._depth else 0.0

    def _above_base(self, part: float = 1.0) -> float:
        """The level over the base, for the risk or a part of it."""
        if self._tail is None:
            return self._highest
        return self.begin + self._tail.level(min(1.0, part * self.risk * self.seen / max(self.exceeded, 1)))

    def _allow(self, places: int) -> None:
        """Normal places cross the level, too, at the rate of the risk: about so many alarms may be learned."""
        self._allowed = min(self._allowed + places * _LEARNED_ALARMS * self.risk, _MOST_ALLOWED)

    def _learn(self, relative: float) -> None:
        """Take a score above the begin of the tail for a normal one."""
        self.seen += 1
        self.exceeded += 1
        self._excesses.append(relative - self.begin)
        if self.exceeded >= self._refit_at:
            self._refit()

    def update(self, score: float) -> bool:
        """Judge the next score, then learn from it if it is normal.

        Returns
        -------
        bool
            True for an alarm. A missing score (NaN) is none, and teaches nothing.
        """
        if math.isnan(score):
            return False
        relative = score - self._base()
        self._allow(1)
        if relative > self.begin and relative > self._above_base():
            if self._allowed >= 1 and self._tail is not None:
                self._allowed -= 1
                self._learn(min(relative, self._above_base(0.1)))
            return True
        if relative > self.begin:
            self._learn(relative)
        else:
            self.seen += 1
        if self._depth:
            self._sum += score - self._window[0]
            self._window.append(score)
            self._until_sum -= 1
            if self._until_sum == 0:
                # Running sums drift by rounding; once per window they are taken afresh.
                self._sum = math.fsum(self._window)
                self._until_sum = self._depth
        return False

    def _copy(self) -> StreamingLevel:
        twin = copy(self)
        twin._excesses = self._excesses.copy()
        twin._window = self._window.copy()
        return twin

    def _run(self, scores: FloatArray) -> tuple[BoolArray, FloatArray, FloatArray]:
        """Return alarms, levels and p-values of a batch that follows the present state."""
        stream = self._copy()
        flat = np.asarray(scores, dtype=np.float64).ravel()
        finite = ~np.isnan(flat)
        with np.errstate(invalid="ignore"):
            # Without a drifting mean, places below the begin of the tail are only counted.
            places = np.flatnonzero(finite if self._depth else flat > self.begin)
        counted = np.concatenate([[0], np.cumsum(finite)])
        alarms = np.zeros(flat.size, dtype=bool)
        bases = np.empty(places.size + 1)
        heights = np.empty(places.size + 1)
        bases[0], heights[0] = stream._base(), stream._above_base()
        tails: list[tuple[int, float, float, Tail]] = []
        skipped = counted[places] - np.concatenate([[0], counted[places + 1]])[:-1]
        steps = zip(places.tolist(), flat[places].tolist(), skipped.tolist(), strict=True)
        for visit, (place, score, before) in enumerate(steps, start=1):
            stream.seen += before
            stream._allow(before)
            bases[visit], heights[visit] = stream._base(), heights[visit - 1]
            relative = score - bases[visit]
            if relative > stream.begin:
                # Between excesses the level moves by one part in the number of scores: it is brought up to date here.
                heights[visit] = stream._above_base()
                if stream._tail is not None:
                    share = min(stream.exceeded / max(stream.seen, 1), 1.0)
                    tails.append((place, relative - stream.begin, share, stream._tail))
            alarms[place] = stream.update(score)
        last_visit = np.searchsorted(places, np.arange(flat.size), side="right")
        p = rank_p_values(self._ordered, flat - bases[last_visit])
        for place, excess, share, tail in tails:
            p[place] = share * float(tail.beyond(excess))
        shape = np.shape(scores)
        levels = (bases + heights)[last_visit]
        return alarms.reshape(shape), levels.reshape(shape), p.reshape(shape)

    def flags(self, scores: FloatArray) -> BoolArray:
        """Return the alarms of a batch that follows the present state."""
        return self._run(scores)[0]

    def levels(self, scores: FloatArray) -> FloatArray:
        """Return the level at every place of a batch that follows the present state."""
        return self._run(scores)[1]

    def p_values(self, scores: FloatArray) -> FloatArray:
        """Return the p-values of a batch that follows the present state."""
        return self._run(scores)[2]

    def extrapolated(self, scores: FloatArray) -> BoolArray:
        """Return which p-values are smaller than one in the normal scores that the stream had seen before."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.p_values(scores) < (1.0 - 1e-9) / (self.seen + 1))

    def to_state(self) -> dict[str, Any]:
        """Return the whole state in JSON values: a stream that is loaded from it goes on as if never interrupted."""
        return {
            "format": _FORMAT,
            "risk": self.risk,
            "begin": self.begin,
            "seen": self.seen,
            "exceeded": self.exceeded,
            "excesses": list(self._excesses),
            "memory": self._excesses.maxlen,
            "window": list(self._window) if self._depth else [],
            "sum": self._sum,
            "until_sum": self._until_sum,
            "refit_at": self._refit_at,
            "allowed": self._allowed,
            "tail": None if self._tail is None else [self._tail.shape, self._tail.scale, self._tail.count],
            "tail_words": self.tail_words,
            "ordered": self._ordered.tolist(),
            "promise": self.promise,
            "support": self.support,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> StreamingLevel:
        """Return the stream of `to_state`; the state may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If the state is damaged or of a newer format.
        """
        if not isinstance(state, dict) or state.get("format") != _FORMAT:
            raise ArtifactError("the stored stream is damaged, or was written by a newer version of tocsin")
        try:
            numbers = {key: np.asarray(state[key], dtype=np.float64) for key in ("excesses", "window", "ordered")}
            single = {key: float(state[key]) for key in ("risk", "begin", "sum", "allowed")}
            counts = {key: int(state[key]) for key in ("seen", "exceeded", "memory", "until_sum", "refit_at")}
            tail = None if state["tail"] is None else [float(v) for v in state["tail"]]
            promise, support, words = state["promise"], state["support"], state["tail_words"]
        except (KeyError, TypeError, ValueError) as wrong:
            raise ArtifactError(f"the stored stream is damaged: {wrong}") from wrong
        ordered = numbers["ordered"]
        sound = (
            all(v.ndim == 1 and np.isfinite(v).all() for v in numbers.values())
            and all(math.isfinite(v) for v in single.values())
            and ordered.size > 0
            and bool((np.diff(ordered) >= 0).all())
            and bool((numbers["excesses"] > 0).all())
            and 0 < single["risk"] < 1
            and 0 <= counts["exceeded"] <= counts["seen"]
            and 0 < counts["memory"] <= 10_000_000
            and numbers["excesses"].size <= counts["memory"]
            and (tail is None or (len(tail) == 3 and all(map(math.isfinite, tail)) and tail[1] > 0))
            and isinstance(promise, str)
            and all(text is None or isinstance(text, str) for text in (support, words))
        )
        if not sound:
            raise ArtifactError("the stored stream is damaged: a part has the wrong type, size or range")
        level = cls(
            risk=single["risk"],
            begin=single["begin"],
            seen=counts["seen"],
            exceeded=counts["exceeded"],
            excesses=numbers["excesses"].tolist(),
            memory=counts["memory"],
            window=numbers["window"].tolist(),
            ordered=ordered,
            promise=promise,
            support=support,
        )
        level._sum, level._allowed = single["sum"], min(single["allowed"], _MOST_ALLOWED)
        level._until_sum, level._refit_at = max(counts["until_sum"], 1), counts["refit_at"]
        level._tail = None if tail is None else Tail(0.0, tail[0], tail[1], 1.0, int(tail[2]))
        level.tail_words = words
        return level
