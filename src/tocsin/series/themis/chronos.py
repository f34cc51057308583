"""The encoders of Chronos-T5 (one vector per value) and Chronos-Bolt (one per patch of values).

Source: Ansari et al., Chronos: Learning the Language of Time Series, TMLR 2024, arXiv 2403.07815. Chronos-T5 writes a
window as words (each value divided by the window's mean size, then put into one of 4093 bins) and reads these with the
encoder of a T5; Chronos-Bolt standardises a window, cuts it into patches and feeds those to the same kind of encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tocsin.core.errors import ArtifactError
from tocsin.series.themis.t5_encoder import T5Encoder

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

PAD, END = 0, 1
FAR = 1e20
EPSILON = 1e-5


class ChronosT5:
    """Vectors of the values of a window; see `tocsin.series.themis.embedders.Embedder`.

    Parameters
    ----------
    sizes : mapping
        Of the T5, by the names of its configuration.
    reading : mapping
        ``low_limit``, ``high_limit``, ``n_tokens``, ``n_special_tokens``, ``context_length``.
    weights : mapping of str to ndarray
        By the published names.
    """

    margin = 0
    patch = 1

    def __init__(self, sizes: Mapping[str, Any], reading: Mapping[str, Any], weights: Mapping[str, FloatArray]) -> None:
        self.reading = dict(reading)
        self.longest: int | None = int(reading["context_length"])
        words = int(reading["n_tokens"])
        if not int(reading["n_special_tokens"]) + 2 < words <= int(sizes["vocab_size"]):
            raise ArtifactError(f"a T5 with {sizes['vocab_size']} words cannot read {words} of them")
        self.encoder = T5Encoder(sizes, weights)

    def embed(self, windows: FloatArray) -> FloatArray:
        """Return embeddings of shape (b, n, d) for windows of shape (b, n); NaN is hidden from attention."""
        words, seen = tokenise(windows, **{k: v for k, v in self.reading.items() if k != "context_length"})
        found = self.encoder.encode(self.encoder.embedded(torch.from_numpy(words)), torch.from_numpy(seen > 0))
        # The last vector is that of the end of the text.
        return np.asarray(found[:, :-1].numpy())


class ChronosBolt:
    """Vectors of the patches of a window, counted from its end; see `tocsin.series.themis.embedders.Embedder`.

    Parameters
    ----------
    sizes, weights
        As of `ChronosT5`.
    reading : mapping
        ``patch``, ``context_length``, ``register`` (the word that closes the patches, or -1).
    """

    margin = 0

    def __init__(self, sizes: Mapping[str, Any], reading: Mapping[str, Any], weights: Mapping[str, FloatArray]) -> None:
        self.patch = int(reading["patch"])
        self.longest: int | None = int(reading["context_length"])
        self.encoder = T5Encoder(sizes, weights)
        self.gated = sizes["feed_forward_proj"] != "relu"
        self.first = {
            k.removeprefix("input_patch_embedding."): torch.from_numpy(np.array(v, dtype=np.float32))
            for k, v in weights.items()
            if k.startswith("input_patch_embedding.")
        }
        register = int(reading["register"])
        if not -1 <= register < int(sizes["vocab_size"]):
            raise ArtifactError(f"a T5 with {sizes['vocab_size']} words has no word {register}")
        self.register = torch.from_numpy(np.array(weights["shared.weight"][register])) if register >= 0 else None

    @torch.inference_mode()
    def embed(self, windows: FloatArray) -> FloatArray:
        """Return embeddings of shape (b, ceil(n / patch), d) for windows of shape (b, n)."""
        batch, n = windows.shape
        count = -(-n // self.patch)
        x = functional.pad(torch.from_numpy(standardised(windows)), (count * self.patch - n, 0), value=torch.nan)
        patches = x.view(batch, count, self.patch)
        seen = patches.isfinite()
        tokens = self._patches(torch.cat([patches.nan_to_num(nan=0.0), seen.float()], dim=-1))
        present = seen.any(dim=-1)
        if self.register is not None:
            tokens = torch.cat([tokens, self.register.expand(batch, 1, -1)], dim=1)
            present = functional.pad(present, (0, 1), value=True)
        return np.asarray(self.encoder.encode(tokens, present)[:, :count].numpy())

    def _patches(self, x: Tensor) -> Tensor:
        w = self.first
        hidden = functional.linear(x, w["hidden_layer.weight"], w["hidden_layer.bias"])
        hidden = functional.gelu(hidden, approximate="tanh") if self.gated else functional.relu(hidden)
        straight = functional.linear(x, w["residual_layer.weight"], w["residual_layer.bias"])
        return functional.linear(hidden, w["output_layer.weight"], w["output_layer.bias"]) + straight


def tokenise(
    windows: FloatArray,
    *,
    low_limit: float = -15.0,
    high_limit: float = 15.0,
    n_tokens: int = 4096,
    n_special_tokens: int = 2,
) -> tuple[IntArray, IntArray]:
    """Write windows of shape (b, n) as words of shape (b, n + 1), and which of these attention may see.

    Values are divided by their mean size and put into bins between `low_limit` and `high_limit`; missing ones become
    the padding word and are hidden.

    Examples
    --------
    >>> words, seen = tokenise(np.array([[0.0, 1.0, np.nan, -1.0]]))
    >>> words.tolist(), seen.tolist()
    ([[2049, 2254, 0, 1844, 1]], [[1, 1, 0, 1, 1]])
    """
    x = np.asarray(windows, dtype=np.float32)
    present = ~np.isnan(x)
    size = np.where(present, np.abs(x), 0).sum(axis=1, keepdims=True) / np.maximum(present.sum(axis=1), 1)[:, None]
    scaled = x / np.where(size > 0, size, 1).astype(np.float32)
    centres = np.linspace(low_limit, high_limit, n_tokens - n_special_tokens - 1, dtype=np.float32)
    edges = np.concatenate(([-FAR], (centres[1:] + centres[:-1]) / 2, [FAR])).astype(np.float32)
    words = np.searchsorted(edges, np.where(present, scaled, 0), side="right") + n_special_tokens
    words = np.where(present, np.clip(words, 0, n_tokens - 1), PAD)
    end = np.full((len(x), 1), END)
    return np.hstack([words, end]).astype(np.int64), np.hstack([present, end > 0]).astype(np.int64)


def standardised(windows: FloatArray) -> FloatArray:
    """Return windows of shape (b, n) with zero mean and unit deviation, as Chronos-Bolt reads them, in float32."""
    x = np.asarray(windows, dtype=np.float64)
    present = ~np.isnan(x)
    count = np.maximum(present.sum(axis=1, keepdims=True), 1)
    centre = np.where(present, x, 0).sum(axis=1, keepdims=True) / count
    spread = np.sqrt(np.where(present, np.square(x - centre), 0).sum(axis=1, keepdims=True) / count)
    spread = np.where(spread == 0, np.abs(centre) + EPSILON, spread)
    return np.asarray((x - centre) / spread, dtype=np.float32)
