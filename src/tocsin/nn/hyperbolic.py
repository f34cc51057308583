"""Operations on the Poincaré ball of curvature -1, a linear layer into it, and the step that keeps a point inside.

Formulas: Ganea, Bécigneul and Hofmann, Hyperbolic Neural Networks, 2018, with c = 1. Points lie inside the unit ball,
the last axis holds coordinates. Distances are taken through log1p, so that near ones lose no digits in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

TINY = 1e-15
#: Added inside the inverse cosine, whose slope at 1 is infinite: the distance of a point to itself is 4.5e-4.
SLACK = 1e-7
#: How far from the border points are kept, so that distances stay finite.
BORDER = {torch.float32: 4e-3, torch.float64: 1e-5}


def project(point: Tensor) -> Tensor:
    """Return points pulled back inside the ball where they are on or beyond its border."""
    length = point.norm(dim=-1, keepdim=True).clamp_min(TINY)
    most = 1.0 - BORDER[point.dtype]
    return torch.where(length > most, point / length * most, point)


def exp0(vector: Tensor) -> Tensor:
    """Return where one arrives from the centre along a vector: tanh|v| in its direction."""
    length = vector.norm(dim=-1, keepdim=True).clamp_min(TINY)
    out: Tensor = length.tanh() * vector / length
    return out


def add(a: Tensor, b: Tensor) -> Tensor:
    """Return the Möbius sum of points, which is neither commutative nor associative."""
    ab = (a * b).sum(dim=-1, keepdim=True)
    aa, bb = a.square().sum(dim=-1, keepdim=True), b.square().sum(dim=-1, keepdim=True)
    above = (1 + 2 * ab + bb) * a + (1 - aa) * b
    return above / (1 + 2 * ab + aa * bb).clamp_min(TINY)


def distance(a: Tensor, b: Tensor, *, slack: float = SLACK) -> Tensor:
    """Return the length of the shortest path between points inside the ball.

    Parameters
    ----------
    a, b : Tensor of shape (..., d)
        Points.
    slack : float
        See `SLACK`; 0 for the distance itself, whose gradient at 0 is infinite.
    """
    apart = (a - b).square().sum(dim=-1)
    room = (1 - a.square().sum(dim=-1)) * (1 - b.square().sum(dim=-1))
    beyond = 2 * apart / room.clamp_min(SLACK) + slack
    return torch.log1p(beyond + (beyond * (beyond + 2)).sqrt())


def travel(point: Tensor, vector: Tensor) -> Tensor:
    """Return where one arrives from a point along a vector at that point (the exponential map)."""
    stretch = 2 / (1 - point.square().sum(dim=-1, keepdim=True)).clamp_min(TINY)
    length = vector.norm(dim=-1, keepdim=True).clamp_min(TINY)
    return project(add(point, (stretch * length / 2).tanh() * vector / length))


class MobiusLinear(nn.Module):
    """A linear map of vectors, carried into the ball, plus a bias that is a point of the ball.

    Parameters
    ----------
    size_in, size_out : int
        Numbers per vector and per point.
    """

    def __init__(self, size_in: int, size_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size_out, size_in))
        self.bias = nn.Parameter(torch.zeros(size_out))

    def forward(self, x: Tensor) -> Tensor:
        """Return points of shape (..., size_out) for vectors of shape (..., size_in)."""
        return project(add(exp0(x @ self.weight.T), self.bias))


class BallAdam:
    """Adam for one parameter that is a point of the ball.

    The gradient is measured by the metric at the point, and the step follows the shortest path. Unlike in the original
    algorithm (Bécigneul and Ganea, 2019) the running mean of gradients is not carried along that path, which for a
    point near the centre makes no difference.

    Parameters
    ----------
    point : Parameter of shape (d,)
        Changed in place.
    lr : float
        Step size.
    weight_decay : float
        Pulls the point to the centre.
    """

    def __init__(
        self, point: nn.Parameter, lr: float, *, weight_decay: float = 0.0, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.point, self.lr, self.weight_decay, self.betas = point, lr, weight_decay, betas
        self.mean = torch.zeros_like(point)
        self.square = torch.zeros(1, dtype=point.dtype)
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """Move along the gradient that the point holds; nothing happens without one."""
        if self.point.grad is None:
            return
        self.steps += 1
        first, second = self.betas
        room = 1 - self.point.square().sum()
        gradient = (self.point.grad + self.weight_decay * self.point) * room.square() / 4
        # The squared length of the gradient by the metric at the point.
        size = gradient.square().sum() * 4 / room.square()
        self.mean = first * self.mean + (1 - first) * gradient
        self.square = second * self.square + (1 - second) * size
        mean = self.mean / (1 - first**self.steps)
        usual = (self.square / (1 - second**self.steps)).sqrt() + 1e-8
        self.point.copy_(travel(self.point, -self.lr * mean / usual))
