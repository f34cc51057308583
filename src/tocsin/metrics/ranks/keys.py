"""Floats as unsigned integers of the same order, so that their leading bits make bins that no rescaling can upset.

IEEE 754 floats of one sign already sort like their bit patterns; setting the sign bit of the positive ones and flipping
every bit of the negative ones puts all of them in one rising order.  The leading bits of such a key are sign, exponent
and first digits: a bin of constant *relative* width, found without knowing the range of the scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError


def sortable_key(scores: FloatArray) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Map float32 (float64) scores to uint32 (uint64) keys with ``a < b`` exactly where ``key(a) < key(b)``.

    Negative zero gets the key of zero.

    Examples
    --------
    >>> keys = sortable_key(np.array([-2.0, -0.0, 0.0, 1e-30, 3.0], dtype=np.float32))
    >>> bool(keys[1] == keys[2]), bool((keys[[0, 1, 3]] < keys[[1, 3, 4]]).all())
    (True, True)
    """
    kind, sign = _unsigned(scores.dtype)
    bits = np.ascontiguousarray(scores + scores.dtype.type(0)).view(kind)  # -0.0 + 0.0 is 0.0
    return np.where(bits & sign, ~bits, bits | sign)


def score_of_key(keys: npt.NDArray[np.unsignedinteger[Any]]) -> FloatArray:
    """Return the score that `sortable_key` maps to each key."""
    kind: type[np.floating[Any]] = np.float32 if keys.dtype.itemsize == 4 else np.float64
    _, sign = _unsigned(np.dtype(kind))
    bits: FloatArray = np.where(keys & sign, keys ^ sign, ~keys).view(kind)
    return bits


def _unsigned(dtype: np.dtype[Any]) -> tuple[type[np.unsignedinteger[Any]], np.unsignedinteger[Any]]:
    if dtype == np.float32:
        return np.uint32, np.uint32(1 << 31)
    if dtype == np.float64:
        return np.uint64, np.uint64(1 << 63)
    raise MetricError(f"sortable keys exist for float32 and float64 scores, not for {dtype}")
