"""Lookup: from 63-bit hashes to small codes, many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import IntArray

# Slots for each key: most keys have a slot to themselves, and the table of twenty thousand words stays in the cache.
ROOM = 8


class Lookup:
    """A table of slots by the low bits of a hash; keys that share a slot with another are found by bisection.

    Parameters
    ----------
    keys : ndarray of int64
        Different numbers, 0 or above.
    codes : ndarray of int
        What each of them stands for.

    Examples
    --------
    >>> Lookup(np.array([7, 1 << 40]), np.array([0, 1])).codes(np.array([1 << 40, 7, 3])).tolist()
    [1, 0, -1]
    """

    def __init__(self, keys: IntArray, codes: IntArray) -> None:
        self._order = np.argsort(keys)
        self._keys, self._codes = keys, np.asarray(codes, dtype=np.int32)
        self._sorted = keys[self._order]
        self._mask = (1 << (ROOM * keys.size - 1).bit_length()) - 1
        self._slots = np.full(self._mask + 1, -1, dtype=np.int32)
        self._slots[keys & self._mask] = np.arange(keys.size)

    def codes(self, values: IntArray) -> IntArray:
        """Return the code of each value, -1 for those that are no key."""
        slots = self._slots[values & self._mask]
        found = np.where(self._keys[slots] == values, self._codes[slots], -1)
        lost = np.flatnonzero(self._keys[slots] != values)
        if lost.size:
            places = np.minimum(np.searchsorted(self._sorted, values[lost]), self._sorted.size - 1)
            hit = self._sorted[places] == values[lost]
            found[lost[hit]] = self._codes[self._order[places[hit]]]
        return found
