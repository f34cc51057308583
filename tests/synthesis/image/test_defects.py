"""Made-up defects are where their masks say, follow their seed, and leave the rest of the picture alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from tocsin.core.errors import InputError
from tocsin.synthesis.image.cutpaste import cut_paste, jittered, scar
from tocsin.synthesis.image.defects import KINDS, defect
from tocsin.synthesis.image.perlin import foreign_texture, perlin
from tocsin.synthesis.image.poisson import poisson_paste, seamless

MAKERS = {"cut-paste": cut_paste, "scar": scar, "texture": foreign_texture, "poisson": poisson_paste}


def surface(seed=0, height=96, width=80):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    grey = 0.5 + 0.2 * np.sin(rows / 3) * np.cos(columns / 4) + 0.05 * rng.normal(size=(height, width))
    return np.clip(np.stack([grey, grey * 0.9, grey * 0.8], axis=2), 0, 1).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_mask_tells_where_the_picture_changed(kind):
    picture = surface()
    before = picture.copy()
    for seed in range(12):
        broken, mask = MAKERS[kind](picture, np.random.default_rng(seed))
        change = np.abs(broken - picture).mean(axis=2)
        assert broken.dtype == np.float32
        assert broken.shape == picture.shape
        assert mask.dtype == bool
        assert mask.shape == picture.shape[:2]
        assert mask.any()
        assert not mask.all()
        assert broken.min() >= 0
        assert broken.max() <= 1
        assert change[mask].mean() > 0.01
        if kind == "poisson":  # a seamless rim fades out: what lies outside the mask hardly differs
            assert change[~mask].max() < 0.3
            assert change[~mask].mean() < 0.005
        else:
            assert change[~mask].max() == 0
    assert (picture == before).all()


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_defect(kind):
    one, two, other = (MAKERS[kind](surface(), np.random.default_rng(s)) for s in (3, 3, 4))
    assert (one[0] == two[0]).all()
    assert (one[1] == two[1]).all()
    assert (one[0] != other[0]).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(8, 8), (8, 300), (301, 33), (512, 512)])
def test_pictures_of_any_shape(kind, shape):
    for seed in range(3):
        _, mask = MAKERS[kind](surface(1, *shape), np.random.default_rng(seed))
        assert mask.shape == shape
        assert mask.any()


@pytest.mark.parametrize("kind", ["texture", "poisson"])
def test_even_pictures_get_a_visible_defect(kind):
    even = np.full((64, 64, 3), 0.4, dtype=np.float32)
    seen = 0
    for seed in range(6):
        broken, mask = MAKERS[kind](even, np.random.default_rng(seed))
        seen += bool(np.abs(broken - even)[mask].max() > 0.03)
    assert seen >= 5


def test_cut_paste_has_the_published_sizes():
    masks = [cut_paste(surface(0, 200, 200), np.random.default_rng(s))[1] for s in range(60)]
    shares = np.array([mask.mean() for mask in masks])
    assert shares.min() > 0.018
    assert shares.max() < 0.155
    assert shares.max() - shares.min() > 0.08
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert len(rows) * len(columns) == mask.sum()  # a rectangle
        assert 0.27 < len(rows) / len(columns) < 3.7


def test_scars_scale_with_the_picture():
    small, large = (
        np.mean([scar(surface(0, n, n), np.random.default_rng(s))[1].mean() for s in range(40)]) for n in (128, 384)
    )
    # 2 to 16 by 10 to 25 pixels of 256: 157 of 65 536 pixels on average
    assert small == pytest.approx(9 * 17.5 / 256**2, rel=0.3)
    assert large == pytest.approx(small, rel=0.3)


def test_jitter_keeps_grey_grey_and_without_strength_changes_nothing():
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.random((6, 6, 1)), 3, axis=2).astype(np.float32)
    changed = jittered(grey, rng)
    np.testing.assert_allclose(changed, changed[:, :, :1].repeat(3, axis=2), atol=1e-5)
    colours = rng.random((6, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(jittered(colours, rng, strength=0, hue=0), colours, atol=1e-5)


def slow_perlin(shape, cells, rng):
    """Perlin's noise as its definition says: pixel by pixel, corner by corner."""
    angles = rng.uniform(0, 2 * np.pi, size=(cells + 1, cells + 1))
    out = np.zeros(shape)
    for i in range(shape[0]):
        for j in range(shape[1]):
            y, x = i * cells / shape[0], j * cells / shape[1]
            r, c = int(y), int(x)
            fade = [6 * t**5 - 15 * t**4 + 10 * t**3 for t in (y - r, x - c)]
            for below in (0, 1):
                for right in (0, 1):
                    angle = angles[r + below, c + right]
                    dot = np.sin(angle) * (y - r - below) + np.cos(angle) * (x - c - right)
                    weight = (fade[0] if below else 1 - fade[0]) * (fade[1] if right else 1 - fade[1])
                    out[i, j] += np.sqrt(2) * weight * dot
    return out


