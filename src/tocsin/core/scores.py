"""Scores: how strange each place of one sample is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Scores:
    """How strange each place of one sample is; higher is stranger.

    Parameters
    ----------
    local : ndarray of float, shape of the sample's grid, optional
        One score per place; NaN only where the sample has no data. A video detector that cannot tell pixels apart
        gives one score per frame. None where the detector judges the sample as a whole only.
    overall : float, optional
        One score for the whole sample; the largest local score when left out.
    parts : ndarray of float, shape ``local.shape + (k,)``, optional
        `local` split by channel, entity pair or view.
    part_names : tuple of str
        The names of the `k` parts.
    sample_id : str
        Which sample this is about.
    traces : ndarray of float, shape (t,), optional
        One score per trace of events, in the order of `Events.by_trace`; for detectors that judge traces.
    notes : dict
        What the detector found out while scoring (chosen window, coverage, expected values).

    Raises
    ------
    InputError
        If shapes do not fit, a score is infinite, or there is neither a local nor an overall score.

    Examples
    --------
    >>> s = Scores(np.array([0.1, 0.7, np.nan]))
    >>> s.overall
    0.7
    """

    local: FloatArray | None = None
    overall: float = float("nan")
    parts: FloatArray | None = None
    part_names: tuple[str, ...] = ()
    sample_id: str = ""
    traces: FloatArray | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.local is None and not np.isfinite(self.overall):
            raise InputError("scores need a local or a finite overall part")
        if self.local is not None:
            local = np.asarray(self.local)
            if local.dtype.kind != "f":
                local = local.astype(np.float64)
            if np.isinf(local).any():
                raise InputError(f"the score of place {int(np.flatnonzero(np.isinf(local.ravel()))[0])} is infinite")
            object.__setattr__(self, "local", local)
            if np.isnan(self.overall) and np.isfinite(local).any():
                object.__setattr__(self, "overall", float(np.nanmax(local)))
        if self.traces is not None:
            traces = np.asarray(self.traces, dtype=np.float64)
            if traces.ndim != 1 or np.isinf(traces).any():
                raise InputError("scores of traces are one finite number for each trace")
            object.__setattr__(self, "traces", traces)
        if self.parts is not None:
            if self.local is None or self.parts.shape[:-1] != self.local.shape:
                raise InputError("parts have the shape of the local scores, plus one axis of parts")
            if len(self.part_names) != self.parts.shape[-1]:
                raise InputError(f"{len(self.part_names)} names were given for {self.parts.shape[-1]} parts")

    def shares(self, place: tuple[int, ...] | int) -> list[tuple[str, float]]:
        """Return the parts of one place as shares of their sum, largest first."""
        if self.parts is None:
            return []
        values = np.nan_to_num(np.asarray(self.parts[place], dtype=np.float64), nan=0.0).clip(min=0.0)
        total = float(values.sum()) or 1.0
        order = np.argsort(-values, kind="stable")
        return [(self.part_names[i], float(values[i]) / total) for i in order]
