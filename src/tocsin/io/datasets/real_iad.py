"""Real-IAD: five views of each part, and JSON lists that say what is what.

``realiad_<size>/<object>/{OK,NG/<code>}/S<nnnn>/<object>_<nnnn>_..._C<view>_....jpg`` and
``realiad_jsons[_sv|_fuiad_<noise>]/<object>.json``. Labels come from the lists alone: a view of a bad part in which the
defect cannot be seen is listed as good. Training pictures of the noisy lists (FUIAD) are all to be learned from, though
some are bad; their truth says which.

Reference: Wang et al., Real-IAD, CVPR 2024.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.io.datasets.picture_items import Item, make_dataset

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "Real-IAD; CC BY-NC-SA 4.0"
# The name of a layout -> the folder of its lists.
LISTS = {
    "real-iad": "realiad_jsons",
    "real-iad-sv": "realiad_jsons_sv",
    **{f"real-iad-fuiad-{noise}": f"realiad_jsons_fuiad_{noise}" for noise in ("0.0", "0.1", "0.2", "0.4")},
}
# What all views of one part share in their names; objects' names hold digits and underscores themselves.
PART = re.compile(r"([a-zA-Z][a-zA-Z0-9_]*_[0-9]{4}_[A-Z][A-Z_]*[A-Z])_C([0-9])_")
_SIZES = ("realiad_1024", "realiad_512", "realiad_256", "realiad_raw")
_KEYS = {"category", "anomaly_class", "image_path", "mask_path"}


def read(files: Files, name: str) -> Dataset | None:
    """Return the set as one family of lists has it, or None where there is no such list."""
    items = list_items(files, name)
    return make_dataset(files, items, name, SOURCE) if items else None


def list_items(files: Files, name: str = "real-iad") -> list[Item] | None:
    """Return what the lists of one family say."""
    if any("realiadvariety" in name.lower() for name in files.names[:50]):
        return None  # another set of the same makers
    lists = _lists(files, LISTS[name])
    if not lists:
        return None
    known = frozenset(files.names)
    items = []
    for file in lists:
        items += _product(files, file, known)
    return items


def _lists(files: Files, folder: str) -> list[str]:
    """The JSON files of a family, whether its folder holds them at once or one of the same name inside."""
    found = [name for name in files.names if re.search(rf"(^|/){re.escape(folder)}/[^/]+\.json$", name)]
    if found or folder != "realiad_jsons":
        return found
    # The lists may also lie beside the folders of their objects.
    tops = {name.partition("/")[0] for name in files.names if "/" in name}
    return [n for n in files.names if n.endswith(".json") and "/" not in n and n.removesuffix(".json") in tops]


def _product(files: Files, file: str, known: frozenset[str]) -> list[Item]:
    try:
        tree: Any = json.loads(files.text(file))
        meta = tree["meta"]
        prefix, normal = str(meta.get("prefix", "")), str(meta.get("normal_class", "OK"))
        rows = [(split, row) for split in ("train", "test") for row in tree[split]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{files.where(file)} is no list of Real-IAD with meta, train and test") from None
    base: str | None = None
    items = []
    for split, row in rows:
        if not isinstance(row, dict) or not set(row) >= _KEYS:
            raise InputError(f"{files.where(file)} has a row without {', '.join(sorted(_KEYS))}")
        path = prefix + str(row["image_path"])
        base = _base(known, path) if base is None else base
        if base is None or base + path not in known:
            raise InputError(f"{files.where(file)} lists {path}, which is not there")
        code = str(row["anomaly_class"])
        bad = row["mask_path"] is not None and code != normal
        mask = base + prefix + str(row["mask_path"]) if bad else ""
        if bad and mask not in known:
            raise InputError(f"{files.where(file)} lists the mask {row['mask_path']}, which is not there")
        part = PART.search(path)
        category = str(row["category"])
        items.append(
            Item(
                name=base + path,
                id=f"{category}/{path.removeprefix(f'{category}/').rpartition('.')[0]}",
                split=split,
                group=category,
                kind=code if bad else "",
                label=bad,
                masks=(mask,) if bad else (),
                marked=True,
                view=f"C{part[2]}" if part else "",
                meta={"part": part[1]} if part else {},
            )
        )
    return items


def _base(known: frozenset[str], path: str) -> str | None:
    """What stands before the paths of a list: the largest size of pictures below what was given."""
    bases = ["", *(f"{size}/" for size in _SIZES)]
    tops = {name.split("/")[0] + "/" for name in known if "/" in name}
    bases += [f"{top}{size}/" for top in sorted(tops) for size in _SIZES]
    return next((base for base in bases if base + path in known), None)
