"""What the audit keeps of a picture: a hash of its pixels, a thumbnail, a few numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.hashing import digest
from tocsin.bench.audit.reading.known import beside, label_of
from tocsin.bench.audit.units import Units, constant
from tocsin.core.samples import Bundle, Image

if TYPE_CHECKING:
    from tocsin.core.dataset import Entry
    from tocsin.core.samples.sample import Sample
    from tocsin.core.truth import Truth
    from tocsin.core.types import AnyArray, FloatArray

SIZE = (64, 32)
# Slow changes, of light and vignetting, are those slower than so many pixels of the thumbnail.
SLOW = 8.0
# Grey levels of 255 that the thumbnail must vary by, apart from slow changes: an empty picture has no likeness.
PLAIN = 0.5


def picture_members(sample: Sample) -> list[Image]:
    """Return the picture itself, or those of a bundle, the one that is judged first."""
    if isinstance(sample, Image):
        return [sample]
    if not isinstance(sample, Bundle):
        return []
    found = [m for name, m in sorted(sample.members.items(), key=lambda kv: kv[0] != sample.primary)]
    return [m for m in found if isinstance(m, Image)]


def read_picture(entry: Entry, sample: Sample, truth: Truth | None, place: int) -> tuple[Units, FloatArray | None]:
    """Return one unit, and a thumbnail of shape (2048,) and length one; None where the picture is plain.

    Parameters
    ----------
    place : int
        The place of the entry in its data set.
    """
    images = [image.pixels for image in picture_members(sample)]
    grey = _grey(images[0])
    numbers, words = beside(sample, 1)
    steps = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    traits = {
        "mean brightness": float(grey.mean()),
        "contrast (standard deviation)": float(grey.std()),
        "height": float(grey.shape[0]),
        "width": float(grey.shape[1]),
        "channels": float(images[0].shape[2]),
    }
    tricks = {
        "darkest pixel": float(grey.min()),
        "brightest pixel": float(grey.max()),
        "mean |first difference|": float(np.mean([s.mean() for s in steps if s.size])) if grey.size > 1 else 0.0,
        "largest |first difference|": float(max((s.max() for s in steps if s.size), default=0.0)),
        "largest |value - median|": float(np.abs(grey - np.median(grey)).max()),
    }
    unit = Units(
        "picture",
        constant(entry.id, 1),
        constant(entry.split, 1),
        constant(entry.group, 1),
        np.array([label_of(truth)]),
        digest(*images)[None],
        np.array([place]),
        np.array([-np.inf]),
        {name: np.array([value]) for name, value in traits.items()},
        {name: np.array([value]) for name, value in tricks.items()},
        numbers,
        words,
    )
    return unit, thumbnail(grey)


def thumbnail(grey: FloatArray) -> FloatArray | None:
    """Return a small picture without its slow changes, with mean zero and length one, as a row of 2048 numbers.

    Parameters
    ----------
    grey : ndarray of float32, shape (h, w)
        In grey levels of 255.
    """
    import cv2

    small = cv2.resize(grey, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_AREA)
    fine = (small - cv2.GaussianBlur(small, (0, 0), SLOW)).ravel()
    fine -= fine.mean()
    length = float(np.linalg.norm(fine))
    if length < PLAIN * np.sqrt(fine.size):
        return None
    return np.asarray(fine / length, dtype=np.float32)


def _grey(pixels: AnyArray) -> FloatArray:
    """Return the mean of the colours, in grey levels of 255 where the depth says what white is."""
    colours = pixels[:, :, :3] if pixels.shape[2] == 4 else pixels
    grey = np.nan_to_num(colours.astype(np.float32).mean(axis=2), posinf=0.0, neginf=0.0)
    if pixels.dtype == np.uint8:
        return np.asarray(grey)
    if pixels.dtype.kind in "iu":
        return np.asarray(grey * (255.0 / np.iinfo(pixels.dtype).max), dtype=np.float32)
    top = float(grey.max()) if grey.size else 0.0
    return np.asarray(grey * 255.0 if 0 < top <= 1.0 else grey, dtype=np.float32)
