"""Pre-train the small TimeRCD network on synthetic series.

    python training/timercd/train.py --minutes 90 --seed 0 -o runs/timercd

Writes a checkpoint every two minutes and goes on from it when started again with the same folder. The learning rate is
constant until 55 % of the time is over and then falls linearly. One thread; bfloat16 where the processor has it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from tocsin.series.timercd.net import Config, TimeRCDNet
from tocsin.series.timercd.prepare import features
from tocsin.synthesis.series import make_batch

POINTS = 65_536
LENGTHS = ((1024, 0.7), (512, 0.2), (256, 0.1))
MASKED = 0.15
RATE, WARM_UP, FLOOR = 1.5e-3, 200, 0.03
EMA = 0.998
EVERY = 120.0


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=90)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--inputs", type=int, default=2, choices=(1, 2))
    asked.add_argument("--width", type=int, default=128)
    asked.add_argument("--shuffle-labels", action="store_true", help="the control: labels of another series")
    asked.add_argument("-o", "--out", type=Path, required=True)
    run(asked.parse_args())


def run(asked: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    config = Config(d_model=asked.width, d_proj=16, layers=4, heads=4, patch=16, inputs=asked.inputs, dropout=0.0)
    torch.manual_seed(asked.seed)
    net = TimeRCDNet(config)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.01, betas=(0.9, 0.98))
    asked.out.mkdir(parents=True, exist_ok=True)
    step, spent = resume(asked.out, net, average, optimiser)
    bfloat = "amx" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False
    budget, begun, saved = asked.minutes * 60, time.time() - spent, time.time()
    losses: list[float] = []
    while (elapsed := time.time() - begun) < budget:
        # A step's data depend on seed and step alone, so that a resumed run sees what it would have seen.
        rng = np.random.default_rng([asked.seed, step])
        for group in optimiser.param_groups:
            group["lr"] = rate(step, elapsed / budget)
        loss = train_step(net, rng, bfloat, asked.shuffle_labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            keep = min(EMA, (step + 1) / (step + 10))
            for name, value in net.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        step += 1
        losses.append(float(loss.detach()))
        if time.time() - saved > EVERY:
            saved = time.time()
            save(asked.out, config, net, average, optimiser, step, time.time() - begun)
            print(f"{step} steps, {elapsed / 60:.1f} min, loss {np.mean(losses[-100:]):.4f}", flush=True)
    save(asked.out, config, net, average, optimiser, step, time.time() - begun)
    print(
        f"finished: {step} steps, {step * POINTS / 1e6:.0f} million points, loss {np.mean(losses[-100:]):.4f}",
        flush=True,
    )


def rate(step: int, share: float) -> float:
    warm = min(1.0, (step + 1) / WARM_UP)
    return RATE * warm * (1.0 if share < 0.55 else max(FLOOR, 1 - (share - 0.55) / 0.45))


def train_step(net: TimeRCDNet, rng: np.random.Generator, bfloat: bool, shuffle: bool) -> Tensor:
    length = int(rng.choice([n for n, _ in LENGTHS], p=[p for _, p in LENGTHS]))
    count = POINTS // length
    values, labels = make_batch(count, length, rng)
    if shuffle:
        labels = labels[rng.permutation(count)]
    x = torch.from_numpy(features(values, net.config.inputs))[:, :, None, :]
    y = torch.from_numpy(labels)
    patch = net.config.patch
    hidden = torch.from_numpy(rng.random((count, length // patch)) < MASKED)
    covered = hidden.repeat_interleave(patch, 1)
    noise = torch.from_numpy(rng.normal(0, 0.1, (count, length, 1, net.config.inputs)).astype(np.float32))
    seen = torch.where(covered[:, :, None, None], noise, x)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat):
        points = net.ts_encoder(seen, None, hidden)[:, :, 0]
        logits = net.anomaly_head(points)
        restored = net.reconstruction_head(points[covered])[:, 0]
    # Hidden points carry no evidence of their own; they teach the other head.
    told = F.cross_entropy(logits.float()[~covered], y[~covered].long())
    return told + 0.5 * F.smooth_l1_loss(restored.float(), x[covered][:, 0, 0])


def save(
    out: Path,
    config: Config,
    net: TimeRCDNet,
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
    step: int,
    spent: float,
) -> None:
    state = {f"net.{k}": v for k, v in net.state_dict().items()} | {f"average.{k}": v for k, v in average.items()}
    for i, moments in enumerate(optimiser.state_dict()["state"].values()):
        state |= {f"optimiser.{i}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    state = {k: v.detach().clone().contiguous() for k, v in state.items()}
    notes = {"step": str(step), "spent": str(spent), "config": json.dumps(config.to_dict())}
    temporary = out / ".checkpoint.tmp"
    save_file(state, temporary, metadata=notes)
    temporary.replace(out / "checkpoint.safetensors")


def resume(
    out: Path, net: TimeRCDNet, average: dict[str, Tensor], optimiser: torch.optim.Optimizer
) -> tuple[int, float]:
    file = out / "checkpoint.safetensors"
    if not file.exists():
        return 0, 0.0
    from safetensors import safe_open

    state = load_file(file)
    net.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("net.")})
    average.update({k[8:]: v for k, v in state.items() if k.startswith("average.")})
    held = optimiser.state_dict()
    held["state"] = {
        i: {k: state[f"optimiser.{i}.{k}"] for k in ("step", "exp_avg", "exp_avg_sq")}
        for i in range(len(held["param_groups"][0]["params"]))
        if f"optimiser.{i}.step" in state
    }
    optimiser.load_state_dict(held)
    with safe_open(file, framework="pt") as opened:
        notes = opened.metadata()
    return int(notes["step"]), float(notes["spent"])


if __name__ == "__main__":
    main()
