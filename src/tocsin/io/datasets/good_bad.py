"""A folder of good and one or more of bad pictures: ``good`` and ``bad``, ``ok`` and ``ng``, ``no`` and ``yes``.

Folders beside a good one whose name says bad are its defects; where none is called so, every other folder is a kind of
defect. No split comes with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.io.datasets.picture_items import GOOD, Item, make_dataset
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "folders of good and bad pictures"
_BAD = "bad ng ko nok defect defects defective abnormal anomaly anomalous anomalies damaged faulty positive yes"
BAD = frozenset(_BAD.split(" "))


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where there is no folder of good pictures with others beside it."""
    items = list_items(files)
    return make_dataset(files, items, "good-bad", SOURCE) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return what lies in the folders."""
    pictures = [name for name in files.names if is_picture_name(name) and "/" in name]
    tops = sorted({_top(name) for name in pictures if _top(name)[1].lower() in GOOD})
    if len(tops) != 1:
        return None
    above, good = tops[0]
    kinds = {_top(name)[1] for name in pictures if _top(name)[0] == above} - {good}
    named = {kind for kind in kinds if kind.lower() in BAD}
    chosen = named or kinds
    if not chosen:
        return None
    items = []
    for name in pictures:
        place, kind = _top(name)
        if place != above or kind not in chosen | {good}:
            continue
        items.append(
            Item(
                name=name,
                id=name.removeprefix(above).rpartition(".")[0],
                kind="" if kind == good else kind,
                label=kind != good,
            )
        )
    return items


def _top(name: str) -> tuple[str, str]:
    """The folder around a picture's folder, with its slash, and the picture's folder."""
    folder = name.rpartition("/")[0]
    above, slash, kind = folder.rpartition("/")
    return above + slash, kind
