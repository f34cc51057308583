"""`read_images`: pictures one by one, where a broken one does not stop the rest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from tocsin.core.errors import InputError, TocsinError
from tocsin.core.samples import Image
from tocsin.io.images.finding import SUFFIXES, find_picture_files
from tocsin.io.many import Reading

Sources = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
Check = Literal["header", "pixels"]


def read_images(sources: Sources, *, on_bad: Literal["raise", "skip"] = "raise") -> Iterator[Image]:
    """Yield the pictures of folders, files or patterns, sorted by name; pixels are decoded when they are looked at.

    Parameters
    ----------
    sources : path, pattern, folder, or several of these
        PNG, JPEG, TIFF, BMP, WebP, GIF (first picture), 8 or 16 bits or floats, grey or colours, with opacity or
        without. Folders are searched at any depth; files that are no pictures are passed over.
    on_bad : {"raise", "skip"}
        What to do about files that are named like pictures and are none.

    Yields
    ------
    Image
        `id` is the name below the folder, ``meta["path"]`` the file, ``meta["folder"]`` the folder below the source.
        Decoded pixels are forgotten when others need the room, so that any number of pictures can be kept in a list.

    Raises
    ------
    InputError
        If there is no picture, or one is broken.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image as pillow
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "good").mkdir()
    >>> pillow.new("L", (6, 4)).save(folder / "good" / "1.png")
    >>> [(image.id, image.grid) for image in read_images(folder)]
    [('good/1.png', (4, 6))]
    """
    for reading in read_each_image(sources):
        if reading.error is not None:
            if on_bad == "raise":
                raise reading.error
            continue
        assert isinstance(reading.sample, Image)
        yield reading.sample


def read_each_image(sources: Sources, *, check: Check = "header") -> Iterator[Reading]:
    """Yield one reading per picture, with the picture or why there is none.

    Parameters
    ----------
    sources
        As for `read_images`.
    check : {"header", "pixels"}
        How much of a file is read to find out whether it is broken: what is cut short shows in its pixels alone.
    """
    for source in [sources] if isinstance(sources, str | os.PathLike) else sources:
        try:
            found = find_picture_files(source)
            if not found.pictures:
                raise InputError(f"{source} holds no picture ({', '.join(SUFFIXES)})")
        except TocsinError as error:
            yield Reading(str(source), error=error)
            continue
        for path in found.pictures:
            yield read_one_image(path, found.name(path), check)


def read_one_image(path: Path, id: str, check: Check = "header") -> Reading:
    """Return one picture, or why there is none."""
    folder = id.rpartition("/")[0]
    try:
        image = Image.open(path, id=id, meta={"path": str(path), **({"folder": folder} if folder else {})})
        if check == "pixels":
            image.pixels  # noqa: B018 - decoding is the check
    except TocsinError as error:
        return Reading(str(path), error=error)
    return Reading(str(path), image)
