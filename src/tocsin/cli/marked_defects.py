"""Defects that somebody has marked, as `--marked` names them: pictures with masks, which some detectors learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle, Image
from tocsin.io.datasets.picture_items import picture, stem, truth_of
from tocsin.io.images import PictureFiles, find_picture_files
from tocsin.io.images.reading import read_one_image
from tocsin.io.names import listed, several

if TYPE_CHECKING:
    from tocsin.cli.picture_plan import Job
    from tocsin.io.datasets.image_layouts import PictureSet
    from tocsin.io.datasets.picture_items import Item

ENDINGS = ("_mask", "_gt", "_label")
MASK_FOLDERS = frozenset(("mask", "masks", "label", "labels", "ground_truth", "groundtruth", "gt", "annotations"))
PICTURE_FOLDERS = frozenset(("image", "images", "img", "imgs", "picture", "pictures"))
HOW = "a mask is called NAME_mask.png beside NAME.png, or NAME.png in a folder masks"


@dataclass(frozen=True)
class Marked:
    """One picture of a defect, with its mask.

    Parameters
    ----------
    path : str
        The picture's file.
    load : callable
        Returns the bundle of picture and mask; raises what is wrong with either.
    kind : str
        Of the defect, where folders tell it.
    group : str
        The product, where a known layout has several.
    masks : tuple of str
        The files that mark it.
    """

    path: str
    load: Callable[[], Bundle]
    kind: str = ""
    group: str = ""
    masks: tuple[str, ...] = ()


def capable() -> list[str]:
    """Return the detectors that learn from marked defects in pictures."""
    from tocsin.core.registry import cards

    return [card.name for card in cards("image") if card.learns_from == "few anomalies" and "bundle" in card.modality]


def learner(asked: str | None) -> str:
    """Return the detector that is to learn from marked defects: the one asked for, or one that can.

    Raises
    ------
    InputError
        If the one asked for cannot.
    """
    able = capable()
    if asked is not None and asked not in able:
        raise InputError(f"{asked} does not learn from marked defects: take {' or '.join(able)}, or leave --marked out")
    return asked or able[0]


def find_marked(sources: Sequence[str]) -> tuple[list[Marked], tuple[str, ...]]:
    """Return the marked defects of folders, and remarks on what was passed over.

    Folders in a layout that is known give their defective pictures that have masks. In others masks are told by their
    names: ``NAME_mask`` beside ``NAME``, or the same name in a folder ``masks``; any folder between says of what kind
    the defects are.

    Raises
    ------
    InputError
        If there is nothing, or no picture has a mask.
    """
    from tocsin.io.datasets.image_layouts import find_picture_set

    found: list[Marked] = []
    remarks: list[str] = []
    for source in sources:
        known = find_picture_set(source) if Path(source).expanduser().is_dir() else None
        items = _marked_items(known)
        if known is not None and items:
            found += [_of_set(known, item) for item in items]
            continue
        own, passed_over = _by_name(find_picture_files(source), source)
        if not own:
            raise InputError(f"{source} holds no picture of a defect with a mask: {HOW}")
        found += own
        remarks += passed_over
    return found, tuple(remarks)


def _marked_items(known: PictureSet | None) -> list[Item]:
    # That layout would give one pair of folders alone, where there may be others beside them.
    if known is None or known.layout == "image-and-mask":
        return []
    return [item for item in known.items if item.label and item.masks]


def with_marked(jobs: Iterable[Job], sources: Sequence[str]) -> list[Job]:
    """Give marked defects to jobs; none of them is judged, or learned from as if it were normal.

    Raises
    ------
    InputError
        If nothing normal is known beside them, or nothing is left to judge.
    """
    found = find_marked(sources)
    kept = [_with(job, *found) for job in jobs]
    if any(job.itself for job in kept):
        raise InputError("--marked needs pictures that are known to be good beside the defects: --train names them")
    if not any(job.test for job in kept):
        raise InputError("every picture to judge is among those of --marked: name others")
    return kept


def learned_with(job: Job, sources: Sequence[str]) -> Job:
    """Give marked defects to a job that only learns."""
    return _with(job, *find_marked(sources))


def _with(job: Job, marked: Sequence[Marked], remarks: tuple[str, ...]) -> Job:
    taken = {Path(one.path).resolve() for one in marked}
    train, test = (
        tuple(part for part in parts if Path(part.path).resolve() not in taken) for parts in (job.train, job.test)
    )
    gone = len(job.train) + len(job.test) - len(train) - len(test)
    said = (f"{several(gone, 'marked picture')} left out of those judged or taken for good",) if gone else ()
    # Several products that both sides know by the same names keep apart.
    own = tuple(one for one in marked if job.name in ("", one.group) or not one.group)
    return replace(job, train=train, test=test, marked=own, remarks=(*job.remarks, *remarks, *said))


def _of_set(known: PictureSet, item: Item) -> Marked:
    path, *masks = (str(known.files.path / (known.files.root + name)) for name in (item.name, *item.masks))
    return Marked(path, partial(_load_item, known, item), item.kind, item.group, tuple(masks))


def _load_item(known: PictureSet, item: Item) -> Bundle:
    image = picture(known.files, item, known.layout)
    truth = truth_of(known.files, item, image)
    mask = np.zeros(image.grid) if truth is None or truth.mask is None else truth.mask
    return _bundle(image, Image(np.asarray(mask, dtype=np.uint8)), item.kind)


def _by_name(files: PictureFiles, source: str) -> tuple[list[Marked], list[str]]:
    masks: dict[tuple[str, ...], Path] = {}
    pictures: dict[tuple[str, ...], Path] = {}
    for path in files.pictures:
        *folders, name = files.name(path).split("/")
        base = stem(name)
        ending = next((e for e in ENDINGS if base.lower().endswith(e)), "")
        is_mask = bool(ending) or any(folder.lower() in MASK_FOLDERS for folder in folders)
        kinds = tuple(f for f in folders if f.lower() not in MASK_FOLDERS | PICTURE_FOLDERS)
        (masks if is_mask else pictures)[(*kinds, base.removesuffix(base[-len(ending) :] if ending else ""))] = path
    found = []
    for key, path in pictures.items():
        if key in masks:
            kind = "/".join(key[:-1])
            load = partial(_load_files, path, masks[key], files.name(path), kind)
            found.append(Marked(str(path), load, kind, masks=(str(masks[key]),)))
    remarks = []
    for what, own, other in (("picture", pictures, masks), ("mask", masks, pictures)):
        alone = [files.name(path) for key, path in own.items() if key not in other]
        if alone:
            lacks = "without a mask" if what == "picture" else "without a picture"
            remarks.append(f"{several(len(alone), what)} of {source} {lacks} passed over: {listed(alone, 4)}")
    return found, remarks


def _load_files(path: Path, mask: Path, name: str, kind: str) -> Bundle:
    both = []
    for file, called in ((path, name), (mask, f"{name} (mask)")):
        reading = read_one_image(file, called)
        if reading.error is not None:
            raise reading.error
        assert isinstance(reading.sample, Image)
        both.append(reading.sample)
    return _bundle(both[0], both[1], kind)


def _bundle(image: Image, mask: Image, kind: str) -> Bundle:
    """Put both together.

    Raises
    ------
    InputError
        If the mask is of another size, or black.
    """
    from tocsin.image._references import split

    shown = replace(image, meta={**image.meta, "kind": kind}) if kind else image
    made = Bundle({"picture": shown, "mask": mask}, "picture", id=image.id, meta=dict(image.meta))
    split([made])
    return made
