"""MVTec LOCO AD: several masks for each picture, one per defect, each with how much of it must be found.

``<product>/{train,validation}/good``, ``test/{good,logical_anomalies,structural_anomalies}`` and
``ground_truth/<kind>/<stem>/<nnn>.png``; the value of a mask's pixels names its defect in ``defects_config.json``.

Reference: Bergmann et al., Beyond Dents and Scratches, IJCV 2022.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io.datasets.picture_items import GOOD, Item, Loaded, load, make_dataset, pixels_of, stem
from tocsin.io.images.finding import is_picture_name

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset
    from tocsin.io.datasets.files import Files

SOURCE = "MVTec LOCO AD; CC BY-NC-SA 4.0"
_PLACE = re.compile(r"^(?P<root>(?:.*/)?)(?P<split>train|validation|test)/(?P<kind>[^/]+)/[^/]+$")
CONFIG = "defects_config.json"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    items = list_items(files)
    return make_dataset(files, items, "mvtec-loco", SOURCE, _load) if items else None


def list_items(files: Files) -> list[Item] | None:
    """Return what lies where."""
    if not any(name.endswith(CONFIG) or "/logical_anomalies/" in f"/{name}" for name in files.names):
        return None
    pictures = [name for name in files.names if is_picture_name(name)]
    masks: dict[str, list[str]] = {}
    for name in pictures:
        if "ground_truth/" in name:
            masks.setdefault(name.rpartition("/")[0], []).append(name)
    items = []
    for name in pictures:
        place = _PLACE.match(name)
        if place is None or "ground_truth/" in name:
            continue
        good = place["kind"] in GOOD
        own = masks.get(f"{place['root']}ground_truth/{place['kind']}/{stem(name)}", [])
        if not good and not own:
            raise InputError(f"{files.where(name)} has no masks in ground_truth/{place['kind']}/{stem(name)}")
        items.append(
            Item(
                name=name,
                id=name.rpartition(".")[0],
                split=place["split"],
                group=place["root"].rstrip("/").rpartition("/")[2],
                kind="" if good else place["kind"],
                label=not good,
                masks=() if good else tuple(own),
                marked=True,
            )
        )
    return items


def _load(files: Files, item: Item, dataset: str) -> Loaded:
    image, truth = load(files, item, dataset)
    config = f"{item.name.rpartition('/' + item.split + '/')[0]}/{CONFIG}".lstrip("/")
    if truth is None or not item.masks or config not in files.names:
        return image, truth
    rules = _rules(files, config)
    channels, saturations = [], []
    for name in item.masks:
        values = pixels_of(files, name).max(axis=2)
        mask = values > 0
        rule = rules.get(int(values.max()))
        if rule is None:
            raise InputError(f"{files.where(name)} holds the value {int(values.max())}, which {CONFIG} does not list")
        area, (threshold, relative) = int(np.count_nonzero(mask)), rule
        channels.append(mask)
        saturations.append(int(threshold * area) if relative else min(int(threshold), area))
    return image, replace(truth, channels=tuple(channels), saturations=tuple(saturations))


def _rules(files: Files, config: str) -> dict[int, tuple[float, bool]]:
    """Saturation of each pixel value, and whether it is a share of the area."""
    try:
        rows: Any = json.loads(files.text(config))
        return {
            int(row["pixel_value"]): (float(row["saturation_threshold"]), bool(row["relative_saturation"]))
            for row in rows
        }
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{files.where(config)} is no list of defects with pixel_value, saturation_threshold and "
            f"relative_saturation: {error}"
        ) from None
