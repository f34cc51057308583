"""Familiar: what the training part holds, against which one-liners for events look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.hashing import mixed, rows
from tocsin.bench.floors.frequency_prior import FrequencyPrior
from tocsin.bench.floors.unseen_bag import UnseenBag

if TYPE_CHECKING:
    from tocsin.bench.audit.hashing import Hashes
    from tocsin.core.samples import Events
    from tocsin.core.types import IntArray


@dataclass(frozen=True, eq=False)
class Familiar:
    """What was learned from: how rare its values are, and which events, pairs of them and bags of them it holds.

    Parameters
    ----------
    values : FrequencyPrior, optional
    bags : UnseenBag, optional
        None where the training part has no traces, or there is no training part.
    events, pairs : ndarray of uint64
        Sorted hashes.
    """

    values: FrequencyPrior | None = None
    bags: UnseenBag | None = None
    events: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    pairs: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))

    @classmethod
    def of(cls, samples: Sequence[Events], *, judged: bool = False) -> Familiar:
        """Learn from samples.

        Parameters
        ----------
        samples : sequence of Events
        judged : bool
            Whether they are those to be judged: then nothing of them is new, and only how rare values are is learned.
        """
        named = [sample for sample in samples if sample.entities]
        values = FrequencyPrior().fit(named) if named else None
        if judged or len(named) < len(samples) or any(sample.trace is None for sample in samples):
            return cls(values)
        hashes = [(rows(sample), sample.by_trace()[1]) for sample in samples]
        return cls(
            values,
            UnseenBag().fit(samples),
            np.unique(np.concatenate([h for h, _ in hashes])),
            np.unique(np.concatenate([pairs_of(h, n)[0] for h, n in hashes])),
        )


def pairs_of(hashes: Hashes, numbers: IntArray) -> tuple[Hashes, IntArray]:
    """Return a hash of each two events that follow each other in a trace, and the trace of each.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n,)
    numbers : ndarray of int, shape (n,)
        The trace of each event.
    """
    order = np.argsort(numbers, kind="stable")
    of = numbers[order]
    same = of[1:] == of[:-1]
    first, second = hashes[order][:-1][same], hashes[order][1:][same]
    return mixed(mixed(first) + second), of[1:][same]
