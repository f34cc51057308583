"""The baselines that methods name, on the pictures of ``images.py`` and measured as there.

    python benchmarks/images_baselines.py DATA [--sets kolektor_sdd,magnetic_tile] [--seeds 0] [--shots 4]

*Pixel gaussian*: how many spreads a pixel is away from the mean of its place, in normal pictures brought to one size
(EfficientAD's first baseline). *Autoencoder*: the error of rebuilding a picture through 64 numbers, by a net of the
form and with the steps of EfficientAD's (its second). *Mean description*: distance of a patch's description from the
mean of all normal ones, each channel in its own spread, by the descriptor that comes with tocsin (that of OneNIP and
INP-Former beside the patch memory, which is in the table of ``images.py``). Maps are smoothed alike, and a picture's
score is the mean of its highest hundredth, as in EfficientAD; nothing was tuned.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from images import Part, limited, line, load, measure
from torch import Tensor

from tocsin.core.samples.image import Image
from tocsin.core.scores import Scores
from tocsin.image._maps import to_picture
from tocsin.image._preparation import fitting, prepare
from tocsin.image.efficient_ad.autoencoder import GlobalAutoencoder
from tocsin.nn.encoders import make_encoder

SIDE, STEPS, BATCH, RATE, HIGHEST, LEAST = 256, 1000, 4, 1e-3, 0.01, 0.02
# The width of the Gaussian that all maps are smoothed by, as a share of their side.
SMOOTH = 1 / 64


class Baseline:
    """Pictures at one size, a map, and the mean of its highest hundredth."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, images: Sequence[Image]) -> Baseline:
        """Learn from normal pictures; all take the shape of the median one."""
        shapes = sorted((i.grid[:2] for i in images), key=lambda grid: grid[0] / grid[1])
        self.size = fitting(shapes[len(shapes) // 2], SIDE, 16)
        self.learn(torch.from_numpy(np.stack([prepare(i, self.size) for i in images])))
        return self

    @torch.inference_mode()
    def score(self, image: Image) -> Scores:
        """Judge one picture."""
        cells = self.map(torch.from_numpy(prepare(image, self.size))[None]).numpy()
        smooth = cv2.GaussianBlur(cells, (0, 0), SMOOTH * float(np.sqrt(cells.size)))
        count = max(1, round(HIGHEST * smooth.size))
        overall = float(np.sort(smooth, axis=None)[-count:].mean())
        return Scores(to_picture(smooth, (image.grid[0], image.grid[1])), overall)

    def learn(self, pictures: Tensor) -> None:
        """Learn from pictures of one size, shape (n, 3, h, w)."""
        raise NotImplementedError

    def map(self, picture: Tensor) -> Tensor:
        """Return a map, shape (rows, columns), of one picture, shape (1, 3, h, w)."""
        raise NotImplementedError


class PixelGaussian(Baseline):
    """Mean and spread of each pixel and colour."""

    def learn(self, pictures: Tensor) -> None:
        self.mean, self.spread = pictures.mean(dim=0), pictures.std(dim=0, unbiased=False) + LEAST

    def map(self, picture: Tensor) -> Tensor:
        return ((picture[0] - self.mean) / self.spread).square().mean(dim=0).sqrt()


class Autoencoder(Baseline):
    """What is lost on the way through 64 numbers."""

    def learn(self, pictures: Tensor) -> None:
        torch.manual_seed(self.seed)
        # A grid of half the picture's side: more detail than that 64 numbers do not hold anyway.
        self.grid = (self.size[0] // 2, self.size[1] // 2)
        self.net = GlobalAutoencoder(self.size, self.grid, 3).train()
        optimiser = torch.optim.AdamW(self.net.parameters(), lr=RATE, weight_decay=1e-5)
        rng = np.random.default_rng(self.seed)
        for _ in range(STEPS):
            shown = pictures[rng.integers(len(pictures), size=BATCH)]
            loss = (self.net(shown) - self.shrunk(shown)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.net.eval()

    def shrunk(self, pictures: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(pictures, self.grid)

    def map(self, picture: Tensor) -> Tensor:
        error: Tensor = (self.net(picture) - self.shrunk(picture)).square().mean(dim=1)[0]
        return error


class MeanDescription(Baseline):
    """Distance from the mean of all descriptions, channel by channel."""

    def learn(self, pictures: Tensor) -> None:
        self.encoder = make_encoder()
        with torch.inference_mode():
            found = torch.cat([self.described(p[None]).flatten(1) for p in pictures], dim=1)
        self.mean, self.spread = found.mean(dim=1)[:, None, None], found.std(dim=1)[:, None, None] + 1e-6

    def described(self, picture: Tensor) -> Tensor:
        shallow, deep = self.encoder.layers(picture)
        wide = torch.nn.functional.interpolate(deep, shallow.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([shallow, wide], dim=1)[0]

    def map(self, picture: Tensor) -> Tensor:
        return ((self.described(picture) - self.mean) / self.spread).square().mean(dim=0).sqrt()


KINDS = {"pixel gaussian": PixelGaussian, "autoencoder": Autoencoder, "mean description": MeanDescription}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--sets", default="kolektor_sdd,magnetic_tile")
    asked.add_argument("--kinds", default=",".join(KINDS))
    asked.add_argument("--seeds", default="0")
    asked.add_argument("--shots", type=int)
    given = asked.parse_args()
    torch.set_num_threads(1)
    print("| set (training pictures) | baseline, seed | image AUROC all / A / B | AP | pixel AP | AU-PRO .3 / .05 | "
          "Spearman | fit s | s a picture | MB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in given.sets.split(","):
        with tempfile.TemporaryDirectory() as place:
            whole: list[Part] = load(given.data, name, Path(place))
            for kind in given.kinds.split(","):
                for seed in map(int, given.seeds.split(",")):
                    parts = [limited(p, given.shots, seed) for p in whole]
                    rows = [measure(KINDS[kind](seed), p) for p in parts]
                    print(line(name, f"{kind}, {seed}", parts, rows), flush=True)


if __name__ == "__main__":
    main()
