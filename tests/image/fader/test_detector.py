"""FADeR as a detector: finds what is planted, repeats itself, goes on after an interruption, refuses in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from tests.image.fader.conftest import parts, stripes, turned

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Image
from tocsin.image.fader import lessons
from tocsin.image.fader.detector import FADeR
from tocsin.metrics.ranks import Ranking
from tocsin.nn import run

SMALL = {"side": 64, "channels": (8, 12, 16), "steps": 80, "gate_steps": 20, "batch": 4, "crop": 48, "smooth": 5}
QUICK = {**SMALL, "steps": 5, "gate_steps": 3, "crop": 32, "batch": 2}


@pytest.fixture(scope="module")
def fitted():
    return FADeR(**SMALL).fit(parts(15))


def auroc(truth, values):
    return float(Ranking.from_scores(np.concatenate(truth), np.concatenate(values)).auroc())


def test_planted_defects_are_found(fitted):
    rng = np.random.default_rng(3)
    normal = [fitted.score(p).overall for p in parts(8, seed=5)]
    found, truth, maps = [], [], []
    for _ in range(8):
        odd, mask = turned(stripes(rng), rng)
        scores = fitted.score(Image(odd))
        found.append(scores.overall)
        truth.append(mask.ravel())
        maps.append(scores.local.ravel())
    assert auroc([np.zeros(8, bool), np.ones(8, bool)], [normal, found]) > 0.95
    assert auroc(truth, maps) > 0.9


def test_same_picture_same_map_and_same_seed_same_model(fitted):
    picture = parts(1, seed=8)[0]
    one, two = fitted.score(picture), fitted.score(picture)
    assert (one.local == two.local).all()
    models = [FADeR(**QUICK, random_state=seed).fit(parts(10)) for seed in (0, 0, 1)]
    maps = [model.score(picture).local for model in models]
    assert (maps[0] == maps[1]).all()
    assert models[0].findings_ == models[1].findings_
    assert (maps[0] != maps[2]).any()


def test_stored_model_scores_the_same(fitted, tmp_path):
    picture = parts(1, seed=8)[0]
    again = FADeR.load(fitted.save(tmp_path / "model"))
    assert (again.score(picture).local == fitted.score(picture).local).all()
    assert again.gated_ == fitted.gated_
    state = fitted._state()
    del state["saliency_"]["bank"]
    with pytest.raises(ArtifactError, match="does not hold what its saliency needs"):
        FADeR(**SMALL)._restore(state)


def test_every_fifth_picture_is_held_out_and_findings_say_what_became_of_the_gate(fitted):
    assert "3 held-out pictures" in fitted.findings_[0]
    assert "thresholds" in fitted.findings_[1]
    assert "the gate is" in fitted.findings_[2]
    few = FADeR(**QUICK).fit(parts(4))
    assert "4 training pictures" in few.findings_[0]


def test_a_refused_gate_leaves_the_base_bit_for_bit(monkeypatch):
    options = QUICK
    given, picture = parts(10), parts(1, seed=8)[0]
    base = FADeR(**options, gate=None).fit(given).score(picture)
    monkeypatch.setattr(lessons, "WORSE", 0.0)  # no gate can do that
    refused = FADeR(**options).fit(given)
    assert not refused.gated_
    assert "left out" in refused.findings_[-1]
    assert (refused.score(picture).local == base.local).all()
    kept = FADeR(**options, keep_gate=True).fit(given)
    assert kept.gated_
    assert "kept on demand" in kept.findings_[-1]
    assert (kept.score(picture).local != base.local).any()


@pytest.mark.parametrize(
    "options",
    [{"saliency": "contrast"}, {"saliency": "median"}, {"gate": "shared"}, {"gate": "channels"}, {"signal": "recon"}],
    ids=str,
)
def test_every_choice_scores_and_is_stored(options, tmp_path):
    made = FADeR(**{**QUICK, "keep_gate": True, **options}).fit(parts(4))
    picture = parts(1, seed=8)[0]
    again = FADeR.load(made.save(tmp_path / "model"))
    assert (again.score(picture).local == made.score(picture).local).all()
    assert made.score(picture).local.std() > 0


def test_attention_of_a_transformer_that_changed_is_refused(tmp_path):
    pytest.importorskip("transformers")
    options = {**QUICK, "gate": None, "saliency": "attention", "encoder": "random:dinov2-tiny"}
    made = FADeR(**options).fit(parts(3))
    assert np.isfinite(made.score(parts(1)[0]).local).all()
    state = made._state()
    with pytest.raises(ArtifactError, match="other weights of random:dinov2-tiny:1"):
        FADeR(**{**options, "encoder": "random:dinov2-tiny:1"})._restore(state)


def test_interrupted_training_goes_on(tmp_path, monkeypatch):
    options = {**QUICK, "steps": 12}
    given, picture = parts(10), parts(1, seed=8)[0]
    whole = FADeR(**options).fit(given)
    monkeypatch.setattr(run, "EVERY", -1.0)
    plain = lessons.painting_loss
    calls = iter(range(10_000))

    def stops(painted, wanted):
        if next(calls) == 14:
            raise KeyboardInterrupt
        return plain(painted, wanted)

    monkeypatch.setattr(lessons, "painting_loss", stops)
    with pytest.raises(KeyboardInterrupt):
        FADeR(**options, folder=str(tmp_path)).fit(given)
    assert (tmp_path / "painter" / run.FILE).exists()
    monkeypatch.setattr(lessons, "painting_loss", plain)
    resumed = FADeR(**options, folder=str(tmp_path)).fit(given)
    assert (resumed.score(picture).local == whole.score(picture).local).all()


def test_kinds_and_sizes_of_pictures():
    rng = np.random.default_rng(0)
    given = [Image(stripes(rng, side)[:, : side - 8]) for side in (64, 72, 80, 96)]
    made = FADeR(**QUICK).fit(given)
    colours = (255 * stripes(rng)).astype(np.uint8)
    opaque = np.concatenate([colours, np.full((64, 64, 1), 255, np.uint8)], axis=2)
    one, two, three = (made.score(Image(v)) for v in (colours, opaque, colours.astype(np.uint16) * 257))
    np.testing.assert_allclose(one.local, two.local, atol=1e-5)
    np.testing.assert_allclose(one.local, three.local, atol=1e-5)
    assert made.score(Image(colours[:, :, 0])).local.shape == (64, 64)
    assert made.score(Image(colours[:9, :40])).local.shape == (9, 40)
    with pytest.raises(InputError, match="at least 8"):
        made.score(Image(colours[:5]))
    with pytest.raises(InputError, match="one size"):
        FADeR(**SMALL, saliency="median").fit(given)


def test_explanation_names_the_place(fitted):
    rng = np.random.default_rng(2)
    odd, mask = turned(stripes(rng), rng)
    scores = fitted.score(Image(odd))
    (evidence,) = fitted._explain(Image(odd), scores, None)
    x, y = (int(evidence.text.split(f"{axis}=")[1].split(",")[0].split()[0]) for axis in "xy")
    assert mask[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].any()
    assert evidence.seen > evidence.expected[1]
    assert "mosaicked there" in evidence.text


def test_exported_module_scores_the_same(fitted):
    picture = parts(1, seed=8)[0]
    module = fitted._exportable((64, 64))
    given = torch.from_numpy(np.asarray(picture.pixels).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        found, score = module(given)
        traced = torch.export.export(module, (given,)).module()(given)
    scores = fitted.score(picture)
    np.testing.assert_allclose(found[0, 0].numpy(), scores.local, atol=1e-5)
    assert float(score[0]) == pytest.approx(scores.overall, abs=1e-5)
    torch.testing.assert_close(traced[0], found)
    assert fitted._exportable(fitted._graph_size((50, 90))) is module
    with pytest.raises(InputError, match="export for that size"):
        fitted._exportable((32, 32))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 4}, "side=4 is too small"),
        ({"share": 1.5}, "share=1.5 is no share"),
        ({"smooth": 4}, "odd number"),
        ({"rate": 0.0}, "rate=0.0"),
        ({"gate": "level"}, "gate='level' is not known"),
        ({"saliency": "dino"}, "saliency='dino' is not known"),
        ({"channels": (8,)}, "two to four"),
        ({"mosaic": 0}, "mosaic=0"),
        ({"saliency": "attention", "encoder": "nobody/nothing"}, "not on this machine"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        FADeR(**{**QUICK, **options}).fit(parts(2))


@pytest.mark.slow
def test_beats_a_distance_from_the_median_over_five_seeds():
    """Stripes lie elsewhere in each picture, so a median says nothing; a painter that looks at surroundings does."""
    wins = []
    for seed in range(5):
        rng = np.random.default_rng(100 + seed)
        given = parts(20, seed=seed)
        made = FADeR(**{**SMALL, "steps": 200, "random_state": seed}).fit(given)
        median = np.median([np.asarray(p.pixels) for p in given], axis=0)
        truth, maps, plain = [], [], []
        for _ in range(10):
            odd, mask = turned(stripes(rng), rng, 12)
            truth.append(mask.ravel())
            maps.append(made.score(Image(odd)).local.ravel())
            plain.append(np.abs(odd - median).mean(axis=2).ravel())
        wins.append(auroc(truth, maps) - auroc(truth, plain))
    assert min(wins) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["both", "recon"])
def test_gate_is_not_worse_than_the_base_on_weak_defects(signal):
    """Lower contrast and shifted stripes under a small mask: after the rule of acceptance nothing may be lost."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        given = parts(25, seed=seed)
        options = {**SMALL, "steps": 250, "gate_steps": 120, "share": 0.15, "random_state": seed, "signal": signal}
        figures = []
        odd = []
        for n in range(20):
            clean = stripes(rng)
            _, mask = turned(clean, rng, 16)
            weak = 0.5 + 0.65 * (clean - 0.5) if n % 2 else np.roll(clean, 2, axis=1)
            odd.append((Image(np.where(mask[:, :, None], weak, clean)), mask.ravel()))
        for gate in (None, "levels"):
            made = FADeR(**options, gate=gate).fit(given)
            normal = np.array([made.score(p).overall for p in parts(20, seed=50 + seed)])
            scores = [made.score(p) for p, _ in odd]
            pictures = auroc([np.zeros(20, bool), np.ones(20, bool)], [normal, [s.overall for s in scores]])
            figures.append((pictures, auroc([m for _, m in odd], [s.local.ravel() for s in scores])))
        assert figures[1][0] >= figures[0][0] - 0.01
        assert figures[1][1] >= figures[0][1] - 0.01
