"""The layouts of pictures: in order, with what each is told by, how it is read and how its pictures are listed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tocsin.io.datasets import (
    aitex,
    deeppcb,
    elpv,
    good_bad,
    image_and_mask,
    mvtec,
    mvtec_ad_2,
    mvtec_loco,
    real_iad,
    visa,
)
from tocsin.io.datasets.files import Files

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.picture_items import Item

Lister = Callable[[Files], "list[Item] | None"]


def _mvtec(name: str) -> tuple[Callable[[Files], Dataset | None], Lister]:
    def listed(files: Files) -> list[Item] | None:
        items = mvtec.list_items(files)
        return items if items is not None and mvtec.told(files, items) == name else None

    return partial(mvtec.read_named, name=name), listed


def _real_iad(name: str) -> tuple[Callable[[Files], Dataset | None], Lister]:
    return partial(real_iad.read, name=name), partial(real_iad.list_items, name=name)


# Name -> (reader, lister, told by). What only one set has comes before what several might have.
IMAGE_LAYOUTS: dict[str, tuple[Callable[[Files], Dataset | None], Lister, str]] = {
    "visa": (visa.read, visa.list_items, "split_csv/1cls.csv and <object>/Data/Images"),
    **{
        name: (*_real_iad(name), f"{folder}/<object>.json and realiad_<size>/<object>")
        for name, folder in real_iad.LISTS.items()
    },
    "mvtec-ad-2": (mvtec_ad_2.read, mvtec_ad_2.list_items, "<product>/test_public and test_private"),
    "mvtec-loco": (
        mvtec_loco.read,
        mvtec_loco.list_items,
        "<product>/test/logical_anomalies, or defects_config.json beside train and test",
    ),
    "btad": (*_mvtec("btad"), "<product>/train/ok and test/{ok,ko}"),
    "mvtec-ad": (*_mvtec("mvtec-ad"), "the products of MVTec AD with train/good and test/<kind>"),
    "mpdd": (*_mvtec("mpdd"), "the products of MPDD with train/good and test/<kind>"),
    "visa-pytorch": (*_mvtec("visa-pytorch"), "the objects of VisA with train/good and test/{good,bad}"),
    "mvtec-like": (*_mvtec("mvtec-like"), "train/good and test/<kind>, with ground_truth/<kind> or without"),
    "elpv": (elpv.read, elpv.list_items, "labels.csv of file, defect_probability, cell_type and split"),
    "deeppcb": (deeppcb.read, deeppcb.list_items, "group<n>/<id>_temp and <id>_test with boxes"),
    "aitex": (aitex.read, aitex.list_items, "pictures called <nnnn>_<defect code>_<fabric>"),
    "image-and-mask": (image_and_mask.read, image_and_mask.list_items, "image/<stem> and mask/<stem>"),
    "good-bad": (good_bad.read, good_bad.list_items, "a folder good (ok, normal, no) beside others"),
}


@dataclass(frozen=True, eq=False)
class PictureSet:
    """A folder of pictures whose layout is known.

    Parameters
    ----------
    layout : str
    files : Files
    items : list of Item
    """

    layout: str
    files: Files
    items: list[Item]


def find_picture_set(path: str | os.PathLike[str]) -> PictureSet | None:
    """Return what lies where in a folder of pictures, None where its layout is none of those known.

    Raises
    ------
    InputError
        If the layout is known but something that it promises is missing.
    """
    files = Files.open(path)
    if not files.path.is_dir() or not files.names:
        return None
    for name, (_, lister, _) in IMAGE_LAYOUTS.items():
        items = lister(files)
        if items:
            return PictureSet(name, files, items)
    return None
