"""Folders of pictures with a folder of masks beside it: ``image/<stem>.jpg`` and ``mask/<stem>.png``.

CrackForest and NEU-Seg are distributed like this. Other folders beside them whose name says so hold good pictures
(``crack_free``). A picture whose mask is black is good. No split comes with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.io.datasets.picture_items import GOOD, Item, Loaded, make_dataset, picture, read_mask, stem, truth_of
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "pictures with masks beside them"
_IMAGES = frozenset(("image", "images", "img", "imgs"))
_MASKS = frozenset(("mask", "masks", "label", "labels", "groundtruth", "ground_truth", "gt", "annotations"))
_FREE = re.compile(r"(^|[_-])(free|without|clean)([_-]|$)")


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "image-and-mask", SOURCE, _load) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return what lies in the three kinds of folder."""
    pictures = [name for name in files.names if is_picture_name(name)]
    folders = {name.rpartition("/")[0] for name in pictures}
    pairs = [
        (folder, other)
        for folder in sorted(folders)
        for other in sorted(folders)
        if _last(folder) in _IMAGES and _last(other) in _MASKS and _above(folder) == _above(other)
    ]
    if len(pairs) != 1:
        return None
    images, masks = pairs[0]
    by_stem = {
        stem(name).removesuffix("_mask").removesuffix("_label"): name
        for name in pictures
        if name.rpartition("/")[0] == masks
    }
    items = []
    for name in pictures:
        folder = name.rpartition("/")[0]
        if folder == images:
            mask = by_stem.get(stem(name))
            if mask is None:
                raise InputError(f"{files.where(name)} has no mask in {masks}: the set is not complete")
            items.append(Item(name=name, id=f"{_last(folder)}/{stem(name)}", masks=(mask,), marked=True, label=True))
        elif _last(folder) in GOOD or _FREE.search(_last(folder)):
            items.append(Item(name=name, id=f"{_last(folder)}/{stem(name)}", marked=True, label=False))
    return items


def _load(files: Files, item: Item, dataset: str) -> Loaded:
    """Whether a picture is good is only known once its mask is read."""
    image = picture(files, item, dataset)
    truth = truth_of(files, item, image)
    if truth is not None and truth.label and truth.mask is not None and not truth.mask.any():
        from tocsin.core.truth import Truth

        return image, Truth(mask=read_mask(files, item.masks[0]))
    return image, truth


def _last(folder: str) -> str:
    return folder.rpartition("/")[2].lower()


def _above(folder: str) -> str:
    return folder.rpartition("/")[0]
