"""Training of a teacher: a patch description network learns to say what a larger encoder says about each patch.

Section 3 of Batzner et al., WACV 2024, for any encoder and with made-up pictures instead of photographs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tocsin.core.errors import InputError
from tocsin.image._training import device_of, step_rng
from tocsin.image._training import train as run
from tocsin.image.efficient_ad.judge import statistics
from tocsin.image.efficient_ad.losses import GREY
from tocsin.image.efficient_ad.pupils import standardised
from tocsin.nn.encoders import shared_encoder
from tocsin.nn.pdn import LEAST_SIDE, PDN, PDNSize

WEIGHT_DECAY = 1e-5
GREY_SHARE = 0.1
WIDE = 1024
STRIDE = 4


def distil(
    encoder: str = "tocsin",
    *,
    layers: Sequence[int] | None = None,
    outputs: int = 384,
    size: PDNSize = "small",
    width: int | None = None,
    side: int = 256,
    steps: int = 60_000,
    batch: int = 16,
    rate: float = 1e-4,
    pictures: int = 10_000,
    seed: int = 0,
    folder: str | None = None,
    precision: str = "32-true",
) -> PDN:
    """Train a teacher from an encoder; `tocsin.nn.pdn.write_pdn` stores it for ``EfficientAD(teacher=FILE)``.

    Parameters
    ----------
    encoder, layers
        What is imitated; see `tocsin.nn.encoders.make_encoder`. It sees pictures of twice the side.
    outputs, size, width
        Of the network.
    side : int
        Of pictures, a multiple of 16.
    steps, batch, rate
        Of training; the source's are the defaults and take days without a graphics card.
    pictures : int
        How many pictures tell mean and deviation of each channel of the encoder's descriptions.
    seed : int
        Of first weights and pictures.
    folder : str, optional
        Where training goes on after it was stopped.
    precision : {'32-true', 'bf16-mixed'}

    Returns
    -------
    PDN
        Without padding, ready for use.

    Raises
    ------
    InputError
        If a number is out of range or there is no such encoder.
    ArtifactError
        If the folder holds another run.

    Examples
    --------
    >>> teacher = distil("random:tocsin", outputs=8, width=4, side=64, steps=2, batch=1, pictures=2)
    >>> tuple(teacher(torch.zeros(1, 3, 64, 64)).shape)
    (1, 8, 8, 8)
    """
    if side % 16 or side < LEAST_SIDE or min(outputs, steps, batch, pictures) < 1:
        raise InputError(
            f"a teacher is trained with a side of a multiple of 16 from 48 on, and at least one output, step, picture "
            f"and picture at a step; side={side}, outputs={outputs}, steps={steps}, batch={batch}, pictures={pictures}"
        )
    known = shared_encoder(encoder, None if layers is None else tuple(layers))
    cells = (side // STRIDE, side // STRIDE)

    def described(shown: Tensor) -> Tensor:
        with torch.no_grad():
            return embedding(known.layers(shown), outputs, cells)

    mean, spread = statistics([described(_picture(seed, n, 2 * side)) for n in range(pictures)])
    mean, spread = mean.view(1, -1, 1, 1), spread.view(1, -1, 1, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = PDN(outputs, size, width, padded=True)

    def loss_of(step: int) -> Tensor:
        shown = torch.cat([_picture(seed, pictures + step * batch + k, 2 * side) for k in range(batch)])
        with torch.autocast("cpu", enabled=False):
            target = (described(shown) - mean) / spread
        said = net(standardised(functional.avg_pool2d(shown, 2)).to(device_of(net)))
        loss: Tensor = ((said.float() - target.to(said.device)) ** 2).mean()
        return loss

    notes = {"encoder": encoder, "side": side, "steps": steps, "batch": batch}
    run(
        net, loss_of, steps=steps, rate=rate, seed=seed, folder=folder, weight_decay=WEIGHT_DECAY, notes=notes,
        precision=precision,
    )  # fmt: skip
    plain = PDN(outputs, size, width)
    plain.load_state_dict(net.state_dict())
    plain.eval().requires_grad_(False)
    return plain


def embedding(layers: Sequence[Tensor], outputs: int, grid: tuple[int, int], wide: int = WIDE) -> Tensor:
    """Return descriptions of patches from several layers, each patch with its neighbours (as PatchCore has them).

    Parameters
    ----------
    layers : sequence of Tensor, each of shape (n, c, rows, columns)
    outputs : int
        Channels that come out.
    grid : (int, int)
        Rows and columns that come out.
    wide : int
        Numbers that each layer is brought to on the way.

    Returns
    -------
    Tensor, shape (n, outputs, rows, columns)

    Notes
    -----
    The 3 x 3 neighbours of a cell, all channels in a row, are averaged to `wide` numbers, those of all layers put in
    a row, and averaged again to `outputs`.
    """
    parts = []
    for layer in layers:
        n, _, rows, columns = layer.shape
        around = functional.unfold(layer, 3, padding=1).view(n, -1, rows, columns)
        if (rows, columns) != grid:
            around = functional.interpolate(around, grid, mode="bilinear", align_corners=False)
        parts.append(functional.adaptive_avg_pool1d(around.flatten(2).transpose(1, 2), wide))
    joined = functional.adaptive_avg_pool1d(torch.cat(parts, dim=2), outputs)
    return joined.transpose(1, 2).reshape(len(joined), outputs, *grid)


def _picture(seed: int, number: int, side: int) -> Tensor:
    """A made-up picture, shape (1, 3, side, side), grey in one of ten cases."""
    from tocsin.synthesis.image.procedural import picture

    rng = step_rng(seed, number)
    drawn = torch.from_numpy(picture(int(rng.integers(1 << 62)), side).astype(np.float32) / 255)
    found = drawn.permute(2, 0, 1)[None]
    if rng.random() < GREY_SHARE:
        found = (found * found.new_tensor(GREY).view(3, 1, 1)).sum(dim=1, keepdim=True).repeat(1, 3, 1, 1)
    return found
