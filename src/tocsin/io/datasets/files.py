"""Files: a folder or a zip archive, read alike, with names below one root.

Nothing that a set holds is trusted: names are kept inside the root, sizes and counts are bounded, arrays are read
without pickles.
"""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray

DEEPEST = 5
MOST_FILES = 500_000
LARGEST = 4 << 30
LITTER = frozenset(("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"))


@dataclass(frozen=True)
class Files:
    """Files below a folder or inside a zip archive.

    Parameters
    ----------
    path : Path
        The folder or archive.
    root : str
        What all names begin with inside of it; empty, or ending in a slash.
    names : tuple of str
        Names below the root, sorted, parted by slashes.
    """

    path: Path
    root: str = ""
    names: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Files:
        """List a folder, an archive, or the folder around a single file.

        Raises
        ------
        InputError
            If there is nothing at the path, it holds too many files, or an archive is damaged.
        """
        place = Path(path).expanduser()
        if not place.exists():
            raise InputError(f"there is nothing at {place}: give the folder or zip archive of a data set")
        if place.is_dir():
            names = _in_folder(place)
        elif zipfile.is_zipfile(place) and place.suffix.lower() != ".npz":
            names = _in_archive(place)
        else:
            return cls(place.parent, "", (place.name,))
        return cls(place, "", tuple(sorted(names)))

    def within(self, root: str) -> Files:
        """Return the files below another root, such as ``"data/"``."""
        names = tuple(n[len(root) :] for n in self.names if n.startswith(root))
        return Files(self.path, self.root + root, names)

    def root_of(self, name: str) -> str | None:
        """Return what stands before `name` where some file ends with it; the shortest, None where none does."""
        found = [n[: -len(name)] for n in self.names if n == name or n.endswith("/" + name)]
        return min(found, key=len) if found else None

    def where(self, name: str) -> str:
        """Return a name for messages."""
        return f"{self.path.name}/{self.root}{name}"

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises
        ------
        InputError
            If it is missing, damaged or larger than four gigabytes.
        """
        if name not in self._known:
            raise InputError(f"{self.path.name} has no file {self.root}{name}: the data set is not complete")
        try:
            if self.path.is_dir():
                place = self.path / (self.root + name)
                self._check_size(name, place.stat().st_size)
                return place.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                self._check_size(name, archive.getinfo(self.root + name).file_size)
                return archive.read(self.root + name)
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{self.where(name)} cannot be read: {error}") from error

    def text(self, name: str) -> str:
        """Return a file as UTF-8 text, without a byte-order mark.

        Raises
        ------
        InputError
            If it is no such text.
        """
        try:
            return self.read(name).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.where(name)} is no UTF-8 text (byte {error.start})") from None

    def array(self, name: str) -> AnyArray:
        """Return the array in an ``.npy`` file; pickled objects are refused.

        Raises
        ------
        InputError
            If it is not one.
        """
        return self._loaded(name, None)

    def keys(self, name: str) -> list[str]:
        """Return the names of the arrays in an ``.npz`` file."""
        try:
            with zipfile.ZipFile(self._opened(name)) as archive:
                members = archive.namelist()
        except zipfile.BadZipFile:
            raise InputError(f"{self.where(name)} is a damaged npz archive") from None
        return [m.removesuffix(".npy") for m in members]

    def member(self, name: str, key: str) -> AnyArray:
        """Return one array of an ``.npz`` file."""
        return self._loaded(name, key)

    def _loaded(self, name: str, key: str | None) -> AnyArray:
        try:
            found = np.load(self._opened(name), allow_pickle=False)
            return np.asarray(found if key is None else found[key])
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            what = "" if key is None else f" ({key})"
            raise InputError(f"{self.where(name)}{what} holds no array that can be read safely: {error}") from None

    def _opened(self, name: str) -> Path | io.BytesIO:
        if self.path.is_dir() and name in self._known:
            place = self.path / (self.root + name)
            self._check_size(name, place.stat().st_size)
            return place
        return io.BytesIO(self.read(name))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)

    def _check_size(self, name: str, size: int) -> None:
        if size > LARGEST:
            raise InputError(
                f"{self.where(name)} has {size / (1 << 30):.0f} GiB, more than a data set's file should have"
            )


def _in_folder(place: Path) -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(place):
        below = Path(folder).relative_to(place)
        folders[:] = [] if len(below.parts) >= DEEPEST else sorted(f for f in folders if not _litter(f))
        found += [(below / f).as_posix() for f in files if not _litter(f)]
        if len(found) > MOST_FILES:
            raise InputError(f"{place} holds more than {MOST_FILES} files: give the folder of one data set")
    return found


def _in_archive(place: Path) -> list[str]:
    try:
        with zipfile.ZipFile(place) as archive:
            members = [m.filename for m in archive.infolist() if not m.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{place} is a damaged zip archive: {error}") from None
    if len(members) > MOST_FILES:
        raise InputError(f"{place} holds more than {MOST_FILES} files: give the archive of one data set")
    safe = [m for m in members if not m.startswith("/") and ".." not in PurePosixPath(m).parts]
    return [m for m in safe if not any(_litter(part) for part in PurePosixPath(m).parts)]


def _litter(name: str) -> bool:
    return name in LITTER or name.startswith("._")
