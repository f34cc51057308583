"""Run: a training run that can be stopped at any time and goes on where it was.

Everything that the next step needs is in one safetensors file: the net (``net.*``), the moving average of its weights
(``average.*``), the moments of the optimiser (``optimiser.<number>.*``), other tensors that the owner of the run keeps
(``kept.*``), and as notes the step, the seconds spent, the story so far and whatever the owner wants to find there
again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tocsin.core.errors import ArtifactError
from tocsin.nn.moving_average import MovingAverage

if TYPE_CHECKING:
    from lightning_fabric import Fabric

FILE = "checkpoint.safetensors"
EVERY = 120.0
CLIP = 1.0

Say = Callable[[str], None]


class Run:
    """A training run in a folder.

    Parameters
    ----------
    folder : path or None
        Holds the checkpoint; made when absent. With None nothing is stored and the run cannot be resumed.
    net : Module
        What is trained, in place.
    optimiser : Optimizer
        Of that net: AdamW, or any other whose state per parameter is tensors.
    notes : mapping of str to JSON values
        Stored in the checkpoint, and compared with a stored one: going on with other settings is refused.
    keep : float
        See `MovingAverage`.
    fabric : Fabric, optional
        Puts net and optimiser on a device and into a precision; the loss is then computed under its autocast.
    clip : float, optional
        The largest norm of the gradient; None for any.

    Attributes
    ----------
    kept : dict of str to Tensor
        Stored and found again with the run; empty at first.
    story : dict of str to JSON values
        The same for what changes as the run goes on; unlike `notes` it is never compared.

    Raises
    ------
    ArtifactError
        If the folder holds a checkpoint of another net, or one with other notes.
    """

    def __init__(
        self,
        folder: str | Path | None,
        net: nn.Module,
        optimiser: torch.optim.Optimizer,
        *,
        notes: Mapping[str, Any] | None = None,
        keep: float = 0.998,
        fabric: Fabric | None = None,
        clip: float | None = CLIP,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.net, self.optimiser = net, optimiser
        self.fabric, self.clip = fabric, clip
        self._wrapped: Any = None
        if fabric is not None:
            self._wrapped = fabric.setup(net, optimiser)
        self.notes = dict(notes or {})
        self.average = MovingAverage(net, keep)
        self.kept: dict[str, Tensor] = {}
        self.story: dict[str, Any] = {}
        self.step, self.spent = 0, 0.0
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            if (self.folder / FILE).exists():
                self._resume(self.folder / FILE)

    def go(
        self,
        loss_of: Callable[[int], Tensor],
        rate_of: Callable[[int, float], float],
        *,
        minutes: float | None = None,
        steps: int | None = None,
        say: Say | None = None,
        after: Callable[[int], bool] | None = None,
    ) -> float:
        """Train until the time or the steps are over, both counted from the very start of the run.

        Parameters
        ----------
        loss_of : callable of the step's number
            Must draw its data from that number alone, so that a run that was stopped sees what it would have seen.
        rate_of : callable of step and share
            The learning rate, from the step's number and the share of the budget that is over.
        minutes, steps : exactly one of them
            The budget.
        say : callable of str, optional
            Told about progress whenever a checkpoint is written.
        after : callable of the number of steps done, optional
            Called after each step and before a checkpoint is written; the run ends when it says True.

        Returns
        -------
        float
            Mean loss of the last hundred steps of this call.
        """
        if (minutes is None) == (steps is None):
            raise ValueError("a run ends after some minutes or after some steps: give one of the two")
        begun, saved = time.monotonic() - self.spent, time.monotonic()
        losses: list[float] = []
        while True:
            self.spent = time.monotonic() - begun
            share = self.step / steps if steps is not None else self.spent / 60 / (minutes or 1e-9)
            if share >= 1:
                break
            with nullcontext() if self.fabric is None else self.fabric.autocast():
                loss = loss_of(self.step)
            losses.append(self._advance(loss, rate_of(self.step, share)))
            ended = after is not None and after(self.step)
            if time.monotonic() - saved > EVERY:
                saved = time.monotonic()
                self.save()
                if say is not None:
                    say(f"{self.step} steps, {self.spent / 60:.1f} min, loss {_recent(losses):.4f}")
            if ended:
                break
        self.save()
        return _recent(losses)

    def _advance(self, loss: Tensor, rate: float) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        if self.fabric is None:
            loss.backward()  # type: ignore[no-untyped-call]
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
            self.optimiser.step()
        else:
            module, optimiser = self._wrapped
            self.fabric.backward(loss)
            if self.clip is not None:
                self.fabric.clip_gradients(module, optimiser, max_norm=self.clip)
            optimiser.step()
        self.average.follow(self.net, self.step)
        self.step += 1
        return float(loss.detach())

    def save(self) -> Path | None:
        """Write the checkpoint beside the old one, then put it in its place; do nothing without a folder."""
        from safetensors.torch import save_file

        if self.folder is None:
            return None
        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        state |= {f"average.{k}": v for k, v in self.average.values.items()}
        state |= {f"kept.{k}": v for k, v in self.kept.items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{number}.{k}": torch.as_tensor(v) for k, v in moments.items() if v is not None}
        state = {k: v.detach().cpu().clone().contiguous() for k, v in state.items()}
        stored = {k: json.dumps(v, sort_keys=True) for k, v in self.notes.items()}
        if self.story:
            stored["story"] = json.dumps(self.story, sort_keys=True)
        temporary = self.folder / ".checkpoint.tmp"
        save_file(state, temporary, metadata=stored | {"step": str(self.step), "spent": str(self.spent)})
        return temporary.replace(self.folder / FILE)

    def _resume(self, file: Path) -> None:
        state, stored = read_checkpoint(file)
        for name, wanted in self.notes.items():
            if name in stored and json.loads(stored[name]) != json.loads(json.dumps(wanted)):
                raise ArtifactError(
                    f"{file} was trained with {name} = {stored[name]}, not {json.dumps(wanted)}: choose another folder"
                )
        try:
            self.net.load_state_dict(_below(state, "net."))
            average = _below(state, "average.")
            for name, value in self.average.values.items():
                value.copy_(average[name])
            held = self.optimiser.state_dict()
            count = len(held["param_groups"][0]["params"])
            moments = {i: _below(state, f"optimiser.{i}.") for i in range(count)}
            held["state"] = {i: found for i, found in moments.items() if found}
            self.optimiser.load_state_dict(held)
            self.kept = _below(state, "kept.")
            self.step, self.spent = int(stored["step"]), float(stored["spent"])
            self.story = json.loads(stored.get("story", "{}"))
        except (KeyError, ValueError, RuntimeError) as error:
            raise ArtifactError(f"{file} is no checkpoint of this net ({error}): choose another folder") from None


def read_checkpoint(file: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the notes of a checkpoint.

    Raises
    ------
    ArtifactError
        If the file is absent, damaged or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="pt") as opened:
            return {k: opened.get_tensor(k) for k in opened.keys()}, dict(opened.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{file} cannot be read as a checkpoint: {error}") from None


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _recent(losses: list[float]) -> float:
    return sum(losses[-100:]) / max(1, len(losses[-100:]))
