"""PDN: the patch description network, a few large convolutions that see 33 x 33 pixels and nothing beyond.

Every cell of its output describes the patch under it and no other pixel, at a stride of four pixels. It is the teacher
and the student of EfficientAD (Batzner, Heckler and König, WACV 2024), in a small and a medium size.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from tocsin.core.errors import ArtifactError, InputError

PDNSize = Literal["small", "medium"]
FIELD = 33
# Cells that are missing on each side of a picture's grid of stride 4, since nothing is padded.
MISSING = 4
LEAST_SIDE = 4 * (2 * MISSING + 1)
# Channels of the first layer in the published sizes; the inner layers have twice as many.
WIDTHS: dict[PDNSize, int] = {"small": 128, "medium": 256}
# How many convolutions tell one size from the other in a file.
DEPTHS: dict[int, PDNSize] = {4: "small", 6: "medium"}


class PDN(nn.Sequential):
    """From pictures, shape (n, 3, h, w), to descriptions of patches, shape (n, outputs, rows, columns).

    Parameters
    ----------
    outputs : int
        Channels of a description: 384 for the published teachers, twice as many for their students.
    size : {'small', 'medium'}
        Four convolutions, or six and wider ones.
    width : int, optional
        Channels of the first layer; the published number when left out.
    padded : bool
        Whether the picture is padded with zeros, as while a teacher is trained: 256 pixels then make 64 cells instead
        of 56.

    Raises
    ------
    InputError
        If there is no such size.

    Notes
    -----
    Layers have the positions of the published networks, so that the weights of those can be read.

    Examples
    --------
    >>> import torch
    >>> tuple(PDN(8, width=4)(torch.zeros(1, 3, 256, 200)).shape)
    (1, 8, 56, 42)
    """

    def __init__(
        self, outputs: int = 384, size: PDNSize = "small", width: int | None = None, *, padded: bool = False
    ) -> None:
        if size not in WIDTHS:
            raise InputError(f"a patch description network is 'small' or 'medium', not {size!r}")
        first = WIDTHS[size] if width is None else width
        inner, rim = 2 * first, int(padded)

        def start() -> list[nn.Module]:
            return [
                nn.Conv2d(3, first, 4, padding=3 * rim), nn.ReLU(inplace=True), nn.AvgPool2d(2, 2, padding=rim),
                nn.Conv2d(first, inner, 4, padding=3 * rim), nn.ReLU(inplace=True), nn.AvgPool2d(2, 2, padding=rim),
            ]  # fmt: skip

        if size == "small":
            rest: list[nn.Module] = [nn.Conv2d(inner, inner, 3, padding=rim), nn.ReLU(inplace=True)]
            rest += [nn.Conv2d(inner, outputs, 4)]
        else:
            rest = [nn.Conv2d(inner, inner, 1), nn.ReLU(inplace=True)]
            rest += [nn.Conv2d(inner, inner, 3, padding=rim), nn.ReLU(inplace=True)]
            rest += [nn.Conv2d(inner, outputs, 4), nn.ReLU(inplace=True), nn.Conv2d(outputs, outputs, 1)]
        super().__init__(*start(), *rest)
        self.outputs = outputs


def cells(side: int) -> int:
    """Return how many cells an unpadded network makes of so many pixels.

    Examples
    --------
    >>> [cells(side) for side in (64, 96, 128, 200, 256, 320, 512)]
    [8, 16, 24, 42, 56, 72, 120]
    """
    pooled = (((side - 3) // 2) - 3) // 2
    return pooled - 5


def read_pdn(file: str | Path, *, padded: bool = False) -> PDN:
    """Read a network from safetensors; size and width are told by the shapes of its weights.

    Parameters
    ----------
    file : path
        Names of weights are those of the published networks: the position of the layer, then ``weight`` or ``bias``.
    padded : bool
        See `PDN`.

    Raises
    ------
    ArtifactError
        If the file is absent, damaged, or holds another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = {key: value.float() for key, value in load_file(str(file)).items()}
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{file} cannot be read as safetensors: {str(error).splitlines()[0]}") from None
    return from_state(state, str(file), padded=padded)


def from_state(state: Mapping[str, Tensor], called: str, *, padded: bool = False) -> PDN:
    """Return the network that some weights are of; `called` is what messages call them.

    Raises
    ------
    ArtifactError
        If they are those of another network.
    """
    kernels = [key for key in sorted(state, key=_position) if key.endswith(".weight")]
    size = DEPTHS.get(len(kernels))
    if size is None or not all(state[key].ndim == 4 for key in kernels):
        raise ArtifactError(f"{called} holds no patch description network: those have 4 or 6 convolutions")
    net = PDN(int(state[kernels[-1]].shape[0]), size, int(state[kernels[0]].shape[0]), padded=padded)
    wanted = {key: value.shape for key, value in net.state_dict().items()}
    if {key: value.shape for key, value in state.items()} != wanted:
        raise ArtifactError(f"{called} holds other weights than those of a {size} patch description network")
    net.load_state_dict(dict(state))
    return net


def write_pdn(net: PDN, file: str | Path) -> Path:
    """Write a network's weights as `read_pdn` reads them."""
    from safetensors.torch import save_file

    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}, target)
    return target


def _position(key: str) -> int:
    first = key.partition(".")[0]
    return int(first) if first.isdecimal() else -1
