"""Values worked out from the published computation on made-up weights and inputs."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.image.inp_former.decoder import DecoderBlock  # noqa: E402
from tocsin.image.inp_former.extractor import PrototypeExtractor  # noqa: E402
from tocsin.image.inp_former.feed_forward import FeedForward  # noqa: E402
from tocsin.image.inp_former.losses import (  # noqa: E402
    coherence,
    cosine_distances,
    mining_factors,
    prototype_distances,
    soft_mining,
)
from tocsin.image.inp_former.net import INPNet, Sizes  # noqa: E402
from tocsin.image.inp_former.published import blur_kernel  # noqa: E402
from tocsin.image.inp_former.stable_adamw import StableAdamW  # noqa: E402


def filled(net, size=0.1):
    """Matrices become size * sin(k + 1) in their own order, biases 0, layer norms 1 and 0."""
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            parameter.data.zero_()
        elif parameter.ndim == 2:
            k = np.arange(parameter.numel(), dtype=np.float64)
            values = (size * np.sin(k + 1)).astype(np.float32).reshape(parameter.shape)
            parameter.data = torch.from_numpy(values)
    return net.eval()


def waves(shape, often):
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.from_numpy(np.cos(often * k).astype(np.float32).reshape(shape))


TOKENS, QUESTIONS = waves((1, 4, 8), 0.3), waves((2, 8), 0.7)


@pytest.fixture(scope="module")
def prototypes():
    with torch.inference_mode():
        return filled(PrototypeExtractor(8, 2))(QUESTIONS, TOKENS)


def test_extractor(prototypes):
    assert float(prototypes.sum()) == pytest.approx(-0.880731, abs=2e-6)
    np.testing.assert_allclose(prototypes[0, 0, :3], [0.982844, 0.753400, 0.176812], atol=2e-6)
    np.testing.assert_allclose(prototypes[0, 1, :3], [0.751724, 0.970836, 0.736036], atol=2e-6)


def test_distances_from_prototypes(prototypes):
    distances = prototype_distances(TOKENS, prototypes)
    np.testing.assert_allclose(distances.amin(dim=-1)[0], [0.325283, 0.864682, 1.362213, 0.175243], atol=2e-6)
    assert float(coherence(distances)) == pytest.approx(0.681855, abs=2e-6)


def test_bottleneck():
    with torch.inference_mode():
        assert float(filled(FeedForward(8))(TOKENS).sum()) == pytest.approx(-0.00230434, abs=2e-7)


def test_decoder_block(prototypes):
    block = filled(DecoderBlock(8, 2))
    with torch.inference_mode():
        out, weights = block(TOKENS, prototypes), block.weights(TOKENS, prototypes)
    assert float(out.sum()) == pytest.approx(0.0241568, abs=2e-7)
    np.testing.assert_allclose(out[0, 0, :3], [-0.0184695, -0.0375957, 0.00974413], atol=2e-7)
    wanted = [[0.20701, 0.76166], [0.60821, 0], [0, 0], [0.82972, 0.99788]]
    np.testing.assert_allclose(weights[0, 0], wanted, atol=1e-5)


def test_soft_mining():
    def tokens(x):
        return x.flatten(2).transpose(1, 2)

    wanted = waves((1, 3, 2, 2), 0.3)
    rebuilt = (waves((1, 3, 2, 2), 0.45) + 0.2).requires_grad_(True)
    distances = cosine_distances(tokens(wanted), tokens(rebuilt.detach()))
    np.testing.assert_allclose(distances[0], [0.0513958, 0.1531141, 0.4006723, 0.8161073], atol=1e-6)
    factors = mining_factors(distances)
    np.testing.assert_allclose(factors[0], [0.00302632, 0.0800163, 1.433839, 12.116414], rtol=1e-5)
    loss = soft_mining(tokens(wanted), tokens(rebuilt))
    assert loss.item() == pytest.approx(0.3231910, abs=1e-6)
    loss.backward()
    assert float(rebuilt.grad.norm()) == pytest.approx(2.654161, rel=1e-5)
    first = [-5.6036e-05, -1.854483e-03, -5.080820e-02, -0.6123986]
    np.testing.assert_allclose(rebuilt.grad[0, 0].flatten(), first, rtol=1e-4)


def test_stable_adamw():
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    optimiser = StableAdamW([parameter])
    for grad, wanted in (
        ([0.1, -0.2, 0.3], [0.99899989, 2.00099969, 2.99899960]),
        ([1.0, 1.0, -5.0], [0.99842393, 2.00057244, 2.99950075]),
    ):
        parameter.grad = torch.tensor(grad)
        optimiser.step()
        np.testing.assert_allclose(parameter.detach(), wanted, atol=3e-7)


def test_blur():
    kernel = blur_kernel()
    assert float(kernel[2, 2]) == pytest.approx(0.04520277, abs=1e-8)
    assert float(kernel[0, 0]) == pytest.approx(0.03520395, abs=1e-8)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("width", "heads", "millions"),
    [(384, 6, 17.154096), (768, 12, 68.517984), (1024, 16, None)],
    ids=["small", "base", "large"],
)
def test_published_sizes(width, heads, millions):
    """The base size has 68.5 M parameters: 7.09 M in the extractor and in each block, 4.72 M in the bottleneck."""
    with torch.device("meta"):
        net = INPNet(Sizes(width, heads))

    def count(part):
        return sum(p.numel() for p in part.parameters())

    block = 12 * width**2 + 13 * width
    assert count(net.extractor) == block
    assert {count(one) for one in net.decoder} == {block + heads}
    assert count(net.bottleneck) == 8 * width**2 + 5 * width
    assert net.questions.shape == (6, width)
    if millions is not None:
        assert count(net) == round(1e6 * millions)
    if width == 768:
        assert round(count(net) / 1e6, 1) == 68.5
        assert round(count(net.extractor) / 1e6, 2) == 7.09
        assert round(count(net.bottleneck) / 1e6, 2) == 4.72
