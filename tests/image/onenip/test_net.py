"""The net, losses and maps of OneNIP, by the golden values of its sheet and by what must hold."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.image.onenip.attention import Attention, neighbour_mask  # noqa: E402
from tocsin.image.onenip.losses import jittered, mask_loss, rebuilding_loss  # noqa: E402
from tocsin.image.onenip.maps import error_map, fused, joined  # noqa: E402
from tocsin.image.onenip.net import NetConfig, PromptedNet  # noqa: E402
from tocsin.image.onenip.prompts import chosen, directions, nearest  # noqa: E402
from tocsin.image.onenip.refiner import Refiner  # noqa: E402
from tocsin.image.onenip.scoring import Scoring  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

SMALL = {"channels": 12, "width": 16, "heads": 4, "inner": 32, "encoder_layers": 1, "decoder_layers": 2, "refiner": 8}


def made(**changed):
    config = NetConfig(grid=(6, 8), **{"window": 3, **SMALL, **changed})
    return PromptedNet(config).start(torch.Generator().manual_seed(0)).eval().requires_grad_(False)


def test_sizes_at_the_published_width():
    net = PromptedNet(NetConfig(channels=272, grid=(14, 14)))
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    transformer = count["encoder"] + count["decoder"] + count["final"] + count["after"]
    assert round(transformer / 1e6, 2) == 7.64
    assert round(count["refiner"] / 1e6, 3) == 0.593
    assert round((count["into"] + count["out"]) / 1e6, 2) == 0.14
    assert net.rows.numel() + net.columns.numel() == 3584
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 2) == 8.37


def test_barred_places_are_as_many_as_the_sheet_says():
    barred = neighbour_mask(14, 14, 7) < 0
    assert (int(barred[0].sum()), int(barred[7 * 14 + 7].sum()), int(barred.sum())) == (16, 49, 7396)
    assert barred.numel() == 38_416
    assert not neighbour_mask(3, 3, 0).any()
    assert not neighbour_mask(2, 2, 7).any()  # nothing would be left to look at
    near = [(y, x) for y in range(5) for x in range(6) if abs(y - 2) <= 1 and abs(x - 3) <= 1]
    assert [divmod(int(n), 6) for n in torch.nonzero(neighbour_mask(5, 6, 3)[2 * 6 + 3] < 0)] == near


def test_attention_does_not_see_what_is_barred():
    torch.manual_seed(0)
    attention, mask = Attention(16, 4).eval(), neighbour_mask(6, 8, 3)
    tokens = torch.randn(1, 48, 16)
    changed = tokens.clone()
    place = 2 * 8 + 3
    changed[0, mask[place] < 0] += 5  # the place itself and all around it
    before = attention(tokens, tokens, tokens, mask)[0, place]
    after = attention(tokens, changed, changed, mask)[0, place]
    assert torch.equal(before, after)
    assert (attention(tokens, changed, changed)[0, place] - before).abs().max() > 1e-3


def test_attention_is_that_of_the_definition():
    torch.manual_seed(0)
    attention = Attention(8, 2).eval()
    query, key, value = torch.randn(3, 1, 5, 8)
    wanted = []
    q, k, v = attention.query(query)[0], attention.key(key)[0], attention.value(value)[0]
    for head in range(2):
        part = slice(4 * head, 4 * head + 4)
        wanted.append((q[:, part] @ k[:, part].T / 2).softmax(dim=1) @ v[:, part])
    np.testing.assert_allclose(
        attention(query, key, value)[0].detach(), attention.out(torch.cat(wanted, 1)).detach(), atol=1e-6
    )


def test_the_last_attention_sees_the_place_itself_unless_it_is_barred_too():
    """With no layers before it: through these a place reaches itself by way of others, as in the source."""
    picture, prompt = torch.randn(2, 12, 6, 8, generator=torch.Generator().manual_seed(1)).split(1)
    changed = picture.clone()
    changed[0, :, 2, 3] += 3

    def effect(**layers):
        net = made(**layers)
        return float((net(changed, prompt) - net(picture, prompt))[0, :, 2, 3].abs().max())

    assert effect(encoder_layers=0, decoder_layers=0, mask_final=True) == 0
    assert effect(encoder_layers=0, decoder_layers=0) > 1e-4
    assert effect(mask_final=True) > 1e-4


def test_what_is_rebuilt_begins_with_the_prompt():
    """Without what attention brings from the picture, the prompt alone is left."""
    generator, net = torch.Generator().manual_seed(1), made()
    picture, prompt, other = torch.randn(3, 12, 6, 8, generator=generator).split(1)
    assert (net(other, prompt) - net(picture, prompt)).abs().max() > 1e-2
    for attention in (net.final, *(layer.to_picture for layer in net.decoder)):
        torch.nn.init.zeros_(attention.out.weight)
    assert torch.equal(net(other, prompt), net(picture, prompt))
    assert (net(picture, other) - net(picture, prompt)).abs().max() > 1e-2


def test_pictures_do_not_look_at_each_other_and_prompts_are_repeated_in_order():
    net = made()
    pictures, prompts = (torch.randn(n, 12, 6, 8, generator=torch.Generator().manual_seed(n)) for n in (4, 2))
    whole = net(pictures, prompts)
    for n in range(4):
        alone = net(pictures[n : n + 1], prompts[n % 2 : n % 2 + 1])
        np.testing.assert_allclose(whole[n], alone[0], atol=1e-5)


def test_positions_are_column_first_then_row():
    net = made()
    place = net.positions[2 * 8 + 5]
    assert torch.equal(place, torch.cat([net.columns[5], net.rows[2]]))
    assert 0 <= float(net.rows.min()) < float(net.rows.max()) <= 1


def test_losses_are_those_of_the_sheet():
    logits, mask = torch.tensor([[[0.0, 2.0], [-2.0, 4.0]]]), torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    assert float(mask_loss(logits, mask)) == pytest.approx(0.4279371, abs=1e-6)
    assert float(mask_loss(torch.full((1, 2, 2), -100.0), torch.zeros(1, 2, 2))) == pytest.approx(0, abs=1e-6)
    assert float(rebuilding_loss(torch.ones(2, 3, 2, 2), torch.zeros(2, 3, 2, 2))) == 1


def test_jitter_is_in_proportion_to_the_length_of_a_descriptor():
    torch.manual_seed(0)
    descriptors = torch.zeros(1, 272, 60, 60)
    descriptors[:, 0] = 7.0
    noise = jittered(descriptors) - descriptors
    assert float(noise.std()) == pytest.approx(20 * 7 / 272, rel=0.01)
    assert abs(float(noise.mean())) < 0.01


def test_both_maps_in_one_are_those_of_the_sheet():
    found = fused(torch.tensor([1.0, 3.0]), torch.tensor([0.2, 0.9]), highest=5.0, lowest=1.0)
    np.testing.assert_allclose(found, [0.8, 2.85], atol=1e-6)


def test_the_map_and_the_score_of_a_picture():
    torch.manual_seed(0)
    refiner = Refiner(12, 8).eval().requires_grad_(False)
    given, rebuilt = torch.randn(2, 1, 12, 6, 8)
    plain = Scoring(refiner, (96, 128), (4.0, 1.0), 0.0, 1)
    local, overall = plain(rebuilt, given)
    cells = (rebuilt - given).norm(dim=1)[0]
    np.testing.assert_allclose(plain.error(rebuilt, given)[0, 1:-1, 1:-1], cells[1:-1, 1:-1], rtol=1e-5)
    assert float(plain.error(rebuilt, given)[0, 0, 0]) == pytest.approx(float(np.median(cells[1:-1, 1:-1])), rel=1e-5)
    windows = np.lib.stride_tricks.sliding_window_view(local[0].numpy(), (16, 16))
    assert float(overall) == pytest.approx(windows.mean(axis=(2, 3)).max(), rel=1e-5)
    both, _ = Scoring(refiner, (96, 128), (4.0, 1.0), 1.0, 1)(rebuilt, given)
    assert 0 <= float(both.min()) <= float(both.max()) <= 2.5
    assert refiner(rebuilt, given).shape == (1, 24, 32)
    np.testing.assert_allclose(error_map(rebuilt, given)[0], cells, rtol=1e-5)


def test_depths_are_joined_on_either_grid():
    encoder, pictures = make_encoder("random:tocsin"), torch.rand(1, 3, 64, 96)
    shallow, deep = encoder.layers(pictures)
    assert torch.equal(joined(encoder, pictures)[:, 32:], deep)
    assert torch.equal(joined(encoder, pictures, "fine")[:, :32], shallow)
    assert joined(encoder, pictures).shape == (1, 192, 4, 6)


def test_prompts_are_of_the_kind_and_the_most_similar_comes_first():
    rng = np.random.default_rng(0)
    own = directions([rng.normal(size=(5, 3, 4)) for _ in range(9)])
    np.testing.assert_allclose(np.linalg.norm(own, axis=1), 1)
    kinds = ["a", "b", "c"] * 3
    picked = chosen(own, kinds, 2)
    assert sorted(kinds[n] for n in picked) == ["a", "a", "b", "b", "c", "c"]
    found = nearest(own[0], own, [k == "a" for k in kinds], 3)
    assert found[0] == 0
    assert {kinds[n] for n in found} == {"a"}
    assert len(nearest(own[0], own, [k == "b" for k in kinds], 8)) == 3
