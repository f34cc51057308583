"""Training pairs, auxiliary pictures, words, and what training is worth."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from tocsin.core.errors import InputError  # noqa: E402
from tocsin.image.dictas.auxiliary import Auxiliary  # noqa: E402
from tocsin.image.dictas.pairs import other_view, training_pair  # noqa: E402
from tocsin.image.dictas.training import Schedule, train_dictionary  # noqa: E402
from tocsin.image.dictas.views import turned  # noqa: E402
from tocsin.image.dictas.words import sentences, text_vectors  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

TINY = Schedule(steps=4, batch=2, side=48, held_out=2, every=1)


@pytest.fixture(scope="module")
def trained():
    return train_dictionary(make_encoder("random:tocsin"), "procedural", TINY)


def test_training_is_the_same_for_the_same_seed_and_has_two_phases(trained):
    dictionary, (first, second) = trained
    again, _ = train_dictionary(make_encoder("random:tocsin"), "procedural", TINY)
    for name, value in dictionary.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert 1 <= first.steps <= 2
    assert first.steps + second.steps == 4
    assert not dictionary.training


def test_the_generator_of_values_stands_still_in_the_second_phase(tmp_path):
    from safetensors.torch import load_file

    dictionary, _ = train_dictionary(make_encoder("random:tocsin"), "procedural", TINY, folder=str(tmp_path))
    kept = load_file(tmp_path / "phase-1" / "checkpoint.safetensors")
    final = dictionary.state_dict()
    before = {k.split("dictionary.")[-1]: v for k, v in kept.items() if k.startswith("kept.")}
    before = before or {k.split("dictionary.")[-1]: v for k, v in kept.items() if k.startswith("net.")}
    assert any(not torch.equal(before[k], v) for k, v in final.items() if k.startswith("query."))
    assert all(torch.equal(before[k], v) for k, v in final.items() if k.startswith("value."))


def test_a_finished_run_in_a_folder_is_used_again(tmp_path):
    encoder = make_encoder("random:tocsin")
    first, _ = train_dictionary(encoder, "procedural", TINY, folder=str(tmp_path))
    written = (tmp_path / "phase-2" / "checkpoint.safetensors").stat().st_mtime_ns
    again, reports = train_dictionary(encoder, "procedural", TINY, folder=str(tmp_path))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in first.state_dict().items())
    assert reports[1].loss == 0
    assert written


def test_pairs_are_marked_where_they_differ():
    pixels = Auxiliary("procedural", 64).picture(0)
    rng = np.random.default_rng(0)
    for _ in range(10):
        query, mask, reference = training_pair(pixels, rng, anomalies=1.0)
        assert mask.any()
        changed = np.abs(query - pixels).mean(axis=2)
        assert changed[mask].mean() > 3 * changed[~mask].mean()
        assert reference.shape == pixels.shape
    marked = [training_pair(pixels, rng, anomalies=0.3)[1].any() for _ in range(300)]
    assert 0.2 < np.mean(marked) < 0.4


def test_other_views_show_the_same_picture():
    """Colours are those of the picture, apart from parts that are blanked out."""
    pixels = np.full((64, 64, 3), 0.5, dtype=np.float32)
    rng = np.random.default_rng(0)
    views = [other_view(pixels, rng) for _ in range(40)]
    values = np.unique(np.concatenate([np.round(v, 4).ravel() for v in views]))
    assert set(values) <= {0.0, 0.5}
    blank = np.array([(v == 0).mean() for v in views])
    assert (blank == 0).any()
    assert 0 < blank.max() < 0.2


def test_quarter_turns_are_exact_and_others_keep_the_size():
    pixels = np.random.default_rng(0).random((6, 9, 3)).astype(np.float32)
    assert np.array_equal(turned(pixels, 180), pixels[::-1, ::-1])
    assert turned(pixels, 90).shape == (9, 6, 3)
    assert turned(pixels, 45).shape == (6, 9, 3)


def test_folders_of_pictures_keep_a_part_for_validation(tmp_path):
    import cv2

    for kind in ("cable", "nut"):
        (tmp_path / kind).mkdir()
        for n in range(6):
            cv2.imwrite(str(tmp_path / kind / f"{n}.png"), np.full((20, 30, 3), 20 * n, dtype=np.uint8))
    found = Auxiliary(str(tmp_path), 32)
    assert found.kinds == ("cable", "nut")
    assert not set(found.learned) & set(found.validated)
    assert len(found.learned) + len(found.validated) == 12
    assert found.picture(3).shape == (32, 32, 3)
    assert {found.kind(n) for n in range(12)} == {0, 1}
    with pytest.raises(InputError, match="at least 10 normal pictures"):
        Auxiliary(str(tmp_path / "nut"), 32)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    """A tiny CLIP with random weights and a tokenizer that spells words letter by letter."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(n) for n in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder)
    text = {"vocab_size": len(words), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "max_position_embeddings": 77, "bos_token_id": len(words) - 2,
            "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
              "image_size": 64, "patch_size": 8}  # fmt: skip
    torch.manual_seed(0)
    net = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))
    net.save_pretrained(folder, safe_serialization=True)
    return folder


