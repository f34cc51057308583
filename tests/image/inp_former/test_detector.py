from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image._maps import to_picture  # noqa: E402
from tocsin.image._preparation import prepare  # noqa: E402
from tocsin.image.inp_former.detector import INPFormer  # noqa: E402
from tocsin.image.inp_former.tokens import Tokeniser  # noqa: E402
from tocsin.metrics.ranks import Ranking  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

SIDE = 96
SMALL = {"side": SIDE, "steps": 60, "batch": 4, "places": 0.5, "depth": 2, "rate": 2e-3}
TINY = INPFormer.example_parameters()


def texture(kind, y, x):
    """Six surfaces that products are made of, and two that none of them has, from -1 to 1."""
    return (
        lambda: np.sin(y * np.pi / 5) * np.sin(x * np.pi / 5),
        lambda: np.sin(x * 2 * np.pi / 9),
        lambda: np.sin(y * 2 * np.pi / 6),
        lambda: 2.0 * ((y % 12 - 6) ** 2 + (x % 12 - 6) ** 2 < 14) - 1,
        lambda: np.sin((x + y) * np.pi / 6),
        lambda: 0.2 + 0.0 * x,
        lambda: np.sign(np.sin(x * np.pi / 4) * np.sin(y * np.pi / 4)),
        lambda: np.sin((x - y) * np.pi / 4),
    )[kind]()


