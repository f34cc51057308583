"""DeepPCB: bare circuit boards as pairs of a template and a board under test, defects marked by boxes.

``<group>/<id>_temp.*``, ``_test.*`` and ``_boxes.txt`` (x1,y1,x2,y2,type), or as first distributed
``<group>/<id>/<id>_temp.jpg`` with ``<group>_not/<id>.txt``. A sample is a bundle of ``test`` (whose places are judged)
and ``template``.

Reference: Tang et al., Online PCB defect detector on a new PCB defect dataset, 2019.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle
from tocsin.core.truth import Truth
from tocsin.io.datasets.picture_items import Item, Loaded, make_dataset, picture
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "DeepPCB; MIT"
KINDS = {1: "open", 2: "short", 3: "mousebite", 4: "spur", 5: "copper", 6: "pin-hole"}
_TEMPLATE = re.compile(r"^(.*?)(group[^/]*)/(.*?)([^/]+)_temp(\.[a-z]+)$")


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "deeppcb", SOURCE, load) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return the boards under test; each item's masks name its template and its boxes."""
    known = frozenset(files.names)
    items = []
    for name in files.names:
        match = _TEMPLATE.match(name) if is_picture_name(name) else None
        if match is None:
            continue
        root, group, between, number, suffix = match.groups()
        test = f"{root}{group}/{between}{number}_test{suffix}"
        candidates = [f"{root}{group}/{between}{number}_boxes.txt"]
        candidates += [f"{root}{group}/{group.removeprefix('group')}_not/{number}.txt"]
        boxes = next((file for file in candidates if file in known), None)
        if test not in known or boxes is None:
            raise InputError(f"{files.where(name)} has no board under test or no boxes beside it")
        items.append(Item(name=test, id=number, group=group, label=True, masks=(name, boxes)))
    return items or None


def load(files: Files, item: Item, dataset: str) -> Loaded:
    """Return board and template as a bundle, and the boxes."""
    template, file = item.masks
    board = picture(files, item, dataset)
    members = {
        "test": board,
        "template": picture(files, replace(item, name=template, id=f"{item.id} template"), dataset),
    }
    boxes, kinds = _boxes(files, file)
    mask = np.zeros(board.grid, dtype=bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    bundle = Bundle(members, "test", id=item.id, meta={"dataset": dataset, "group": item.group})
    return bundle, Truth(mask=mask, label=bool(boxes), boxes=tuple(boxes), box_kinds=tuple(kinds))


def _boxes(files: Files, file: str) -> tuple[list[tuple[int, int, int, int]], list[str]]:
    boxes: list[tuple[int, int, int, int]] = []
    kinds = []
    for row, line in enumerate(files.text(file).splitlines(), start=1):
        cells = re.split(r"[,\s]+", line.strip())
        if not line.strip() or cells[0] == "x1":
            continue
        try:
            left, top, right, bottom, kind = (int(cell) for cell in cells)
        except ValueError:
            raise InputError(
                f"{files.where(file)} holds {line[:60]!r} in line {row}: x1,y1,x2,y2,type belong there"
            ) from None
        if not (0 <= left < right and 0 <= top < bottom) or kind not in KINDS:
            raise InputError(f"{files.where(file)} holds an impossible box or type in line {row}: {line[:60]!r}")
        boxes.append((left, top, right, bottom))
        kinds.append(KINDS[kind])
    return boxes, kinds
