"""Which pictures are learned from and which are judged: one job for each product of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError, TocsinError
from tocsin.core.samples import Image, Sample
from tocsin.io.images import find_picture_files, holds_pictures
from tocsin.io.images.reading import read_one_image
from tocsin.io.names import listed, several

if TYPE_CHECKING:
    from tocsin.cli.marked_defects import Marked
    from tocsin.cli.request import Request
    from tocsin.io.datasets.image_layouts import PictureSet
    from tocsin.io.datasets.picture_items import Item

# Smaller pictures hold no patch.
LEAST_SIDE = 8


@dataclass(frozen=True)
class Part:
    """One picture to learn from or to judge.

    Parameters
    ----------
    path : str
        Its file.
    load : callable
        Returns the sample; raises what is wrong with it.
    place : str
        Where its results go: product if there are several, kind, name, parted by slashes.
    kind : str
        What is known of it: ``good``, the kind of its defect, or nothing.
    label : bool or None
        Whether it is known to be defective.
    group, view : str
        Its product and camera, where there are several.
    """

    path: str
    load: Callable[[], Sample]
    place: str
    kind: str = ""
    label: bool | None = None
    group: str = ""
    view: str = ""


@dataclass(frozen=True)
class Job:
    """What one detector learns from, and what it judges.

    Parameters
    ----------
    name : str
        The product; empty where there is one only.
    train : tuple of Part
        Empty where a finished model judges.
    test : tuple of Part
    itself : bool
        Whether it learns from the very pictures that it judges.
    remarks : tuple of str
        What a person should know of how pictures were chosen.
    marked : tuple of Marked
        Defects to learn from as well.
    """

    name: str
    train: tuple[Part, ...]
    test: tuple[Part, ...]
    itself: bool = False
    remarks: tuple[str, ...] = field(default=())
    marked: tuple[Marked, ...] = ()


def asks_for_pictures(request: Request, sources: Sequence[str]) -> bool:
    """Tell whether the sources of a request are pictures: as it says itself, or as most files show."""
    if request.modality is not None:
        return request.modality == "image"
    return bool(sources) and all(holds_pictures(source) for source in sources)


def plan_judging(request: Request) -> list[Job]:
    """Return the jobs of `tocsin detect`.

    A folder with a training part is learned from and judged product by product. One of good and bad pictures without
    a split is learned from every other good one. ``--train`` names good pictures elsewhere, ``--model`` what was
    learned before. In a folder of which nothing is known all pictures are learned from and judged.

    Raises
    ------
    InputError
        If there is nothing to learn from or to judge.
    """
    if len(request.train) == 1 and request.train[0].endswith("%"):
        raise InputError(f"--train {request.train[0]} is for series: name a folder of good pictures instead")
    found = [_split(source) for source in request.sources]
    if request.model is not None or request.train:
        test = [part for whole in found for part in whole.judged]
        remarks = tuple(text for whole in found for text in whole.remarks)
        train = plan_learning(request.train) if request.train else ()
        if request.train:
            taken = {Path(part.path).resolve() for part in train}
            test = [part for part in test if Path(part.path).resolve() not in taken]
        if not test:
            raise InputError(f"{' '.join(request.sources)} holds no picture to judge besides those learned from")
        return [Job("", train, _unique(test), remarks=remarks)]
    jobs = [job for whole in found for job in whole.jobs]
    loose = [part for whole in found if not whole.jobs for part in whole.judged]
    if loose:
        text = (
            "learned from the very pictures that are judged: what is wrong with many of them passes for normal; "
            "name good ones with --train"
        )
        others = tuple(t for whole in found if not whole.jobs for t in whole.remarks)
        jobs.append(Job("", _unique(loose), _unique(loose), itself=True, remarks=(text, *others)))
    return jobs


def plan_learning(sources: Sequence[str]) -> tuple[Part, ...]:
    """Return the pictures that sources hold to learn from: training parts where there are such, or all of them."""
    parts: list[Part] = []
    for source in sources:
        whole = _split(source)
        trained = [part for job in whole.jobs for part in job.train]
        parts += trained or whole.judged
    return _unique(parts)


def plan_scoring(sources: Sequence[str]) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the pictures that a finished model scores, and remarks on what was passed over."""
    found = [_split(source) for source in sources]
    parts = [part for whole in found for part in whole.judged]
    return _unique(parts), tuple(text for whole in found for text in whole.remarks)


