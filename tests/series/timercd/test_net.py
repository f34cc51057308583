"""The network against printed values, and the invariances that it has and has not."""

from __future__ import annotations

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.series.timercd.net import Config, TimeRCDNet

# Config d=16, d_proj=4, p=4, 2 layers, 2 heads; weights filled by a formula; computed with the published modules.
TIMES = (0, 1, 5, 10, 19, 21)
GOLDEN = {
    1: {
        "logit": (-0.0407643, -0.0151988, -0.0132023, -0.4756393, -0.4660022, -0.0156437),
        "probability": (0.4898103, 0.4962034, 0.4966995, 0.3832824, 0.3855629, 0.4960891),
        "restored": {(0, 0): -0.3692115, (10, 0): 0.0418750, (21, 0): -0.1166507},
    },
    3: {
        "logit": (-0.0762601, -0.0218557, -0.0223678, -0.0135250, -0.1423262, -0.0207498),
        "probability": (0.4809442, 0.4945363, 0.4944083, 0.4966188, 0.4644784, 0.4948128),
        "restored": {
            (0, 0): -0.0154203,
            (10, 0): -0.0429472,
            (21, 0): -0.1083168,
            (0, 1): -0.0200426,
            (0, 2): -0.0186105,
        },
    },
}


def filled(channels: int) -> TimeRCDNet:
    net = TimeRCDNet(Config(16, 4, 2, 2, 4, variates=channels > 1)).eval()
    with torch.no_grad():
        for h, (name, p) in enumerate(sorted(net.named_parameters())):
            wave = torch.sin(0.37 * torch.arange(p.numel(), dtype=torch.float64) + h).view(p.shape)
            p.copy_(1 + 0.1 * wave if name.endswith("norm.scale") else 0.2 * wave)
    return net


def wave(channels: int):
    t, c = np.arange(22)[:, None], np.arange(channels)[None]
    return torch.from_numpy(np.sin(0.3 * t + c).astype(np.float32))[None, :, :, None]


@pytest.mark.parametrize("channels", [1, 3])
def test_golden_forward(channels):
    net, x = filled(channels), wave(channels)
    valid = torch.ones(1, 22, dtype=torch.bool)
    valid[0, 20:] = False
    with torch.no_grad():
        logit = net(x, valid)[0].mean(-1)
        restored = net.reconstruction_head(net.ts_encoder(x, valid))[0, :, :, 0]
    wanted = GOLDEN[channels]
    assert np.allclose(logit[list(TIMES)].numpy(), wanted["logit"], atol=1e-6)
    assert np.allclose(torch.sigmoid(logit)[list(TIMES)].numpy(), wanted["probability"], atol=1e-6)
    for (t, c), value in wanted["restored"].items():
        assert float(restored[t, c]) == pytest.approx(value, abs=1e-6)


def test_published_sizes_have_the_published_number_of_parameters():
    with torch.device("meta"):
        one, many = TimeRCDNet(Config()), TimeRCDNet(Config(variates=True))
    count = {n: sum(p.numel() for p in net.parameters()) for n, net in (("one", one), ("many", many))}
    assert count == {"one": 37_056_387, "many": 37_056_387 + 128}
    assert sum(p.numel() for p in one.ts_encoder.parameters()) == 35_709_440
    assert len(one.state_dict()) == 38 + 6 * 12, "twelve arrays for each block beyond two"
    assert len(filled(1).state_dict()) == 38
    assert len(filled(3).state_dict()) == 40


def test_nothing_is_made_on_another_device_than_the_input():
    # The meta device stands for any other than the processor: mixing devices raises.
    with torch.device("meta"):
        net = TimeRCDNet(Config(16, 4, 2, 2, 4, variates=True))
        x, hidden = torch.zeros(2, 22, 3, 1), torch.zeros(2, 6, dtype=torch.bool)
    assert net(x, None, hidden).shape == (2, 22, 3)
    assert net(x).device.type == "meta"


def test_padding_beyond_the_end_changes_nothing():
    net, x = filled(1), wave(1)[:, :18]
    longer = torch.cat((x, torch.full((1, 14, 1, 1), 7.0)), 1)
    valid = torch.arange(32)[None] < 18
    # The last patch is half padding, which both must see alike.
    longer[:, 18:20] = 0
    with torch.no_grad():
        assert torch.allclose(net(longer, valid)[:, :18], net(x), atol=1e-6)


def test_a_batch_is_as_one_by_one():
    net = filled(1)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 40, 1, 1)).astype(np.float32))
    with torch.no_grad():
        together = net(x)
        alone = torch.cat([net(one[None]) for one in x])
    assert torch.allclose(together, alone, atol=1e-6)


def test_many_tokens_go_through_the_fused_kernel_with_the_same_result():
    net = filled(1)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 4 * 140, 1, 1)).astype(np.float32))
    with torch.no_grad():
        fused = net(x)[0, :, 0]
        # As two products: the same weights in double precision, written out.
        plain = _attention_written_out(net, x)
    assert torch.allclose(fused, plain, atol=1e-4)


def _attention_written_out(net, x):
    import torch.nn.functional as functional

    kept = functional.scaled_dot_product_attention

    def written(q, k, v, attn_mask=None):
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        return torch.softmax(scores if attn_mask is None else scores + attn_mask, -1) @ v

    functional.scaled_dot_product_attention = written
    try:
        return net(x)[0, :, 0]
    finally:
        functional.scaled_dot_product_attention = kept


def test_order_of_channels_matters_and_by_how_much():
    # Positions run on over channels, so this is no invariance; with these weights it moves logits by a few hundredths.
    net, x = filled(3), wave(3)
    order = [2, 0, 1]
    with torch.no_grad():
        moved = (net(x[:, :, order]) - net(x)[:, :, order]).abs().max()
    assert 1e-4 < float(moved) < 0.5


def test_hidden_patches_are_not_looked_at():
    net, x = filled(1), wave(1)[:, :20]
    hidden = torch.tensor([[False, True, False, False, False]])
    changed = x.clone()
    changed[:, 4:8] = 5.0
    with torch.no_grad():
        a, b = net(x, None, hidden), net(changed, None, hidden)
    elsewhere = [t for t in range(20) if not 4 <= t < 8]
    assert torch.allclose(a[:, elsewhere], b[:, elsewhere], atol=1e-7)
    assert not torch.allclose(a[:, 4:8], b[:, 4:8])
