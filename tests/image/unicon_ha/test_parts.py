"""Net, heads, views and virtual outliers: sizes of the published net, and slow and obvious twins."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from tocsin.core.errors import InputError  # noqa: E402
from tocsin.image.unicon_ha.augment import STRENGTHS, Strength, coloured, crop, taken, turned, view, windows  # noqa: E402
from tocsin.image.unicon_ha.heads import Head  # noqa: E402
from tocsin.image.unicon_ha.net import StageNet  # noqa: E402
from tocsin.image.unicon_ha.outliers import KINDS, virtual_outliers  # noqa: E402
from tocsin.image.unicon_ha.pool import Pool  # noqa: E402
from tocsin.image.unicon_ha.windows import cut  # noqa: E402


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_the_published_net_is_resnet_18():
    with torch.device("meta"):  # sizes only
        small, large = StageNet().eval(), StageNet(stem="large").eval()
        patch, picture = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 224, 224)
    assert count(small) == 11_173_962 - 5_130  # less a classifier of ten
    assert count(large) == 11_689_512 - 513_000  # less a classifier of a thousand
    shapes = [tuple(small(patch, stage).shape[1:]) for stage in (1, 2, 3, 4)]
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    assert tuple(large(picture).shape[1:]) == (512, 7, 7)


def test_heads_bring_every_stage_to_the_shape_of_the_last():
    net = StageNet(width=8).eval()
    for stage in (1, 2, 3, 4):
        head = Head(stage, 8).eval()
        features = net(torch.rand(2, 3, 32, 32), stage)
        assert tuple(head.shrink(features).shape[1:]) == (64, 4, 4)
        np.testing.assert_allclose(head(features).detach().norm(dim=1), 1, rtol=1e-5)
    last, projected = 512 * 512 + 512, 512 * 128 + 128
    assert count(Head(4, 64)) == last + projected
    assert count(Head(3, 64)) == last + projected + 256 * 512 * 9 + 2 * 512


def test_the_net_sees_pictures_scaled_by_its_own_constants():
    net = StageNet(width=4, depth=1, centre=0.3, spread=0.2).eval()
    plain = StageNet(width=4, depth=1, centre=0.0, spread=1.0).eval()
    state = {k: v for k, v in net.state_dict().items() if k not in ("centre", "spread")}
    plain.load_state_dict(state, strict=False)
    given = torch.rand(1, 3, 16, 16)
    np.testing.assert_allclose(net(given).detach(), plain((given - 0.3) / 0.2).detach(), rtol=1e-4, atol=1e-5)


def test_cells_are_means_of_three_by_three():
    net = StageNet(width=4, depth=1).eval()
    given = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        last, cells = net(given)[0].numpy(), net.cells(given)[0].numpy()
    assert cells.shape == (4, 6, 32)
    for row, column in ((0, 0), (1, 2), (3, 5)):
        part = last[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].mean(axis=(1, 2))
        np.testing.assert_allclose(cells[row, column], part / np.linalg.norm(part), rtol=1e-4, atol=1e-6)


def test_a_window_alone_has_the_feature_of_that_patch():
    net = StageNet(width=4, depth=1).eval()
    given = torch.rand(1, 3, 64, 96)
    parts, grid = cut(given, 32, 8)
    assert grid == (8, 12)
    # Window 4, 5 has its middle at 36, 44: it begins half a patch before.
    with torch.no_grad():
        np.testing.assert_allclose(
            net.features(parts[4 * 12 + 5][None]), net.features(given[:, :, 20:52, 28:60]), rtol=1e-5
        )


def test_hue_turns_as_in_the_standard_library():
    rng = np.random.default_rng(0)
    colours = rng.random((40, 3)).astype(np.float32)
    colours[:3] = [[0.2, 0.2, 0.2], [1, 1, 0], [0, 0, 0]]
    by = rng.uniform(-0.3, 0.3, 40)
    found = turned(torch.from_numpy(colours)[:, :, None, None], torch.tensor(by, dtype=torch.float32).view(-1, 1, 1, 1))
    for given, turn, out in zip(colours, by, found[:, :, 0, 0].numpy(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*(float(v) for v in given))
        np.testing.assert_allclose(out, colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value), atol=1e-5)


def test_a_part_is_the_one_that_the_map_says():
    given = torch.arange(64.0).view(1, 1, 8, 8)
    # The lower right quarter, mirrored: x runs from 1 to 0, y from 0 to 1.
    part = torch.tensor([[[-0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]])
    quarter = torch.nn.functional.interpolate(given[:, :, 4:, 4:].flip(3), (8, 8), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(taken(given, part)[:, :, 1:7, 1:7], quarter[:, :, 1:7, 1:7], atol=1e-4)


def test_parts_lie_inside_and_have_the_areas_asked_for():
    parts = windows(4000, 0.3, seeded())
    across, down, x, y = parts[:, 0, 0], parts[:, 1, 1], parts[:, 0, 2], parts[:, 1, 2]
    assert float((across + x.abs()).max()) <= 1 + 1e-6
    assert float((down + y.abs()).max()) <= 1 + 1e-6
    area = across * down
    assert 0.28 < float(area.min()) < 0.32
    assert float(area.max()) > 0.97
    assert float((across / down).max()) < 4 / 3 + 1e-5
    whole = crop(torch.rand(3, 3, 9, 9, generator=seeded()), 1.0, seeded())
    assert whole.shape == (3, 3, 9, 9)


def test_views_of_later_stages_lie_farther_from_the_picture():
    given = torch.nn.functional.interpolate(torch.rand(64, 3, 4, 4, generator=seeded(1)), (32, 32), mode="bilinear")
    far = [float((view(given, strength, seeded(2)) - given).square().mean()) for strength in STRENGTHS]
    assert far == sorted(far)
    calm = Strength(1.0, 0.0, 0.0)
    assert np.allclose(coloured(given, 0.0, seeded()), given, atol=1e-6)
    same = view(given, calm, seeded(3))
    square = Strength(1.0, 0.0, 1.0)
    grey = view(given, square, seeded(3))
    assert float((grey.amax(dim=1) - grey.amin(dim=1)).max()) < 1e-5
    assert float((same.amax(dim=1) - same.amin(dim=1)).max()) > 0.1
    # Drawn from the generator alone.
    assert torch.equal(view(given, STRENGTHS[3], seeded(4)), view(given, STRENGTHS[3], seeded(4)))


def test_rotations_and_halves_are_those_of_numpy():
    given = torch.rand(2, 3, 8, 8, generator=seeded())
    turns = virtual_outliers(given, ["rotation"], seeded()).numpy()
    for turn in (1, 2, 3):
        wanted = np.rot90(given.numpy(), turn, axes=(2, 3))
        np.testing.assert_array_equal(turns[2 * (turn - 1) : 2 * turn], wanted)
    halves = virtual_outliers(given, ["permutation"], seeded()).numpy()
    upper_last = np.concatenate([given[:, :, 4:], given[:, :, :4]], axis=2)
    np.testing.assert_array_equal(halves[:2], upper_last)
    np.testing.assert_array_equal(halves[4:], np.concatenate([upper_last[..., 4:], upper_last[..., :4]], axis=3))


def test_edges_and_blur_are_those_of_opencv():
    import cv2

    given = torch.rand(1, 3, 24, 24, generator=seeded())
    plain = given[0].permute(1, 2, 0).numpy()
    grey = plain @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    slopes = [cv2.Sobel(grey, cv2.CV_32F, *way, borderType=cv2.BORDER_REPLICATE) for way in ((1, 0), (0, 1))]
    found = virtual_outliers(given, ["edges"], seeded())[0, 0]
    np.testing.assert_allclose(found, np.clip(np.hypot(*slopes) / 4, 0, 1), atol=1e-5)
    wanted = cv2.GaussianBlur(plain, (13, 13), 2.0)
    np.testing.assert_allclose(virtual_outliers(given, ["blur"], seeded())[0].permute(1, 2, 0), wanted, atol=1e-5)


def test_every_kind_changes_pictures_and_stays_within_them():
    given = torch.rand(4, 3, 32, 32, generator=seeded())
    for kind in KINDS:
        found = virtual_outliers(given, [kind], seeded(1))
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
        assert len(found) in (4, 12)
        assert float((found[:4] - given).abs().amax(dim=(1, 2, 3)).min()) > 0.05
        assert torch.equal(found, virtual_outliers(given, [kind], seeded(1)))
    assert len(virtual_outliers(given, ["rotation", "blur"], seeded())) == 16
    with pytest.raises(InputError, match="no virtual outliers mirror"):
        virtual_outliers(given, ["mirror"], seeded())


def test_the_pool_spreads_over_pictures_and_cuts_patches_from_them():
    pictures = [np.full((3, 40, 56), n / 8, dtype=np.float32) for n in range(5)]
    parts, kinds = Pool(pictures, 32, kinds=[0, 1, 0, 1, 0]).draw(10, seeded())
    assert tuple(parts.shape) == (10, 3, 32, 32)
    values, times = np.unique(parts[:, 0, 0, 0], return_counts=True)
    assert times.tolist() == [2] * 5
    assert values.tolist() == [n / 8 for n in range(5)]
    assert [int(8 * v) % 2 for v in parts[:, 0, 0, 0]] == kinds.tolist()
    whole, _ = Pool([p[:, :, :40] for p in pictures]).draw(10, seeded())
    assert tuple(whole.shape) == (5, 3, 40, 40)
