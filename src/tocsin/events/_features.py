"""MixedFeatures: a table of numbers and categories as two matrices of numbers, one by rank and one by size.

By rank, every number column is spread evenly from 0 to 1, so that no scale and no outlier matters. By size, numbers are
taken by the logarithm of their amount and standardised, so that what lies beyond everything learned stays beyond.
Categories are columns of zeros and ones in both, and so are missing numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError
from tocsin.events._encoder import TableEncoder
from tocsin.events._vocabulary import Vocabulary

if TYPE_CHECKING:
    from tocsin.core.samples import Events
    from tocsin.core.types import FloatArray, IntArray

QUANTILES = 1001
# Standardised logarithms go no further than this: one wild value must not be all that a distance is.
FARTHEST = 20.0


class MixedFeatures:
    """Columns of a table as features.

    Parameters
    ----------
    categories : int
        How many of the most frequent words of an entity column get a feature of their own; all others share one.
    """

    def __init__(self, categories: int = 100) -> None:
        self.categories = categories
        self.encoder = TableEncoder()
        self.grid = np.zeros((0, 0))
        self.middle = self.mean = self.scale = np.zeros(0)

    # ----------------------------------------------------------- learning

    def fit(self, samples: Sequence[Events]) -> Self:
        """Learn vocabularies, quantiles, medians and scales."""
        self.encoder = TableEncoder().fit(samples)
        names = self.numbers
        table = np.concatenate([self._values(sample) for sample in samples])
        share = np.linspace(0, 1, QUANTILES)
        self.grid = np.zeros((len(names), QUANTILES))
        self.middle, self.mean, self.scale = np.zeros(len(names)), np.zeros(len(names)), np.ones(len(names))
        for j in range(len(names)):
            known = table[:, j][np.isfinite(table[:, j])]
            if known.size:
                self.grid[j] = np.quantile(known, share)
                self.middle[j] = np.median(known)
                logs = _log(known)
                self.mean[j] = logs.mean()
                self.scale[j] = logs.std() if logs.std() > 1e-9 else 1.0
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, entities first."""
        return self.encoder.columns

    @property
    def numbers(self) -> list[str]:
        """Names of the number columns."""
        return [name for name, number in zip(self.columns, self.encoder.is_number, strict=True) if number]

    @property
    def owner(self) -> IntArray:
        """Which column each feature belongs to."""
        entities = len(self.columns) - len(self.numbers)
        widths = [self._width(j) for j in range(entities)]
        numbers = np.arange(entities, len(self.columns))
        return np.concatenate((np.repeat(np.arange(entities), widths), numbers, numbers))

    # ---------------------------------------------------------- features

    def transform(self, events: Events) -> tuple[FloatArray, FloatArray]:
        """Return the features by rank and by size, each of float32 and shape (n, f)."""
        codes = self.encoder.encode(events)
        values = self._values(events)
        missing = ~np.isfinite(values)
        filled = np.where(missing, self.middle, values)
        entities = len(self.columns) - len(self.numbers)
        marks = [self._marks(codes[:, j], j) for j in range(entities)]
        ranks = np.stack([_rank(filled[:, j], grid) for j, grid in enumerate(self.grid)] or [np.zeros(0)], axis=1)
        sizes = np.clip((_log(filled) - self.mean) / self.scale, -FARTHEST, FARTHEST)
        if not self.numbers:
            ranks = sizes = np.zeros((len(codes), 0))
        found = [np.concatenate([*marks, part, missing], axis=1).astype(np.float32) for part in (ranks, sizes)]
        return found[0], found[1]

    def _width(self, j: int) -> int:
        return 1 + min(int(self.encoder.sizes[j]) - 1, self.categories)

    def _marks(self, codes: IntArray, j: int) -> FloatArray:
        """One column of zeros and ones per frequent word; the first is for rare and unseen ones."""
        width = self._width(j)
        marks = np.zeros((len(codes), width), dtype=np.float32)
        marks[np.arange(len(codes)), np.where(codes < width, codes, 0)] = 1.0
        return marks

    def _values(self, events: Events) -> FloatArray:
        # The encoder refuses missing columns; here they only have to be put in order.
        self.encoder.check(events)
        columns = [np.asarray(events.numbers[name], dtype=np.float64) for name in self.numbers]
        return np.stack(columns, axis=1) if columns else np.zeros((len(events), 0))

    # ------------------------------------------------------------ words

    def usual(self, column: int, counts: FloatArray | None = None) -> tuple[float | str, ...]:
        """Return the range of nine in ten values of a number column, or the most frequent words of an entity column."""
        entities = len(self.columns) - len(self.numbers)
        if column >= entities:
            grid = self.grid[column - entities]
            return float(grid[QUANTILES // 20]), float(grid[-1 - QUANTILES // 20])
        part = self.encoder.parts[self.columns[column]]
        assert isinstance(part, Vocabulary)
        return tuple(part.word(code) for code in range(1, min(4, part.size)))

    def state(self) -> dict[str, Any]:
        """Return what a model stores."""
        arrays = {name: getattr(self, name) for name in ("grid", "middle", "mean", "scale")}
        return {"categories": self.categories, "encoder": self.encoder.state(), **arrays}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from `state`, which may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        made = cls(int(state["categories"]))
        made.encoder = TableEncoder.from_state(state["encoder"])
        count = len(made.numbers)
        for name, shape in (
            ("grid", (count, QUANTILES)),
            ("middle", (count,)),
            ("mean", (count,)),
            ("scale", (count,)),
        ):
            array = np.asarray(state[name])
            if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
                raise ArtifactError(f"the stored features are damaged: {name} cannot be that")
            setattr(made, name, array)
        if made.categories < 1 or not (made.scale > 0).all():
            raise ArtifactError("the stored features are damaged: a scale is not above zero")
        return made


def _log(values: FloatArray) -> FloatArray:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _rank(values: FloatArray, grid: FloatArray) -> FloatArray:
    """Share of learned values below, ties at the middle of theirs."""
    share = np.linspace(0, 1, len(grid))
    # Interpolating up and down and taking the mean puts a frequent value at the middle of its share.
    return np.asarray(0.5 * (np.interp(values, grid, share) - np.interp(-values, -grid[::-1], -share[::-1])))
