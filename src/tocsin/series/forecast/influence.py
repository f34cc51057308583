"""Influence: what each covariate adds to the score of a target, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Influence:
    """Exact TreeSHAP values, summed over the lags of each covariate.

    Parameters
    ----------
    names : tuple of str
        All channels; those that may not explain the target have zeros throughout.
    values : ndarray, shape (m, c)
        The covariates' values at the rows, in their own units: with `phi`, the points of a beeswarm.
    phi : ndarray, shape (m, c)
        Robust standard deviations added to the score that is forecast.
    base : ndarray, shape (m,)
        What is forecast when nothing is known; ``phi.sum(axis=1) + base`` is the forecast of the score.
    """

    names: tuple[str, ...]
    values: FloatArray
    phi: FloatArray
    base: FloatArray
