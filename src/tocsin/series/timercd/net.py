"""The network of TimeRCD: patches of one channel as tokens, a plain encoder, and two heads per time step.

Parameter names are those of the published checkpoints, so that their state dictionaries load as they are.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.nn.gated_mlp import GatedMLP
from tocsin.nn.rms_norm import RMSNorm
from tocsin.nn.rotary import angles, rotate


@dataclass(frozen=True)
class Config:
    """Sizes of the network.

    Parameters
    ----------
    d_model, d_proj, layers, heads, patch : int
        Width, width per time step, number of blocks, attention heads, points per token.
    inputs : int
        Values per point: 1 for the series alone, 2 with its differences beside it (ours).
    dropout : float
        In training only.
    variates : bool
        Whether attention knows which tokens share a channel (the multichannel checkpoints).
    """

    d_model: int = 512
    d_proj: int = 256
    layers: int = 8
    heads: int = 8
    patch: int = 16
    inputs: int = 1
    dropout: float = 0.1
    variates: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)


class VariateBias(nn.Module):
    """An attention bias per head: one value for tokens of the same channel, another for those of others."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.emd = nn.Embedding(2, heads)

    def forward(self, channel: Tensor) -> Tensor:
        """Return the bias of shape (heads, tokens, tokens) for the channel number of each token."""
        same = channel[:, None] == channel[None, :]
        return torch.where(same[None], self.emd.weight[1][:, None, None], self.emd.weight[0][:, None, None])


class Attention(nn.Module):
    """Multi-head attention whose rotary positions turn the whole vector before it is split into heads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.d_model
        self.heads = config.heads
        self.q_proj, self.k_proj = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.v_proj, self.out_proj = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.binary_attention_bias = VariateBias(config.heads) if config.variates else None

    def forward(self, x: Tensor, turn: Tensor, keys: Tensor | None, channel: Tensor | None) -> Tensor:
        """Mix tokens; `keys` is False where nothing may be looked at, `channel` numbers the channel of each token."""
        batch, tokens, d = x.shape
        split = (batch, tokens, self.heads, d // self.heads)
        q = rotate(self.q_proj(x), turn).view(split).transpose(1, 2)
        k = rotate(self.k_proj(x), turn).view(split).transpose(1, 2)
        v = self.v_proj(x).view(split).transpose(1, 2)
        bias = None
        if self.binary_attention_bias is not None and channel is not None:
            bias = self.binary_attention_bias(channel).to(q.dtype)[None]
        if keys is not None:
            blocked = torch.zeros(keys.shape, dtype=q.dtype, device=q.device).masked_fill(~keys, float("-inf"))[
                :, None, None, :
            ]
            bias = blocked if bias is None else bias + blocked
        if tokens <= 128:
            # For few tokens two plain products are quicker on a CPU than the fused kernel with a mask.
            scores = (q @ k.transpose(-1, -2)) / math.sqrt(d // self.heads)
            mixed = torch.softmax(scores if bias is None else scores + bias, -1) @ v
        else:
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).reshape(batch, tokens, d))
        return out


class Block(nn.Module):
    """Attention, then the gated MLP, each on the normalised input and added to it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.input_norm, self.output_norm = RMSNorm(config.d_model), RMSNorm(config.d_model)
        self.self_attn, self.mlp = Attention(config), GatedMLP(config.d_model)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, turn: Tensor, keys: Tensor | None, channel: Tensor | None) -> Tensor:
        """Return tokens of the same shape."""
        x = x + self.self_attn(self.input_norm(x), turn, keys, channel)
        out: Tensor = x + self.drop(self.mlp(self.output_norm(x)))
        return out


class Stack(nn.Module):
    """The blocks in order."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(config) for _ in range(config.layers))


class Encoder(nn.Module):
    """Series of shape (batch, time, channel, inputs) to embeddings of shape (batch, time, channel, d_proj)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding_layer = nn.Linear(config.patch * config.inputs, config.d_model)
        self.transformer_encoder = Stack(config)
        self.projection_layer = nn.Linear(config.d_model, config.patch * config.d_proj)

    def tokens(self, x: Tensor, valid: Tensor | None, hidden: Tensor | None = None) -> tuple[Tensor, int]:
        """Return encoded tokens of shape (batch, channel * patches, d_model) and the padded length."""
        batch, time, channels, inputs = x.shape
        patch = self.config.patch
        padded = -(-time // patch) * patch
        x = functional.pad(x, (0, 0, 0, 0, 0, padded - time))
        count = padded // patch
        # One token is `patch` neighbouring points of one channel; tokens run through channel 0 first.
        patches = x.view(batch, count, patch, channels, inputs).permute(0, 3, 1, 4, 2)
        h = self.embedding_layer(patches.reshape(batch, channels * count, inputs * patch))
        keys = None
        if valid is not None or hidden is not None or padded > time:
            ok = torch.ones(batch, time, dtype=torch.bool, device=x.device) if valid is None else valid
            per_patch = functional.pad(ok, (0, padded - time)).view(batch, count, patch).any(-1)
            if hidden is not None:
                per_patch = per_patch & ~hidden
            keys = per_patch.repeat(1, channels)
        channel = torch.arange(channels, device=x.device).repeat_interleave(count) if self.config.variates else None
        turn = angles(channels * count, self.config.d_model, x.device)
        for block in self.transformer_encoder.layers:
            h = block(h, turn, keys, channel)
        return h, padded

    def forward(self, x: Tensor, valid: Tensor | None = None, hidden: Tensor | None = None) -> Tensor:
        """Return one embedding per point of every channel."""
        batch, time, channels, _ = x.shape
        h, padded = self.tokens(x, valid, hidden)
        points: Tensor = self.projection_layer(h).view(batch, channels, padded, self.config.d_proj)
        return points[:, :, :time].transpose(1, 2)


class TimeRCDNet(nn.Module):
    """Encoder with the head that tells anomalies and the head that restores hidden patches (pre-training only)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.ts_encoder = Encoder(config)
        p, drop = config.d_proj, config.dropout
        self.anomaly_head = nn.Sequential(nn.Linear(p, p // 2), nn.GELU(), nn.Dropout(drop), nn.Linear(p // 2, 2))
        self.reconstruction_head = nn.Sequential(
            nn.Linear(p, 4 * p), nn.GELU(), nn.Dropout(drop),
            nn.Linear(4 * p, 4 * p), nn.GELU(), nn.Dropout(drop),
            nn.Linear(4 * p, 1),
        )  # fmt: skip
        for name, parameter in self.ts_encoder.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, valid: Tensor | None = None, hidden: Tensor | None = None) -> Tensor:
        """Return how much "anomalous" outweighs "normal" (logit difference), shape (batch, time, channel).

        Parameters
        ----------
        x : Tensor of shape (batch, time, channel, inputs)
            Normalised series.
        valid : Tensor of bool, shape (batch, time), optional
            False for padding.
        hidden : Tensor of bool, shape (batch, patches), optional
            Patches that attention must not see.
        """
        logits: Tensor = self.anomaly_head(self.ts_encoder(x, valid, hidden))
        return logits[..., 1] - logits[..., 0]
