"""Scoring a series that is too long for memory, or not over yet, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Series

if TYPE_CHECKING:
    from tocsin.core.detector import Detector
    from tocsin.core.scores import Scores


def score_stream(detector: Detector, parts: Iterable[Series]) -> Iterator[tuple[Series, Scores]]:
    """Score consecutive parts of one series so that each place gets the score it would have in the whole.

    A score looks at `detector.reach` places, so the last ones of a part wait for the next part, and a stretch of the
    past is carried along. Memory holds one part and two reaches.

    Parameters
    ----------
    detector : Detector
        Fitted, with a card that says `streams`.
    parts : iterable of Series
        In order, with the channels that were learned.

    Yields
    ------
    (Series, Scores)
        Together they cover every place once, in order.

    Raises
    ------
    InputError
        If the detector needs the whole series at once, or parts overlap in time.
    """
    if not detector.card.streams:
        raise InputError(f"{detector.card.name} looks at the whole series at once and cannot go through it in parts")
    reach = detector.reach
    held: Series | None = None
    waiting = 0  # places at the end of `held` that have not been given a score yet
    for part in parts:
        joined = part if held is None else _join(held, part)
        fresh = len(joined) - (0 if held is None else len(held) - waiting)
        ready = max(0, fresh - reach)
        first = len(joined) - fresh
        if ready:
            yield _cut(joined, detector.score(joined), first, first + ready)
        waiting = fresh - ready
        held = joined.take(max(0, len(joined) - waiting - 2 * reach), len(joined))
    if held is not None and waiting:
        yield _cut(held, detector.score(held), len(held) - waiting, len(held))


def _join(before: Series, after: Series) -> Series:
    if before.channels != after.channels:
        raise InputError(
            f"a part of the stream has channels {after.channels} where the one before has {before.channels}"
        )
    time = None
    if before.time is not None and after.time is not None:
        if after.time[0] < before.time[-1]:
            raise InputError(
                f"time goes back from {before.time[-1]} to {after.time[0]} between two parts: sort the file"
            )
        time = np.concatenate((before.time, after.time))
    return replace(before, values=np.concatenate((before.values, after.values)), time=time)


def _cut(series: Series, scores: Scores, start: int, stop: int) -> tuple[Series, Scores]:
    assert scores.local is not None
    local = scores.local[start:stop]
    parts = None if scores.parts is None else scores.parts[start:stop]
    overall = float(np.nanmax(local)) if np.isfinite(local).any() else float("nan")
    return series.take(start, stop), replace(scores, local=local, parts=parts, overall=overall)
