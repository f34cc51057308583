"""Training of the nets of picture detectors: resumable, on any device, keeping the weights that validated best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extras import need

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from tocsin.core.types import FloatArray
    from tocsin.nn.run import Run

PRECISIONS = ("32-true", "bf16-mixed", "auto")
OPTIMISERS = ("adamw", "adam", "sgd")


@dataclass(frozen=True)
class TrainingReport:
    """What became of a training run.

    Parameters
    ----------
    steps : int
        Done in all, those before an interruption included.
    loss : float
        Mean of the last hundred steps of this call; 0 if there was nothing left to do.
    best_step : int
        After how many steps the weights that are kept were reached.
    best : float or None
        What they validated at; None without validation.
    validations : list of (int, float)
        Every step at which was validated, and the value.
    seconds : float
        Spent in all.
    """

    steps: int
    loss: float
    best_step: int
    best: float | None
    validations: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0


def train(
    net: nn.Module,
    loss_of: Callable[[int], Tensor],
    *,
    steps: int,
    rate: float | Callable[[int, float], float],
    seed: int = 0,
    folder: str | Path | None = None,
    validate: Callable[[], float] | None = None,
    every: int = 100,
    patience: int | None = None,
    optimiser: str | Callable[[list[nn.Parameter]], Optimizer] = "adamw",
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    clip: float | None = 1.0,
    keep: float | None = None,
    parameters: Iterable[nn.Parameter] | None = None,
    notes: Mapping[str, Any] | None = None,
    device: str = "auto",
    precision: str = "32-true",
) -> TrainingReport:
    """Train a net in place; at the end it holds the best weights and lies in main memory.

    Parameters
    ----------
    net : Module
        Whether its parts are in training or evaluation mode is for the caller to set before; validation is in
        evaluation mode and the modes are put back after it.
    loss_of : callable of the step's number
        Returns the loss. It must draw its data from that number alone (see `step_rng`) and bring them to the net's
        device (`device_of`). What torch draws by itself, as in dropout, is seeded by the step.
    steps : int
        How many in all.
    rate : float, or callable of step and share of the steps that is over
        The learning rate.
    seed : int
        Of what torch draws by itself.
    folder : path, optional
        Where the run is stored as it goes, to go on after an interruption.
    validate : callable, optional
        The lower, the better: an error on held-out normal pictures or made-up defects, never on labels that are
        reported. Without it the last weights are kept.
    every : int
        Steps between validations; the last step is always validated.
    patience : int, optional
        End after so many validations in a row without a better value.
    optimiser : {"adamw", "adam", "sgd"}, or callable of the list of parameters
        The third one with a momentum of 0.9. One that is made by a callable has its own decay and betas; `rate` sets
        the learning rate of all its groups.
    weight_decay, betas, clip
        Of the optimiser; `clip` is the largest norm of the gradient, None for any.
    keep : float, optional
        Validate and keep a moving average of the weights, see `tocsin.nn.moving_average.MovingAverage`.
    parameters : iterable of Parameter, optional
        What is trained; all that require a gradient when left out.
    notes : mapping of str to JSON values
        Settings stored with the run: going on with others is refused.
    device, precision : str
        As Lightning Fabric has them: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"mps"``; ``"32-true"`` or ``"bf16-mixed"``.
        A precision of ``"auto"`` is mixed on a processor with units for products of bfloat16 matrices.

    Returns
    -------
    TrainingReport

    Raises
    ------
    MissingExtra
        If Lightning Fabric is not installed.
    InputError
        If an option is unknown, a loss or a validation is not a number, or nothing is to be trained.
    ArtifactError
        If the folder holds a run of another net or with other notes.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Linear(2, 1)
    >>> def loss_of(step):
    ...     x = torch.from_numpy(step_rng(0, step).normal(size=(8, 2)).astype("float32"))
    ...     return (net(x)[:, 0] - x.sum(1)).square().mean()
    >>> train(net, loss_of, steps=200, rate=0.05).steps
    200
    >>> [round(float(w), 1) for w in net.weight.detach()[0]]
    [1.0, 1.0]
    """
    import torch

    from tocsin.nn.run import Run

    if precision not in PRECISIONS:
        raise InputError(f"precision={precision!r} is not known: choose among {', '.join(PRECISIONS)}")
    trained = [p for p in (net.parameters() if parameters is None else parameters) if p.requires_grad]
    if not trained or steps < 1:
        raise InputError(f"there is nothing to train: {len(trained)} parameters, {steps} steps")
    fabric = _fabric(device, _settled(precision, device))
    chosen = optimiser(trained) if callable(optimiser) else _optimiser(optimiser, trained, weight_decay, betas)
    name = type(chosen).__name__
    settings = {"seed": seed, "optimiser": name, "weight_decay": weight_decay, "every": every, "keep": keep}
    described = {**settings, **(notes or {})}
    run = Run(folder, net, chosen, notes=described, keep=keep or 0.0, fabric=fabric, clip=clip)

    def seeded(step: int) -> Tensor:
        torch.manual_seed(seed * 1_000_003 + step)
        loss = loss_of(step)
        if not bool(torch.isfinite(loss.detach())):
            raise InputError(
                f"training broke off at step {step}: the loss is {float(loss.detach())}; try a lower learning rate"
            )
        return loss

    rate_of = rate if callable(rate) else lambda step, share: float(rate)
    watch = _Watch(run, validate, steps, every, patience, keep is not None)
    own = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    loss = 0.0
    with torch.random.fork_rng(devices=own):
        if not run.story.get("ended"):
            loss = run.go(seeded, rate_of, steps=steps, after=watch)
    watch.put_back()
    net.to("cpu")
    found = [(int(step), float(value)) for step, value in run.story.get("validations", [])]
    best = run.story.get("best")
    return TrainingReport(run.step, loss, int(run.story.get("best_step", run.step)), best, found, run.spent)


class _Watch:
    """Validates now and then, keeps the best weights with the run, and says when it is time to end."""

    def __init__(
        self,
        run: Run,
        validate: Callable[[], float] | None,
        steps: int,
        every: int,
        patience: int | None,
        averaged: bool,
    ) -> None:
        self.run, self.validate, self.steps = run, validate, steps
        self.every, self.patience, self.averaged = max(1, every), patience, averaged

    def __call__(self, done: int) -> bool:
        if self.validate is None or (done % self.every and done < self.steps):
            return False
        story = self.run.story
        value = self._value()
        if not np.isfinite(value):
            raise InputError(f"validation after {done} steps gave {value}, which is no number to compare")
        story.setdefault("validations", []).append([done, value])
        if "best" not in story or value < story["best"]:
            story |= {"best": value, "best_step": done, "worse": 0}
            self.run.kept = {k: v.detach().cpu().clone() for k, v in self._weights().items()}
        else:
            story["worse"] += 1
        story["ended"] = self.patience is not None and story["worse"] >= self.patience
        return bool(story["ended"])

    def put_back(self) -> None:
        """Give the net the weights that validated best, or the last ones without validation."""
        self.run.net.load_state_dict(self.run.kept or self._weights())

    def _weights(self) -> dict[str, Tensor]:
        return self.run.average.values if self.averaged else dict(self.run.net.state_dict())

    def _value(self) -> float:
        import torch

        assert self.validate is not None
        net = self.run.net
        modes = {module: module.training for module in net.modules()}
        last = {k: v.detach().clone() for k, v in net.state_dict().items()} if self.averaged else None
        if last is not None:
            net.load_state_dict(self.run.average.values)
        net.eval()
        with torch.no_grad():
            value = float(self.validate())
        if last is not None:
            net.load_state_dict(last)
        for module, training in modes.items():
            module.training = training
        return value


def step_rng(seed: int, step: int) -> np.random.Generator:
    """Return what a step draws its data from: the same for the same step, whatever came before.

    Examples
    --------
    >>> float(step_rng(0, 5).random()) == float(step_rng(0, 5).random()) != float(step_rng(0, 6).random())
    True
    """
    return np.random.default_rng([seed, step])


def device_of(net: nn.Module) -> Any:
    """Return where a net lies, for the data of its steps."""
    return next(net.parameters()).device


def stored(net: nn.Module) -> dict[str, FloatArray]:
    """Return a net's weights as a detector keeps them; `tocsin.nn.stored_weights.put_back` is the way back."""
    return {name: value.detach().cpu().numpy().copy() for name, value in net.state_dict().items()}


