from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.image.inp_former.decoder import DecoderBlock  # noqa: E402
from tocsin.image.inp_former.extractor import PrototypeExtractor  # noqa: E402
from tocsin.image.inp_former.judge import Judge  # noqa: E402
from tocsin.image.inp_former.losses import (  # noqa: E402
    coherence,
    cosine_distances,
    mining_factors,
    prototype_distances,
    soft_mining,
)
from tocsin.image.inp_former.net import INPNet, Sizes  # noqa: E402
from tocsin.image.inp_former.published import published_map  # noqa: E402


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def lively(net, seed=0):
    """Weights large enough that every part matters."""
    for number, parameter in enumerate(net.parameters()):
        parameter.data = 0.3 * drawn(*parameter.shape, seed=seed + number) + (parameter.ndim == 3)
    return net.eval()


@pytest.fixture(scope="module")
def net():
    return lively(INPNet(Sizes(width=12, heads=3, prototypes=4, depth=5, shares=(0.5, 0.5))))


def test_extraction_is_attention_written_out():
    """Head by head and prototype by prototype."""
    block, asked, tokens = lively(PrototypeExtractor(6, 2)), drawn(3, 6), drawn(1, 7, 6, seed=1)
    with torch.inference_mode():
        found = block(asked, tokens)[0]
        a, t = block.norm1(asked), block.norm1(tokens[0])
        q, (k, v) = block.q(a), block.kv(t).split(6, dim=1)
        for m in range(3):
            mixed = []
            for head in (slice(0, 3), slice(3, 6)):
                scores = [float(q[m, head] @ k[n, head]) / 3**0.5 for n in range(7)]
                weights = np.exp(scores) / np.exp(scores).sum()
                mixed.append(sum(w * v[n, head] for n, w in enumerate(weights)))
            one = asked[m] + block.proj(torch.cat(mixed))
            np.testing.assert_allclose(found[m], one + block.mlp(block.norm2(one)), atol=2e-5)


def test_decoding_takes_nothing_but_prototypes():
    """With the values of the prototypes gone, nothing of the tokens comes through."""
    block, tokens, prototypes = lively(DecoderBlock(6, 2)), drawn(1, 5, 6), drawn(1, 3, 6, seed=1)
    block.kv.weight.data[6:], block.kv.bias.data[6:] = 0, 0
    with torch.inference_mode():
        out = block(tokens, prototypes)[0]
        assert float(block.weights(tokens, prototypes).max()) > 0
    np.testing.assert_allclose(out, out[:1].expand(5, 6), atol=1e-6)