@pytest.mark.parametrize("shape", [(16, 16), (13, 22)])
def test_noise_is_that_of_the_definition(shape):
    fast = perlin(shape, 4, np.random.default_rng(5))
    np.testing.assert_allclose(fast, slow_perlin(shape, 4, np.random.default_rng(5)), atol=1e-6)


def test_noise_is_zero_at_the_nodes_and_mostly_low():
    drawn = [perlin((64, 64), 4, np.random.default_rng(seed)) for seed in range(20)]
    assert max(np.abs(noise[::16, ::16]).max() for noise in drawn) == 0
    assert np.mean([np.abs(noise).max() for noise in drawn]) == pytest.approx(0.8, abs=0.15)
    # About one pixel in thirty is above one half, so that many draws leave hardly a mask.
    assert np.mean([(noise > 0.5).mean() for noise in drawn]) == pytest.approx(0.033, abs=0.02)


@pytest.mark.parametrize("mixed", [False, True])
def test_seamless_pasting_solves_poissons_equation(mixed):
    rng = np.random.default_rng(0)
    source, target = 0.5 + 0.02 * rng.normal(size=(2, 7, 6, 2))
    high, wide = 5, 4
    matrix, right = np.zeros((high * wide, high * wide)), np.zeros((high * wide, 2))

    def step(y, x, dy, dx):
        new = source[y + dy, x + dx] - source[y, x]
        old = target[y + dy, x + dx] - target[y, x]
        return np.where(np.abs(old) > np.abs(new), old, new) if mixed else new

    for y in range(1, 6):
        for x in range(1, 5):
            row = (y - 1) * wide + x - 1
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                matrix[row, row] -= 1
                right[row] += step(y, x, dy, dx)
                if 1 <= y + dy <= high and 1 <= x + dx <= wide:
                    matrix[row, row + dy * wide + dx] += 1
                else:
                    right[row] -= target[y + dy, x + dx]
    wanted = np.linalg.solve(matrix, right).reshape(high, wide, 2)
    out = seamless(source, target, mixed)
    np.testing.assert_allclose(out[1:-1, 1:-1], wanted, atol=1e-5)
    np.testing.assert_allclose(out[0], target[0], atol=1e-6)


def test_pasting_a_piece_onto_itself_changes_nothing():
    piece = surface()[:20, :30]
    np.testing.assert_allclose(seamless(piece, piece), piece, atol=1e-5)


def test_kinds_are_drawn_alike():
    picture = surface()
    wanted = {kind: MAKERS[kind] for kind in KINDS}
    found = dict.fromkeys(KINDS, 0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        kind = KINDS[int(np.random.default_rng(seed).integers(len(KINDS)))]
        found[kind] += 1
        if seed < 12:
            broken, mask = defect(picture, rng)
            twin = np.random.default_rng(seed)
            twin.integers(len(KINDS))
            other, other_mask = wanted[kind](picture, twin)
            assert (broken == other).all()
            assert (mask == other_mask).all()
    assert min(found.values()) > 30


def test_what_cannot_be_broken_is_refused():
    with pytest.raises(InputError, match="choose among cut-paste, scar, texture, poisson"):
        defect(surface(), np.random.default_rng(0), kinds=("dent",))
    with pytest.raises(InputError, match="at least 8 pixels"):
        cut_paste(np.zeros((4, 40, 3), dtype=np.float32), np.random.default_rng(0))
    with pytest.raises(InputError, match="uint8"):
        scar(np.zeros((40, 40, 3), dtype=np.uint8), np.random.default_rng(0))
    with pytest.raises(InputError, match="strength"):
        foreign_texture(surface(), np.random.default_rng(0), strength=(0.5, 0.2))
    with pytest.raises(InputError, match="at least one cell"):
        perlin((8, 8), 0, np.random.default_rng(0))
    with pytest.raises(InputError, match="3 x 3"):
        seamless(np.zeros((2, 5, 3)), np.zeros((2, 5, 3)))