def test_words_are_unit_vectors_of_all_sentences(clip_folder):
    found = text_vectors(str(clip_folder), ["nut"])
    assert found.shape == (1, 2, 12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=2), 1, atol=1e-5)
    assert np.abs(found[0, 0] - found[0, 1]).max() > 1e-4
    assert len(set(sentences("nut", True))) == 5 * 35


def test_a_clip_model_is_trained_with_words_and_each_depth_by_itself(clip_folder):
    """Vision towers have depths of one shape, so that the shared generators see each of them."""
    encoder = make_encoder(str(clip_folder), (1, 3))
    dictionary, reports = train_dictionary(encoder, "procedural", TINY, text=str(clip_folder))
    assert dictionary.query.query.weight.shape == (16, 16)
    assert np.isfinite(reports[1].loss)


def test_a_model_without_words_is_refused(tmp_path):
    with pytest.raises(InputError, match="no CLIP model with a text encoder"):
        text_vectors(str(tmp_path), ["nut"])


@pytest.mark.slow
def test_training_finds_new_defects_on_textures_never_seen_better_than_nearest_neighbours(tmp_path):
    """Turned references, unseen textures, another kind of defect: scratches."""
    import cv2

    from tocsin.core.samples import Image
    from tocsin.image.dictas.detector import DictAS
    from tocsin.metrics.ranks import Ranking
    from tocsin.synthesis.image.procedural import texture

    settings = {"side": 128, "training_side": 128}
    made = {
        "trained": DictAS(**settings, steps=200, batch=4, folder=str(tmp_path)),
        "nearest": DictAS(**settings, sharing="nearest", scales=(1,)),
        "dense": DictAS(**settings, sharing="dense"),
    }
    precision = {name: [] for name in made}
    for seed in range(5):
        whole = texture(90_001 + 2 * seed, 256)
        query = np.array(whole[:128, :128])
        mask = np.zeros((128, 128), dtype=np.uint8)
        rng = np.random.default_rng(seed)
        start = rng.integers(20, 60, size=2)
        cv2.line(mask, tuple(map(int, start)), tuple(map(int, start + 45)), 1, 5)
        query[mask > 0] = 255 - query[mask > 0]
        references = [Image(np.rot90(whole[128:, 128:]).copy(), id="a"), Image(whole[128:, :128].copy(), id="b")]
        for name, detector in made.items():
            local = detector.fit(references).score(Image(query)).local
            precision[name].append(Ranking.from_scores(mask.ravel() > 0, local.ravel()).average_precision())
    means = {name: float(np.mean(values)) for name, values in precision.items()}
    assert means["trained"] > means["nearest"], means
    assert means["trained"] > means["dense"], means
