"""Training of a net that is used for many classes, on classes of which marked defects are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from tocsin.core.samples import Sample
    from tocsin.image._training import TrainingReport
    from tocsin.image.nagl.episodes import Describe, Source

# Below this a class cannot give a query and references that are not the query.
LEAST_NORMALS, LEAST_MARKED = 2, 2


def pretrain(
    classes: Mapping[str, Sequence[Sample]],
    file: str | Path,
    *,
    encoder: str = "tocsin",
    layers: Sequence[int] | None = None,
    side: int = 200,
    smooth: int = 3,
    proxies: int = 25,
    heads: int = 4,
    steps: int = 1000,
    rate: float = 3e-4,
    seed: int = 0,
    faithful: bool = False,
    folder: str | None = None,
) -> TrainingReport:
    """Train a net on real classes and write it to a file for ``NAGL(weights=file)``.

    Parameters
    ----------
    classes : mapping of str to sequences of samples
        By class, normal pictures and marked defects as `NAGL.fit` takes them. Never report on one of these classes:
        the net has seen its defects.
    file : path
        Of safetensors.
    encoder, layers, side, smooth, proxies, heads
        As in `NAGL`; the detector must be given the same encoder, layers and smoothing.
    steps, rate, seed, faithful, folder
        See `tocsin.image.nagl.learning.learn`.

    Raises
    ------
    InputError
        If a class has fewer than two normal pictures or two marked ones.
    """
    from tocsin.image._training import stored
    from tocsin.image.nagl.describing import describing
    from tocsin.image.nagl.learning import learn
    from tocsin.image.nagl.net import built
    from tocsin.image.nagl.weights import write

    describer = describing(encoder, None if layers is None else tuple(layers), smooth)
    sources = [
        real_source(name, samples, describer.pixels(side), faithful) for name, samples in sorted(classes.items())
    ]
    if not sources:
        raise InputError("no class was given to learn from")
    sizes = {"channels": int(sources[0].normals[0].shape[2]), "proxies": proxies, "heads": heads}
    net = built(sizes, seed, random=faithful)
    report = learn(net, sources, steps=steps, rate=rate, seed=seed, faithful=faithful, folder=folder)
    write(file, stored(net), sizes, describer.signature)
    return report


def real_source(name: str, samples: Sequence[Sample], describe: Describe, faithful: bool = False) -> Source:
    """Return a class of real pictures; marked ones belong together if they have the same ``meta["kind"]``.

    Raises
    ------
    InputError
        If there are too few.
    """
    from tocsin.image._preparation import to_rgb
    from tocsin.image._references import split
    from tocsin.image.nagl.episodes import Source, cell_mask

    given = split(samples)
    if len(given.normals) < LEAST_NORMALS or len(given.defects) < LEAST_MARKED:
        raise InputError(
            f"the class {name!r} has {len(given.normals)} normal and {len(given.defects)} marked pictures: at least "
            f"{LEAST_NORMALS} and {LEAST_MARKED} are needed, or no query is left beside its references"
        )
    families: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for image, mask in given.defects:
        grid = describe(to_rgb(image.pixels, image.id))
        size = (int(grid.shape[0]), int(grid.shape[1]))
        cells = cell_mask(mask, size, faithful)
        member = (grid, cells if cells.any() else cell_mask(mask, size))
        families.setdefault(str(image.meta.get("kind", "")), []).append(member)
    together = [family for family in families.values() if len(family) >= LEAST_MARKED]
    normals = [describe(to_rgb(image.pixels, image.id)) for image in given.normals]
    return Source(normals, together or [[m for family in families.values() for m in family]])
