"""What one picture of 256 x 256 costs EfficientAD, as a share of what the processor can do.

    OMP_NUM_THREADS=1 python benchmarks/efficient_ad.py        # two or three minutes on an idle machine

Time is CPU time of this process, and each way is measured in turn with a product of two matrices, whose rate is the
peak: on a machine that others use, or whose clock changes, wall time and a peak of another minute would say nothing.
Every line gives the median over rounds of the way's own rate by that of the product of its round. Operations are
counted from the layers: two for each multiplication and addition of a convolution.

Ways: as the net comes; channels last under inference_mode, as `EfficientAD` does it; the same under autocast to
bfloat16; and the file of `tocsin.image._onnx.export`'s exporter in onnxruntime, all with one thread.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tocsin.image._onnx import OPSET, quiet
from tocsin.image.efficient_ad.graph import Graph
from tocsin.image.efficient_ad.judge import Judge
from tocsin.image.efficient_ad.map_scale import MapScale
from tocsin.image.efficient_ad.pupils import Pupils
from tocsin.image.efficient_ad.teachers import EncoderTeacher, PDNTeacher, untrained
from tocsin.nn.encoders import make_encoder
from tocsin.nn.pdn import PDN

SIDE, GEMM, ROUNDS = 256, 1536, 9
torch.set_num_threads(1)


def operations(net: nn.Module, picture: torch.Tensor) -> float:
    """Multiplications and additions of all convolutions."""
    total = 0.0

    def count(module: nn.Conv2d, _given: object, made: torch.Tensor) -> None:
        nonlocal total
        total += 2.0 * made.numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, nn.Conv2d)]
    with torch.inference_mode():
        net(picture)
    for hook in hooks:
        hook.remove()
    return total


def seconds(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def product(kind: torch.dtype) -> tuple[Callable[[], object], float]:
    """A product of two matrices, and its operations."""
    left, right = torch.randn(GEMM, GEMM).to(kind), torch.randn(GEMM, GEMM).to(kind)
    out = torch.empty(GEMM, GEMM, dtype=kind)
    return (lambda: torch.mm(left, right, out=out)), 2.0 * GEMM**3


def runtime(net: nn.Module, picture: torch.Tensor, folder: Path) -> Callable[[], object] | None:
    """The net in onnxruntime, or None where that is not installed."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - the exporter needs it
    except ImportError:
        return None
    file = str(folder / "net.onnx")
    with quiet():
        torch.onnx.export(net, (picture,), file, dynamo=True, external_data=False, opset_version=OPSET, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name, given = session.get_inputs()[0].name, picture.numpy()
    return lambda: session.run(None, {name: given})


def ways(net: nn.Module, picture: torch.Tensor, folder: Path) -> dict[str, Callable[[], object]]:
    plain = net.eval().requires_grad_(False)
    found: dict[str, Callable[[], object]] = {"as it comes": lambda: plain(picture)}
    if (run := runtime(plain, picture, folder)) is not None:
        found["onnxruntime"] = run
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    given = picture.to(memory_format=torch.channels_last)

    def eager() -> object:
        with torch.inference_mode():
            return last(given)

    def mixed() -> object:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            return last(given)

    return {**found, "channels last": eager, "bfloat16": mixed}


def efficient(teacher: nn.Module, outputs: int) -> Graph:
    """The whole of scoring with untrained student and autoencoder: the cost does not depend on weights."""
    pupils = Pupils((SIDE, SIDE), outputs)
    judge = Judge(teacher, pupils, torch.zeros(outputs), torch.ones(outputs))
    return Graph(judge, (MapScale(0, 1), MapScale(0, 1)), 0.5, 0.05, False)


def measure(name: str, net: nn.Module, rounds: int) -> None:
    picture = torch.rand(1, 3, SIDE, SIDE)
    work = operations(net.eval(), picture)
    with tempfile.TemporaryDirectory() as place:
        calls = ways(net, picture, Path(place))
        peaks = {kind: product(kind) for kind in (torch.float32, torch.bfloat16)}
        for call in (*calls.values(), *(p[0] for p in peaks.values())):
            call()
        taken: dict[str, list[float]] = {way: [] for way in calls}
        share: dict[str, list[float]] = {way: [] for way in calls}
        peak: dict[torch.dtype, list[float]] = {kind: [] for kind in peaks}
        for _ in range(rounds):
            for way, call in calls.items():
                kind = torch.bfloat16 if way == "bfloat16" else torch.float32
                multiply, size = peaks[kind]
                before, own, after = seconds(multiply), seconds(call), seconds(multiply)
                rate = size / ((before + after) / 2)
                taken[way].append(own)
                share[way].append(work / own / rate)
                peak[kind].append(rate / 1e9)
    for way in calls:
        kind = torch.bfloat16 if way == "bfloat16" else torch.float32
        middle, spread = np.median(share[way]), np.quantile(share[way], [0.25, 0.75])
        print(
            f"| {name} | {work / 1e9:.1f} | {way} | {np.median(taken[way]):.3f} | {np.median(peak[kind]):.0f} | "
            f"{middle:.0%} ({spread[0]:.0%} to {spread[1]:.0%}) |",
            flush=True,
        )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--only", default="", help="nets whose name holds this")
    given = asked.parse_args()
    nets: dict[str, Callable[[], nn.Module]] = {
        "PDN-S, 384 outputs": lambda: PDN(384),
        "PDN-S, 768 outputs": lambda: PDN(768),
        "EfficientAD-S, published": lambda: efficient(PDNTeacher(untrained(384, "small", None, 0)), 384),
        "EfficientAD-S, encoder as teacher": lambda: efficient(EncoderTeacher(make_encoder("tocsin")), 192),
    }
    print("| net | GFLOP | way | CPU s | peak, GFLOP/s | share of the peak (quartiles) |")
    print("|---|---|---|---|---|---|")
    for name, make in nets.items():
        if given.only in name:
            torch.manual_seed(0)
            measure(name, make(), given.rounds)


if __name__ == "__main__":
    main()
