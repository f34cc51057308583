"""ELPV: solar cells in electroluminescence with how likely each is defective, by cell type.

``labels.csv`` with file, defect_probability (0, 1/3, 2/3, 1), cell_type and split, or the original ``labels.csv`` of
path, probability and type without a header. Cells that experts were unsure about have a severity and no label.

Reference: Deitsch et al., Automatic classification of defective photovoltaic module cells, Solar Energy 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.io.datasets import tables
from tocsin.io.datasets.picture_items import Item, make_dataset, stem
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "ELPV; CC BY-NC-SA 4.0"
_HEADER = ["file", "defect_probability", "cell_type", "split"]
TABLE = "labels.csv"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "elpv", SOURCE) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return what the table lists."""
    root = files.root_of(TABLE)
    if root is None or not any(is_picture_name(name) for name in files.names):
        return None
    text = files.text(root + TABLE)
    where = files.where(root + TABLE)
    if tables.header(text) == _HEADER:
        rows = tables.columns(text, where)
    elif (first := text.split("\n", 1)[0].split()) and len(first) == 3 and first[0].startswith("images/cell"):
        cells = [line.split() for line in text.splitlines() if line.strip()]
        rows = dict(zip(_HEADER[:3], map(list, zip(*cells, strict=True)), strict=True))
        rows["split"] = ["test"] * len(cells)
    else:
        return None
    known = frozenset(files.names)
    severity = tables.numbers(rows["defect_probability"], where, "defect_probability")
    items = []
    for file, grade, cell, split in zip(rows["file"], severity.tolist(), rows["cell_type"], rows["split"], strict=True):
        if root + file not in known:
            raise InputError(f"{where} lists {file!r}, which is not there")
        certain = grade < 0.1 or grade > 0.9
        items.append(
            Item(
                name=root + file,
                id=stem(file),
                split=split,
                group=cell,
                kind="defective" if grade > 0.9 else "",
                label=grade > 0.5 if certain else None,
                severity=grade,
            )
        )
    return items
