from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image.inp_former.augmentation import VIEWS, _warped, view  # noqa: E402
from tocsin.image.inp_former.lessons import Lessons  # noqa: E402
from tocsin.image.inp_former.tokens import AWAY, Tokeniser  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

PICTURE = torch.from_numpy(np.random.default_rng(0).random((1, 3, 64, 96)).astype(np.float32))


def noise(count, shape=(48, 64)):
    rng = np.random.default_rng(1)
    return [Image(rng.integers(0, 255, shape, dtype=np.uint8), id=str(n)) for n in range(count)]


def test_layers_of_a_transformer_are_averaged_in_two_groups():
    pytest.importorskip("transformers")
    encoder = make_encoder("random:dinov2-tiny", (0, 1, 2, 3))
    picture = torch.from_numpy(np.random.default_rng(0).random((2, 3, 56, 84)).astype(np.float32))
    with torch.inference_mode():
        layers = encoder.layers(picture)
        found = Tokeniser(encoder)(picture)
    assert tuple(found.shape) == (2, 2, 4, 6, 48)
    torch.testing.assert_close(found[:, 0], ((layers[0] + layers[1]) / 2).permute(0, 2, 3, 1))
    torch.testing.assert_close(found[:, 1], ((layers[2] + layers[3]) / 2).permute(0, 2, 3, 1))


def test_an_encoder_at_other_depths_is_the_same_net():
    pytest.importorskip("transformers")
    whole = make_encoder("random:dinov2-tiny", (0, 1, 2, 3))
    some = whole.at((1, 3))
    picture = torch.rand(1, 3, 56, 56)
    with torch.inference_mode():
        every, two = whole.layers(picture), some.layers(picture)
    assert some.net is whole.net
    assert some.fingerprint == whole.fingerprint
    assert torch.equal(two[0], every[1])
    assert torch.equal(two[1], every[3])
    assert whole.taken == [0, 1, 2, 3]
    with pytest.raises(InputError, match="no layer 4"):
        whole.at((4,))


def test_layers_of_a_convolutional_net_lie_side_by_side():
    encoder = make_encoder("random:tocsin")
    with torch.inference_mode():
        shallow, deep = encoder.layers(PICTURE)
        found = Tokeniser(encoder)(PICTURE)[0, 0].numpy()
    assert found.shape == (8, 12, 192)
    grid = shallow[0].numpy()
    np.testing.assert_allclose(found[3, 4, :32], grid[:, 2:5, 3:6].mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(found[0, 0, :32], grid[:, :2, :2].mean(axis=(1, 2)), atol=1e-5)
    # The middle of cell (2, 4) lies at (0.75, 1.75) of the coarse grid, whose cells are twice as large.
    smooth = torch.nn.functional.avg_pool2d(deep, 3, 1, 1, count_include_pad=False)[0].numpy()
    mixed = 0.25 * 0.25 * smooth[:, 0, 1] + 0.25 * 0.75 * smooth[:, 0, 2]
    mixed = mixed + 0.75 * 0.25 * smooth[:, 1, 1] + 0.75 * 0.75 * smooth[:, 1, 2]
    np.testing.assert_allclose(found[2, 4, 32:], mixed, atol=1e-5)


def test_channels_vary_by_one_around_a_point_at_a_fixed_distance():
    encoder = make_encoder("random:tocsin")
    lessons = Lessons(noise(5), 64, Tokeniser(encoder))
    lessons.standardise()
    tokens = torch.cat([lessons.tokens(n)[0] for n in range(5)]).double()
    afresh = Lessons(noise(5), 64, lessons.tokeniser)
    torch.testing.assert_close(torch.cat([afresh.tokens(n)[0] for n in range(5)]).double(), tokens)
    spread = tokens.std(dim=0, correction=0)
    assert float(spread.max()) < 1.001
    assert float(spread.median()) == pytest.approx(1, abs=1e-3)
    assert float(tokens.mean(dim=0).norm()) == pytest.approx(AWAY * 192**0.5, rel=1e-3)


def test_pictures_of_different_sizes_share_a_batch():
    lessons = Lessons(noise(1) + noise(1, (64, 48)) + noise(1, (40, 120)), 64, Tokeniser(make_encoder("random:tocsin")))
    batch, places = lessons.drawn(3, 0.25, np.random.default_rng(0))
    counts = (~batch.absent).sum(dim=1)
    assert sorted(counts.tolist()) == sorted(lessons.tokens(n).shape[1] for n in range(3))
    assert places.shape == (3, round(0.25 * int(counts.min())))
    for row in range(3):
        assert len(set(places[row].tolist())) == places.shape[1]
        assert not batch.absent[row, places[row]].any()
        assert (batch.groups[row][:, batch.absent[row]] == 0).all()
    assert lessons.drawn(3, 1.0, np.random.default_rng(0))[1] is None


def test_views():
    picture = PICTURE[0]
    views = [view(picture, n) for n in range(VIEWS)]
    assert len(views) == 22
    assert torch.equal(views[0], picture)
    # A quarter of half a side is a whole number of pixels.
    moved = _warped(picture, 0.0, (0.25, 0.25))
    torch.testing.assert_close(moved[:, :56, :84], picture[:, 8:, 12:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(moved[:, 56:], moved[:, 48:56].flip(1), atol=1e-4, rtol=1e-4)
    quarter = _warped(picture[:, :, :64], np.pi / 2, (0.0, 0.0))
    torch.testing.assert_close(quarter, torch.rot90(picture[:, :, :64], 1, (1, 2)), atol=1e-3, rtol=1e-3)
    assert torch.equal(views[17], picture.flip(2))
    assert float((views[18] - views[18][:1]).abs().max()) == 0
    assert torch.equal(torch.rot90(views[21], 1, (1, 2)), picture)


def test_a_turn_does_not_shear():
    """What is round stays so, also in a picture that is not square."""
    y, x = np.mgrid[:64, :96]
    spot = np.exp(-((y - 31.5) ** 2 + (x - 47.5) ** 2) / 200)
    given = torch.from_numpy(spot.astype(np.float32)).expand(3, -1, -1)
    assert float((view(given, 1) - given)[:, 8:-8, 24:-24].abs().max()) < 0.01
