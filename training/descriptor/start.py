"""Go on from exported weights: give them their normalisations back, so that they can be trained again."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from tocsin.nn.encoders.descriptor import read
from tocsin.nn.encoders.descriptor_net import DescriptorNet, Unit


@torch.no_grad()
def go_on_from(file: Path, net: DescriptorNet, pictures: Tensor) -> None:
    """Put exported weights into a net with normalisations; it computes the same function, but for the edges.

    Parameters
    ----------
    file : Path
        What `tocsin.nn.encoders.descriptor.write` wrote.
    net : DescriptorNet
        With normalisations, of the same sizes; changed in place.
    pictures : Tensor, shape (n, 3, h, w)
        What means and spreads are taken from, -1 to 1.
    """
    plain = read(file).net
    found: list[tuple[Tensor, Tensor]] = []
    hooks = [u.convolution.register_forward_hook(_keeper(found)) for u in plain.modules() if isinstance(u, Unit)]
    plain(pictures)
    for hook in hooks:
        hook.remove()
    units = [u for u in plain.modules() if isinstance(u, Unit)], [u for u in net.modules() if isinstance(u, Unit)]
    for old, new, (mean, spread) in zip(*units, found, strict=True):
        norm = new.norm
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert old.convolution.bias is not None
        new.convolution.weight.copy_(old.convolution.weight)
        norm.running_mean.copy_(mean - old.convolution.bias)
        norm.running_var.copy_(spread)
        norm.weight.copy_(torch.sqrt(spread + norm.eps))
        norm.bias.copy_(mean)
    for name in ("shallow", "deep"):
        getattr(net, name).load_state_dict(getattr(plain, name).state_dict())


def _keeper(found: list[tuple[Tensor, Tensor]]) -> object:
    def keep(_module: nn.Module, _given: object, values: Tensor) -> None:
        found.append((values.mean(dim=(0, 2, 3)), values.var(dim=(0, 2, 3), unbiased=False)))

    return keep
