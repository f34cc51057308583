"""Fingerprints: of data files and of code, so that results are made anew where either has changed."""

from __future__ import annotations

import hashlib
import inspect
import os
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError
from tocsin.io.datasets.files import Files

if TYPE_CHECKING:
    from tocsin.core.detector import Detector

# Larger files are told by size and both ends, larger folders by sizes and times of change: reading terabytes before
# every run would help nobody.
WHOLE = 64 << 20
HUGE = 1 << 30
END = 1 << 20
LENGTH = 16


@cache
def of_data(path: str) -> str:
    """Return a fingerprint of a data set's files: their names, sizes and content.

    Of files in archives the checksums that the archive holds are taken, of those above 64 MB both ends. When files
    were changed or copied plays no part, so that a run may move to another machine; only of folders above 1 GB it is
    what their files are told by.

    Raises
    ------
    InputError
        If there is nothing at the path.
    """
    files = Files.open(path)
    told = hashlib.sha256()
    try:
        if not files.path.is_dir():
            _archive(told, files.path)
        else:
            stats = {name: (files.path / name).stat() for name in files.names}
            huge = sum(stat.st_size for stat in stats.values()) > HUGE
            for name, stat in stats.items():
                place = files.path / name
                told.update(name.encode(errors="surrogateescape") + b"\0")
                if huge:
                    told.update(f"{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
                elif zipfile.is_zipfile(place):
                    _archive(told, place)
                else:
                    told.update(_content(place))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    return told.hexdigest()[:LENGTH]


@cache
def of_code(cls: type[Detector]) -> str:
    """Return a fingerprint of a detector's own code.

    That of its file, or of its folder where it has one to itself, and of what detectors of its kind share. What lies
    deeper (samples, metrics, networks) is covered by the version of tocsin.
    """
    source = inspect.getsourcefile(cls)
    if source is None:
        return ""
    file = Path(source)
    files = [file]
    if cls.__module__.startswith("tocsin."):
        wing = file.parent
        if len(cls.__module__.split(".")) > 3:
            files += file.parent.glob("*.py")
            wing = wing.parent
        files += wing.glob("_*.py")
    told = hashlib.sha256()
    for each in sorted(set(files)):
        told.update(each.name.encode() + b"\0" + each.read_bytes())
    return told.hexdigest()[:LENGTH]


def _archive(told: hashlib._Hash, path: Path) -> None:
    if not zipfile.is_zipfile(path):
        told.update(_content(path))
        return
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda m: m.filename):
            told.update(f"{member.filename}\0{member.file_size}\0{member.CRC}\0".encode(errors="surrogateescape"))


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    told = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE:
            while block := file.read(END):
                told.update(block)
        else:
            told.update(file.read(END))
            file.seek(-END, os.SEEK_END)
            told.update(file.read(END))
    return told.digest()
