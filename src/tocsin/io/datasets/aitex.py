"""AITEX: strips of woven fabrics whose names say number, defect code and fabric: ``0077_022_03.jpg``; code 000 is good.

No split comes with it. Masks, where there are any, are called ``<name>_mask.png``.

Reference: Silvestre-Blanes et al., A public fabric database for defect detection methods, 2019.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.io.datasets.picture_items import Item, make_dataset, stem
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "AITEX fabric images; for research"
_NAME = re.compile(r"^(\d{4})_(\d{2,3})_(\d{2})\.[a-z]+$", re.IGNORECASE)
_MASK = re.compile(r"^(\d{4}_\d{2,3}_\d{2})_mask\d*\.[a-z]+$", re.IGNORECASE)


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are named otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "aitex", SOURCE) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return the strips; None where other pictures lie among them."""
    pictures = [name for name in files.names if is_picture_name(name)]
    masks: dict[str, list[str]] = {}
    items = []
    for name in pictures:
        if match := _MASK.match(name.rpartition("/")[2]):
            masks.setdefault(match[1], []).append(name)
    for name in pictures:
        file = name.rpartition("/")[2]
        match = _NAME.match(file)
        if match is None:
            if _MASK.match(file):
                continue
            return None
        code, fabric = match[2], match[3]
        good = not code.strip("0")  # one file of the set has a zero too few
        own = tuple(masks.get(stem(name), ()))
        items.append(
            Item(
                name=name,
                id=stem(name),
                group=fabric,
                kind="" if good else code,
                label=not good,
                masks=own if not good else (),
                marked=bool(masks) and (bool(own) or good),
            )
        )
    return items or None
