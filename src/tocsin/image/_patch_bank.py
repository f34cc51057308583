"""PatchBank: normal patches to compare with, whitened, few enough, and how far apart they lie."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.image._support import supported
from tocsin.nn.coreset import k_centre

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

FOR_WHITENING = 15_000
CHUNK = 4096
RIDGE = 0.01
# The distance from so many neighbours in the bank says how densely it is filled there.
NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class PatchBank:
    """Remembered patches.

    Parameters
    ----------
    mean, axes : ndarray, shapes (c,) and (c, d)
        What whitens descriptors.
    patches : ndarray of float32, shape (m, d)
        Whitened.
    owners : ndarray of int, shape (m,)
        Which training picture each is from.
    places : ndarray of float32, shape (m, 2)
        Row and column in the pixels of that picture.
    spacing : ndarray of float32, shape (m,)
        Usual distance of each from its neighbours in the bank.
    """

    mean: FloatArray
    axes: FloatArray
    patches: FloatArray
    owners: IntArray
    places: FloatArray
    spacing: FloatArray

    @classmethod
    def learn(
        cls, cells: FloatArray, owners: IntArray, places: FloatArray, most: int, dimensions: int,
        rng: np.random.Generator, doubted: float = 0.0,
    ) -> Self:  # fmt: skip
        """Whiten descriptors, leave out the share that is doubted, and choose a few that leave none far away."""
        mean, axes = whitening(cells[rng.permutation(len(cells))[:FOR_WHITENING]], dimensions)
        white = np.asarray((cells - mean).astype(np.float32) @ axes)
        if doubted:
            kept = supported(white, owners, doubted)
            white, owners, places = white[kept], owners[kept], places[kept]
        chosen = k_centre(white, most, int(rng.integers(len(white))))
        return cls(mean, axes, white[chosen], owners[chosen], places[chosen], _spacing(white[chosen]))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the bank that `to_dict` described."""
        return cls(**{name: np.asarray(value) for name, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the arrays by name."""
        return asdict(self)

    def __len__(self) -> int:
        return len(self.patches)

    def white(self, cells: FloatArray) -> FloatArray:
        """Return whitened descriptors, shape (n, d)."""
        return np.asarray((cells - self.mean).astype(np.float32) @ self.axes)

    def nearest(self, white: FloatArray, allowed: BoolArray | None = None) -> tuple[FloatArray, IntArray]:
        """Return the distance of whitened descriptors from the bank, and which of its patches is nearest."""
        bank = self.patches if allowed is None else self.patches[allowed]
        far, which = np.empty(len(white), dtype=np.float32), np.empty(len(white), dtype=np.int64)
        for start in range(0, len(white), CHUNK):
            part = slice(start, start + CHUNK)
            distances = squares(white[part], bank)
            which[part] = distances.argmin(axis=1)
            far[part] = np.sqrt(np.maximum(distances.min(axis=1), 0))
        return far, which if allowed is None else np.flatnonzero(allowed)[which]

    def strangeness(
        self, cells: FloatArray, power: float, allowed: BoolArray | None = None
    ) -> tuple[FloatArray, IntArray]:
        """Return the distance of descriptors from the bank as a multiple of how far apart its patches lie there.

        Parameters
        ----------
        cells : ndarray, shape (n, c)
        power : float
            With 1 the spacing around the nearest patch counts, with 0 that of the bank as a whole, between them a
            geometric mean.
        allowed : ndarray of bool, shape (m,), optional
            Which patches of the bank may be compared with.

        Returns
        -------
        ratio : ndarray of float32, shape (n,)
        which : ndarray of int, shape (n,)
            The nearest patch.
        """
        far, which = self.nearest(self.white(cells), allowed)
        return far / (self.spacing[which] ** power * self.usual_spacing ** (1 - power)), which

    @property
    def usual_spacing(self) -> float:
        """The median distance between neighbours in the bank."""
        return float(np.median(self.spacing))

    def extended(self, cells: FloatArray, owners: IntArray, places: FloatArray, most: int) -> Self:
        """Return the bank with those of new patches that lie farther out than the bank is coarse.

        Within its limit everything is kept; beyond it the choice among old and new is made again.
        """
        white = self.white(cells)
        new = self.nearest(white)[0] > self.usual_spacing
        patches = np.concatenate([self.patches, white[new]])
        chosen = k_centre(patches, most) if len(patches) > most else np.arange(len(patches))
        return type(self)(
            self.mean,
            self.axes,
            patches[chosen],
            np.concatenate([self.owners, owners[new]])[chosen],
            np.concatenate([self.places, places[new]])[chosen],
            _spacing(patches[chosen]),
        )


def whitening(cells: FloatArray, dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and principal axes; small ones are not blown up beyond a hundredth of the mean variance.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cells = rng.normal(size=(1000, 3)) * [1, 10, 5] + 7
    >>> mean, axes = whitening(cells, 2)
    >>> ((cells - mean) @ axes).std(axis=0).round(1).tolist()
    [1.0, 1.0]
    """
    mean = cells.mean(axis=0, dtype=np.float64)
    centred = cells - mean
    values, axes = np.linalg.eigh(centred.T @ centred / max(1, len(cells) - 1))
    kept = np.argsort(-values)[:dimensions]
    ridge = RIDGE * float(values.mean()) or 1.0
    return mean, (axes[:, kept] / np.sqrt(np.maximum(values[kept], 0) + ridge)).astype(np.float32)


def squares(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return squared distances of every row on the left from every row on the right.

    Examples
    --------
    >>> squares(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [1.0, 0.0]])).tolist()
    [[25.0, 1.0]]
    """
    product = left @ right.T
    product *= -2
    product += np.einsum("ij,ij->i", left, left)[:, None]
    product += np.einsum("ij,ij->i", right, right)[None]
    return product


def _spacing(patches: FloatArray) -> FloatArray:
    """Mean distance of each patch from its nearest others; 1 for a patch that is alone."""
    count = min(NEIGHBOURS, len(patches) - 1)
    if count < 1:
        return np.ones(len(patches), dtype=np.float32)
    spacing = np.empty(len(patches), dtype=np.float32)
    for start in range(0, len(patches), CHUNK):
        distances = squares(patches[start : start + CHUNK], patches)
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        nearest = np.partition(distances, count - 1, axis=1)[:, :count]
        spacing[start : start + CHUNK] = np.sqrt(np.maximum(nearest, 0)).mean(axis=1)
    floor = 1e-3 * float(np.median(spacing)) or 1.0
    return np.maximum(spacing, np.float32(floor))
