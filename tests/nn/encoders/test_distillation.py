"""The script that distils the descriptor: it learns, it can be exported, and a finished run is not repeated."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

from tocsin.nn.encoders import make_encoder

sys.path.insert(0, str(Path(__file__).parents[3] / "training"))

from descriptor.distil import BATCH, SIDE, difference, distil, standardise
from descriptor.export import exported
from descriptor.pool import crops, procedural
from descriptor.teacher import Teacher

# The first hundred only warm up.
STEPS = 220


@pytest.mark.slow
def test_a_net_learns_what_its_teacher_says_and_says_it_after_export(tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "teacher.safetensors"
    save_file(MobileNetV2ForImageClassification(MobileNetV2Config(num_labels=1001)).state_dict(), file)
    pool, teacher = procedural(tmp_path, 24), Teacher(file)
    standardise(teacher, pool, [], tmp_path / "statistics.json")
    run = tmp_path / "run"
    distil(run, teacher, pool, [], steps=STEPS)
    before = load_file(run / "checkpoint.safetensors")
    distil(run, teacher, pool, [], steps=STEPS)
    after = load_file(run / "checkpoint.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert exported(run, tmp_path / "net.safetensors") == STEPS

    values = torch.from_numpy(crops(np.random.default_rng(9), pool, [], BATCH, SIDE)).permute(0, 3, 1, 2)
    learned, untrained = (make_encoder(name).net for name in (f"tocsin:{tmp_path}/net.safetensors", "random:tocsin"))
    with torch.no_grad():
        # To say nothing, zero everywhere, would lose 1.
        losses = [float(difference(net, teacher, values)) for net in (learned, untrained)]
    assert losses[0] < 0.9
    assert losses[0] < 0.9 * losses[1]
