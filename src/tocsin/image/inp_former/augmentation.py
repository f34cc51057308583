"""Twenty-two views of a picture, for learning from few."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

TURNS = tuple(sign * math.pi / n for n in (4, 16 / 3, 8, 16) for sign in (1, -1))
# Of half a side.
MOVES = tuple((y * far, x * far) for far in (0.2, 0.1) for y in (1, -1) for x in (1, -1))
GREY = (0.299, 0.587, 0.114)
QUARTERS = 3
VIEWS = 1 + len(TURNS) + len(MOVES) + 2 + QUARTERS


def view(picture: Tensor, number: int) -> Tensor:
    """Return one of the views of a picture.

    Parameters
    ----------
    picture : Tensor, shape (c, h, w)
    number : int
        0 for the picture itself; then eight small turns, eight moves, the mirror image, the picture in grey, and
        quarter turns, which swap height and width.

    Notes
    -----
    What comes in from outside is the mirror image of what is inside. The publication makes its grey picture after
    colours have been normalised; here it is grey as seen.

    Examples
    --------
    >>> picture = torch.rand(3, 32, 48)
    >>> VIEWS, tuple(view(picture, 21).shape), bool((view(picture, 17) == picture.flip(2)).all())
    (22, (3, 48, 32), True)
    """
    turns, moves = 1 + len(TURNS), 1 + len(TURNS) + len(MOVES)
    if number == 0:
        return picture
    if number < turns:
        return _warped(picture, TURNS[number - 1], (0.0, 0.0))
    if number < moves:
        return _warped(picture, 0.0, MOVES[number - turns])
    if number == moves:
        return picture.flip(2)
    if number == moves + 1:
        grey = (picture * picture.new_tensor(GREY)[:, None, None]).sum(dim=0, keepdim=True)
        return grey.expand_as(picture).contiguous()
    return torch.rot90(picture, number - moves - 1, (1, 2)).contiguous()


def _warped(picture: Tensor, angle: float, move: tuple[float, float]) -> Tensor:
    high, wide = picture.shape[1:]
    sine, cosine = math.sin(angle), math.cos(angle)
    # In units of half a side; the ratio of the sides keeps a turn from shearing.
    matrix = [[cosine, -sine * high / wide, move[1]], [sine * wide / high, cosine, move[0]]]
    grid = affine_grid(picture.new_tensor([matrix]), [1, *picture.shape], align_corners=False)
    return grid_sample(picture[None], grid, padding_mode="reflection", align_corners=False)[0]
