"""Roles of channels: which are forecast, and which may explain the misses of which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import BoolArray, IntArray


def targets_of(sample: Series, targets: Sequence[str] | None, covariates: Sequence[str] | None) -> IntArray:
    """Return the numbers of the channels to forecast: those named, or all but the covariates.

    Raises
    ------
    InputError
        If a channel is unknown or has two roles, or none is left to forecast.
    """
    beside = () if covariates is None else sample.select(list(covariates)).channels
    chosen = tuple(c for c in sample.channels if c not in beside)
    if targets is not None:
        chosen = sample.select(list(targets)).channels
    both = [c for c in chosen if c in beside]
    if both:
        raise InputError(f"{both[0]!r} is a target and a covariate: name it once")
    if not chosen:
        raise InputError("every channel is a covariate: leave at least one to forecast")
    return np.array([sample.channels.index(c) for c in chosen])


def covariates_of(sample: Series, targets: IntArray, covariates: Sequence[str] | None) -> list[int]:
    """Return the numbers of the channels that may explain: those named, or all that are no targets.

    Where every channel is a target, each may explain the others.
    """
    if covariates is not None:
        return [sample.channels.index(c) for c in sample.select(list(covariates)).channels]
    rest = [c for c in range(len(sample.channels)) if c not in targets]
    return rest or list(range(len(sample.channels)))


def may_explain(targets: IntArray, covariates: Sequence[int], copies: BoolArray) -> BoolArray:
    """Return which channels may explain each target, shape (targets, channels): never itself or a copy of it.

    Parameters
    ----------
    targets, covariates
        Numbers of channels.
    copies : ndarray of bool, shape (c, c)
        Which channels move together, from `alike.correlated`.

    Examples
    --------
    >>> may_explain(np.array([0]), [0, 2], np.eye(3, dtype=bool)).tolist()
    [[False, False, True]]
    """
    allowed = np.zeros((len(targets), len(copies)), dtype=bool)
    allowed[:, list(covariates)] = ~copies[targets][:, list(covariates)]
    return allowed
