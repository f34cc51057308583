"""What the audit keeps of series: hashes of stretches, what cannot be foretold, and how well one-liners do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.hashing import digest
from tocsin.bench.audit.reading.known import beside, label_of
from tocsin.bench.audit.reading.recording import Recording
from tocsin.bench.audit.reading.stretches import anchors, residual, windows
from tocsin.bench.audit.units import UNKNOWN, Units, constant
from tocsin.metrics.dummy import series_dummies
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.bench.audit.limits import Limits
    from tocsin.core.dataset import Entry
    from tocsin.core.samples import Series
    from tocsin.core.truth import Truth
    from tocsin.core.types import BoolArray, FloatArray

MOVING = 32
WINDOW, WINDOWS = 1024, 64
_TINY = 1e-9
AMPLITUDE = "amplitude (root mean square)"
# Numbers of a window that do not change when it is made louder.
SCALE_FREE = ("roughness (|first difference| / spread)", "crest (largest |value| / root mean square)")


class SeriesReader:
    """Makes recordings of series; remembers the usual value of each channel of a group's training part.

    Parameters
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.shortened = 0
        self._usual: dict[tuple[str, tuple[str, ...]], tuple[FloatArray, FloatArray]] = {}

    def read(self, entry: Entry, sample: Series, truth: Truth | None, place: int) -> Iterator[tuple[Units, Recording]]:
        """Yield the parts of a series that belong to one split each, as a unit and a recording."""
        head = int(sample.meta.get("train_rows", 0))
        rows = _marks(truth, len(sample))
        if entry.split.startswith("train") or not 0 < head < len(sample):
            yield self._part(entry, sample, rows, truth, place, entry.split, entry.id)
            return
        yield self._part(
            entry,
            sample.take(0, head),
            None if rows is None else rows[:head],
            None,
            place,
            "train",
            f"{entry.id} (first {head} rows)",
        )
        rest = None if rows is None else rows[head:]
        yield self._part(entry, sample.take(head, len(sample)), rest, truth, place, entry.split, entry.id)

    def _part(
        self,
        entry: Entry,
        sample: Series,
        mask: BoolArray | None,
        truth: Truth | None,
        place: int,
        split: str,
        name: str,
    ) -> tuple[Units, Recording]:
        values = np.asarray(sample.values)
        training = split.startswith("train")
        key = (entry.group or entry.id, sample.channels)
        if training:
            self._usual[key] = _usual(values)
        label = label_of(truth) if mask is None else int(mask.any())
        if training and mask is None and truth is None:
            label = UNKNOWN
        marked = mask is not None and bool(mask.any()) and not bool(mask.all())
        tricks: dict[str, float] = {}
        if marked and mask is not None and not training:
            most = max(self.limits.cells // values.shape[1], 1)
            self.shortened += len(values) > most
            tricks = self._tricks(values[:most], mask[:most], key)
        recording = Recording(
            name,
            entry.id,
            split,
            entry.group,
            label,
            len(values),
            anchors(values),
            residual(values),
            marked,
            0 if mask is None else int((np.diff(mask.astype(np.int8), prepend=0) == 1).sum()),
            tricks,
            {} if marked else _windowed(values),
        )
        return self._unit(entry, sample, recording, place), recording

    def _tricks(self, values: FloatArray, mask: BoolArray, key: tuple[str, tuple[str, ...]]) -> dict[str, float]:
        """Return the AUROC over rows of each one-liner; empty where one class has no row."""
        if mask.all() or not mask.any():
            return {}
        middle, width = self._usual.get(key) or _usual(values)
        filled = np.where(np.isfinite(values), values, middle).astype(np.float64)
        moving = _moving_spread(filled / width)
        scores = {
            "|first difference|": next(
                d for d in series_dummies(mask, filled) if d.name == "first difference"
            ).scores(),
            "|value - median|": (np.abs(filled - middle) / width).max(axis=1),
            "large moving spread": moving.max(axis=1),
            "small moving spread": -moving.mean(axis=1),
        }
        return {name: float(Ranking.from_scores(mask, score).auroc()) for name, score in scores.items()}

    def _unit(self, entry: Entry, sample: Series, recording: Recording, place: int) -> Units:
        values = np.asarray(sample.values)
        numbers, words = beside(sample, 1)
        traits = {"length": float(len(values)), "channels": float(values.shape[1])}
        tricks: dict[str, float] = {}
        for name, found in _windowed(values).items():
            target = traits if name == AMPLITUDE else tricks
            target[name] = float(np.mean(found))
        return Units(
            "recording",
            constant(recording.name, 1),
            constant(recording.split, 1),
            constant(recording.group, 1),
            np.array([recording.label]),
            digest(values)[None],
            np.array([place]),
            np.array([-np.inf if np.ptp(np.nan_to_num(values), axis=0).any() else 0.0]),
            {name: np.array([value]) for name, value in traits.items()},
            {name: np.array([value]) for name, value in tricks.items()},
            numbers,
            words,
        )


def _marks(truth: Truth | None, rows: int) -> BoolArray | None:
    """Return which rows are anomalous, None where that is not known."""
    if truth is None or (truth.mask is None and truth.intervals is None):
        return None
    if truth.mask is not None and truth.mask.shape[:1] != (rows,):
        return None  # a finding of its own
    if truth.mask is None and any(stop > rows for _, stop in truth.intervals or ()):
        return None
    mask = truth.as_mask((rows,))
    return mask if mask.ndim == 1 else np.asarray(mask.any(axis=1))


def _usual(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the median and the spread of each channel, shapes (c,)."""
    filled = np.where(np.isfinite(values), values, 0.0).astype(np.float64)
    middle = np.median(filled, axis=0)
    width = 1.4826 * np.median(np.abs(filled - middle), axis=0)
    # Channels that hardly ever move have no spread but the one of their rare moves.
    width = np.where(width > _TINY, width, filled.std(axis=0))
    return middle, np.where(width > _TINY, width, 1.0)


def _moving_spread(values: FloatArray) -> FloatArray:
    """Return the standard deviation over 32 rows around each row, shape of `values`."""
    from scipy.ndimage import uniform_filter1d

    mean = uniform_filter1d(values, MOVING, axis=0, mode="nearest")
    square = uniform_filter1d(values**2, MOVING, axis=0, mode="nearest")
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))


def _windowed(values: FloatArray) -> dict[str, FloatArray]:
    """Return numbers of up to 64 windows of 1024 rows, the mean over channels."""
    cut = windows(np.where(np.isfinite(values), values, 0.0), WINDOW, WINDOWS).astype(np.float64)
    steps = np.abs(np.diff(cut, axis=1)) if cut.shape[1] > 1 else np.zeros_like(cut)
    spread = cut.std(axis=1)
    loud = np.sqrt((cut**2).mean(axis=1))
    return {
        AMPLITUDE: loud.mean(axis=1),
        "mean": cut.mean(axis=(1, 2)),
        "spread": spread.mean(axis=1),
        "|first difference|": steps.mean(axis=(1, 2)),
        "largest |value|": np.abs(cut).max(axis=1).mean(axis=1),
        SCALE_FREE[0]: (steps.mean(axis=1) / np.maximum(spread, _TINY)).mean(axis=1),
        SCALE_FREE[1]: (np.abs(cut).max(axis=1) / np.maximum(loud, _TINY)).mean(axis=1),
    }
