from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image._preparation import prepare  # noqa: E402
from tocsin.image.efficient_ad.detector import EfficientAD  # noqa: E402
from tocsin.metrics.ranks import Ranking  # noqa: E402
from tocsin.nn.pdn import PDN, write_pdn  # noqa: E402

SMALL = {**EfficientAD.example_parameters(), "steps": 4}
RED, BLUE = (200, 60, 50), (50, 80, 200)


def auroc(normal, odd):
    labels = np.arange(len(normal) + len(odd)) >= len(normal)
    return Ranking.from_scores(labels, np.concatenate([normal, odd])).auroc()


def grey(count, seed=0, grid=(64, 64)):
    rng = np.random.default_rng(seed)
    return [Image(rng.integers(90, 110, grid, dtype=np.uint8), id=f"grey {n}") for n in range(count)]


def bars(left, right, rng, side=128):
    """Two upright bars on a grey ground, so far from each other and from the edges that no patch of 33 pixels sees
    one and the other, or one and the edge: exchanged, every patch is one that was there before.
    """
    pixels = np.full((side, side, 3), 128.0) + rng.normal(0, 4, (side, side, 3))
    columns = np.arange(side)
    for colour, middle in ((left, 40), (right, side - 40)):
        inside = np.abs(columns - middle - rng.uniform(-1, 1)) < rng.uniform(5, 6)
        pixels[:, inside] = np.array(colour) + rng.normal(0, 4, (side, int(inside.sum()), 3))
    return Image(pixels.clip(0, 255).astype(np.uint8))


def arrangement(seed, steps):
    """AUROC of exchanged bars for texture alone, arrangement alone, and both."""
    rng = np.random.default_rng(seed)
    train = [bars(RED, BLUE, rng) for _ in range(20)]
    right, wrong = ([bars(*pair, rng) for _ in range(10)] for pair in ((RED, BLUE), (BLUE, RED)))
    detector = EfficientAD(
        teacher="random", width=16, side=128, steps=steps, rate=1e-3, penalty=False, random_state=seed
    ).fit(train)
    found = []
    for share in (0.0, 1.0, 0.5):
        detector.logical = share
        normal, odd = ([detector.score(one).overall for one in some] for some in (right, wrong))
        found.append(auroc(normal, odd))
    return found


def test_exchanged_colours_are_seen_by_the_autoencoder_alone():
    texture, whole, both = arrangement(0, 150)
    assert texture < 0.8
    assert whole > 0.95
    assert both > 0.9


@pytest.mark.slow
def test_exchanged_colours_over_five_seeds():
    # Twice the learning rate kills the autoencoder of one seed in five: all its rectifiers end at zero.
    found = np.array([arrangement(seed, 300) for seed in range(5)])
    texture, whole, both = found.mean(axis=0)
    assert texture < 0.7
    assert whole > 0.95
    assert both > 0.9


def weave(count, seed, side=96):
    """Photographs of one woven surface, each at another place."""
    rng = np.random.default_rng(11)
    rows, columns = np.mgrid[:400, :400]
    whole = 110 + 30 * np.sin(rows * np.pi / 5) * np.sin(columns * np.pi / 5) + rng.normal(scale=4, size=(400, 400))
    at = np.random.default_rng(seed).integers(0, 400 - side, size=(count, 2))
    return [whole[y : y + side, x : x + side].clip(0, 255) for y, x in at]


