"""Sparsemax: like softmax a distribution, but with exact zeros."""

from __future__ import annotations

import torch
from torch import Tensor


def sparsemax(values: Tensor, dim: int = -1, expected: int | None = None) -> Tensor:
    """Return the point of the probability simplex nearest to the values.

    Parameters
    ----------
    values : Tensor
        Any shape.
    dim : int
        Along which the result sums to 1.
    expected : int, optional
        With long rows: how many values are sorted at first. Results do not depend on it: if any row has as many
        that count, all are sorted after all.

    Returns
    -------
    Tensor
        Of the same shape. Its gradient is that of the projection: within the support, less its mean there.

    References
    ----------
    Martins and Astudillo, "From Softmax to Sparsemax", ICML 2016.

    Examples
    --------
    >>> [round(v, 4) for v in sparsemax(torch.tensor([1.0, 0.8, 0.1, -0.5])).tolist()]
    [0.6, 0.4, 0.0, 0.0]
    """
    shifted = values - values.amax(dim=dim, keepdim=True).detach()
    if expected is not None and expected < shifted.shape[dim]:
        highest = shifted.topk(expected, dim=dim).values
        threshold, support = _threshold(highest, dim)
        if int(support.max()) < expected:
            return (shifted - threshold).clamp(min=0)
    threshold, _ = _threshold(shifted.sort(dim=dim, descending=True).values, dim)
    return (shifted - threshold).clamp(min=0)


def _threshold(ordered: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """What is taken off every value so that those left above 0 sum to 1, and how many these are."""
    shape = [1] * ordered.dim()
    shape[dim] = -1
    numbers = torch.arange(1, ordered.shape[dim] + 1, device=ordered.device, dtype=ordered.dtype).view(shape)
    sums = ordered.cumsum(dim)
    support = (1 + numbers * ordered > sums).sum(dim=dim, keepdim=True)
    return (sums.gather(dim, support - 1) - 1) / support, support
