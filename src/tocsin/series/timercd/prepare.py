"""From a window of numbers to what the network reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


def standardise(windows: FloatArray) -> FloatArray:
    """Return windows (..., time) with zero mean and unit population deviation; constant ones become zero."""
    centred = windows - windows.mean(axis=-1, keepdims=True)
    spread = centred.std(axis=-1, keepdims=True)
    # Rounding leaves a constant window with a tiny spread that must not be blown up to one.
    floor = 1e-6 * np.abs(windows).max(axis=-1, keepdims=True) + 1e-12
    return np.asarray(np.where(spread > floor, centred / np.maximum(spread, floor), 0.0))


def features(windows: FloatArray, inputs: int, damped: bool = True, *, standardised: bool = False) -> FloatArray:
    """Return network inputs of shape (..., time, inputs) as float32.

    Parameters
    ----------
    windows : ndarray of shape (..., time)
        Raw values.
    inputs : int
        1: standardised values. 2: beside them the first differences, in units of their mean size.
    damped : bool
        Pass values through asinh, so that one huge outlier does not flatten everything else (ours); the published
        checkpoints read standardised values as they are.
    standardised : bool
        Whether that has happened already, over the series as a whole.
    """
    z = windows if standardised else standardise(windows)
    found = [np.arcsinh(z) if damped else z]
    if inputs == 2:
        change = np.diff(z, axis=-1, prepend=z[..., :1])
        size = np.abs(change).mean(axis=-1, keepdims=True)
        found.append(np.arcsinh(change / np.maximum(size, 1e-6)))
    return np.stack(found, axis=-1).astype(np.float32)
