"""The layout of MVTec AD and those made after it: ``train/good``, ``test/<kind>``, ``ground_truth/<kind>``.

MPDD and the PyTorch copy of VisA have it with other products, BTAD calls the folders ``ok`` and ``ko``. Any folder of
one's own laid out like this is read too. A product folder, or a folder of products, may be given.

References: Bergmann et al., MVTec AD, CVPR 2019; Jezek et al., MPDD, 2021; Mishra et al., BTAD, 2021; Zou et al., VisA,
ECCV 2022.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.io.datasets.picture_items import GOOD, Item, make_dataset, masks_by_stem, stem
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

_MVTEC = "bottle cable capsule carpet grid hazelnut leather metal_nut pill screw tile toothbrush transistor wood zipper"
_VISA = "candle capsules cashew chewinggum fryum macaroni1 macaroni2 pcb1 pcb2 pcb3 pcb4 pipe_fryum"
_MPDD = "bracket_black bracket_brown bracket_white connector metal_plate tubes"
PRODUCTS = {
    "mvtec-ad": frozenset(_MVTEC.split(" ")),
    "mpdd": frozenset(_MPDD.split(" ")),
    "visa-pytorch": frozenset(_VISA.split(" ")),
}
SOURCES = {
    "mvtec-ad": "MVTec AD; CC BY-NC-SA 4.0",
    "mpdd": "MPDD; CC BY-NC-SA 4.0",
    "visa-pytorch": "VisA (as converted); CC BY 4.0",
    "btad": "BTAD; CC BY-NC-SA 4.0",
    "mvtec-like": "pictures laid out like MVTec AD",
}
_TRAINING = re.compile(r"^((?:.+/)?)train(?:ing)?/([^/]+/)?[^/]+$", re.IGNORECASE)
_PLACE = re.compile(
    r"^(?P<split>train(?:ing)?|test(?:ing)?|validation|valid|val)/(?:(?P<kind>[^/]+)/)?[^/]+$", re.IGNORECASE
)
_SPLITS = {"training": "train", "testing": "test", "valid": "validation", "val": "validation"}
# Other layouts have these beside train and test, and another reader.
_FOREIGN = re.compile(r"/(xyz|rgb|test_public|logical_anomalies|pcd)/|defects_config\.json$")


def read_named(files: Files, name: str) -> Dataset | None:
    """Return the set if its products are those of `name`, or for ``mvtec-like`` whatever they are."""
    items = list_items(files)
    if items is None or told(files, items) != name:
        return None
    return make_dataset(files, items, name, SOURCES[name])


def told(files: Files, items: Iterable[Item]) -> str:
    """Say which of the sets with this layout it is, by the names of its products and folders."""
    kept = list(items)
    products = {item.group or files.path.stem.lower() for item in kept}
    if any("/ko/" in f"/{item.name}" or "train/ok/" in f"/{item.name}" for item in kept):
        return "btad"
    for name, known in PRODUCTS.items():
        if products <= known:
            return name
    return "mvtec-like"


def list_items(files: Files) -> list[Item] | None:
    """Return what lies where, or None where there is no product with a training part of good pictures."""
    pictures = [name for name in files.names if is_picture_name(name)]
    if any(_FOREIGN.search(f"/{name}") for name in files.names):
        return None
    roots = sorted({match[1] for name in pictures if (match := _TRAINING.match(name)) and _is_good(match[2])})
    # A folder called train inside of another product is part of that one.
    roots = [root for root in roots if not any(root != other and root.startswith(other) and other for other in roots)]
    items = [item for root in roots for item in _product(pictures, root)]
    return items if any(item.split == "test" for item in items) else None


def _product(pictures: list[str], root: str) -> list[Item]:
    group = root.rstrip("/").rpartition("/")[2]
    own = [name[len(root) :] for name in pictures if name.startswith(root)]
    masks = masks_by_stem([name for name in own if name.split("/")[0].lower() in ("ground_truth", "groundtruth", "gt")])
    marked = bool(masks)
    # Flat masks lie in ground_truth/<kind>/; those of two-class conversions one folder deeper, below the split.
    by_tail = {key.partition("/")[2].lower(): name for key, name in masks.items()}
    found = []
    for name in own:
        place = _PLACE.match(name)
        if place is None:
            continue
        split = _SPLITS.get(place["split"].lower(), place["split"].lower())
        kind = (place["kind"] or "").lower()
        good = kind in GOOD or (not kind and split != "test")
        label = None if not kind and split == "test" else not good
        # Training pictures that are known to be bad are none to learn what is normal from.
        part = f"{split}_anomalous" if label and split != "test" else split
        tail = f"{kind}/{stem(name).lower()}" if kind else stem(name).lower()
        mask = by_tail.get(tail) or by_tail.get(f"{split}/{tail}")
        if label and mask is None and marked:
            raise InputError(f"{root}{name} has no mask in {root}ground_truth/{place['kind']}: the set is not complete")
        found.append(
            Item(
                name=root + name,
                id=root + name.rpartition(".")[0],
                split=part,
                group=group,
                kind=place["kind"] if label else "",
                label=label,
                masks=(root + mask,) if label and mask else (),
                marked=marked,
            )
        )
    return found


def _is_good(folder: str | None) -> bool:
    return folder is None or folder.rstrip("/").lower() in GOOD
