"""Folders in the layout of the published Chronos networks, with small random weights."""

from __future__ import annotations

import json

import numpy as np

SIZES = {
    "vocab_size": 4096, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4,
    "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6,
    "feed_forward_proj": "relu",
}  # fmt: skip
T5 = {
    "tokenizer_class": "MeanScaleUniformBins", "tokenizer_kwargs": {"low_limit": -15.0, "high_limit": 15.0},
    "context_length": 512, "n_tokens": 4096, "n_special_tokens": 2,
}  # fmt: skip
BOLT = {"context_length": 2048, "input_patch_size": 16, "input_patch_stride": 16, "use_reg_token": True}


def encoder_arrays(seed, vocabulary=4096, patch=None):
    """All arrays of an encoder, written out by hand: names and shapes as the publishers have them."""
    rng = np.random.default_rng(seed)
    shapes = {"shared.weight": (vocabulary, 32), "encoder.final_layer_norm.weight": (32,)}
    for i in range(2):
        for part, shape in (
            ("0.SelfAttention.q", (32, 32)), ("0.SelfAttention.k", (32, 32)), ("0.SelfAttention.v", (32, 32)),
            ("0.SelfAttention.o", (32, 32)), ("0.layer_norm", (32,)),
            ("1.DenseReluDense.wi", (48, 32)), ("1.DenseReluDense.wo", (32, 48)), ("1.layer_norm", (32,)),
        ):  # fmt: skip
            shapes[f"encoder.block.{i}.layer.{part}.weight"] = shape
    shapes["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, 4)
    if patch:
        for part, shape in (
            ("hidden_layer", (48, 2 * patch)),
            ("output_layer", (32, 48)),
            ("residual_layer", (32, 2 * patch)),
        ):
            shapes[f"input_patch_embedding.{part}.weight"] = shape
            shapes[f"input_patch_embedding.{part}.bias"] = shape[:1]
    return {k: (0.3 * rng.normal(size=s) + (len(s) == 1)).astype(np.float32) for k, s in sorted(shapes.items())}


def write(folder, arrays, chronos, **more):
    """Write a folder as the hub has it, with arrays of a decoder that must not be read."""
    from safetensors.numpy import save_file

    folder.mkdir(exist_ok=True)
    vocabulary = len(arrays["shared.weight"])
    config = {**SIZES, "vocab_size": vocabulary, "model_type": "t5", "chronos_config": chronos, **more}
    (folder / "config.json").write_text(json.dumps(config))
    unread = {"decoder.final_layer_norm.weight": np.ones(32, dtype=np.float32)}
    save_file({**arrays, **unread}, folder / "model.safetensors")
    return folder
