"""Vocabulary: the words of one entity column, by how often they occur, and what becomes of all others.

Code 0 stands for every word that was never seen while learning. Missing is a word like any other: where values were
missing while learning, missing is known, and otherwise it is unseen.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError, InputError

if TYPE_CHECKING:
    from tocsin.core.samples.events import Column
    from tocsin.core.types import FloatArray, IntArray

UNSEEN = 0
UNSEEN_WORD, MISSING_WORD = "(unseen)", "(missing)"
MOST_BUCKETS = 1024


class Vocabulary:
    """Codes of the words of one column.

    Parameters
    ----------
    words : sequence of str
        The word of code 1, of code 2 and so on.
    missing : int
        Which code stands for missing values; 0 where none were missing while learning.
    buckets : int
        How many codes after those of the words are shared by all rarer words, told apart by a hash.

    Examples
    --------
    >>> v = Vocabulary.of({"ssh": 7, "cron": 2, None: 1})
    >>> v.codes_of(["cron", "ssh", "nmap"]).tolist(), v.word(3), v.size
    ([2, 1, 0], '(missing)', 4)
    """

    def __init__(self, words: Iterable[str], missing: int = 0, buckets: int = 0) -> None:
        self.words = list(words)
        self.missing = missing
        self.buckets = buckets
        self.bucket_start = len(self.words) + 1
        self._code = self._numbered()

    @classmethod
    def of(
        cls,
        counts: Mapping[str | None, float],
        *,
        most: int = 0,
        beyond: str = "kept",
        column: str = "",
        buckets: int = 0,
    ) -> Self:
        """Make the vocabulary of counted words (None is missing); most frequent first, ties in the words' order.

        Parameters
        ----------
        counts : mapping
            How often each word occurs.
        most : int
            From how many distinct words on `beyond` says what happens; no limit where 0.
        beyond : {'kept', 'hashed', 'refused'}
            Keep a code for every word; keep one for the `most` most frequent and let all rarer words share `buckets`
            codes by a hash; or refuse the column.
        column : str
            Its name, for the refusal.
        buckets : int
            How many shared codes there are; as many as `most`, up to 1024, when 0.

        Raises
        ------
        InputError
            If the column has too many words and is to be refused.
        """
        ordered = sorted(counts, key=lambda w: (-counts[w], w is not None, w or ""))
        shared = 0
        if most and len(ordered) > most and beyond != "kept":
            if beyond == "refused":
                raise InputError(
                    f"column {column!r} has {len(ordered):,} different values, more than the {most:,} allowed: leave "
                    f"it out, raise max_values, or set beyond to 'kept' or 'hashed'"
                )
            kept = ordered[:most]
            if None in counts and None not in kept:
                kept.append(None)
            ordered, shared = kept, buckets or min(most, MOST_BUCKETS)
        missing = ordered.index(None) + 1 if None in counts else 0
        return cls((MISSING_WORD if w is None else w for w in ordered), missing, shared)

    @property
    def size(self) -> int:
        """How many codes there are, code 0 included."""
        return len(self.words) + self.buckets + 1

    def codes_of(self, words: Sequence[str]) -> IntArray:
        """Return the code of each word."""
        found = np.fromiter((self._code.get(w, UNSEEN) for w in words), np.int64, len(words))
        if self.buckets:
            for i in np.flatnonzero(found == UNSEEN).tolist():
                found[i] = self.bucket_start + _hash(words[i]) % self.buckets
        return found

    def encode(self, column: Column) -> IntArray:
        """Return the codes of a column's rows: its vocabulary is looked up once, never its rows."""
        # The last entry is reached by code -1, which means missing.
        table = np.append(self.codes_of(column.vocabulary), self.missing)
        return np.asarray(table[column.codes])

    def grow(self, column: Column) -> int:
        """Give new words that rows of a column use codes of their own, and return how many there were.

        Nothing is new in a hashed column: every word has its bucket already.
        """
        if self.buckets:
            return 0
        used = np.unique(column.codes)
        fresh = [w for w in (column.vocabulary[c] for c in used[used >= 0]) if w not in self._code]
        if not self.missing and used.size and used[0] < 0:
            fresh.append(MISSING_WORD)
            self.missing = len(self.words) + len(fresh)
        self.words += fresh
        self._code = self._numbered()
        return len(fresh)

    def word(self, code: int) -> str:
        """Return what a code stands for, in words."""
        if not 0 < code < self.size:
            return UNSEEN_WORD
        if self.buckets and code >= self.bucket_start:
            return f"(rare values, bucket {code - self.bucket_start + 1} of {self.buckets})"
        return self.words[code - 1]

    def state(self) -> dict[str, Any]:
        """Return what a model stores: the words as one run of UTF-8 and their lengths."""
        packed = [w.encode("utf-8", "surrogatepass") for w in self.words]
        return {
            "kind": "entity",
            "text": np.frombuffer(b"".join(packed), dtype=np.uint8).copy(),
            "lengths": np.array([len(p) for p in packed], dtype=np.int32),
            "missing": self.missing,
            "buckets": self.buckets,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from `state`, which may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        text, lengths = np.asarray(state["text"]), np.asarray(state["lengths"])
        missing, buckets = int(state["missing"]), int(state["buckets"])
        sound = text.dtype == np.uint8 and lengths.dtype.kind == "i" and text.ndim == lengths.ndim == 1
        if not sound or (lengths < 0).any() or int(lengths.sum(dtype=np.int64)) != len(text):
            raise ArtifactError("the stored vocabulary is damaged: its text and its lengths do not fit")
        if not 0 <= missing <= len(lengths) or not 0 <= buckets <= 1 << 24:
            raise ArtifactError("the stored vocabulary is damaged: its code of missing values cannot be that")
        raw, ends = text.tobytes(), np.cumsum(lengths, dtype=np.int64)
        try:
            words = [raw[e - n : e].decode("utf-8", "surrogatepass") for e, n in zip(ends, lengths, strict=True)]
        except UnicodeDecodeError:
            raise ArtifactError("the stored vocabulary is damaged: it is no UTF-8") from None
        return cls(words, missing, buckets)

    def _numbered(self) -> dict[str, int]:
        return {w: i for i, w in enumerate(self.words, start=1) if i != self.missing}


def count_words(column: Column, weights: FloatArray | None = None) -> Counter[str | None]:
    """Return how often each word of a column occurs in its rows, weighted; None counts what is missing."""
    size = len(column.vocabulary)
    slots = np.where(column.codes < 0, size, column.codes)
    totals = np.bincount(slots, weights=weights, minlength=size + 1)
    present = np.flatnonzero(np.bincount(slots, minlength=size + 1))
    return Counter({(column.vocabulary[i] if i < size else None): totals[i].item() for i in present})


def _hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))
