"""Decoding pictures: what a file's header says, what its pixels are, and a bounded memory of those decoded last."""

from __future__ import annotations

import io
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.samples.sample import Repair

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray

# What decoded pictures may take in memory together; the one decoded last is kept whatever its size.
MOST_BYTES = 256 << 20
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
BITS_PER_SAMPLE = 258


@dataclass(frozen=True)
class Header:
    """What a picture's header says.

    Parameters
    ----------
    height, width : int
        As it stands upright.
    repairs : tuple of Repair
        What decoding will change or leave out.
    """

    height: int
    width: int
    repairs: tuple[Repair, ...] = ()


def read_header(source: Path | bytes, called: str, limit: int) -> Header:
    """Read size and kind of a picture; no pixel is decoded.

    Parameters
    ----------
    source : Path or bytes
        A file, or its content.
    called : str
        What messages call it.
    limit : int
        The largest number of pixels.

    Raises
    ------
    InputError
        If it is no picture, or larger.
    """
    pillow = _pillow()
    _check_content(source, called)
    try:
        with _opened(pillow, source) as picture:
            width, height = picture.size
            if width * height > limit:
                raise InputError(f"{called} has {width} x {height} pixels; at most {limit:,} are opened")
            turn = _orientation(picture)
            repairs = tuple(_repairs(picture, turn))
    except pillow.DecompressionBombError as error:
        # Pillow's own limit comes before the size can be asked for; its sentence says how many pixels there are.
        claimed = next((int(word) for word in str(error).replace("(", " ").split() if word.isdigit()), 0)
        raise InputError(
            f"{called} claims {claimed:,} pixels; at most {limit:,} are opened: cut it into parts, or mistrust it"
        ) from None
    except InputError:
        raise
    except Exception as error:  # whatever a hostile header makes of the decoder
        raise InputError(f"{called} cannot be read as a picture: {_said(error)}") from None
    return Header(*((width, height) if turn in SIDEWAYS else (height, width)), repairs=repairs)


def read_pixels(source: Path | bytes, called: str, limit: int) -> AnyArray:
    """Decode a picture, its first frame or page if there are several, turned upright.

    Returns
    -------
    ndarray, shape (h, w, c)
        In the depth of the file: uint8, uint16, float32, or bool. Palettes, CMYK and other colour spaces become RGB.

    Raises
    ------
    InputError
        If it is no picture, damaged, cut short, or larger than `limit` pixels.
    """
    read_header(source, called, limit)
    pillow = _pillow()
    try:
        with _opened(pillow, source) as picture:
            turn = _orientation(picture)
            deep = _deep_colours(picture, source)
            if deep is not None:
                return _upright(deep, turn)
            if picture.mode in ("P", "PA"):
                see_through = picture.mode == "PA" or "transparency" in picture.info
                picture = picture.convert("RGBA" if see_through else "RGB")
            elif picture.mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
                picture = picture.convert("RGB")
            elif picture.mode in ("La", "RGBa"):
                picture = picture.convert(picture.mode.upper())
            pixels = np.asarray(picture)
    except Exception as error:  # whatever hostile content makes of the decoder
        raise InputError(f"{called} cannot be read as a picture: {_said(error)}") from None
    if pixels.dtype == np.int32 and pixels.size and pixels.min() >= 0 and pixels.max() <= 65_535:
        pixels = pixels.astype(np.uint16)  # 16 bits in the decoder's wider type
    return np.ascontiguousarray(_upright(pixels[:, :, None] if pixels.ndim == 2 else pixels, turn))


class PixelCache:
    """The pictures decoded last, as many as fit.

    Examples
    --------
    >>> cache = PixelCache(most_bytes=10)
    >>> cache.put("a", np.zeros(8, np.uint8)), cache.put("b", np.ones(8, np.uint8))
    (None, None)
    >>> cache.get("a") is None, cache.get("b") is None
    (True, False)
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[object, AnyArray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> AnyArray | None:
        """Return what was put under a key, if it is still there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: object, pixels: AnyArray) -> None:
        """Keep pixels; those asked for longest ago make room."""
        pixels.setflags(write=False)  # several samples may share them
        with self._lock:
            self._kept[key] = pixels
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self.size > self.most_bytes:
                self._kept.popitem(last=False)

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(pixels.nbytes for pixels in self._kept.values())


