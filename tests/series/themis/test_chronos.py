"""The encoders of Chronos: words, vectors as the publishers' own code gives them, and folders that are not sound."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("huggingface_hub")

from tocsin.core.errors import ArtifactError, InputError
from tocsin.series.themis.chronos import tokenise
from tocsin.series.themis.detector import Themis
from tocsin.series.themis.embedders import build, describe

_spec = importlib.util.spec_from_file_location("themis_folders", Path(__file__).with_name("folders.py"))
folders = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(folders)

X = np.sin(np.arange(50) / 4) * 3 + 1 + np.cos(np.arange(50) ** 2 / 90.0)


@pytest.fixture
def t5(tmp_path):
    return folders.write(tmp_path / "t5", folders.encoder_arrays(1), folders.T5)


@pytest.fixture
def bolt(tmp_path):
    return folders.write(tmp_path / "bolt", folders.encoder_arrays(2, 2, 16), folders.BOLT, reg_token_id=1)


def test_golden_words():
    words, seen = tokenise(np.array([[0, 1, 2, -1, 0.5, 10, np.nan, 3, -2, 0.25]]))
    assert words.tolist() == [[2049, 2111, 2173, 1987, 2080, 2671, 0, 2235, 1925, 2065, 1]]
    assert seen.tolist() == [[1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]]
    assert tokenise(np.zeros((1, 3)))[0].tolist() == [[2049, 2049, 2049, 1]]
    assert tokenise(np.array([[1e30, -1e30] + [0.0] * 60]))[0][0, :2].tolist() == [4095, 3]


def test_vectors_of_t5_are_those_of_the_publishers_code(t5):
    """Golden: ChronosPipeline.embed of chronos-forecasting on the same arrays."""
    embedder = build(describe(str(t5), 8))
    found = embedder.embed(X[None])
    assert found.shape == (1, 50, 32)
    wanted = [
        [0.47067842, 1.10838389, 0.01892667],
        [-0.75880855, -1.13770044, -1.05606616],
        [0.2706075, -0.58027929, -0.9963516],
    ]
    np.testing.assert_allclose(found[0, [0, 17, 49], :3], wanted, atol=2e-6)
    assert np.linalg.norm(found) == pytest.approx(42.3180389, rel=1e-6)
    assert (embedder.longest, embedder.patch, embedder.margin) == (512, 1, 0)


def test_vectors_of_bolt_are_those_of_the_publishers_code(bolt):
    """Golden: the encoder of chronos-forecasting's Bolt on the same arrays; 50 values are padded in front to 64."""
    embedder = build(describe(str(bolt), 8))
    found = embedder.embed(X[None])
    assert found.shape == (1, 4, 32)
    wanted = [
        [0.44357356, 1.51246214, 1.6835966],
        [0.59432834, 2.28970766, 2.23794723],
        [0.43050328, 0.42597987, 1.20275199],
        [0.48129305, 1.18108201, 2.41873646],
    ]
    np.testing.assert_allclose(found[0, :, :3], wanted, atol=3e-6)
    assert np.linalg.norm(found) == pytest.approx(13.7062054, rel=1e-6)
    assert (embedder.longest, embedder.patch) == (2048, 16)
    # Affine changes of a window change nothing.
    np.testing.assert_allclose(embedder.embed(1e4 * X[None] - 7e5), found, atol=1e-3)


@pytest.mark.parametrize("form", ["relu", "gated-gelu"])
def test_the_encoder_is_the_one_of_the_usual_library(form):
    """Slow twin: T5EncoderModel of transformers on the same weights, with places hidden, in several batches."""
    import torch

    transformers = pytest.importorskip("transformers")
    from tocsin.series.themis.chronos_files import TINY, TOKENS, _shapes
    from tocsin.series.themis.t5_encoder import T5Encoder

    sizes = {**TINY, "d_kv": 24, "feed_forward_proj": form}
    rng = np.random.default_rng(0)
    shapes = _shapes("chronos-t5", {"sizes": sizes, "reading": dict(TOKENS)})
    weights = {k: (0.2 * rng.normal(size=s)).astype("f4") for k, s in shapes.items()}
    theirs = transformers.T5EncoderModel(transformers.T5Config(**sizes, dropout_rate=0.0)).eval()
    named = {k: torch.from_numpy(v) for k, v in weights.items()}
    theirs.load_state_dict({**named, "encoder.embed_tokens.weight": named["shared.weight"]})
    ours = T5Encoder(sizes, weights)
    for batch, n in ((1, 5), (9, 513), (3, 40)):
        words = torch.from_numpy(rng.integers(2, 4000, size=(batch, n)))
        seen = torch.from_numpy(rng.random((batch, n)) > 0.2)
        seen[:, -1] = True
        with torch.inference_mode():
            wanted = theirs(input_ids=words, attention_mask=seen.long()).last_hidden_state
        found = ours.encode(ours.embedded(words), seen)
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), atol=5e-6)


