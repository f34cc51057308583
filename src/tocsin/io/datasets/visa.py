"""VisA as it is distributed: ``<object>/Data/Images`` and ``split_csv/1cls.csv``, which says what is what.

Masks hold small numbers of classes. Reference: Zou et al., SPot-the-Difference, ECCV 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.io.datasets import tables
from tocsin.io.datasets.picture_items import Item, make_dataset

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "VisA; CC BY 4.0"
SPLIT = "split_csv/1cls.csv"
_COLUMNS = {"object", "split", "label", "image", "mask"}


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "visa", SOURCE) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return what the table of the one-class split lists; kinds of defects from each object's own table."""
    root = files.root_of(SPLIT)
    if root is None:
        return None
    name = root + SPLIT
    rows = tables.columns(files.text(name), files.where(name))
    if not set(rows) >= _COLUMNS:
        raise InputError(f"{files.where(name)} lacks the columns {', '.join(sorted(_COLUMNS - set(rows)))}")
    kinds = _kinds(files, root, set(rows["object"]))
    known = frozenset(files.names)
    items = []
    for product, split, label, picture, mask in zip(*(rows[c] for c in _ORDER), strict=True):
        bad = label.strip().lower() != "normal"
        for file in (picture, *([mask] if bad else [])):
            if root + file not in known:
                raise InputError(f"{files.where(name)} lists {file!r}, which is not there")
        items.append(
            Item(
                name=root + picture,
                id=picture.rpartition(".")[0],
                split=split,
                group=product,
                kind=kinds.get(picture, "anomaly") if bad else "",
                label=bad,
                masks=(root + mask,) if bad else (),
                marked=True,
            )
        )
    return items


_ORDER = ("object", "split", "label", "image", "mask")


def _kinds(files: Files, root: str, products: set[str]) -> dict[str, str]:
    """The first kind of defect of each picture, as the products' own tables say."""
    found: dict[str, str] = {}
    for product in products:
        name = f"{root}{product}/image_anno.csv"
        if name not in files.names:
            continue
        rows = tables.columns(files.text(name), files.where(name))
        if {"image", "label"} <= set(rows):
            found |= {
                picture: label.split(",")[0].strip()
                for picture, label in zip(rows["image"], rows["label"], strict=True)
            }
    return found
