"""Run: a training run that can be stopped at any time and goes on where it was.

Everything that the next step needs is in one safetensors file: the net (``net.*``), the moving average of its weights
(``average.*``), the moments of AdamW (``optimiser.<number>.*``), and as notes the step, the seconds spent and whatever
the owner of the run wants to find there again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tocsin.core.errors import ArtifactError
from tocsin.nn.moving_average import MovingAverage

FILE = "checkpoint.safetensors"
EVERY = 120.0
CLIP = 1.0
MOMENTS = ("step", "exp_avg", "exp_avg_sq")

Say = Callable[[str], None]


class Run:
    """A training run in a folder.

    Parameters
    ----------
    folder : path
        Holds the checkpoint; made when absent.
    net : Module
        What is trained, in place.
    optimiser : AdamW
        Of that net; other optimisers keep other state.
    notes : mapping of str to JSON values
        Stored in the checkpoint, and compared with a stored one: going on with other settings is refused.
    keep : float
        See `MovingAverage`.

    Raises
    ------
    ArtifactError
        If the folder holds a checkpoint of another net, or one with other notes.
    """

    def __init__(
        self,
        folder: str | Path,
        net: nn.Module,
        optimiser: torch.optim.AdamW,
        *,
        notes: Mapping[str, Any] | None = None,
        keep: float = 0.998,
    ) -> None:
        self.folder = Path(folder)
        self.net, self.optimiser = net, optimiser
        self.notes = dict(notes or {})
        self.average = MovingAverage(net, keep)
        self.step, self.spent = 0, 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / FILE).exists():
            self._resume()

    def go(
        self,
        loss_of: Callable[[int], Tensor],
        rate_of: Callable[[int, float], float],
        *,
        minutes: float | None = None,
        steps: int | None = None,
        say: Say | None = None,
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
            losses.append(self._advance(loss_of(self.step), rate_of(self.step, share)))
            if time.monotonic() - saved > EVERY:
                saved = time.monotonic()
                self.save()
                if say is not None:
                    say(f"{self.step} steps, {self.spent / 60:.1f} min, loss {_recent(losses):.4f}")
        self.save()
        return _recent(losses)

    def _advance(self, loss: Tensor, rate: float) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.optimiser.step()
        self.average.follow(self.net, self.step)
        self.step += 1
        return float(loss.detach())

    def save(self) -> Path:
        """Write the checkpoint beside the old one, then put it in its place."""
        from safetensors.torch import save_file

        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        state |= {f"average.{k}": v for k, v in self.average.values.items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser.{number}.{k}": torch.as_tensor(moments[k]) for k in MOMENTS}
        state = {k: v.detach().cpu().clone().contiguous() for k, v in state.items()}
        stored = {k: json.dumps(v, sort_keys=True) for k, v in self.notes.items()}
        temporary = self.folder / ".checkpoint.tmp"
        save_file(state, temporary, metadata=stored | {"step": str(self.step), "spent": str(self.spent)})
        return temporary.replace(self.folder / FILE)

    def _resume(self) -> None:
        file = self.folder / FILE
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
            known = [i for i in range(count) if f"optimiser.{i}.step" in state]
            held["state"] = {i: {k: state[f"optimiser.{i}.{k}"] for k in MOMENTS} for i in known}
            self.optimiser.load_state_dict(held)
            self.step, self.spent = int(stored["step"]), float(stored["spent"])
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