def test_the_order_of_places_does_not_matter(net):
    groups, order = drawn(1, 2, 20, 12), torch.from_numpy(np.random.default_rng(3).permutation(20))
    with torch.inference_mode():
        one, other = net(groups), net(groups[:, :, order])
    torch.testing.assert_close(one.distances[:, order], other.distances, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(one.groups[:, :, order], other.groups, atol=1e-5, rtol=1e-4)


def test_a_picture_is_judged_alone(net):
    groups = drawn(2, 2, 20, 12)
    with torch.inference_mode():
        both = net.cells(groups)
        torch.testing.assert_close(both, torch.cat([net.cells(groups[:1]), net.cells(groups[1:])]))


def test_angles_do_not_depend_on_the_size_of_descriptions(net):
    """Layer norm takes a common factor out of what the net sees, and cosines out of what it is compared with."""
    plain = Sizes(width=12, heads=3, prototypes=4, depth=5)
    other = INPNet(plain)
    other.load_state_dict(net.state_dict())
    other.bottleneck.fc1.bias.data.zero_()
    groups = drawn(1, 2, 20, 12)
    with torch.inference_mode():
        prototypes = [other.extractor(other.questions, f * groups.mean(dim=1)) for f in (1.0, 50.0)]
        distances = [
            prototype_distances(f * groups.mean(dim=1), p) for f, p in zip((1.0, 50.0), prototypes, strict=True)
        ]
    torch.testing.assert_close(prototypes[0], prototypes[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(distances[0], distances[1], atol=1e-5, rtol=1e-4)


def test_the_last_block_answers_for_the_first_layers(net):
    groups = drawn(1, 2, 9, 12)
    with torch.inference_mode():
        fused = groups.mean(dim=1)
        prototypes = net.extractor(net.questions, fused)
        tokens, outputs = net.bottleneck(fused), []
        for block in net.decoder:
            tokens = block(tokens, prototypes)
            outputs.append(tokens)
        found = net(groups).groups[0]
    torch.testing.assert_close(found[0], (outputs[4] + outputs[3])[0] / 2)
    torch.testing.assert_close(found[1], (outputs[2] + outputs[1] + outputs[0])[0] / 3)


def test_filling_up_a_batch_changes_nothing(net):
    long, short = drawn(1, 2, 20, 12), drawn(1, 2, 13, 12, seed=1)
    batch, absent = torch.full((2, 2, 20, 12), 7.0), torch.ones(2, 20, dtype=torch.bool)
    batch[:1], absent[0] = long, False
    batch[1:, :, :13], absent[1, :13] = short, False
    with torch.inference_mode():
        # Without mining both losses are means over pictures and places.
        mined = [float(net.loss(x, power=0.0)) for x in (long, short)]
        covered = [float(coherence(net(x).distances)) for x in (long, short)]
        rebuilt = [whole - 0.2 * part for whole, part in zip(mined, covered, strict=True)]
        wanted = np.mean(rebuilt) + 0.2 * (20 * covered[0] + 13 * covered[1]) / 33
        assert float(net.loss(batch, absent, power=0.0)) == pytest.approx(wanted, rel=1e-5)


def test_some_places_are_rebuilt_as_they_are_among_all(net):
    groups, places = drawn(2, 2, 20, 12), torch.tensor([[3, 5, 11], [0, 19, 4]])
    with torch.inference_mode():
        out = net(groups)
        parts = [
            soft_mining(
                torch.stack([groups[n, g, places[n]] for n in range(2)]),
                torch.stack([out.groups[n, g, places[n]] for n in range(2)]),
            )
            for g in range(2)
        ]
        wanted = sum(parts) / 2 + 0.2 * coherence(out.distances)
        assert float(net.loss(groups, places=places)) == pytest.approx(float(wanted), rel=1e-5)


def test_mining_leaves_the_loss_and_turns_the_gradient_to_the_hardest_places():
    wanted = drawn(2, 9, 5)
    near = wanted + 0.1 * drawn(2, 9, 5, seed=1)
    near[0, 4] = -wanted[0, 4]
    grads, losses = [], []
    for power in (0.0, 3.0):
        rebuilt = near.clone().requires_grad_(True)
        loss = soft_mining(wanted, rebuilt, power)
        loss.backward()
        grads.append(rebuilt.grad)
        losses.append(loss.item())
    assert losses[0] == losses[1]
    factors = mining_factors(cosine_distances(wanted, near))
    torch.testing.assert_close(grads[1], factors[..., None] * grads[0])
    assert int(factors.flatten().argmax()) == 4
    # As if the places were one long vector.
    angle = torch.nn.functional.cosine_similarity(wanted.flatten(1), near.flatten(1)).mean()
    assert losses[0] == pytest.approx(1 - float(angle), abs=1e-6)


def test_factors_stay_finite():
    distances = torch.zeros(1, 10**6)
    distances[0, 0] = 2.0
    assert float(mining_factors(distances).max()) == 1e4
    assert torch.isfinite(mining_factors(torch.zeros(1, 4))).all()


def test_the_published_map_written_out():
    """Corners stay where they are on the way to the picture's size; the blur sees zeros beyond the edge."""
    cells = drawn(1, 2, 4, 6).abs()
    smooth, score = published_map(cells, (56, 84))
    assert tuple(smooth.shape) == (1, 1, 256, 256)
    ordered = np.sort(smooth.numpy().ravel())
    assert float(score[0]) == pytest.approx(ordered[-655:].mean(), rel=1e-5)
    flat, flat_score = published_map(torch.ones(1, 1, 4, 6), (56, 84))
    np.testing.assert_allclose(flat[0, 0, 2:-2, 2:-2], 1, atol=1e-5)
    assert float(flat[0, 0, 0, 0]) == pytest.approx(0.37, abs=0.01)
    assert float(flat_score[0]) == pytest.approx(1, abs=1e-5)


def test_cells_at_the_border_are_not_judged(net):
    cells = drawn(1, 1, 8, 10).abs()
    cells[0, 0, 0], cells[0, 0, :, -1] = 50.0, 50.0
    judge = Judge(None, net, False, 0.25, 1, False)
    calm, score = judge._calm(cells)
    inner = cells[0, 0, 1:-1, 1:-1].numpy()
    np.testing.assert_allclose(calm[0, 0, 1:-1, 1:-1], inner, atol=1e-6)
    np.testing.assert_allclose(calm[0, 0, 0], np.median(inner), atol=1e-6)
    assert float(score[0]) == pytest.approx(np.sort(inner.ravel())[-12:].mean(), abs=1e-6)
