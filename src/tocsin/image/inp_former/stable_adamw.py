"""StableAdamW: AdamW whose step is shortened while its estimate of the gradient's size lags behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class StableAdamW(torch.optim.AdamW):
    """AdamW with the largest second moment so far, and a limit on the size of a step in each tensor.

    The rate is divided by the root mean square of gradient over its estimated size, where that is above `threshold`.

    Parameters
    ----------
    parameters : iterable of Tensor
    lr, betas, eps, weight_decay : float
        As of AdamW; the defaults are those of the publication.
    threshold : float
        Root mean square up to which a step is left as it is.

    Notes
    -----
    The state of a parameter is that of ``torch.optim.AdamW(amsgrad=True)``: ``step``, ``exp_avg``, ``exp_avg_sq``,
    ``max_exp_avg_sq``.

    References
    ----------
    Wortsman et al., Stable and low-precision training for large-scale vision-language models, NeurIPS 2023.

    Examples
    --------
    >>> p = torch.nn.Parameter(torch.tensor([1.0]))
    >>> p.grad = torch.tensor([0.5])
    >>> StableAdamW([p], lr=0.1, weight_decay=0.0).step()
    >>> round(p.item(), 4)
    0.9
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-10,
        weight_decay: float = 1e-4,
        threshold: float = 1.0,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=True)
        self.threshold = threshold

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        grad, state, (first, second) = parameter.grad, self.state[parameter], group["betas"]
        if not state:
            state["step"] = torch.zeros(())
            for name in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
                state[name] = torch.zeros_like(parameter)
        state["step"] += 1
        done = float(state["step"])
        state["exp_avg"].lerp_(grad, 1 - first)
        state["exp_avg_sq"].mul_(second).addcmul_(grad, grad, value=1 - second)
        torch.maximum(state["max_exp_avg_sq"], state["exp_avg_sq"], out=state["max_exp_avg_sq"])
        size = state["max_exp_avg_sq"].sqrt() / (1 - second**done) ** 0.5 + group["eps"]
        rate = group["lr"] / max(1.0, float((grad / size).square().mean().sqrt()) / self.threshold)
        parameter.mul_(1 - rate * group["weight_decay"])
        parameter.addcdiv_(state["exp_avg"], size, value=-rate / (1 - first**done))