def _settled(precision: str, device: str) -> str:
    import torch

    if precision != "auto":
        return precision
    elsewhere = torch.cuda.is_available() or torch.backends.mps.is_available()
    if device not in ("auto", "cpu") or (device == "auto" and elsewhere):
        return "32-true"
    # Older releases of torch do not say what the processor can do.
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16-mixed" if told.get("amx_bf16") else "32-true"


def _fabric(device: str, precision: str) -> Any:
    fabric = need("lightning_fabric", "deep", "training a net", "lightning-fabric")
    try:
        return fabric.Fabric(accelerator=device, devices=1, precision=precision)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"device={device!r} cannot be used here ({error}): choose another or 'auto'") from None


def _optimiser(name: str, trained: list[nn.Parameter], weight_decay: float, betas: tuple[float, float]) -> Optimizer:
    import torch

    if name == "adamw":
        return torch.optim.AdamW(trained, lr=1e-3, weight_decay=weight_decay, betas=betas)
    if name == "adam":
        return torch.optim.Adam(trained, lr=1e-3, weight_decay=weight_decay, betas=betas)
    if name == "sgd":
        return torch.optim.SGD(trained, lr=1e-3, weight_decay=weight_decay, momentum=0.9)
    raise InputError(f"optimiser={name!r} is not known: choose among {', '.join(OPTIMISERS)}")
