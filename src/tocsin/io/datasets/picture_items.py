"""Pictures of public sets: what a layout says of each, and how sample and truth are made of it when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Image, Sample
from tocsin.core.samples.image import MAX_PIXELS
from tocsin.core.samples.pixels import read_pixels
from tocsin.core.truth import Truth

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray
    from tocsin.io.datasets.files import Files

GOOD = frozenset(("good", "ok", "normal", "defect_free", "defect-free", "negative", "no"))


@dataclass(frozen=True)
class Item:
    """One picture of a set.

    Parameters
    ----------
    name : str
        Its file, below the root of the files.
    id : str
        Unique in the set.
    split : str
        ``train``, ``test``, ``validation`` or what the set calls its parts.
    group : str
        Product or part: what never stands on both sides of a split.
    kind : str
        The class of its defect; empty where it is good or nothing is known.
    label : bool or None
        Whether it is defective; None where nobody says.
    masks : tuple of str
        Files that mark the defect, None of them where it is good.
    marked : bool
        Whether the set marks pixels at all, so that a good picture's mask is known to be empty.
    view : str
        Which of several cameras.
    severity : float or None
    meta : dict
        What else is known and does not give the label away.
    """

    name: str
    id: str
    split: str = "test"
    group: str = ""
    kind: str = ""
    label: bool | None = None
    masks: tuple[str, ...] = ()
    marked: bool = False
    view: str = ""
    severity: float | None = None
    meta: dict[str, Any] = field(default_factory=dict)


Lister: TypeAlias = Callable[["Files"], "list[Item] | None"]
Loaded: TypeAlias = tuple[Sample, Truth | None]


def picture(files: Files, item: Item, dataset: str) -> Image:
    """Return the picture; pixels are decoded when they are looked at, those in an archive at once.

    Raises
    ------
    InputError
        If it is missing or no picture.
    """
    meta = {"dataset": dataset, "split": item.split, **item.meta}
    meta |= {key: value for key, value in (("group", item.group), ("view", item.view)) if value}
    if files.path.is_dir():
        path = files.path / (files.root + item.name)
        return Image.open(path, id=item.id, meta={"path": str(path), **meta})
    return Image(pixels_of(files, item.name), id=item.id, meta=meta)


def pixels_of(files: Files, name: str) -> Any:
    """Return the pixels of a file, in a folder or an archive."""
    return read_pixels(files.read(name), files.where(name), MAX_PIXELS)


def read_mask(files: Files, name: str) -> BoolArray:
    """Return a mask: True where a picture of it is anything but black; opacity says nothing.

    Sets mark defects by 255, by 1 or by the number of a class, so that any threshold above 0 loses some of them.
    """
    pixels = pixels_of(files, name)
    colours = pixels[:, :, :-1] if pixels.shape[2] in (2, 4) else pixels
    return np.asarray((colours > 0).any(axis=2))


def truth_of(files: Files, item: Item, image: Image) -> Truth | None:
    """Return what is known of a picture, its masks laid together.

    Raises
    ------
    InputError
        If a mask is missing, broken, or of another size than the picture.
    """
    if item.label is None and item.severity is None:
        return None
    mask: BoolArray | None = None
    if item.label is not None and item.marked:
        mask = np.zeros(image.grid, dtype=bool)
    for name in item.masks:
        part = read_mask(files, name)
        if part.shape != image.grid:
            raise InputError(
                f"{files.where(name)} has {part.shape[1]} x {part.shape[0]} pixels where its picture has "
                f"{image.grid[1]} x {image.grid[0]}"
            )
        mask = part if mask is None else mask | part
    return Truth(mask=mask, label=item.label, kind=item.kind, severity=item.severity)


def load(files: Files, item: Item, dataset: str) -> Loaded:
    """Return picture and truth."""
    image = picture(files, item, dataset)
    return image, truth_of(files, item, image)


def make_dataset(
    files: Files, items: Iterable[Item], name: str, source: str, loader: Callable[..., Loaded] = load
) -> Dataset:
    """Return the items as a data set whose pictures are read when asked for."""
    entries = [Entry(item.id, partial(loader, files, item, name), item.split, item.group) for item in items]
    return Dataset(entries, name, source)


def stem(name: str) -> str:
    """Return a file's name without folder and suffix.

    Examples
    --------
    >>> stem("a/b.c.png")
    'b.c'
    """
    last = name.rpartition("/")[2]
    return last.rpartition(".")[0] or last


def masks_by_stem(names: Sequence[str]) -> dict[str, str]:
    """Return mask files by folder and stem, without endings such as ``_mask``.

    Examples
    --------
    >>> masks_by_stem(["ground_truth/crack/001_mask.png"])
    {'ground_truth/crack/001': 'ground_truth/crack/001_mask.png'}
    """
    found = {}
    for name in names:
        key = f"{name.rpartition('/')[0]}/{stem(name)}"
        for ending in ("_mask", "_gt", "_label"):
            key = key.removesuffix(ending)
        found[key] = name
    return found
