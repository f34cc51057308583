"""Folders of anomaly maps and of masks, laid out as MVTec AD lays out its pictures."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.samples import Image
from tocsin.io.names import listed, several

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray

MAPS = (".npy", ".npz", ".tiff", ".tif", ".png")
MASKS = (".png", ".npy", ".npz", ".tiff", ".tif", ".bmp")
GOOD = frozenset(("good", "normal", "ok", "defect_free"))
_SUFFIX = re.compile(r"(_mask|_gt|_map|_anomaly_map|_score|_scores|_heatmap)+$")
_MOST_VALUES = 400_000_000


@dataclass(frozen=True)
class Picture:
    """One picture to evaluate.

    Parameters
    ----------
    name : str
        ``<defect>/<stem>``.
    defect : str
        The folder it lies in; '' where maps lie in no folder.
    map : Path
        The anomaly map.
    mask : Path or None
        The mask; None for a good picture.
    score : float or None
        What the detector said of the picture as a whole, where the maps lie in an out folder that holds it.
    """

    name: str
    defect: str
    map: Path
    mask: Path | None
    score: float | None = None

    def scores(self) -> AnyArray:
        """Return the map, shape (height, width).

        Raises
        ------
        InputError
            If the file is damaged, not of two dimensions, or holds NaN or infinities.
        """
        values = _load(self.map)
        if values.dtype.kind == "b" or values.dtype.kind not in "iuf":
            raise InputError(f"{self.map}: a map needs numbers, but holds {values.dtype}")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            row, column = (int(axis[0]) for axis in np.nonzero(~np.isfinite(values)))
            bad = int(np.count_nonzero(~np.isfinite(values)))
            raise InputError(
                f"{self.map}: the map holds {values[row, column]} at row {row}, column {column} "
                f"({several(bad, 'pixel')} in "
                "all): every pixel needs a finite score"
            )
        return values

    def truth(self) -> AnyArray | None:
        """Return the mask as booleans, True where anomalous; None for a good picture.

        Raises
        ------
        InputError
            If the file is damaged, holds text or NaN, or has another size than the map.
        """
        if self.mask is None:
            return None
        values = _load(self.mask)
        if values.dtype.kind not in "iufb":
            raise InputError(f"{self.mask}: a mask needs numbers (0 = normal), but holds {values.dtype}")
        if values.dtype.kind == "f" and np.isnan(values).any():
            raise InputError(f"{self.mask}: the mask holds NaN: mark each pixel as normal (0) or anomalous (above 0)")
        return values > 0


def find_pictures(maps: str | os.PathLike[str], masks: str | os.PathLike[str]) -> list[Picture]:
    """Match the maps in one folder with the masks in another.

    Parameters
    ----------
    maps : path
        A folder of ``<defect>/<stem>.npy`` (npz, tiff, png), with ``good`` among the defects; or of maps alone; or
        the out folder of `tocsin detect` or `tocsin score`, which has such a folder inside.
    masks : path
        A folder of ``<defect>/<stem>_mask.png``; pictures in ``good`` need none. In a flat folder every map needs one.

    Raises
    ------
    InputError
        If a folder is empty, a defective picture has no mask, or a mask has no map.
    """
    base, truth = _map_folder(Path(maps).expanduser()), Path(masks).expanduser()
    found = dict(_files(base, MAPS))
    known = dict(_files(truth, MASKS, may_be_empty=True))
    said = _overall(base)
    if not known:
        raise InputError(f"the folder {masks} holds no mask ({', '.join(MASKS)}): without one nothing can be scored")
    pictures = []
    for key, path in found.items():
        defect = key.rpartition("/")[0]
        mask = known.pop(key, None)
        if mask is None and defect.rpartition("/")[2].lower() not in GOOD:
            raise InputError(
                f"{path} has no mask in {masks}{nearest(key, known)} (only pictures in a folder called good need none)"
            )
        pictures.append(Picture(key, defect, path, mask, said.get(path.relative_to(base).as_posix())))
    if known:
        shown = listed(sorted(known), 3)
        raise InputError(
            f"{several(len(known), 'mask')} of {masks} belong to no map ({shown}): score every picture, or remove the "
            "masks"
        )
    return pictures


def is_map_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds pictures of scores: tiff or png, or npy of two dimensions."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return False
    folder = _map_folder(folder)
    for file in sorted(folder.rglob("*")):
        suffix = file.suffix.lower()
        if suffix in (".tiff", ".tif", ".png"):
            return True
        if suffix in (".npy", ".npz") and file.is_file():
            return _load(file, check=False).ndim == 2
    return False


def _map_folder(folder: Path) -> Path:
    """The maps inside of an out folder, beside the table of the pictures' scores."""
    inside = folder / "maps"
    return inside if inside.is_dir() and (folder / "scores.ndjson").is_file() else folder


def _overall(maps: Path) -> dict[str, float]:
    """What the table of an out folder says of each picture, by the file of its map; the last word counts."""
    table = maps.parent / "scores.ndjson"
    found: dict[str, float] = {}
    for line in table.read_text(encoding="utf-8").splitlines() if maps.name == "maps" and table.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:  # a line that a kill cut short
            continue
        score = row.get("score") if isinstance(row, dict) else None
        if isinstance(score, int | float) and np.isfinite(score):
            found[str(row.get("map", "")).removeprefix("maps/")] = float(score)
    return found


def _files(folder: Path, suffixes: tuple[str, ...], *, may_be_empty: bool = False) -> Iterator[tuple[str, Path]]:
    """Yield ``<folder>/<stem>`` without endings such as ``_mask``, and the file, in order."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: maps and masks are given as folders")
    seen: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.suffix.lower() not in suffixes or any(part.startswith(".") for part in relative.parts):
            continue
        key = (relative.parent / (_SUFFIX.sub("", relative.stem) or relative.stem)).as_posix()
        if key in seen:
            raise InputError(f"{seen[key]} and {path} stand for the same picture: keep one of them")
        seen[key] = path
        yield key, path
    if not seen and not may_be_empty:
        raise InputError(f"the folder {folder} holds no map ({', '.join(suffixes)})")


def _load(path: Path, *, check: bool = True) -> AnyArray:
    """Return a picture or array of two dimensions; nothing is ever unpickled."""
    if path.suffix.lower() not in (".npy", ".npz"):
        pixels = Image(path).pixels
        return np.asarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels.max(axis=2))
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r" if path.suffix.lower() == ".npy" else None)
        if not isinstance(array, np.ndarray):
            with array as members:
                names = list(members.files)
                if len(names) != 1:
                    raise InputError(f"{path} holds {len(names)} arrays ({listed(names)}) where a map needs one")
                array = members[names[0]]
    except (ValueError, EOFError, OSError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        said = (str(error).splitlines() or [type(error).__name__])[0].replace("allow_pickle=True", "a pickle")
        raise InputError(f"{path} cannot be read as an array: {said}") from None
    if array.size > _MOST_VALUES:
        raise InputError(f"{path} holds {array.size:,} values; a map of at most {_MOST_VALUES:,} is read")
    squeezed = array.reshape([n for n in array.shape if n != 1] or [1]) if array.ndim > 2 else array
    if check and squeezed.ndim != 2:
        raise InputError(f"{path} has shape {array.shape} where a map has (height, width)")
    return np.asarray(squeezed)
