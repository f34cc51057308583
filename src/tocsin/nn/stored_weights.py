"""Weights that a model keeps as arrays, put back into a net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import nn

from tocsin.core.errors import ArtifactError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

Net = TypeVar("Net", bound=nn.Module)


def put_back(net: Net, weights: Mapping[str, FloatArray]) -> Net:
    """Give a net, which may be without memory of its own yet, the stored weights; ready for use, no longer trained.

    Raises
    ------
    ArtifactError
        If an array is missing or of another shape.

    Examples
    --------
    >>> net = put_back(nn.Linear(1, 1), {"weight": np.array([[2.0]]), "bias": np.array([1.0])})
    >>> float(net(torch.tensor([[3.0]])))
    7.0
    """
    for name, wanted in net.state_dict().items():
        shape = getattr(weights.get(name), "shape", None)
        if shape != tuple(wanted.shape):
            raise ArtifactError(f"its network is another one: {name} has shape {shape}, not {tuple(wanted.shape)}")
    arrays = {key: torch.from_numpy(np.array(value, dtype=np.float32)) for key, value in weights.items()}
    net.load_state_dict(arrays, assign=True)
    return net.eval().requires_grad_(False)