def load_training(parts: Iterable[Part | Marked], report: Callable[[Part | Marked, TocsinError], None]) -> list[Sample]:
    """Return the pictures that can be learned from; each of the others is reported, and left out."""
    kept: list[Sample] = []
    for part in parts:
        try:
            sample = part.load()
            check_usable(sample)
        except TocsinError as error:
            report(part, error)
            continue
        kept.append(sample)
    return kept


def check_usable(sample: Sample) -> None:
    """Decode a picture and see that something can be made of it.

    Raises
    ------
    InputError
        If it is damaged, smaller than a patch, or has colours that nobody knows.
    """
    if not isinstance(sample, Image):
        return
    height, width, channels = sample.pixels.shape
    if min(height, width) < LEAST_SIDE:
        raise InputError(
            f"{sample.id} has {width} x {height} pixels: smaller than a patch ({LEAST_SIDE} x {LEAST_SIDE})"
        )
    if channels > 4:
        raise InputError(
            f"{sample.id} has {channels} channels; pictures have 1 (grey), 3 (RGB), or one more for opacity"
        )


@dataclass(frozen=True)
class _Source:
    """What one source holds: jobs where its layout says what to learn from, and all that is to be judged."""

    jobs: list[Job]
    judged: list[Part]
    remarks: tuple[str, ...] = ()


def _split(source: str) -> _Source:
    from tocsin.io.datasets.image_layouts import find_picture_set

    known = find_picture_set(source) if Path(source).expanduser().is_dir() else None
    if known is not None:
        return _of_set(known)
    found = find_picture_files(source)
    if not found.pictures:
        raise InputError(f"{source} holds no picture")
    parts = []
    for path in found.pictures:
        name = found.name(path)
        parts.append(Part(str(path), partial(_load, path, name), name.rpartition(".")[0] or name))
    remarks: tuple[str, ...] = ()
    if found.others:
        names = listed([found.name(path) for path in found.others], 4)
        remarks = (f"{several(len(found.others), 'file')} of {source} passed over, no pictures: {names}",)
    return _Source([], parts, remarks)


def _load(path: Path, name: str) -> Sample:
    reading = read_one_image(path, name)
    if reading.error is not None:
        raise reading.error
    assert reading.sample is not None
    return reading.sample


def _of_set(known: PictureSet) -> _Source:
    groups = list(dict.fromkeys(item.group for item in known.items))
    one = len(groups) == 1
    jobs: list[Job] = []
    judged: list[Part] = []
    for group in groups:
        own = [item for item in known.items if item.group == group]
        train = [item for item in own if item.split == "train"]
        test = [item for item in own if item.split.startswith("test")]
        remark = f"read as {known.layout}"
        name = "" if one else group
        judged += [_part(known, item, name) for item in test]
        if not train:
            normal = [item for item in own if item.label is False]
            train = normal[::2]
            learned = {item.id for item in train}
            test = [item for item in own if item.id not in learned]
            remark += f": without a training part, every other of its {several(len(normal), 'good picture')} is learned"
        itself = not train
        if itself:
            train = test
            remark = f"read as {known.layout}: nothing is known to be good, so what is judged is also learned"
        parts = _unique(_part(known, item, name) for item in test)
        learning = parts if itself else tuple(_part(known, item, name) for item in train)
        jobs.append(Job(name, learning, parts, itself, (remark,)))
    return _Source(jobs, judged)


def _part(known: PictureSet, item: Item, group: str) -> Part:
    kind = item.kind if item.label else "good" if item.label is False else ""
    name = item.name.rpartition("/")[2].rpartition(".")[0]
    place = "/".join(part for part in (group, kind or "unlabelled", name) if part)
    return Part(
        str(known.files.path / (known.files.root + item.name)),
        partial(_load_item, known, item),
        place,
        kind,
        item.label,
        group,
        item.view,
    )


def _load_item(known: PictureSet, item: Item) -> Sample:
    from tocsin.io.datasets import deeppcb
    from tocsin.io.datasets.picture_items import picture

    if known.layout == "deeppcb":
        return deeppcb.load(known.files, item, known.layout)[0]
    return picture(known.files, item, known.layout)


def _unique(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Give parts that would write to the same place places of their own."""
    from dataclasses import replace

    taken: set[str] = set()
    kept = []
    for part in parts:
        place, number = part.place, 1
        while place.lower() in taken:  # some disks do not tell cases apart
            number += 1
            place = f"{part.place}-{number}"
        taken.add(place.lower())
        kept.append(part if place == part.place else replace(part, place=place))
    return tuple(kept)
