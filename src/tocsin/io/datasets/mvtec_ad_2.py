"""MVTec AD 2: training and validation pictures, a public test part with masks, and two private ones without labels.

``<product>/{train,validation}/good``, ``test_public/{good,bad}`` with ``test_public/ground_truth/bad/<stem>_mask.png``,
and flat ``test_private`` and ``test_private_mixed``. The name of a picture ends in its lighting.

Reference: Heckler-Kram et al., The MVTec AD 2 Dataset, 2025.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.io.datasets.picture_items import Item, make_dataset, masks_by_stem, stem
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "MVTec AD 2; CC BY-NC-SA 4.0"
_PLACE = re.compile(
    r"^(?P<root>(?:.*/)?)(?P<part>train|validation|test_public|test_private|test_private_mixed)/"
    r"(?:(?P<kind>good|bad)/)?(?P<file>[^/]+)$"
)
_SPLITS = {"test_public": "test"}


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "mvtec-ad-2", SOURCE) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return what lies where."""
    if not any(re.search(r"(^|/)test_p(ublic|rivate)", name) for name in files.names):
        return None
    pictures = [name for name in files.names if is_picture_name(name)]
    masks = masks_by_stem([name for name in pictures if "/ground_truth/" in name])
    items = []
    for name in pictures:
        place = _PLACE.match(name)
        if place is None:
            continue
        kind = place["kind"]
        label = None if kind is None else kind == "bad"
        mask = masks.get(f"{place['root']}{place['part']}/ground_truth/bad/{stem(name)}")
        if label and mask is None:
            raise InputError(f"{files.where(name)} has no mask in ground_truth/bad: the set is not complete")
        items.append(
            Item(
                name=name,
                id=name.rpartition(".")[0],
                split=_SPLITS.get(place["part"], place["part"]),
                group=place["root"].rstrip("/").rpartition("/")[2],
                kind="bad" if label else "",
                label=label,
                masks=(mask,) if label and mask else (),
                marked=True,
                meta={"lighting": stem(name).partition("_")[2]} if "_" in stem(name) else {},
            )
        )
    return items
