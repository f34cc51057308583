"""Weights from anywhere are hostile until validated."""

from __future__ import annotations

import json

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")
from safetensors.torch import save_file

from tocsin.core.errors import ArtifactError, InputError
from tocsin.series.timercd import weights
from tocsin.series.timercd.net import Config
from tocsin.series.timercd.pretrain import first_net
from tocsin.series.timercd.settings import PUBLISHED, SMALL

TINY = Config(d_model=16, d_proj=4, layers=3, heads=2, patch=8, dropout=0.0, variates=True)


def stored(folder, config=TINY, *, notes=None, prefix="", **changed):
    state = first_net(config, 0).state_dict() | changed
    file = folder / "w.safetensors"
    save_file({prefix + k: v.contiguous() for k, v in state.items() if v is not None}, file, metadata=notes)
    return str(file)


def test_published_layout_is_recognised_by_its_shapes(tmp_path):
    found = weights.read(stored(tmp_path, prefix="module."))
    assert found.settings == PUBLISHED
    assert found.sizes == {k: v for k, v in TINY.to_dict().items() if k != "dropout"}
    net = weights.build(found)
    assert torch.equal(
        net.state_dict()["anomaly_head.0.weight"], first_net(TINY, 0).state_dict()["anomaly_head.0.weight"]
    )
    assert not net.training
    assert not any(p.requires_grad for p in net.parameters())


def test_without_a_trace_of_heads_a_note_is_needed(tmp_path):
    alone = Config(d_model=16, d_proj=4, layers=1, heads=4, patch=8, inputs=2, dropout=0.0)
    with pytest.raises(ArtifactError, match="how many heads"):
        weights.read(stored(tmp_path, alone))
    notes = {"config": json.dumps(alone.to_dict()), "settings": json.dumps(SMALL.to_dict())}
    found = weights.read(stored(tmp_path, alone, notes=notes))
    assert found.sizes["heads"] == 4
    assert found.sizes["inputs"] == 2
    assert found.settings == SMALL


def test_a_pickle_is_refused_with_the_line_that_converts_it(tmp_path):
    file = tmp_path / "pretrain_checkpoint_best_uni.pth"
    torch.save({"model_state_dict": first_net(TINY, 0).state_dict()}, file)
    with pytest.raises(InputError, match="could run code, and is not opened: convert it first with python -c"):
        weights.read(str(file))


def test_that_line_does_convert(tmp_path):
    import subprocess
    import sys

    state = {f"module.{k}": v for k, v in first_net(TINY, 0).state_dict().items()}
    torch.save({"model_state_dict": state}, tmp_path / "IN.pth")
    command = weights.CONVERT.removeprefix('python -c "').removesuffix('"')
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=True)
    found = weights.read(str(tmp_path / "OUT.safetensors"))
    assert np.array_equal(found.arrays["anomaly_head.3.bias"], state["module.anomaly_head.3.bias"].numpy())


def test_nothing_there_says_where_weights_come_from(tmp_path):
    with pytest.raises(
        InputError, match=r"there are no weights 'smal'; did you mean small\?; .* thu-sail-lab/Time-RCD"
    ):
        weights.read("smal")
    with pytest.raises(InputError, match="there are no weights"):
        weights.read(str(tmp_path))


def test_other_networks_and_damage_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"anomaly_head\.0\.bias is missing"):
        weights.build(weights.read(stored(tmp_path, **{"anomaly_head.0.bias": None})))
    with pytest.raises(ArtifactError, match=r"anomaly_head\.0\.bias has shape \(3,\)"):
        weights.build(weights.read(stored(tmp_path, **{"anomaly_head.0.bias": torch.zeros(3)})))
    with pytest.raises(ArtifactError, match="more does not belong there"):
        weights.build(weights.read(stored(tmp_path, more=torch.zeros(3))))
    with pytest.raises(ArtifactError, match="finite numbers"):
        weights.read(stored(tmp_path, **{"anomaly_head.3.bias": torch.tensor([0.0, float("nan")])}))
    save_file({"encoder": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ArtifactError, match="holds no TimeRCD network"):
        weights.read(str(tmp_path / "other.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:200])
    with pytest.raises(ArtifactError, match="cannot be read as safetensors"):
        weights.read(str(tmp_path / "cut.safetensors"))


def test_what_ships_is_small_finite_and_says_how_it_wants_to_be_used():
    found = weights.read("small")
    assert found.settings == SMALL
    assert found.sizes["inputs"] == 2
    assert sum(a.size for a in found.arrays.values()) < 3_000_000
    assert all(a.dtype == np.float16 for a in found.arrays.values())
    folder = weights.Path(str(weights.files("tocsin"))) / "weights" / "timercd-small"
    assert (folder / weights.FILE).stat().st_size <= 6_000_000
    assert "License" in (folder / "MODEL_CARD.md").read_text()