CACHE = PixelCache()


def cached_pixels(path: Path, called: str, limit: int) -> AnyArray:
    """Return the pixels of a file, from memory where it was decoded lately and has not changed."""
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"{called} cannot be read as a picture: {error.strerror or error}") from None
    key = (str(path.absolute()), stat.st_mtime_ns, stat.st_size)
    pixels = CACHE.get(key)
    if pixels is None:
        pixels = read_pixels(path, called, limit)
        CACHE.put(key, pixels)
    return pixels


def _repairs(picture: Any, turn: int) -> list[Repair]:
    found = []
    if getattr(picture, "is_animated", False):
        frames = "page" if picture.format == "TIFF" else "picture"
        found.append(Repair(f"the file holds several {frames}s: only the first is looked at"))
    if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        # Photographs are YCbCr inside, but are handed out as RGB; only what is left in another space is remarkable.
        found.append(Repair(f"colours were converted from {picture.mode} to RGB"))
    if turn in range(2, 9):
        found.append(Repair("turned upright as its EXIF orientation says"))
    if _bits(picture) == 16 and picture.mode in ("RGB", "RGBA") and _opencv() is None:
        found.append(Repair("16 bits per colour were cut to 8, for opencv is not installed"))
    return found


def _deep_colours(picture: Any, source: Path | bytes) -> AnyArray | None:
    """Colours of 16 bits, which Pillow cuts to 8: read by opencv where it is installed."""
    cv2 = _opencv()
    if cv2 is None or _bits(picture) != 16 or picture.mode not in ("RGB", "RGBA"):
        return None
    content = source if isinstance(source, bytes) else source.read_bytes()
    pixels = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.dtype != np.uint16:
        return None
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[:, :, order])


def _bits(picture: Any) -> int:
    """Bits per colour as the file has them."""
    if picture.format == "TIFF":
        bits = picture.tag_v2.get(BITS_PER_SAMPLE, (8,))
        return int(bits[0] if isinstance(bits, tuple) else bits)
    # Only PNG says in its header what its decoder hides: the raw mode of its one tile.
    tile = picture.tile[0] if picture.format == "PNG" and picture.tile else None
    return 16 if tile is not None and ";16" in str(tile[3]) else 8


def _upright(pixels: AnyArray, turn: int) -> AnyArray:
    flips = {2: (1,), 4: (0,), 3: (0, 1)}
    if turn in flips:
        return np.flip(pixels, flips[turn])
    if turn in (5, 8):
        return np.rot90(pixels) if turn == 8 else pixels.transpose(1, 0, 2)
    if turn in (6, 7):
        return np.rot90(pixels, -1) if turn == 6 else np.rot90(pixels, 2).transpose(1, 0, 2)
    return pixels


def _orientation(picture: Any) -> int:
    """What EXIF says of how the camera was held, as far as the header has it."""
    if picture.format == "PNG" and not {"exif", "Raw profile type exif"} & set(picture.info):
        return 1  # asked for more, Pillow decodes the whole picture to see whether EXIF comes behind it
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except (KeyError, TypeError, ValueError, SyntaxError, OSError, ZeroDivisionError):
        return 1


def _check_content(source: Path | bytes, called: str) -> None:
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
    except OSError as error:
        raise InputError(f"{called} cannot be read as a picture: {error.strerror or error}") from None
    if size == 0:
        raise InputError(f"{called} cannot be read as a picture: the file is empty")


def _opened(pillow: Any, source: Path | bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures, whose size is checked, and of odd metadata
        return pillow.open(io.BytesIO(source) if isinstance(source, bytes) else source)


def _said(error: Exception) -> str:
    text = str(error)
    if "cannot identify image file" in text:
        return "its content is no picture in a known format"
    return text or type(error).__name__


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        return None
    return cv2


def _pillow() -> Any:
    try:
        from PIL import Image as pillow  # noqa: N813
    except ImportError:
        raise MissingExtra("image", "pillow", "reading pictures") from None
    return pillow
