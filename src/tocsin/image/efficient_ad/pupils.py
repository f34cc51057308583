"""The two that learn: the student and the autoencoder, which are trained together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tocsin.image.efficient_ad.autoencoder import GlobalAutoencoder
from tocsin.nn.encoders.pretrained import IMAGENET
from tocsin.nn.pdn import PDN, PDNSize, cells

NARROWEST = 8
USUAL = 64


class Pupils(nn.Module):
    """Student and autoencoder for pictures of one size.

    Parameters
    ----------
    size : (int, int)
        Height and width of pictures.
    outputs : int
        Channels of the teacher's descriptions; the student has twice as many, its second half is for the autoencoder.
    model : {'small', 'medium'}
        Size of the student.
    width : int, optional
        Channels of its first layer, and at most so many in the autoencoder; the published numbers when left out.

    Examples
    --------
    >>> structure, arrangement, expected = Pupils((64, 64), 6, width=4)(torch.zeros(1, 3, 64, 64))
    >>> tuple(structure.shape), tuple(arrangement.shape), tuple(expected.shape)
    ((1, 6, 8, 8), (1, 6, 8, 8), (1, 6, 8, 8))
    """

    def __init__(self, size: tuple[int, int], outputs: int, model: PDNSize = "small", width: int | None = None) -> None:
        super().__init__()
        self.outputs = outputs
        self.student = PDN(2 * outputs, model, width)
        inside = USUAL if width is None else max(NARROWEST, min(USUAL, width))
        self.autoencoder = GlobalAutoencoder(size, (cells(size[0]), cells(size[1])), outputs, inside)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the student says of the teacher and of the autoencoder, and what the autoencoder says.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)
            RGB from 0 to 1.

        Returns
        -------
        three Tensors, each of shape (n, outputs, rows, columns)
        """
        said, expected = self.both(pictures, pictures)
        return said[:, : self.outputs], said[:, self.outputs :], expected

    def both(self, for_student: Tensor, for_autoencoder: Tensor) -> tuple[Tensor, Tensor]:
        """Return all that the student says of some pictures, and what the autoencoder says of others."""
        return self.student(standardised(for_student)), self.autoencoder(standardised(for_autoencoder))


def standardised(pictures: Tensor) -> Tensor:
    """Return colours as the published networks take them; done here and nowhere else, or it would be done twice."""
    mean, spread = (torch.tensor(v, dtype=pictures.dtype, device=pictures.device).view(3, 1, 1) for v in IMAGENET)
    return (pictures - mean) / spread