def test_missing_values_are_hidden_from_attention(t5):
    embedder = build(describe(str(t5), 8))
    holed = X[None].copy()
    holed[0, 20] = np.nan
    found = embedder.embed(holed)
    assert np.isfinite(found).all()
    assert not np.allclose(found[0, 0], embedder.embed(X[None])[0, 0], atol=1e-4)


def test_half_precision_is_read_and_only_the_encoder_kept(t5):
    import torch
    from safetensors.torch import load_file, save_file

    whole = load_file(t5 / "model.safetensors")
    save_file({k: v.to(torch.bfloat16) for k, v in whole.items()}, t5 / "model.safetensors")
    found = describe(str(t5), 8)
    assert "decoder.final_layer_norm.weight" not in found.weights
    assert {a.dtype for a in found.weights.values()} == {np.dtype("f4")}
    assert build(found).embed(X[None]).shape == (1, 50, 32)


@pytest.mark.parametrize("which", ["t5", "bolt"])
def test_a_detector_with_a_network_is_saved_with_it(which, request, tmp_path):
    folder = request.getfixturevalue(which)
    x = np.sin(np.arange(700) / 7.0)
    made = Themis(str(folder), window=200).fit(x)
    scores = made.score(x).local
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 30
    made.save(tmp_path / "m.tocsin")
    (folder / "model.safetensors").unlink()
    np.testing.assert_allclose(Themis.load(tmp_path / "m.tocsin").score(x).local, scores, atol=1e-6)


def test_an_edited_model_is_refused(t5, tmp_path):
    x = np.sin(np.arange(300) / 7.0)
    for change, words in (
        (lambda d: d.weights_.update({"encoder.final_layer_norm.weight": np.ones(31, dtype="f4")}), "another size"),
        (lambda d: d.config_["sizes"].update(d_model=-4), "no Chronos network"),
        (lambda d: d.config_["sizes"].update(d_model=1 << 40), "no Chronos network"),
        (lambda d: d.config_["reading"].update(n_tokens=9999), "cannot read 9999"),
        (lambda d: setattr(d, "kind_", "gpt"), "no encoder of the kind 'gpt'"),
    ):
        made = Themis(str(t5), window=100).fit(x)
        change(made)
        made.save(tmp_path / "edited.tocsin")
        with pytest.raises(ArtifactError, match=words):
            Themis.load(tmp_path / "edited.tocsin")


def test_weights_of_another_size_and_damaged_files_get_one_sentence(t5):
    config = json.loads((t5 / "config.json").read_text())
    (t5 / "config.json").write_text(json.dumps({**config, "d_ff": 64}))
    with pytest.raises(ArtifactError, match=r"\(48, 32\) where the stated sizes ask for \(64, 32\).*another size"):
        build(describe(str(t5), 8))
    (t5 / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "chronos_config"}))
    with pytest.raises(ArtifactError, match="describes no Chronos network"):
        describe(str(t5), 8)
    (t5 / "config.json").write_text(json.dumps(config))
    (t5 / "model.safetensors").write_bytes(b"\x80\x04 no tensors")
    with pytest.raises(ArtifactError, match="cannot be read as safetensors"):
        describe(str(t5), 8)
    (t5 / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no model\.safetensors"):
        describe(str(t5), 8)


def test_a_hub_that_cannot_be_reached_says_what_to_do(monkeypatch):
    import huggingface_hub

    asked = []

    def unreachable(name, file, local_files_only):
        asked.append(local_files_only)
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(
        InputError, match=r"hf download amazon/chronos-t5-small config\.json model\.safetensors"
    ) as said:
        Themis("amazon/chronos-t5-small").fit(X)
    assert "encoder='delay' needs no weights" in str(said.value)
    # What is in the cache already is used without asking anybody.
    assert asked == [True, False]


def test_the_hubs_cache_is_used_when_offline(monkeypatch, t5):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda name, file, local_files_only: str(t5 / file))
    assert describe("amazon/chronos-t5-tiny", 8).kind == "chronos-t5"


def test_an_untrained_network_is_the_same_for_the_same_seed():
    first, again, other = (build(describe(f"random:{s}", 8)).embed(X[None]) for s in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other, atol=0.1)
    with pytest.raises(InputError, match="random:<seed>"):
        describe("random:tiny", 8)


def test_longer_windows_than_a_network_reads_are_refused(t5):
    with pytest.raises(InputError, match="at most 512 rows, not 600"):
        Themis(str(t5), window=600).fit(np.arange(1000.0))
