"""Truth: what is known to be wrong with a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known to be wrong with one sample; whichever of these exist.

    Parameters
    ----------
    mask : ndarray of bool, shape of the sample's grid, optional
        True where anomalous.
    intervals : sequence of (int, int)
        Half-open ranges of places along the first axis.
    label : bool, optional
        Whether the sample as a whole is anomalous; taken from mask or intervals when they exist.
    kind : str
        The class of the anomaly, such as ``crack``.
    severity : float, optional
        How bad, on the data set's own scale.
    causes : tuple of tuple of str
        Per interval, the channels that are to blame.
    boxes : tuple of (left, top, right, bottom)
        Of pictures whose defects are marked by boxes, in pixels, half open; the mask then holds them filled.
    box_kinds : tuple of str
        Per box, its class.
    channels : tuple of ndarray of bool, shape of the sample's grid
        Of pictures in which each defect has a mask of its own; `mask` is all of them together.
    saturations : tuple of int
        Per channel, how many of its pixels must be found for the defect to count as found in full.

    Raises
    ------
    InputError
        If an interval is empty or goes back, or there is nothing known at all.

    Examples
    --------
    >>> t = Truth(intervals=[(2, 4)])
    >>> t.label, t.as_mask((5,)).astype(int).tolist()
    (True, [0, 0, 1, 1, 0])
    """

    mask: BoolArray | None = None
    intervals: Sequence[tuple[int, int]] | None = None
    label: bool | None = None
    kind: str = ""
    severity: float | None = None
    causes: tuple[tuple[str, ...], ...] = field(default=())
    boxes: tuple[tuple[int, int, int, int], ...] = field(default=())
    box_kinds: tuple[str, ...] = field(default=())
    channels: tuple[BoolArray, ...] = field(default=(), repr=False)
    saturations: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.mask is None and self.intervals is None and self.label is None and self.severity is None:
            raise InputError("truth needs a mask, intervals, a label or a severity")
        for start, stop in self.intervals or ():
            if not 0 <= start < stop:
                raise InputError(f"the interval ({start}, {stop}) is empty or goes back; intervals are [start, stop)")
        if self.label is None and (self.mask is not None or self.intervals is not None):
            found = bool(np.any(self.mask)) if self.mask is not None else bool(self.intervals)
            object.__setattr__(self, "label", found)

    def as_mask(self, grid: tuple[int, ...]) -> BoolArray:
        """Return the truth as a mask of shape `grid`.

        Raises
        ------
        InputError
            If the mask has another shape, an interval runs past the end, or only a label is known.
        """
        if self.mask is not None:
            if self.mask.shape != grid[: self.mask.ndim]:
                raise InputError(f"the mask has shape {self.mask.shape} where the sample has {grid}")
            return np.asarray(self.mask, dtype=bool)
        if self.intervals is None:
            raise InputError("only a label is known for this sample, not where the anomaly is")
        mask = np.zeros(grid[0], dtype=bool)
        for start, stop in self.intervals:
            if stop > grid[0]:
                raise InputError(f"the interval ({start}, {stop}) runs past the end of a sample of {grid[0]} places")
            mask[start:stop] = True
        return mask
