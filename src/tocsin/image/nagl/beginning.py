"""The net that a detector judges with: read from a file, plain attention, or trained on made-up classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import ArtifactError
from tocsin.image._preparation import to_rgb
from tocsin.image.nagl.episodes import made_source, textures
from tocsin.image.nagl.learning import learn
from tocsin.image.nagl.net import NAGLNet, built
from tocsin.image.nagl.weights import read
from tocsin.nn.stored_weights import put_back

if TYPE_CHECKING:
    from tocsin.core.samples import Image
    from tocsin.image.nagl.describing import Describer

# Made-up classes to train on beside the user's own normal pictures, and their side in pixels.
CLASSES, TEXTURE_SIDE = 24, 128
# From so many normal pictures on, made-up defects are put into so many of them.
ENOUGH, OWN = 4, 16


def begun(
    parameters: Mapping[str, Any], describer: Describer, channels: int, normals: Sequence[Image]
) -> tuple[NAGLNet, tuple[str, ...]]:
    """Return the net, and what the user should know of it.

    Parameters
    ----------
    parameters : mapping
        Those of `NAGL`.
    describer : Describer
    channels : int
        Of the descriptors it gives.
    normals : sequence of Image
        The user's own, into which made-up defects are put for training; marked defects are never trained on.

    Raises
    ------
    ArtifactError
        If the file of weights is missing, damaged, or reads other descriptors.
    """
    if parameters["weights"] is not None:
        return _from_file(parameters["weights"], describer, channels), ()
    faithful, seed = bool(parameters["faithful"]), int(parameters["random_state"] or 0)
    sizes = {"channels": channels, "proxies": parameters["proxies"], "heads": parameters["heads"]}
    net = built(sizes, seed, random=faithful)
    if not parameters["steps"]:
        told = "the attention layers are random: give weights, or steps to train them"
        return net, (told,) if faithful else ()
    rng = np.random.default_rng([seed, 1])
    small, own = describer.pixels(TEXTURE_SIDE), describer.pixels(parameters["side"])
    sources = [made_source(textures(n, TEXTURE_SIDE), small, rng) for n in range(CLASSES)]
    if len(normals) >= ENOUGH:
        some = [to_rgb(image.pixels, image.id) for image in normals[:: max(1, len(normals) // OWN)]]
        sources = [made_source(some, own, rng), *sources]
    chosen = {name: parameters[name] for name in ("steps", "rate", "folder")}
    report = learn(net, sources, seed=seed, faithful=faithful, **chosen)
    return net, (f"trained for {report.steps} steps, the best ones after {report.best_step}",)


def _from_file(file: str, describer: Describer, channels: int) -> NAGLNet:
    weights, sizes = read(file, describer.signature)
    if sizes["channels"] != channels:
        raise ArtifactError(
            f"{file} was trained on descriptors of {sizes['channels']} channels, not {channels}: take the same layers"
        )
    return put_back(built(sizes, 0), weights)
