"""The baselines that detectors of pictures are compared with: they are no straw men, and not constant."""

import importlib
import sys

import numpy as np
import pytest
from tests.conftest import REPOSITORY

from tocsin import Image
from tocsin.metrics.ranks import Ranking


def part(seed, spoiled=False):
    rng = np.random.default_rng(seed)
    pixels = 128 + 40 * np.sin(np.arange(96) / 5)[:, None] + rng.normal(0, 6, (96, 96))
    if spoiled:
        y, x = rng.integers(16, 64, 2)
        pixels[y : y + 14, x : x + 14] += 70
    return Image(pixels.clip(0, 255).astype(np.uint8), id=f"{seed}")


@pytest.fixture(scope="module")
def baselines():
    pytest.importorskip("torch")
    pytest.importorskip("cv2")
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    yield importlib.import_module("images_baselines")
    sys.path.remove(str(REPOSITORY / "benchmarks"))


@pytest.mark.parametrize("kind", ["pixel gaussian", "autoencoder", "mean description"])
def test_a_baseline_finds_a_spot_on_aligned_stripes(baselines, monkeypatch, kind):
    monkeypatch.setattr(baselines, "STEPS", 60)
    monkeypatch.setattr(baselines, "RATE", 3e-3)
    monkeypatch.setattr(baselines, "SIDE", 96)
    made = baselines.KINDS[kind](0).fit([part(n) for n in range(12)])
    found = [made.score(part(100 + n, spoiled=n >= 8)) for n in range(16)]
    scores = np.array([f.overall for f in found])
    assert Ranking.from_scores(np.arange(16) >= 8, scores).auroc() > 0.9
    assert len(np.unique(scores)) == 16
    assert all(f.local.shape == (96, 96) for f in found)
