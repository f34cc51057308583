from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image._descriptors import pooled  # noqa: E402
from tocsin.image._even_light import even_light, wide_mean_operators  # noqa: E402
from tocsin.image._patch_bank import PatchBank, squares  # noqa: E402
from tocsin.image._preparation import fitting, prepare  # noqa: E402
from tocsin.image.patch_memory import PatchMemory  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

SMALL = {"encoder": "random:tocsin", "side": 64, "patches": 400, "dimensions": 32}


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
    """Distance of each patch from every remembered one in local spacing, look by look; means on the finest grid."""
    net = make_encoder(detector.encoder)
    size = fitting(image.grid, detector.side, net.multiple)
    whole = torch.from_numpy(prepare(image, (2 * size[0], 2 * size[1])))[None]
    small = torch.nn.functional.avg_pool2d(whole, 2)
    if "fine" not in detector.views:
        small = torch.from_numpy(prepare(image, size))[None]
    seen = {"fine": whole, "even": torch.from_numpy(even_light(small[0].numpy()))[None], "plain": small}
    found = []
    for name in detector.views:
        bank = PatchBank.from_dict(detector.banks_[name])
        layers = [torch.from_numpy(g) for g in net.encode(seen[name].numpy())]
        smooth = [torch.nn.functional.avg_pool2d(g, 3, 1, 1, count_include_pad=False) for g in layers]
        brought = [torch.nn.functional.interpolate(g, smooth[0].shape[2:], mode="bilinear") for g in smooth]
        cells = torch.cat(brought, 1)[0].permute(1, 2, 0).numpy()
        white = (cells - bank.mean) @ bank.axes
        far = np.sqrt(((white[:, :, None] - bank.patches[None, None]) ** 2).sum(axis=3))
        apart = np.sqrt(((bank.patches[:, None] - bank.patches[None]) ** 2).sum(axis=2))
        spacing = np.sort(apart, axis=1)[:, 1:6].mean(axis=1)
        scale = spacing**detector.spacing * np.median(spacing) ** (1 - detector.spacing)
        ratio = far.min(axis=2) / scale[far.argmin(axis=2)]
        calm = np.full_like(ratio, np.median(ratio[1:-1, 1:-1]))
        calm[1:-1, 1:-1] = ratio[1:-1, 1:-1]
        found.append(torch.from_numpy(calm.astype(np.float32))[None, None])
    finest = max((f.shape[2:] for f in found), key=lambda shape: shape.numel())
    return np.stack([torch.nn.functional.interpolate(f, finest, mode="bilinear")[0, 0].numpy() for f in found])


@pytest.fixture(scope="module")
def fitted():
    return PatchMemory(**SMALL).fit(parts(12))


@pytest.mark.parametrize("views", [("even", "fine"), ("plain",)])
def test_scores_are_those_of_the_definition(views):
    detector = PatchMemory(**{**SMALL, "side": 96}, views=views, highest=0.05).fit(parts(4))
    image = parts(1, seed=5)[0]
    width = len(views)  # a cell of the small look is as wide as two of the fine one
    cells = naive(detector, image).mean(axis=0)
    inner = np.sort(cells[width:-width, width:-width].ravel())
    count = max(1, round(0.05 * inner.size))
    assert detector.score(image).overall == pytest.approx(inner[-count:].mean(), rel=2e-3)


def test_light_is_made_even_as_its_operators_say():
    pixels = np.random.default_rng(0).random((3, 48, 80)).astype(np.float32)
    rows, columns = wide_mean_operators((48, 80))
    rest = pixels - np.einsum("ij,cjk,lk->cil", rows, pixels, columns)
    wanted = np.clip(0.5 + 0.16 * rest / (rest.std() + 1e-3), 0, 1)
    np.testing.assert_allclose(even_light(pixels), wanted, atol=1e-5)
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
    slope = pixels * 0.1 + np.linspace(0.2, 0.7, 80, dtype=np.float32)
    assert np.abs(even_light(slope)[:, 12:-12, 12:-12] - even_light(pixels)[:, 12:-12, 12:-12]).mean() < 0.04


def test_a_distance_counts_in_the_spacing_of_where_it_is_measured():
    """Normal patches lie densely on the left and loosely on the right; the same step is stranger on the left."""
    grid = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), axis=-1).reshape(-1, 2)
    patches = np.concatenate([0.1 * grid, grid + [12, 0]])
    bank = PatchBank.learn(patches, np.zeros(200, int), patches, 200, 2, np.random.default_rng(0))
    asked = np.array([[0.5, -0.5], [17.0, -0.5]])
    plain, local = (bank.strangeness(asked, power)[0] for power in (0.0, 1.0))
    gain = (local[0] / local[1]) / (plain[0] / plain[1])  # ten, but for corners, where neighbours lie on one side
    assert 5 < gain < 15


def test_pooling_at_the_border_is_over_what_is_there():
    grid = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    wanted = torch.nn.functional.avg_pool2d(
        torch.from_numpy(grid).permute(2, 0, 1)[None], 3, 1, 1, count_include_pad=False
    )
    np.testing.assert_allclose(pooled(grid), wanted[0].permute(1, 2, 0).numpy(), atol=1e-6)


def test_distances_are_distances():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(7, 4)), rng.normal(size=(5, 4))
    np.testing.assert_allclose(squares(a, b), ((a[:, None] - b[None]) ** 2).sum(axis=2))


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
    assert detector.update(bad).score(bad).overall < 0.8 * before
    for bank in detector.update(parts(3, seed=4)).banks_.values():
        assert len(bank["patches"]) <= 3000


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
    with pytest.raises(InputError, match="there is no look 'evn'; did you mean even"):
        PatchMemory(views=["evn"]).fit(parts(2))


def test_patches_of_hidden_defects_are_left_out_when_doubted():
    """Two of twelve training pictures are scratched; a scratch like theirs is stranger to a memory that doubts."""
    good = parts(12)
    spoilt = [scratched(g, 1)[0] if n in (3, 8) else g for n, g in enumerate(good)]
    bad, mask = scratched(parts(1, seed=9)[0], 1)
    found = [
        PatchMemory(**SMALL, doubted=share).fit(pictures).score(bad).local[mask].mean()
        for pictures, share in ((good, 0.0), (spoilt, 0.0), (spoilt, 0.1))
    ]
    clean, naive_one, doubting = found
    assert naive_one < doubting
    assert naive_one < clean
