"""What the audit keeps of events: per trace, or per event where there are no traces, hashes and a few numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.audit.hashing import mixed, rows, sequences, twofold
from tocsin.bench.audit.reading.familiar import Familiar, pairs_of
from tocsin.bench.audit.reading.known import beside
from tocsin.bench.audit.units import UNKNOWN, Units, constant

if TYPE_CHECKING:
    from tocsin.bench.audit.limits import Limits
    from tocsin.core.dataset import Entry
    from tocsin.core.samples import Events
    from tocsin.core.truth import Truth
    from tocsin.core.types import BoolArray, FloatArray, IntArray


class EventReader:
    """Learns what the training part of each group holds, then makes units of whatever it is given.

    Parameters
    ----------
    limits : Limits
    entries : int
        How many samples are to come; the limit on rows is shared among them.
    """

    def __init__(self, limits: Limits, entries: int) -> None:
        self.limits, self.entries = limits, max(entries, 1)
        self.left_out = 0
        self.seen = 0
        self._training: dict[str, list[Events]] = {}
        self._learned: dict[str, Familiar] = {}

    def read(self, entry: Entry, sample: Events, truth: Truth | None) -> Units:
        """Return the units of one sample; those of training samples are learned from at first."""
        familiar = Familiar()
        if entry.split.startswith("train"):
            if sum(len(s) for own in self._training.values() for s in own) < self.limits.events:
                self._training.setdefault(entry.group, []).append(sample)
        else:
            familiar = self._of_group(entry.group, sample)
        mask = None if truth is None else _mask(truth, len(sample))
        in_traces = sample.trace is not None and len(sample.by_trace()[0]) > 1
        made = self._traces(entry, sample, mask, familiar) if in_traces else self._rows(entry, sample, mask, familiar)
        return self._thinned(made)

    def _of_group(self, group: str, sample: Events) -> Familiar:
        """Return what the training part of the group, else of all, holds; without any, the sample's own values."""
        own = group if group in self._training else ""
        if own not in self._learned:
            samples = self._training.get(own) or [s for part in self._training.values() for s in part]
            if not samples:
                return Familiar.of([sample], judged=True)
            self._learned[own] = Familiar.of(samples)
        return self._learned[own]

    def _traces(self, entry: Entry, sample: Events, mask: BoolArray | None, familiar: Familiar) -> Units:
        names, numbers = sample.by_trace()
        count = len(names)
        hashes = rows(sample)
        digests, _ = sequences(hashes, numbers, count)
        lengths = np.bincount(numbers, minlength=count).astype(float)
        _, codes, often = np.unique(hashes, return_inverse=True, return_counts=True)
        share = np.log(often / len(hashes))
        kinds = np.unique(np.stack([numbers, codes], axis=1), axis=0)[:, 0]
        tricks = {
            "distinct events": np.bincount(kinds, minlength=count).astype(float),
            "share of distinct events": np.bincount(kinds, minlength=count) / lengths,
        }
        if familiar.bags is not None and sample.entities:
            pairs, of = pairs_of(hashes, numbers)
            unseen, fresh = ~np.isin(hashes, familiar.events), ~np.isin(pairs, familiar.pairs)
            tricks["share of unseen events"] = np.bincount(numbers, unseen, count) / lengths
            tricks["share of unseen pairs of events"] = np.bincount(of, fresh, count) / np.maximum(lengths - 1, 1)
            scores: Any = familiar.bags.score(sample)
            tricks["unseen bag of events"] = np.asarray(scores.traces, dtype=np.float64)
        columns, categories = beside(sample, count)
        return Units(
            "trace",
            np.array(names, dtype=object),
            constant(entry.split, count),
            constant(entry.group, count),
            _labels(mask, numbers, count),
            digests,
            np.arange(count),
            np.asarray(np.bincount(numbers, share[codes], count), dtype=np.float64),
            {"length": lengths},
            tricks,
            columns,
            categories,
        )

    def _rows(self, entry: Entry, sample: Events, mask: BoolArray | None, familiar: Familiar) -> Units:
        count = len(sample)
        hashes = rows(sample)
        columns, categories = beside(sample, count)
        log_chance = np.zeros(count)
        for name, column in sample.entities.items():
            categories[name] = column.words()
            log_chance += _log_share(column.codes)
        for name, values in sample.numbers.items():
            columns[name] = np.asarray(values, dtype=np.float64)
            log_chance += _log_share(np.unique(values, return_inverse=True)[1])
        tricks: dict[str, FloatArray] = {}
        if familiar.values is not None and sample.entities:
            tricks["rare values"] = np.asarray(familiar.values.score(sample).local, dtype=np.float64)
        return Units(
            "event",
            np.array([f"{entry.id} event {i}" for i in range(count)], dtype=object),
            constant(entry.split, count),
            constant(entry.group, count),
            np.full(count, UNKNOWN) if mask is None else mask.astype(np.int64),
            twofold(hashes),
            np.arange(count),
            log_chance,
            {},
            tricks,
            columns,
            categories,
        )

    def _thinned(self, units: Units) -> Units:
        """Keep the contents whose hash is a multiple of a power of two, enough to stay within the limit."""
        self.seen += len(units)
        room = max(self.limits.rows // self.entries, 1)
        step = 1
        while len(units) / step > room:
            step *= 2
        if step == 1:
            return units
        # Mixed once more: the hash of a short content must not decide by the content's own regularity.
        kept = np.flatnonzero(mixed(units.digests[:, 0]) % np.uint64(step) == 0)
        self.left_out += len(units) - len(kept)
        if not len(kept):
            kept = np.arange(1)
        return units.taken(kept)


def _mask(truth: Truth, count: int) -> BoolArray | None:
    if truth.mask is None and truth.intervals is None:
        return None if truth.label is None else np.full(count, truth.label)
    return truth.as_mask((count,))


def _labels(mask: BoolArray | None, numbers: IntArray, count: int) -> IntArray:
    if mask is None:
        return np.full(count, UNKNOWN)
    return (np.bincount(numbers, mask, count) > 0).astype(np.int64)


def _log_share(codes: IntArray) -> FloatArray:
    """Return the log of the share of each value among all."""
    _, place, often = np.unique(codes, return_inverse=True, return_counts=True)
    return np.asarray(np.log(often / max(len(codes), 1))[place])
