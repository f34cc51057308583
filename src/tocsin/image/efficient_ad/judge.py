"""Judge: teacher, student and autoencoder together, and where they disagree about a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tocsin.image.efficient_ad.pupils import Pupils


class Judge(nn.Module):
    """Compares what the three say.

    Parameters
    ----------
    teacher : Module
        From RGB pictures from 0 to 1 to descriptions.
    pupils : Pupils
    mean, spread : Tensor, shape (channels,)
        Of each channel of the teacher's descriptions of normal pictures.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, teacher: nn.Module, pupils: Pupils, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.teacher, self.pupils = teacher, pupils
        self.register_buffer("mean", mean.float().view(1, -1, 1, 1), persistent=False)
        self.register_buffer("spread", spread.float().view(1, -1, 1, 1), persistent=False)

    def target(self, pictures: Tensor) -> Tensor:
        """Return the teacher's descriptions, each channel with zero mean and unit deviation on normal pictures."""
        described: Tensor = self.teacher(pictures)
        return (described - self.mean) / self.spread

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return two maps: student against teacher, and student against autoencoder.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)
            RGB from 0 to 1.

        Returns
        -------
        structural, logical : Tensor, shape (n, rows, columns)
            Mean squared differences over channels.
        """
        structure, arrangement, expected = self.pupils(pictures)
        structural = ((self.target(pictures) - structure) ** 2).mean(dim=1)
        return structural, ((expected - arrangement) ** 2).mean(dim=1)

    def unexplained(self, pictures: Tensor) -> tuple[float, float, float]:
        """Return mean squares of the teacher's descriptions, and of what student and autoencoder miss of them."""
        structure, _, expected = self.pupils(pictures)
        target = self.target(pictures)
        whole, missed, unexpected = (float((d**2).mean()) for d in (target, target - structure, target - expected))
        return whole, missed, unexpected


def statistics(described: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel over pictures, every picture counting the same.

    Parameters
    ----------
    described : list of Tensor, each of shape (1, channels, rows, columns)

    Returns
    -------
    mean, spread : Tensor, shape (channels,)
        The spread of a channel that never changes is 1.

    Examples
    --------
    >>> mean, spread = statistics([torch.full((1, 1, 2, 2), 1.0), torch.full((1, 1, 2, 2), 3.0)])
    >>> float(mean), float(spread)
    (2.0, 1.0)
    """
    mean = torch.stack([one.mean(dim=(0, 2, 3)) for one in described]).mean(dim=0)
    apart = [((one - mean.view(1, -1, 1, 1)) ** 2).mean(dim=(0, 2, 3)) for one in described]
    spread = torch.stack(apart).mean(dim=0).sqrt()
    return mean, torch.where(spread > 1e-6 * spread.max().clamp(min=1e-12), spread, torch.ones_like(spread))
