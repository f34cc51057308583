"""The teacher: MobileNetV2 up to its layer 11, read from safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

SHALLOW, DEEP = (4,), (8, 11)


class Teacher:
    """What the net learns to say: (n, 32, h/8, w/8) and (n, 160, h/16, w/16); standardised if statistics are known."""

    def __init__(self, file: Path) -> None:
        whole = MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=1001))
        whole.load_state_dict({k: v.float() for k, v in load_file(file).items()})
        body = whole.mobilenet_v2.eval()
        self.stem, self.layers = body.conv_stem, body.layer[: max(DEEP) + 1]
        self.statistics: list[Tensor] = []

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shallow and the deep layers of some pictures (RGB, -1 to 1)."""
        values, kept = self.stem(pictures.contiguous(memory_format=torch.channels_last)), {}
        for number, layer in enumerate(self.layers):
            values = layer(values)
            kept[number] = values
        parts = [torch.cat([kept[n] for n in group], 1) for group in (SHALLOW, DEEP)]
        for number, (mean, spread) in enumerate(self.statistics):
            parts[number] = (parts[number] - mean[:, None, None]) / spread[:, None, None]
        return parts[0].clone(), parts[1].clone()
