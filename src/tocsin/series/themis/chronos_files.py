"""Chronos encoders on disk or at the hub: a folder with ``config.json`` and ``model.safetensors``.

Only the encoder is kept: what forecasts is of no use here, and is half of each file. Nothing is unpickled.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import ArtifactError, InputError, MissingExtra
from tocsin.series.themis.embedders import RANDOM, Description

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.series.themis.embedders import Embedder

FILES = ("config.json", "model.safetensors")
MOST_BYTES = 4 << 30
T5, BOLT = "chronos-t5", "chronos-bolt"
# What of a T5's configuration decides about its encoder, with what the format takes for granted.
SIZES: dict[str, Any] = {
    "vocab_size": 4096, "d_model": None, "d_kv": None, "d_ff": None, "num_layers": None, "num_heads": None,
    "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6,
    "feed_forward_proj": "relu",
}  # fmt: skip
LARGEST = 1 << 20
TINY = {**SIZES, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
TOKENS = {"low_limit": -15.0, "high_limit": 15.0, "n_tokens": 4096, "n_special_tokens": 2, "context_length": 512}
INSTEAD = "encoder='delay' needs no weights, and encoder='timercd' comes with tocsin"


def read(name: str) -> Description:
    """Read the encoder in a folder, or fetch it from the hub.

    Raises
    ------
    InputError
        If there is no such folder and the hub cannot be reached or does not know the name.
    ArtifactError
        If the files are damaged or hold something else than a Chronos network.
    MissingExtra
        If torch, or for an id at the hub its client, is not installed.
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _fetched(name)
    missing = [f for f in FILES if not (folder / f).is_file()]
    if missing:
        raise InputError(
            f"{folder} is no Chronos network: it has no {missing[0]} (weights in a pickle are not opened); {INSTEAD}"
        )
    try:
        given = json.loads((folder / FILES[0]).read_text())
        kind, config = _config(given)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{folder / FILES[0]} describes no Chronos network: {error}") from None
    return Description(kind, config, _arrays(folder / FILES[1], kind))


def untrained(seed: str) -> Description:
    """Return a tiny network of the Chronos-T5 layout with random weights; its scores mean nothing.

    Raises
    ------
    InputError
        If the seed is no whole number.
    """
    if not seed.isdecimal():
        raise InputError(f"an untrained encoder is {RANDOM}<seed>, such as {RANDOM}0, not {RANDOM}{seed}")
    config = {"sizes": dict(TINY), "reading": dict(TOKENS)}
    rng = np.random.default_rng(int(seed))
    arrays: dict[str, FloatArray] = {}
    for key, shape in _shapes(T5, config).items():
        # Each matrix keeps the size of what it is applied to; words keep theirs.
        spread = 1.0 if key == "shared.weight" else shape[-1] ** -0.5
        drawn = np.ones(shape) if "layer_norm" in key else spread * rng.normal(size=shape)
        arrays[key] = drawn.astype(np.float32)
    return Description(T5, config, arrays)


def network(description: Description) -> Embedder:
    """Build a network; see `tocsin.series.themis.embedders.build`."""
    _libraries()
    from tocsin.series.themis.chronos import ChronosBolt, ChronosT5

    try:
        config = {"sizes": _sizes(description.config["sizes"]), "reading": dict(description.config["reading"])}
        wanted = _shapes(description.kind, config)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"this is no Chronos network: {error}") from None
    for key, shape in wanted.items():
        if key not in description.weights:
            raise ArtifactError(f"these are no weights of a {description.kind} encoder of the stated sizes: no {key}")
        if description.weights[key].shape != shape:
            raise ArtifactError(
                f"{key} has shape {description.weights[key].shape} where the stated sizes ask for {shape}: "
                f"the weights belong to a network of another size"
            )
    made = ChronosT5 if description.kind == T5 else ChronosBolt
    return made(config["sizes"], config["reading"], {k: description.weights[k] for k in wanted})


