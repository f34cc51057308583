"""Hashes of content: of pictures, values, and events in their order.

128 bits, so that two contents of one hash are a matter of one in 10^20 even among a billion samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tocsin.core.samples import Events
    from tocsin.core.types import AnyArray, IntArray

Hashes: TypeAlias = npt.NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)


def digest(*arrays: AnyArray) -> Hashes:
    """Return the hash of arrays with their shapes and types, shape (2,).

    Examples
    --------
    >>> bool((digest(np.zeros(4)) == digest(np.zeros((2, 2)))).any())
    False
    """
    made = hashlib.blake2b(digest_size=16)
    for array in arrays:
        made.update(f"{array.dtype.str}{array.shape}".encode())
        made.update(np.ascontiguousarray(array).data)
    return np.frombuffer(made.digest(), dtype="<u8").astype(np.uint64)


def mixed(values: Hashes) -> Hashes:
    """Return 64-bit numbers in which every bit depends on every bit of those given (the splitmix64 finaliser)."""
    x = values.astype(np.uint64, copy=True)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    return np.asarray(x ^ (x >> np.uint64(31)))


def words(vocabulary: Sequence[str]) -> Hashes:
    """Return a hash of each word, and of a missing value last, so that the code -1 finds it."""
    made = [hashlib.blake2b(w.encode(errors="surrogateescape"), digest_size=8).digest() for w in (*vocabulary, "\0")]
    return np.frombuffer(b"".join(made), dtype="<u8").astype(np.uint64)


def rows(events: Events) -> Hashes:
    """Return a hash of the values of each event, without its time and trace, shape (n,)."""
    total = np.zeros(len(events), dtype=np.uint64)
    for name, column in sorted(events.entities.items()):
        total += mixed(words(column.vocabulary)[column.codes] ^ words((name,))[0])
    for name, values in sorted(events.numbers.items()):
        bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
        total += mixed(bits ^ words((name,))[0])
    return mixed(total)


def sequences(hashes: Hashes, numbers: IntArray, count: int) -> tuple[Hashes, IntArray]:
    """Return the hash of the events of each trace in their order, shape (count, 2), and each event's place in it.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n,)
        Of each event.
    numbers : ndarray of int, shape (n,)
        The trace of each event.
    """
    place = np.empty(len(numbers), dtype=np.int64)
    order = np.argsort(numbers, kind="stable")
    lengths = np.bincount(numbers, minlength=count)
    place[order] = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = mixed(hashes + (place.astype(np.uint64) + np.uint64(1)) * _ODD)
    made = np.zeros((count, 2), dtype=np.uint64)
    np.add.at(made[:, 0], numbers, at)
    np.add.at(made[:, 1], numbers, mixed(at ^ _ODD))
    return made, place


def twofold(hashes: Hashes) -> Hashes:
    """Return 64-bit hashes as rows of two, for columns of hashes of one width."""
    return np.stack([hashes, mixed(hashes ^ _ODD)], axis=1)