def scratched(pixels, seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros(pixels.shape, dtype=np.uint8)
    start = rng.integers(24, 40, size=2)
    cv2.line(mask, tuple(int(v) for v in start), tuple(int(v) for v in start + [30, 24]), 1, 3)
    return np.where(mask > 0, 255 - pixels, pixels), mask > 0


@pytest.mark.slow
def test_scratches_are_found_better_than_by_mean_and_spread_of_pixels():
    """And better than by the error of an autoencoder of pixels with the same bottleneck: its principal components."""
    ours, gauss, rebuilt, pictures = [], [], [], []
    for seed in range(5):
        good, fresh = weave(20, seed), weave(6, seed + 50)
        detector = EfficientAD(side=96, width=32, steps=150, rate=2e-3, random_state=seed)
        detector.fit([Image(p.astype(np.uint8)) for p in good])
        stack = np.stack(good)
        mean, spread = stack.mean(axis=0), stack.std(axis=0) + 1
        axes = np.linalg.svd(stack.reshape(20, -1) - mean.ravel(), full_matrices=False)[2]
        normal, odd = [], []
        for number, pixels in enumerate(fresh):
            bad, mask = scratched(pixels, number)
            found = detector.score(Image(bad.astype(np.uint8)))
            normal.append(detector.score(Image(pixels.astype(np.uint8))).overall)
            odd.append(found.overall)
            apart = (bad - mean).ravel()
            error = np.abs(apart - axes.T @ (axes @ apart)).reshape(bad.shape)
            ours.append(auroc(found.local[~mask], found.local[mask]))
            gauss.append(auroc((np.abs(bad - mean) / spread)[~mask], (np.abs(bad - mean) / spread)[mask]))
            rebuilt.append(auroc(error[~mask], error[mask]))
        pictures.append(auroc(normal, odd))
    assert np.mean(pictures) > 0.9
    assert np.mean(ours) > max(0.85, np.mean(gauss) + 0.03, np.mean(rebuilt) + 0.03)


@pytest.fixture(scope="module")
def fitted():
    return EfficientAD(**SMALL).fit(grey(12))


def test_scores_are_those_of_the_definition(fitted):
    """Without the nets' own ways of being put together: both maps from what each net says."""
    image = grey(1, seed=5, grid=(70, 58))[0]
    picture = torch.from_numpy(prepare(image, fitted.size_))[None]
    structure, arrangement, expected = (v[0].numpy() for v in fitted.pupils_(picture))
    described = fitted._teacher()(picture)[0].detach().numpy()
    target = (described - fitted.mean_[:, None, None]) / fitted.spread_[:, None, None]
    maps = [((target - structure) ** 2).mean(axis=0), ((expected - arrangement) ** 2).mean(axis=0)]
    scaled = [0.1 * (m - low) / (high - low) for m, (low, high) in zip(maps, fitted.scales_, strict=True)]
    cells = np.pad(0.75 * scaled[0] + 0.25 * scaled[1], 4, mode="edge")
    found = fitted.score(image)
    np.testing.assert_allclose(found.local, cv2.resize(cells, (58, 70)), rtol=1e-3, atol=1e-4)
    inner = np.sort(cells[4:-4, 4:-4].ravel())
    assert found.overall == pytest.approx(inner[-max(1, round(0.01 * inner.size)) :].mean(), rel=1e-3)
    np.testing.assert_allclose(found.parts.sum(axis=2), found.local, rtol=1e-5, atol=1e-6)


def test_every_fifth_picture_sets_the_scales():
    good = grey(15)
    detector = EfficientAD(**SMALL).fit(good)
    for k in range(2):
        pooled = np.concatenate([detector._raw(good[n])[k].ravel() for n in (4, 9, 14)])
        np.testing.assert_allclose(detector.scales_[k], np.quantile(pooled, [0.9, 0.995]), rtol=1e-4)
    assert "3 held-out pictures" in detector.findings_[1]
    assert "too few" in EfficientAD(**SMALL).fit(grey(5)).findings_[1]


def test_it_is_said_how_much_was_learned():
    shares = []
    for steps in (1, 80):
        detector = EfficientAD(teacher="random", width=8, side=64, steps=steps, rate=5e-3, penalty=False, hard=0.0)
        detector.fit([Image(p.astype(np.uint8)) for p in weave(3, 1, side=64)])
        shares.append(int(detector.findings_[2].split("%")[0].split()[-1]))
        assert ("so far strange is" in detector.findings_[2]) == (shares[-1] < 10)
    assert shares[0] < 10 < shares[1]


def test_the_sources_border_and_score():
    detector = EfficientAD(**{**SMALL, "faithful": True}).fit(grey(4, grid=(48, 80)))
    assert detector.size_ == (64, 64)
    found = detector.score(grey(1, seed=3, grid=(64, 64))[0])
    assert np.abs(found.local[:12]).max() == 0.0
    assert np.abs(found.local[20:-20, 20:-20]).min() > 0
    assert found.overall == pytest.approx(found.local.max())


def test_pictures_keep_their_usual_shape_and_any_kind_is_taken(fitted):
    assert EfficientAD(**{**SMALL, "side": 96}).fit(grey(3, grid=(60, 120))).size_ == (64, 128)
    pixels = np.array(grey(1)[0].pixels)
    base = fitted.score(Image(pixels)).local
    for other in (
        np.repeat(pixels, 3, axis=2),
        np.concatenate([np.repeat(pixels, 3, axis=2), np.full((64, 64, 1), 255, np.uint8)], axis=2),
        pixels.astype(np.uint16) * 257,
        pixels.astype(np.float64) / 255,
    ):
        np.testing.assert_allclose(fitted.score(Image(other)).local, base, rtol=1e-3, atol=1e-4)
    assert fitted.score(grey(1, grid=(31, 200))[0]).local.shape == (31, 200)
    with pytest.raises(InputError, match="at least 8"):
        fitted.score(grey(1, grid=(7, 64))[0])


def test_a_patch_description_network_from_a_file_is_the_teacher_and_goes_with_the_model(tmp_path):
    torch.manual_seed(4)
    file = write_pdn(PDN(5, "medium", 3), tmp_path / "teacher.safetensors")
    detector = EfficientAD(**{**SMALL, "teacher": str(file), "model": "medium", "width": 4}).fit(grey(4))
    assert detector.outputs_ == 5
    image = grey(1, seed=9)[0]
    before = detector.score(image)
    saved = detector.save(tmp_path / "model")
    file.unlink()
    again = EfficientAD.load(saved).score(image)
    np.testing.assert_allclose(again.local, before.local, rtol=1e-5, atol=1e-6)
    with pytest.raises(ArtifactError, match="cannot be read"):
        EfficientAD(**{**SMALL, "teacher": str(file)}).fit(grey(4))


def test_the_explanation_says_which_map_and_how_far(fitted):
    pixels = np.array(grey(1, seed=7)[0].pixels)
    pixels[26:40, 26:40] = 250
    found = fitted.detect(Image(pixels), false_alarms="10%")
    assert found.anomalies
    reasons = found.anomalies[0].because
    assert {r.name for r in reasons} <= {"local texture", "global arrangement"}
    assert 0 < sum(r.share for r in reasons) <= 1 + 1e-6
    assert reasons[0].seen > reasons[0].expected[1]
    assert "on normal pictures up to" in reasons[0].text


def test_another_encoder_than_the_fitted_one_is_refused():
    detector = EfficientAD(**SMALL).fit(grey(3))
    detector.encoder = "random:tocsin:1"
    with pytest.raises(ArtifactError, match="other weights"):
        detector.score(grey(1)[0])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("side", 20, "side=20"),
        ("width", 0, "width=0"),
        ("logical", 1.5, "logical=1.5"),
        ("highest", 0.0, "highest=0.0"),
        ("teacher", "teacher.pth", "'encoder', 'random' or a .safetensors file"),
        ("steps", 0, "at least one step"),
        ("model", "large", "'small' or 'medium'"),
        ("precision", "half", "precision"),
    ],
)
def test_parameters_out_of_range_are_refused(name, value, said):
    with pytest.raises(InputError, match=said):
        EfficientAD(**{**SMALL, name: value}).fit(grey(2))
