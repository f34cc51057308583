"""Why a pair does not belong together, in words, against what each of the two was usually seen with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.words import number

if TYPE_CHECKING:
    from tocsin.core.types import IntArray
    from tocsin.events._encoder import TableEncoder
    from tocsin.events.ape._partners import Partners

LONGEST = 60


def explain_pair(encoder: TableEncoder, partners: Partners, pair: int, codes: IntArray, share: float) -> Evidence:
    """Say how often two words of a row were seen together, and what the choosier of them goes with instead.

    Parameters
    ----------
    encoder : TableEncoder
        Knows the words.
    partners : Partners
        Knows who was seen with whom.
    pair : int
        Which two columns, in the order of `numpy.triu_indices`.
    codes : ndarray of int, shape (m,)
        The row.
    share : float
        How much of the strangeness the pair accounts for.
    """
    left, right = np.triu_indices(len(codes), 1)
    i, j = int(left[pair]), int(right[pair])
    a, b = int(codes[i]), int(codes[j])
    of_a, share_a = partners.usual(pair, a, of_left=True)
    of_b, share_b = partners.usual(pair, b, of_left=False)
    # The side whose few usual partners cover more is the one that this pair is strange for.
    if share_a >= share_b:
        here, there, subject, other, usual = i, j, a, b, of_a
    else:
        here, there, subject, other, usual = j, i, b, a, of_b
    expected = tuple(encoder.words(there, code) for code in usual if code != other)
    names, words = encoder.columns, encoder.words
    often = partners.together(pair, a, b)
    told = f"{names[here]} {short(words(here, subject))} "
    told += _how_often(often, partners.complete[pair])
    told += f" {names[there]} {short(words(there, other))}"
    if expected:
        told += f"; it goes with {_listed([short(word) for word in expected])}"
    return Evidence(f"{names[i]} x {names[j]}", share, f"{words(i, a)}, {words(j, b)}", expected, told)


def short(word: str) -> str:
    """Cut a word that is too long for a sentence."""
    return word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…"


def _how_often(often: float, complete: bool) -> str:
    if often:
        return f"went only {number(often)} time{'' if often == 1 else 's'} with"
    return "never goes with" if complete else "hardly ever goes with"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
