from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image._preparation import fitting, prepare  # noqa: E402
from tocsin.image.patch_memory import PatchMemory, _pooled, _squares  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

SMALL = {"encoder": "random:tocsin", "side": 128, "patches": 400, "dimensions": 32}


def surface(side):
    """A weave with a little noise."""
    rows, columns = np.mgrid[:side, :side]
    weave = 110 + 30 * np.sin(rows * np.pi / 5) * np.sin(columns * np.pi / 5)
    noise = np.random.default_rng(11).normal(scale=4, size=(side, side))
    return np.repeat(np.clip(weave + noise, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def parts(count, seed=0, side=96):
    """Photographs of the same kind of surface, each at another place."""
    whole = surface(400)
    rng = np.random.default_rng(seed)
    at = rng.integers(0, 400 - side, size=(count, 2))
    return [Image(whole[y : y + side, x : x + side].copy(), id=f"part {n}") for n, (y, x) in enumerate(at)]


def scratched(image, seed=0):
    """The picture with a thin line of another colour, and where it is."""
    import cv2

    rng = np.random.default_rng(seed)
    mask = np.zeros(image.grid, dtype=np.uint8)
    start = rng.integers(20, 40, size=2)
    cv2.line(mask, tuple(int(v) for v in start), tuple(int(v) for v in start + [35, 25]), 1, 3)
    pixels = np.array(image.pixels)
    pixels[mask > 0] = 255 - pixels[mask > 0]
    return replace(image, source=pixels), mask > 0


def naive(detector, image):
    """Distance of each patch from every remembered one, layer by layer and cell by cell."""
    net = make_encoder(detector.encoder)
    size = fitting(image.grid, detector.side, net.multiple)
    layers = [torch.from_numpy(g) for g in net.encode(prepare(image, size)[None])]
    pooled = [torch.nn.functional.avg_pool2d(g, 3, 1, 1, count_include_pad=False) for g in layers]
    whole = [torch.nn.functional.interpolate(g, pooled[0].shape[2:], mode="bilinear") for g in pooled]
    cells = torch.cat(whole, 1)[0].permute(1, 2, 0).numpy()
    white = (cells - detector.mean_) @ detector.axes_
    return np.sqrt(((white[:, :, None] - detector.bank_[None, None]) ** 2).sum(axis=3)).min(axis=2)


@pytest.fixture(scope="module")
def fitted():
    return PatchMemory(**SMALL).fit(parts(12))


def test_scores_are_those_of_the_definition(fitted):
    image = parts(1, seed=5)[0]
    cells = naive(fitted, image)
    inner = np.sort(cells[1:-1, 1:-1].ravel())
    count = max(1, round(0.05 * inner.size))
    assert fitted.score(image).overall == pytest.approx(inner[-count:].mean(), rel=1e-3)


def test_pooling_at_the_border_is_over_what_is_there():
    grid = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    wanted = torch.nn.functional.avg_pool2d(
        torch.from_numpy(grid).permute(2, 0, 1)[None], 3, 1, 1, count_include_pad=False
    )
    np.testing.assert_allclose(_pooled(grid), wanted[0].permute(1, 2, 0).numpy(), atol=1e-6)


def test_distances_are_distances():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 4)), rng.normal(size=(5, 4))
    np.testing.assert_allclose(_squares(a, b), ((a[:, None] - b[None]) ** 2).sum(axis=2))


@pytest.mark.parametrize("seed", range(5))
def test_scratches_are_found_where_they_are_better_than_by_mean_and_spread_of_pixels(seed):
    good, fresh = parts(12, seed), parts(6, seed + 50)
    detector = PatchMemory(**SMALL, random_state=seed).fit(good)
    stack = np.stack([g.pixels.astype(float).mean(axis=2) for g in good])
    mean, spread = stack.mean(axis=0), stack.std(axis=0) + 1
    normal = [detector.score(image).overall for image in fresh]
    ours, theirs, odd = [], [], []
    for number, image in enumerate(fresh):
        bad, mask = scratched(image, number)
        found = detector.score(bad)
        odd.append(found.overall)
        gauss = np.abs(bad.pixels.astype(float).mean(axis=2) - mean) / spread
        inner = np.s_[16:-16, 16:-16]
        ours.append(_auroc(found.local[inner], mask[inner]))
        theirs.append(_auroc(gauss[inner], mask[inner]))
    assert _auroc(np.array(normal + odd), np.arange(12) >= 6) > 0.8
    assert np.mean(ours) > max(0.85, np.mean(theirs) + 0.03)


def _auroc(scores, labels):
    from tocsin.metrics.ranks import Ranking

    return Ranking.from_scores(np.asarray(labels).ravel(), np.asarray(scores).ravel()).auroc()


def test_a_training_picture_is_not_compared_with_itself(fitted):
    """Thresholds come from scores of pictures as if they were new."""
    image = parts(12)[3]
    own = fitted._score_own(image, 3).overall
    assert own > fitted.score(image).overall
    assert fitted.calibration_.scores.min() > 0


def test_the_explanation_names_the_nearest_normal_patch(fitted):
    bad, mask = scratched(parts(1, seed=9)[0])
    found = fitted.detect(bad, false_alarms="10%")
    assert found.anomalies
    text = found.anomalies[0].because[0].text
    assert "from the nearest normal patch (part " in text
    x, y = (int(piece.split("=")[1].strip(", ")) for piece in text.split(",")[:2] for piece in [piece.split(" ")[-1]])
    rows, columns = np.nonzero(mask)
    assert rows.min() - 16 <= y <= rows.max() + 16
    assert columns.min() - 16 <= x <= columns.max() + 16


def test_what_it_is_shown_as_normal_is_no_longer_strange(fitted):
    detector = PatchMemory(**{**SMALL, "patches": 3000}).fit(parts(12))
    bad, _ = scratched(parts(1, seed=9)[0])
    before = detector.score(bad).overall
    assert detector.update(bad).score(bad).overall < 0.7 * before
    assert len(detector.update(parts(3, seed=4)).bank_) <= 3000


def test_a_large_picture_is_judged_in_tiles():
    good = [Image(surface(300), id="a")]
    tiled = PatchMemory(encoder="random:tocsin", side=96, patches=600, dimensions=16, tile=128).fit(good)
    bad = good[0].pixels.copy()
    bad[200:212, 150:162] = [255, 0, 0]
    found = tiled.score(Image(bad))
    assert found.local.shape == (300, 300)
    y, x = np.unravel_index(found.local.argmax(), found.local.shape)
    assert abs(y - 206) < 16
    assert abs(x - 156) < 16


def test_another_encoder_than_the_fitted_one_is_refused(fitted):
    other = PatchMemory(**SMALL).fit(parts(3))
    other.encoder = "random:tocsin:1"
    with pytest.raises(ArtifactError, match="other weights"):
        other.score(parts(1)[0])
    with pytest.raises(InputError, match="highest=2"):
        PatchMemory(highest=2.0).fit(parts(2))
