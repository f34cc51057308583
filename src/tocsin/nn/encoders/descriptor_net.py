"""DescriptorNet: the small convolutional net behind the patch descriptor that comes with tocsin.

It is trained to say what a larger net says about each patch (Bergmann et al., CVPR 2020; the patch description network
of Batzner et al., EfficientAD, WACV 2024), at two depths: a shallow one at a stride of 8 pixels and a deep one at 16.
Separable convolutions make it about as cheap as a MobileNet; borders are padded by repeating the edge, not by zeros, so
that the cells at the border of a picture do not look strange.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class DescriptorConfig:
    """Sizes of the net.

    Parameters
    ----------
    shallow, deep : int
        Channels that come out at strides 8 and 16.
    widths : tuple of int
        Channels at strides 2, 4, 8 and 16.
    blocks : tuple of int
        Residual blocks at strides 4, 8 and 16.
    dilations : tuple of int
        Of the blocks at stride 16, repeated.
    normalised : bool
        Whether convolutions are followed by batch normalisation (while training) or have it folded in.
    edges : {'replicate', 'zeros'}
        What lies beyond the edge. Zeros are faster to train with; repeated edges leave the border of a picture alone.
    """

    shallow: int = 32
    deep: int = 160
    widths: tuple[int, int, int, int] = (24, 32, 64, 144)
    blocks: tuple[int, int, int] = (1, 3, 7)
    dilations: tuple[int, ...] = (1, 1, 2, 1, 2)
    normalised: bool = True
    edges: Literal["zeros", "replicate"] = "replicate"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)


class Unit(nn.Module):
    """Convolution with repeated edges, normalisation, and perhaps an activation."""

    def __init__(
        self, inputs: int, outputs: int, size: int, config: DescriptorConfig, *, stride: int = 1, groups: int = 1,
        dilation: int = 1, active: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.convolution = nn.Conv2d(
            inputs, outputs, size, stride, dilation * (size // 2), dilation, groups,
            bias=not config.normalised, padding_mode=config.edges,
        )  # fmt: skip
        self.norm = nn.BatchNorm2d(outputs) if config.normalised else nn.Identity()
        self.active = active

    def forward(self, values: Tensor) -> Tensor:
        """Return the convolved picture."""
        values = self.norm(self.convolution(values))
        return nn.functional.relu(values, inplace=True) if self.active else values


class Block(nn.Module):
    """Widen, look around channel by channel, narrow; added to what came in where the shapes agree."""

    def __init__(
        self, inputs: int, outputs: int, widen: int, config: DescriptorConfig, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        inner = widen * inputs
        self.steps = nn.Sequential(
            Unit(inputs, inner, 1, config),
            Unit(inner, inner, 3, config, stride=stride, groups=inner, dilation=dilation),
            Unit(inner, outputs, 1, config, active=False),
        )
        self.added = stride == 1 and inputs == outputs

    def forward(self, values: Tensor) -> Tensor:
        """Return the picture after the block."""
        found: Tensor = self.steps(values)
        return values + found if self.added else found


class DescriptorNet(nn.Module):
    """From pictures to descriptors at strides 8 and 16.

    Parameters
    ----------
    config : DescriptorConfig

    Examples
    --------
    >>> net = DescriptorNet(DescriptorConfig()).eval()
    >>> shallow, deep = net(torch.zeros(1, 3, 64, 96))
    >>> tuple(shallow.shape), tuple(deep.shape)
    ((1, 32, 8, 12), (1, 160, 4, 6))
    """

    def __init__(self, config: DescriptorConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c, d = config.widths
        at4, at8, at16 = config.blocks
        self.to4 = nn.Sequential(
            Unit(3, a, 3, config, stride=2),
            Unit(a, a, 3, config, groups=a),
            Block(a, b, 4, config, stride=2),
            *(Block(b, b, 4, config) for _ in range(at4)),
        )
        self.to8 = nn.Sequential(Block(b, c, 4, config, stride=2), *(Block(c, c, 4, config) for _ in range(at8)))
        turns = [config.dilations[i % len(config.dilations)] for i in range(at16)]
        self.to16 = nn.Sequential(
            Block(c, d, 4, config, stride=2), *(Block(d, d, 3, config, dilation=dilation) for dilation in turns)
        )
        self.shallow = nn.Conv2d(c, config.shallow, 1)
        self.deep = nn.Conv2d(d, config.deep, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shallow and the deep descriptors.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)
            RGB from -1 to 1; sides of multiples of 16.

        Returns
        -------
        shallow : Tensor, shape (n, shallow, h / 8, w / 8)
        deep : Tensor, shape (n, deep, h / 16, w / 16)
        """
        at8 = self.to8(self.to4(pictures))
        return self.shallow(at8), self.deep(self.to16(at8))

    def folded(self) -> DescriptorNet:
        """Return the same function with every normalisation folded into its convolution."""
        config = DescriptorConfig(**{**self.config.to_dict(), "normalised": False, "edges": "replicate"})
        plain = DescriptorNet(config).eval()
        for own, other in zip(_units(self), _units(plain), strict=True):
            norm = own.norm
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_var is not None
            assert norm.running_mean is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            other.convolution.weight.data = own.convolution.weight.data * gain.data[:, None, None, None]
            assert other.convolution.bias is not None
            other.convolution.bias.data = (norm.bias - norm.running_mean * gain).data
        for name in ("shallow", "deep"):
            getattr(plain, name).load_state_dict(getattr(self, name).state_dict())
        return plain


def _units(net: nn.Module) -> Iterator[Unit]:
    return (m for m in net.modules() if isinstance(m, Unit))
