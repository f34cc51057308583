"""Settings: how a set of weights wants series to be brought before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from tocsin.core.errors import InputError


@dataclass(frozen=True)
class Settings:
    """How series are cut, scaled and normalised for one set of weights.

    Parameters
    ----------
    window : int
        Points that the network sees at once.
    overlap : float in [0, 1)
        Share of a window that the next one covers again.
    scales : tuple of int
        The series is also read as means of so many rows.
    normalise : {'window', 'series'}
        Whether each window or the series as a whole gets zero mean and unit deviation.
    damped : bool
        Whether standardised values pass through asinh.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    window: int
    overlap: float
    scales: tuple[int, ...]
    normalise: Literal["window", "series"]
    damped: bool

    def __post_init__(self) -> None:
        if not _whole(self.window) or self.window < 16:
            raise InputError(f"the window of timercd is a whole number of at least 16 points, not {self.window!r}")
        if not isinstance(self.overlap, int | float) or not 0 <= self.overlap < 1:
            raise InputError(f"the overlap of timercd is a share from 0 to below 1, not {self.overlap!r}")
        scales = self.scales
        if not isinstance(scales, tuple) or not scales or not all(_whole(k) and 1 <= k <= 4096 for k in scales):
            raise InputError(
                f"the scales of timercd are whole numbers from 1 to 4096, such as (1, 4, 16), not {scales!r}"
            )
        if self.normalise not in ("window", "series"):
            raise InputError(f"timercd normalises each 'window' or the whole 'series', not {self.normalise!r}")

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Settings:
        """Rebuild from `to_dict`, as read from a file.

        Raises
        ------
        InputError
            If something is missing, unknown or out of range.
        """
        known = {f.name for f in fields(cls)}
        if set(stored) != known:
            raise InputError(
                f"scoring settings are {', '.join(sorted(known))}, not {', '.join(sorted(map(str, stored)))}"
            )
        scales = stored["scales"]
        return cls(**{**stored, "scales": tuple(scales) if isinstance(scales, list | tuple) else scales})

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {**asdict(self), "scales": list(self.scales)}


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# The published checkpoints: windows of 5 000 points side by side, one z-score over the whole series.
PUBLISHED = Settings(window=5000, overlap=0.0, scales=(1,), normalise="series", damped=False)
# Our own: chosen on one half of the labelled series in the model card.
SMALL = Settings(window=1024, overlap=0.25, scales=(1, 2, 4, 8, 16), normalise="window", damped=True)
