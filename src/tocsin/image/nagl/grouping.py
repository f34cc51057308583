"""Which marked references belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

NAMED = 3


def grouped(
    residuals: Sequence[FloatArray], kinds: Sequence[str], names: Sequence[str], most: int, most_kinds: int
) -> list[tuple[str, list[int]]]:
    """Put references of a kind together.

    Parameters
    ----------
    residuals : sequence of ndarray, each of shape (c,)
        How each reference's defect differs from normal, on average.
    kinds : sequence of str
        What each is said to be; empty where nobody says.
    names : sequence of str
        What references are called.
    most : int
        The largest number of groups where kinds are not known.
    most_kinds : int
        Where kinds are known; with more of them, they are not looked at.

    Returns
    -------
    list of (str, list of int)
        A name and the places of the members; every reference is in one group.

    Examples
    --------
    >>> ways = [np.array([1.0, 0]), np.array([0, 1.0]), np.array([2.0, 0.1])]
    >>> grouped(ways, ["", "", ""], ["a", "b", "c"], 2, 6)
    [('a, c', [0, 2]), ('b', [1])]
    >>> grouped(ways, ["dent", "dent", "hole"], ["a", "b", "c"], 1, 6)
    [('dent', [0, 1]), ('hole', [2])]
    """
    known = list(dict.fromkeys(kinds))
    if all(kinds) and 1 < len(known) <= most_kinds:
        return [(kind, [n for n, k in enumerate(kinds) if k == kind]) for kind in known]
    labels = np.zeros(len(names), dtype=int)
    if most > 1:
        from sklearn.cluster import KMeans

        ways = np.stack(residuals).astype(np.float64)
        ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-12)
        distinct = len(np.unique(ways.round(9), axis=0))
        labels = KMeans(min(most, distinct), n_init=4, random_state=0).fit_predict(ways)
    members = [[n for n, label in enumerate(labels) if label == one] for one in dict.fromkeys(labels.tolist())]
    return [(_called([names[n] for n in group]), group) for group in members]


def _called(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