def product(kind, rng, mixed=True):
    """Tiles of two surfaces in any arrangement, so that no surface is the usual one; or the first of them alone."""
    y, x = np.mgrid[:SIDE, :SIDE]
    which = np.kron(rng.integers(0, 2, (3, 3)), np.ones((SIDE // 3, SIDE // 3))) > (0 if mixed else -1)
    shape = np.where(which, texture(2 * kind, y, x), texture(2 * kind + 1, y, x))
    return 120 + 40 * shape + rng.normal(0, 4, (SIDE, SIDE)) + rng.normal(0, 4)


def parts(kind, count, seed, mixed=True):
    rng = np.random.default_rng([seed, kind])
    return [Image(product(kind, rng, mixed).clip(0, 255).astype(np.uint8), id=f"{kind}-{n}") for n in range(count)]


def marred(image, kind, seed):
    """The picture with a patch of a surface that no product has, and where it is."""
    rng = np.random.default_rng([seed, kind, 7])
    top, left = rng.integers(16, SIDE - 40, 2)
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[top : top + 22, left : left + 22] = True
    pixels = np.array(image.pixels)
    y, x = np.mgrid[:SIDE, :SIDE]
    foreign = 120 + 40 * texture(6 + seed % 2, y, x) + rng.normal(0, 4, (SIDE, SIDE))
    pixels[mask, 0] = foreign.clip(0, 255)[mask]
    return replace(image, source=pixels, id=f"marred {image.id}"), mask


def auroc(labels, scores):
    return float(Ranking.from_scores(np.asarray(labels).ravel(), np.asarray(scores).ravel()).auroc())


def judged(score, kind, seed, count=4, mixed=True):
    """Pixel AUROC within marred pictures, and image AUROC of these against sound ones."""
    sound = parts(kind, count, seed + 1000, mixed)
    cases = [marred(image, kind, seed + n) for n, image in enumerate(parts(kind, count, seed + 2000, mixed))]
    maps = [score(image) for image, _ in cases]
    pixels = np.mean([auroc(mask, found) for (_, mask), (found, _) in zip(cases, maps, strict=True)])
    overall = [score(image)[1] for image in sound] + [one for _, one in maps]
    return float(pixels), auroc([False] * count + [True] * count, overall)


def by(detector):
    def score(image):
        found = detector.score(image)
        return found.local, found.overall

    return score


def by_distance(normals, whole=True):
    """Baselines: distance of each patch from the mean description of the pictures, or from their nearest patch."""
    encoder = Tokeniser(make_encoder("tocsin"))

    def tokens(image):
        with torch.inference_mode():
            return encoder(torch.from_numpy(prepare(image, (SIDE, SIDE)))[None])[0, 0]

    known = torch.cat([tokens(image).flatten(0, 1) for image in normals])
    known = known.mean(dim=0, keepdim=True) if whole else known

    def score(image):
        found = tokens(image)
        apart = torch.cdist(found.flatten(0, 1), known).amin(dim=1).reshape(found.shape[:2]).numpy()
        return to_picture(apart, (SIDE, SIDE)), np.sort(apart.ravel())[-8:].mean()

    return score


def few_against_baselines(kind, seed, steps, shots=3):
    """Pixel AUROC of few-shot, of the mean description and of the nearest patch."""
    normals = parts(kind, shots, seed)
    detector = INPFormer(**{**SMALL, "steps": steps}, mode="few-shot", random_state=seed).fit(normals)
    scores = (by(detector), by_distance(normals), by_distance(normals, whole=False))
    return [judged(score, kind, seed)[0] for score in scores]


def test_few_pictures_beat_their_mean_description():
    ours, mean, _ = few_against_baselines(0, 0, steps=60)
    assert ours > mean + 0.05


@pytest.mark.slow
def test_few_pictures_beat_their_mean_description_over_seeds():
    """And come near to the nearest patch of these pictures, of which nothing has to be stored."""
    rows = np.array([few_against_baselines(seed % 3, seed, steps=300) for seed in range(5)])
    assert (rows[:, 0] > rows[:, 1]).all()
    assert rows[:, 0].mean() > rows[:, 1].mean() + 0.1
    assert rows[:, 0].mean() > rows[:, 2].mean()


def several_products(seed):
    # Six pictures of each are too few: the loss of held-out ones is then two thirds above the others'.
    normals = [image for kind in range(3) for image in parts(kind, 16, seed)]
    settings = {**SMALL, "steps": 600, "rate": 1e-3}
    detector = INPFormer(**settings, mode="full", random_state=seed).fit(normals)
    baseline = by_distance(normals)
    return np.array([[judged(by(detector), k, seed, 10), judged(baseline, k, seed, 10)] for k in range(3)])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_one_model_finds_defects_of_three_products(seed):
    found = several_products(seed)
    assert (found[:, 0, 0] > 0.85).all(), "each product's defects are found where they are"
    # The order of twenty pictures is too coarse to be asked of each product.
    assert (found[:, 0].mean(axis=0) > found[:, 1].mean(axis=0) + 0.1).all()


def test_prototypes_alone_find_what_is_foreign_on_a_surface_never_seen():
    """Fitted to two products, tried on the third, whose pictures were not learned from."""
    others = [image for kind in (0, 1) for image in parts(kind, 5, 0, mixed=False)]
    detector = INPFormer(**{**SMALL, "places": 0.2}, mode="zero-shot").fit(others)
    pixels, _ = judged(by(detector), 2, 0, mixed=False)
    assert pixels > 0.7


@pytest.fixture(scope="module")
def fitted():
    return INPFormer(**{**TINY, "side": SIDE}).fit(parts(0, 10, 0))


def test_what_it_found_out_is_said(fitted):
    told = " | ".join(fitted.findings_)
    assert "trained for 12 steps on 8 pictures" in told
    assert "the nearest of" in told
    assert "the loss of 2 held-out pictures is" in told
    assert "22 views" in INPFormer(**{**TINY, "mode": "auto", "steps": 1, "side": 32}).fit(parts(0, 1, 0)).findings_[0]


def test_the_explanation_says_where_and_how_it_was_rebuilt(fitted):
    image, mask = marred(parts(0, 1, 5)[0], 0, 5)
    pixels = np.array(image.pixels)
    pixels[mask] = 255
    found = fitted.detect(Image(pixels), false_alarms="20%")
    assert found.anomalies
    evidence = found.anomalies[0].because[0]
    x, y = (int(evidence.text.split(f"{name}=")[1].split()[0].strip(",")) for name in "xy")
    rows, columns = np.nonzero(mask)
    assert rows.min() - 12 <= y <= rows.max() + 12
    assert columns.min() - 12 <= x <= columns.max() + 12
    assert evidence.seen > evidence.expected[1]
    assert "of the picture" in evidence.text


@pytest.mark.parametrize("faithful", [False, True])
def test_the_exported_module_says_what_score_says(fitted, faithful):
    fitted = fitted.clone().set_params(faithful=faithful).fit(parts(0, 10, 0)) if faithful else fitted
    image, _ = marred(parts(0, 1, 3)[0], 0, 3)
    with torch.inference_mode():
        local, overall = fitted._exportable((SIDE, SIDE))(torch.from_numpy(prepare(image, (SIDE, SIDE)))[None])
    scores = fitted.score(image)
    np.testing.assert_allclose(local[0, 0], scores.local, atol=1e-5)
    assert float(overall[0]) == pytest.approx(scores.overall, abs=1e-5)
    with pytest.raises(InputError, match="export for that size"):
        fitted._exportable((SIDE, 5 * SIDE))


@pytest.mark.slow
def test_it_can_be_written_as_onnx(fitted, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from tocsin.image._onnx import export

    assert export(fitted, tmp_path / "model.onnx").apart < 1e-4


def test_training_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    samples, settings = parts(0, 3, 0), {**TINY, "side": 48, "steps": 8}
    whole = INPFormer(**settings).fit(samples)
    folder = tmp_path / "run"
    from tocsin.image.inp_former.net import INPNet

    loss, calls = INPNet.loss, []

    def stopped(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 6:
            run_of[0].save()
            raise KeyboardInterrupt
        return loss(self, *args, **kwargs)

    from tocsin.nn.run import Run

    run_of, init = [], Run.__init__

    def noted(self, *args, **kwargs):
        init(self, *args, **kwargs)
        run_of.append(self)

    with monkeypatch.context() as patched:
        patched.setattr(INPNet, "loss", stopped)
        patched.setattr(Run, "__init__", noted)
        with pytest.raises(KeyboardInterrupt):
            INPFormer(**settings, folder=str(folder)).fit(samples)
    resumed = INPFormer(**settings, folder=str(folder)).fit(samples)
    for name, value in whole.weights_.items():
        np.testing.assert_allclose(resumed.weights_[name], value, atol=1e-6)
    with pytest.raises(ArtifactError, match="choose another folder"):
        INPFormer(**{**settings, "power": 2.0}, folder=str(folder)).fit(samples)


def test_pictures_of_any_depth_and_size(fitted):
    grey = parts(0, 1, 4)[0]
    pixels = np.asarray(grey.pixels)
    same = fitted.score(grey)
    colour = np.concatenate([np.repeat(pixels, 3, axis=2), np.full((SIDE, SIDE, 1), 255, np.uint8)], axis=2)
    deep = pixels.astype(np.uint16) * 257
    for other in (colour, deep):
        np.testing.assert_allclose(fitted.score(Image(other)).local, same.local, atol=1e-4)
    mixed = [grey, Image(pixels[:60]), Image(np.repeat(pixels, 2, axis=1))]
    detector = INPFormer(**TINY).fit(mixed)
    for sample in mixed:
        assert detector.score(sample).local.shape == sample.grid
    with pytest.raises(InputError, match="at least 8"):
        detector.score(Image(pixels[:7]))


def test_a_transformer_is_read_as_published():
    pytest.importorskip("transformers")
    samples = [Image(np.asarray(p.pixels)) for p in parts(0, 3, 0)]
    detector = INPFormer(encoder="random:dinov2-tiny", mode="full", side=56, steps=2, batch=2).fit(samples)
    assert detector.sizes_ == {"width": 48, "heads": 1, "prototypes": 6, "depth": 2, "shares": [0.5, 0.5]}
    assert list(detector._encoder().taken) == [1, 2]
    assert detector.score(samples[0]).local.shape == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "two-shot"}, "mode='two-shot'"),
        ({"places": 0.0}, "places=0.0 is no share"),
        ({"highest": 1.5}, "highest=1.5"),
        ({"prototypes": 0}, "prototypes=0"),
        ({"depth": 0}, "depth=0"),
        ({"heads": 5}, "heads=5 does not divide the 192"),
        ({"rate": 0.0}, "rate is above 0"),
        ({"side": 8}, "side=8"),
    ],
)
def test_wrong_parameters_are_named(wrong, said):
    with pytest.raises(InputError, match=said):
        INPFormer(**{**TINY, "steps": 1, **wrong}).fit(parts(0, 1, 0))


def test_another_encoder_than_the_fitted_one_is_refused(fitted):
    other = fitted.clone().set_params(steps=1, side=32).fit(parts(0, 2, 0))
    other.encoder = "random:tocsin:1"
    with pytest.raises(ArtifactError, match="other weights"):
        other.score(parts(0, 1, 0)[0])


def test_sizes_that_do_not_belong_are_refused(fitted, tmp_path):
    other = fitted.clone().set_params(steps=1, side=32).fit(parts(0, 2, 0))
    other.sizes_ = {**other.sizes_, "prototypes": 10**9}
    with pytest.raises(ArtifactError, match="do not fit"):
        INPFormer.load(other.save(tmp_path / "model"))
