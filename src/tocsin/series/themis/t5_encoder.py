"""The encoder of a T5, written for windows of one length that come by the thousand.

What it computes is what the usual libraries compute, to rounding. It is faster for the windows that THEMIS reads: the
bias over distances is made once per length instead of once per call, the three projections of attention are one
product, and few enough windows pass at a time that what goes from layer to layer stays in cache.

Source of the architecture: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer, JMLR 2020.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# Vectors in one pass: more would have to be fetched from memory again in every layer.
TOKENS = 2048


class Layer(NamedTuple):
    """The weights of one block."""

    before: Tensor
    project: Tensor
    mix: Tensor
    between: Tensor
    widen: tuple[Tensor, ...]
    narrow: Tensor


class T5Encoder:
    """Vectors in, vectors of the same number and width out.

    Parameters
    ----------
    sizes : mapping
        Of the T5, by the names of its configuration.
    weights : mapping of str to ndarray
        By the published names; their shapes are known to fit.
    """

    def __init__(self, sizes: Mapping[str, Any], weights: Mapping[str, FloatArray]) -> None:
        def tensor(name: str) -> Tensor:
            return torch.from_numpy(np.array(weights[f"{name}.weight"], dtype=np.float32))

        self.heads, self.width = int(sizes["num_heads"]), int(sizes["d_kv"])
        self.small = float(sizes["layer_norm_epsilon"])
        self.gated = sizes["feed_forward_proj"] != "relu"
        self.farthest = int(sizes["relative_attention_max_distance"])
        self.words = tensor("shared")
        self.last = tensor("encoder.final_layer_norm")
        self.by_distance = tensor("encoder.block.0.layer.0.SelfAttention.relative_attention_bias")
        self.layers: list[Layer] = []
        for i in range(int(sizes["num_layers"])):
            look, think = (f"encoder.block.{i}.layer.{part}" for part in (0, 1))
            names = ("wi_0", "wi_1") if self.gated else ("wi",)
            self.layers.append(
                Layer(
                    before=tensor(f"{look}.layer_norm"),
                    project=torch.cat([tensor(f"{look}.SelfAttention.{part}") for part in "qkv"]),
                    mix=tensor(f"{look}.SelfAttention.o"),
                    between=tensor(f"{think}.layer_norm"),
                    widen=tuple(tensor(f"{think}.DenseReluDense.{name}") for name in names),
                    narrow=tensor(f"{think}.DenseReluDense.wo"),
                )
            )
        self._bias: Tensor | None = None

    @torch.inference_mode()
    def encode(self, vectors: Tensor, seen: Tensor) -> Tensor:
        """Return the encoded vectors of windows.

        Parameters
        ----------
        vectors : Tensor, shape (b, n, d)
        seen : Tensor of bool, shape (b, n)
            False for places that attention must not look at.
        """
        batch, n, _ = vectors.shape
        bias = self._biases(n)
        at_once = max(1, TOKENS // n)
        found = torch.empty_like(vectors)
        for first in range(0, batch, at_once):
            part = slice(first, first + at_once)
            found[part] = self._pass(vectors[part], self._masked(bias, seen[part]))
        return found

    def embedded(self, words: Tensor) -> Tensor:
        """Return the vectors of words, shape (b, n) to (b, n, d)."""
        return self.words[words]

    def _pass(self, x: Tensor, bias: Tensor) -> Tensor:
        batch, n, _ = x.shape
        for layer in self.layers:
            read = functional.linear(self._normed(x, layer.before), layer.project)
            q, k, v = read.view(batch, n, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)
            # A T5 does not divide by the root of the width: its weights were drawn that much smaller.
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)
            x = x + functional.linear(mixed.transpose(1, 2).reshape(batch, n, -1), layer.mix)
            x = x + functional.linear(self._widened(self._normed(x, layer.between), layer.widen), layer.narrow)
        return self._normed(x, self.last)

    def _widened(self, x: Tensor, widen: tuple[Tensor, ...]) -> Tensor:
        if self.gated:
            return functional.gelu(functional.linear(x, widen[0]), approximate="tanh") * functional.linear(x, widen[1])
        return functional.linear(x, widen[0]).relu_()

    def _normed(self, x: Tensor, scale: Tensor) -> Tensor:
        return functional.rms_norm(x, x.shape[-1:], scale, self.small)

    def _masked(self, bias: Tensor, seen: Tensor) -> Tensor:
        """The bias of each window, shape (b, heads, n, n), with what is not to be seen put out of reach."""
        if bool(seen.all()):
            return bias.expand(len(seen), -1, -1, -1)
        # The lowest number and not infinity: a window of which nothing is seen must not become NaN.
        return bias.masked_fill(~seen[:, None, None, :], torch.finfo(bias.dtype).min)

    def _biases(self, n: int) -> Tensor:
        """What attention adds by distance, shape (1, heads, n, n); kept, since windows mostly have one length."""
        if self._bias is None or self._bias.shape[-1] != n:
            places = torch.arange(n)
            classes = buckets(places[None, :] - places[:, None], len(self.by_distance), self.farthest)
            self._bias = self.by_distance.t()[:, classes][None].contiguous()
        return self._bias


def buckets(distances: Tensor, count: int, farthest: int) -> Tensor:
    """Return the class of each distance: half of them for places after, half for places before.

    Half of those hold one distance each, the others ever wider ranges up to `farthest`; what is further away is in the
    last.

    Examples
    --------
    >>> buckets(torch.tensor([-200, -9, -1, 0, 1, 9, 200]), 32, 128).tolist()
    [15, 8, 1, 0, 17, 24, 31]
    """
    half = count // 2
    exact = max(1, half // 2)
    far = distances.abs()
    step = math.log(max(farthest, exact + 1) / exact)
    wide = exact + (torch.log(far.float().clamp(min=1) / exact) / step * (half - exact)).long()
    return torch.where(far < exact, far, wide.clamp(max=half - 1)) + (distances > 0).long() * half