def _config(given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and configuration from a published ``config.json``."""
    chronos = given["chronos_config"]
    sizes = _sizes(given)
    if "input_patch_size" in chronos:
        if chronos["input_patch_size"] != chronos["input_patch_stride"]:
            raise ValueError("patches that overlap are not known")
        reading = {
            "patch": int(chronos["input_patch_size"]),
            "context_length": int(chronos["context_length"]),
            "register": int(given.get("reg_token_id", 1)) if chronos.get("use_reg_token") else -1,
        }
        return BOLT, {"sizes": sizes, "reading": reading}
    limits = chronos.get("tokenizer_kwargs", {})
    words = {
        "low_limit": float(limits["low_limit"]),
        "high_limit": float(limits["high_limit"]),
        **{k: int(chronos[k]) for k in ("n_tokens", "n_special_tokens", "context_length")},
    }
    return T5, {"sizes": sizes, "reading": words}


def _sizes(given: dict[str, Any]) -> dict[str, Any]:
    sizes = {k: given.get(k, usual) for k, usual in SIZES.items()}
    for key, value in sizes.items():
        if key == "feed_forward_proj":
            if value not in ("relu", "gated-gelu"):
                raise ValueError(f"feed_forward_proj {value!r} is not known")
        elif key == "layer_norm_epsilon":
            sizes[key] = float(value)
        elif not isinstance(value, int) or not 1 <= value <= LARGEST:
            raise ValueError(f"{key} is {value!r}")
    return sizes


def _shapes(kind: str, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Which arrays of which shapes make the encoder."""
    s = config["sizes"]
    d, inner, ff = s["d_model"], s["num_heads"] * s["d_kv"], s["d_ff"]
    found: dict[str, tuple[int, ...]] = {"shared.weight": (s["vocab_size"], d)}
    for i in range(s["num_layers"]):
        block = f"encoder.block.{i}.layer"
        for part in "qkv":
            found[f"{block}.0.SelfAttention.{part}.weight"] = (inner, d)
        found[f"{block}.0.SelfAttention.o.weight"] = (d, inner)
        found[f"{block}.0.layer_norm.weight"] = found[f"{block}.1.layer_norm.weight"] = (d,)
        for part in ("wi_0", "wi_1") if s["feed_forward_proj"] == "gated-gelu" else ("wi",):
            found[f"{block}.1.DenseReluDense.{part}.weight"] = (ff, d)
        found[f"{block}.1.DenseReluDense.wo.weight"] = (d, ff)
    found["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (
        s["relative_attention_num_buckets"],
        s["num_heads"],
    )
    found["encoder.final_layer_norm.weight"] = (d,)
    if kind == BOLT:
        width = 2 * int(config["reading"]["patch"])
        for part, shape in (("hidden_layer", (ff, width)), ("output_layer", (d, ff)), ("residual_layer", (d, width))):
            found[f"input_patch_embedding.{part}.weight"] = shape
            found[f"input_patch_embedding.{part}.bias"] = shape[:1]
    return found


def _arrays(path: Path, kind: str) -> dict[str, FloatArray]:
    """The encoder's arrays in float32; published files may be in half precision."""
    _libraries()
    from safetensors import SafetensorError, safe_open

    wanted = ("encoder.", "shared.") + (("input_patch_embedding.",) if kind == BOLT else ())
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ArtifactError(f"{path} is larger than any Chronos network")
        with safe_open(str(path), framework="pt") as opened:
            names = [k for k in opened.keys() if k.startswith(wanted)]  # noqa: SIM118
            arrays: dict[str, FloatArray] = {k: opened.get_tensor(k).float().numpy() for k in names}
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{path} cannot be read as safetensors: {error}") from None
    if "encoder.embed_tokens.weight" in arrays:
        # Two names for one array: some files hold the one, some the other.
        arrays.setdefault("shared.weight", arrays["encoder.embed_tokens.weight"])
        del arrays["encoder.embed_tokens.weight"]
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ArtifactError(f"{path} is damaged: {name} holds something else than finite numbers")
    return arrays


def _fetched(name: str) -> Path:
    """The folder of a network at the hub, from the local cache where it is there already."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise MissingExtra("chronos", "huggingface_hub", "themis with a Chronos encoder from the hub") from None

    for offline in (True, False):
        try:
            found = [hf_hub_download(name, f, local_files_only=offline) for f in FILES]
        except Exception as error:  # the hub's client raises its own errors, its transport's and the system's
            if offline:
                continue
            raise InputError(
                f"there is no folder {name!r}, and the hub gave no such network ({type(error).__name__}): where there "
                f"is a network, run `hf download {name} {' '.join(FILES)} --local-dir chronos` and pass "
                f"encoder='chronos'; meanwhile {INSTEAD}"
            ) from None
        return Path(found[0]).parent
    raise AssertionError("unreachable")


def _libraries() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtra("chronos", "torch", "themis with a Chronos encoder") from None
