"""Refiner: from what could not be rebuilt to a mask four times as fine."""

from __future__ import annotations

from torch import Tensor, nn


class Refiner(nn.Module):
    """Two convolutions, each followed by one that doubles the sides, and a last one of a single pixel.

    Parameters
    ----------
    channels : int
        Numbers of a descriptor.
    inner : int

    Examples
    --------
    >>> sum(p.numel() for p in Refiner(272).parameters())
    592769
    """

    def __init__(self, channels: int, inner: int = 128) -> None:
        super().__init__()
        self.steps = nn.Sequential(*self._doubling(channels, inner), *self._doubling(inner, inner))
        self.out = nn.Conv2d(inner, 1, 1)

    @staticmethod
    def _doubling(channels: int, inner: int) -> tuple[nn.Module, ...]:
        return (
            nn.Conv2d(channels, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.ConvTranspose2d(inner, inner, 2, stride=2),
        )

    def forward(self, rebuilt: Tensor, given: Tensor) -> Tensor:
        """Return logits of a defect, shape (n, 4 rows, 4 columns), from descriptors (n, channels, rows, columns)."""
        return self.out(self.steps((rebuilt - given).abs()))[:, 0]  # type: ignore[no-any-return]
