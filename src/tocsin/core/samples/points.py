"""PointCloud: points in space."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class PointCloud(Sample):
    """Points in space, perhaps with normals and colours.

    Parameters
    ----------
    points : array_like of shape (n, 3)
        Coordinates, in the unit of the file.
    normals, colours : array_like of shape (n, 3), optional
        One row per point.

    Raises
    ------
    InputError
        If a shape is wrong or there is no point.

    Examples
    --------
    >>> PointCloud([[0, 0, 0], [1, 0, 2]]).name(1)
    'point 1 (1, 0, 2)'
    """

    modality: ClassVar[str] = "points"

    points: FloatArray
    normals: FloatArray | None = None
    colours: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("points", "normals", "colours"):
            given = getattr(self, name)
            if given is None:
                continue
            try:
                array = np.asarray(given, dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise InputError(f"the {name} of {self.id or 'the point cloud'} are not numbers: {error}") from None
            if array.ndim != 2 or array.shape[1] != 3 or len(array) == 0:
                raise InputError(f"{name} have shape (n, 3) with n > 0, not {array.shape}")
            if name != "points" and len(array) != len(self.points):
                raise InputError(f"there are {len(array)} {name} for {len(self.points)} points")
            object.__setattr__(self, name, array)

    @property
    def grid(self) -> tuple[int, ...]:
        return (len(self.points),)

    @cached_property
    def observed(self) -> BoolArray:
        return np.asarray(np.isfinite(self.points).all(axis=1))

    def take(self, start: int, stop: int) -> PointCloud:
        cut = slice(start, stop)
        return replace(
            self,
            points=self.points[cut],
            normals=None if self.normals is None else self.normals[cut],
            colours=None if self.colours is None else self.colours[cut],
        )

    def name(self, place: tuple[int, ...] | int) -> str:
        index = place[0] if isinstance(place, tuple) else place
        x, y, z = self.points[index]
        return f"point {index} ({x:.4g}, {y:.4g}, {z:.4g})"
