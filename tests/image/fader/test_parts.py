"""The parts of FADeR: mosaic, mask, similarity of gradients, U-Net, gate, saliency."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from scipy import ndimage

from tocsin.core.errors import InputError
from tocsin.image.fader.gate import Gate, attenuated
from tocsin.image.fader.obfuscation import cell_means, enlarged, mosaic, obfuscated, suspicious
from tocsin.image.fader.painter import Painter
from tocsin.image.fader.saliency import Attention, Contrast, MedianDistance, Novelty, features
from tocsin.image.fader.similarity import gradient_similarity
from tocsin.image.fader.unet import UNet


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- obfuscation


def test_mosaic_of_one_pixel_changes_nothing_and_every_mosaic_keeps_the_mean():
    pictures = noise(2, 3, 32, 48)
    assert torch.equal(mosaic(pictures, 1), pictures)
    for size in (2, 4, 8):
        coarse = mosaic(pictures, size)
        torch.testing.assert_close(coarse.mean(dim=(2, 3)), pictures.mean(dim=(2, 3)))
        torch.testing.assert_close(mosaic(coarse, size), coarse)
    assert mosaic(pictures, 7).shape == pictures.shape


def test_nothing_marked_nothing_obfuscated():
    pictures = noise(2, 3, 16, 24)
    assert torch.equal(obfuscated(pictures, torch.zeros(2, 1, 2, 3), 8), pictures)
    one = torch.zeros(2, 1, 2, 3)
    one[0, 0, 1, 2] = 1
    hidden = obfuscated(pictures, one, 8)
    changed = (hidden != pictures).any(dim=1)
    assert changed[0, 8:, 16:].all()
    assert not changed[0, :8].any()
    assert not changed[1].any()
    torch.testing.assert_close(hidden[0, :, 8:, 16:], pictures[0, :, 8:, 16:].mean((1, 2), True).expand(3, 8, 8))


def test_share_of_cells_is_kept_in_every_picture():
    saliency = noise(3, 1, 6, 10) * torch.tensor([1.0, 100.0, 0.01]).view(3, 1, 1, 1)
    cells = suspicious(saliency, 0.3)
    assert cells.flatten(1).sum(1).tolist() == [18, 18, 18]
    for values, chosen in zip(saliency.flatten(1), cells.flatten(1), strict=True):
        assert values[chosen == 1].min() > values[chosen == 0].max()
    assert suspicious(saliency, 0.0).sum() == 0
    assert suspicious(saliency, 1.0).min() == 1
    assert torch.equal(cell_means(enlarged(cells, 8)), cells)


# ----------------------------------------------------------------- similarity


def naive_similarity(a, b, c=0.0026):
    """One scale, by scipy, with the border continued."""
    kernel = np.array([[1, 0, -1]] * 3) / 3
    values = []
    for one, two in zip(a, b, strict=True):
        found = []
        for channel in (one, two):
            gx = ndimage.correlate(channel, kernel, mode="nearest")
            gy = ndimage.correlate(channel, kernel.T, mode="nearest")
            found.append(np.sqrt(gx**2 + gy**2 + 1e-12))
        values.append((2 * found[0] * found[1] + c) / (found[0] ** 2 + found[1] ** 2 + c))
    return np.mean(values, axis=0)


def test_similarity_is_that_of_the_definition():
    a, b = noise(1, 3, 16, 20), noise(1, 3, 16, 20, seed=1)
    first = naive_similarity(a[0].double().numpy(), b[0].double().numpy())
    np.testing.assert_allclose(gradient_similarity(a, b, scales=1)[0, 0].numpy(), first, atol=1e-5)
    halves = [torch.nn.functional.avg_pool2d(v, 2) for v in (a, b)]
    second = torch.from_numpy(naive_similarity(*(h[0].double().numpy() for h in halves)))[None, None]
    second = torch.nn.functional.interpolate(second, size=(16, 20), mode="bilinear")[0, 0].numpy()
    np.testing.assert_allclose(gradient_similarity(a, b, scales=2)[0, 0].numpy(), (first + second) / 2, atol=1e-5)


def test_equal_pictures_and_even_ones_are_alike():
    picture = noise(1, 3, 32, 32)
    torch.testing.assert_close(gradient_similarity(picture, picture), torch.ones(1, 1, 32, 32))
    even = [torch.full((1, 3, 32, 32), level) for level in (0.1, 0.9)]
    torch.testing.assert_close(gradient_similarity(*even), torch.ones(1, 1, 32, 32))
    assert gradient_similarity(picture, even[0]).mean() < 0.5


# ----------------------------------------------------------------------- unet


def test_published_size():
    """Levels of 64, 128, 256, 512, counted by hand: 3 x 3 weights, a bias, two numbers per normalised channel."""

    def convolution(given, own):
        return 9 * given * own + own + 2 * own

    levels = [64, 128, 256, 512]
    wanted = convolution(3, 64) + convolution(64, 64)
    wanted += sum(2 * convolution(n, n) for n in levels[1:])
    wanted += sum(convolution(a, b) for a, b in pairwise(levels))
    for own, below in pairwise(levels):
        wanted += convolution(below, own) + convolution(2 * own, own) + convolution(own, own)
    wanted += 9 * 64 * 3 + 3
    with torch.device("meta"):
        net = UNet()
    assert sum(p.numel() for p in net.parameters()) == wanted == 11_664_963


def test_shapes_and_levels():
    net = UNet((4, 6, 8, 10)).eval()
    skips, bottom = net.encode(noise(2, 3, 24, 40))
    assert [tuple(s.shape[1:]) for s in skips] == [(4, 24, 40), (6, 12, 20), (8, 6, 10)]
    assert bottom.shape == (2, 10, 3, 5)
    assert net(noise(2, 3, 24, 40)).shape == (2, 3, 24, 40)
    with pytest.raises(InputError, match="two to four"):
        UNet((4,))


# ----------------------------------------------------------------------- gate


def painters(form="levels"):
    plain, gated = Painter((4, 6, 8, 10), 8), Painter((4, 6, 8, 10), 8, form)
    plain(noise(4, 3, 32, 32), torch.zeros(4, 1, 4, 4))  # batch statistics that are not those of the start
    gated.unet.load_state_dict(plain.unet.state_dict())
    return plain.eval(), gated.eval()


def set_gate(painter, bias):
    with torch.no_grad():
        for layers in painter.gate.layers:
            layers[2].weight.zero_()
            layers[2].bias.fill_(bias)


@pytest.mark.parametrize("form", ["levels", "shared", "channels"])
def test_open_gate_is_the_base_bit_for_bit(form):
    plain, gated = painters(form)
    set_gate(gated, float("inf"))
    pictures, cells = noise(2, 3, 32, 40, seed=3), noise(2, 1, 4, 5).round()
    with torch.no_grad():
        assert torch.equal(gated(pictures, cells)[0], plain(pictures, cells)[0])
        set_gate(gated, 1.0)
        assert not torch.equal(gated(pictures, cells)[0], plain(pictures, cells)[0])


@pytest.mark.parametrize("form", ["levels", "shared", "channels"])
def test_closed_gate_lets_nothing_of_the_skips_through(form):
    _, gated = painters(form)
    set_gate(gated, float("-inf"))
    with torch.no_grad():
        skips, bottom = gated.unet.encode(noise(1, 3, 32, 32))
        other = [torch.randn(s.shape) for s in skips]
        one, two = (gated.unet.decode(attenuated(s, gated.gate(s)), bottom) for s in (skips, other))
    assert torch.equal(one, two)


def test_gate_starts_almost_open_with_two_layers_per_level():
    gate = Gate([64, 128, 256])
    masks = gate([torch.zeros(1, c, 32 >> n, 32 >> n) for n, c in enumerate((64, 128, 256))])
    assert all(m.shape == (1, 1, 4, 4) for m in masks)
    assert all(float(m.detach().min()) > 0.5 for m in masks)
    # hidden max(16, C / 4): C r + r and r + 1
    assert sum(p.numel() for p in gate.parameters()) == sum(
        c * r + r + r + 1 for c, r in ((64, 16), (128, 32), (256, 64))
    )
    with pytest.raises(InputError, match="levels, shared, channels"):
        Gate([4], "none")


def test_masks_hold_back_their_own_cells_only():
    skips = [noise(1, 4, 16, 24), noise(1, 6, 8, 12)]
    masks = [torch.ones(1, 1, 2, 3) for _ in skips]
    masks[1][0, 0, 1, 2] = 0
    found = attenuated(skips, masks)
    assert torch.equal(found[0], skips[0])
    assert found[1][..., 4:, 8:].abs().max() == 0
    assert torch.equal(found[1][..., :4, :], skips[1][..., :4, :])


# ------------------------------------------------------------------- saliency


def novelty(pictures):
    cells = torch.cat([features(p[None])[0].flatten(1).T for p in pictures])
    owners = torch.arange(len(pictures)).repeat_interleave(len(cells) // len(pictures))
    mean, spread = cells.mean(0), cells.std(0)
    return Novelty((cells - mean) / spread, owners, mean, spread)


def test_novelty_is_the_distance_from_the_nearest_cell():
    pictures = noise(3, 3, 16, 24)
    saliency = novelty(pictures)
    new = noise(1, 3, 16, 24, seed=9)
    cells = ((features(new)[0].flatten(1).T - saliency.mean) / saliency.spread).numpy()
    wanted = [min(np.linalg.norm(c - b) for b in saliency.bank.numpy()) for c in cells]
    np.testing.assert_allclose(saliency(new)[0, 0].ravel().numpy(), wanted, rtol=1e-3)
    assert saliency(pictures[:1]).max() < 0.01
    own = saliency(pictures[:1], 0)  # compared with the others only
    assert own.min() > 0.1
    assert torch.equal(own, novelty(pictures)(pictures[:1], 0))


@pytest.mark.parametrize("kind", ["contrast", "median", "novelty"])
def test_a_strange_cell_is_the_most_salient(kind):
    pictures = 0.5 + 0.02 * torch.randn(5, 3, 40, 48, generator=torch.Generator().manual_seed(0))
    saliency = {
        "contrast": Contrast(), "median": MedianDistance(pictures.median(dim=0).values), "novelty": novelty(pictures),
    }[kind]  # fmt: skip
    odd = pictures[:1].clone()
    odd[..., 16:24, 24:32] = 0.9
    found = saliency(odd)[0, 0]
    assert found.shape == (5, 6)
    assert np.unravel_index(int(found.argmax()), (5, 6)) == (2, 3)


def test_attention_of_a_transformer():
    pytest.importorskip("transformers")
    saliency = Attention("random:dinov2-tiny")
    pictures = noise(1, 3, 56, 84)
    with torch.inference_mode():
        found = saliency(pictures)
        assert found.shape == (1, 1, 7, 10)
        assert torch.equal(found, saliency(pictures))
        # the heads' mean in the last block, from the class token to the patches
        from tocsin.image.fader.saliency import attending

        encoder = attending("random:dinov2-tiny")
        given = (pictures - encoder.mean) / encoder.spread
        last = encoder.net(given, output_attentions=True).attentions[-1]
        assert last.shape[-1] == 1 + 4 * 6
        seen = last[0, :, 0, 1:].mean(0).view(4, 6)
    seen = (seen - seen.min()) / (seen.max() - seen.min())
    wanted = torch.nn.functional.interpolate(seen[None, None], size=(7, 10), mode="bilinear")
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
    with pytest.raises(InputError, match="has no attention"):
        Attention("random:tocsin")
