"""Which files of a folder are pictures."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tocsin.core.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".pgm", ".ppm")
MOST_FILES = 500_000
_LITTER = frozenset(("__macosx", "thumbs.db", "desktop.ini"))
# First bytes of the formats above, for files whose names have no suffix.
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"GIF8", b"RIFF", b"P5\n", b"P6\n")


@dataclass(frozen=True)
class PictureFiles:
    """What was found.

    Parameters
    ----------
    base : Path
        The folder that names are told from.
    pictures : tuple of Path
        Sorted.
    others : tuple of Path
        Files of other kinds that lie among them.
    """

    base: Path
    pictures: tuple[Path, ...]
    others: tuple[Path, ...] = ()

    def name(self, path: Path) -> str:
        """Return the name of a picture below the folder, parted by slashes."""
        return path.relative_to(self.base).as_posix() if path.is_relative_to(self.base) else path.as_posix()


def is_picture_name(name: str) -> bool:
    """Tell by its suffix whether a file should be a picture.

    Examples
    --------
    >>> is_picture_name("a/B.JPG"), is_picture_name("notes.txt")
    (True, False)
    """
    return name.lower().endswith(SUFFIXES)


def looks_like_picture(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a picture."""
    return head.startswith(_MAGIC) and (not head.startswith(b"RIFF") or head[8:12] == b"WEBP")


def find_picture_files(source: str | os.PathLike[str]) -> PictureFiles:
    """Return the pictures that a folder, file or pattern stands for.

    Parameters
    ----------
    source : path or pattern
        Folders are searched at any depth. Hidden files and what file managers leave behind are passed over without a
        word; links are followed, each folder once. A single file is taken for a picture whatever its name.

    Raises
    ------
    InputError
        If there is nothing, or more than half a million files.
    """
    name = os.fspath(source)
    path = Path(name).expanduser()
    if path.is_dir():
        found = sorted(_walk(path))
        pictures = tuple(p for p in found if _is_picture(p))
        kept = frozenset(pictures)
        return PictureFiles(path, pictures, tuple(p for p in found if p not in kept))
    if path.exists():
        return PictureFiles(path.parent, (path,))
    if any(c in name for c in "*?["):
        matches = sorted(Path(m) for m in glob.glob(str(path), recursive=True) if Path(m).is_file())
        if not matches:
            raise InputError(f"no file fits the pattern {name}")
        pictures = tuple(p for p in matches if _is_picture(p))
        base = Path(os.path.commonpath([p.parent for p in matches]))
        return PictureFiles(base, pictures, tuple(p for p in matches if p not in set(pictures)))
    raise InputError(f"there is no file or folder {name}")


def holds_pictures(source: str | os.PathLike[str]) -> bool:
    """Tell whether a source is one of pictures: a picture, or a folder or pattern that finds mostly pictures."""
    path = Path(source).expanduser()
    if os.fspath(source) == "-":
        return False
    if path.is_file():
        return _is_picture(path)
    try:
        found = find_picture_files(source)
    except InputError:
        return False
    return len(found.pictures) > len(found.others)


def _is_picture(path: Path) -> bool:
    if path.suffix:
        return is_picture_name(path.name)
    try:
        with path.open("rb") as file:
            return looks_like_picture(file.read(16))
    except OSError:
        return False


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    count = 0
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for name in files:
            path = Path(place, name)
            if not _hidden(name) and path.is_file():
                count += 1
                if count > MOST_FILES:
                    raise InputError(f"{folder} holds more than {MOST_FILES:,} files: name a folder inside it")
                yield path


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER
