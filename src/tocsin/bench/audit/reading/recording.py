"""Recording: what the audit keeps of a series or of the part of one that belongs to a split."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.bench.audit.hashing import Hashes
    from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Recording:
    """What is kept of a series, or of the part of one that belongs to a split.

    Parameters
    ----------
    name, entry, split, group : str
    label : int
        1 anomalous, 0 normal, -1 unknown, of the recording as a whole.
    rows : int
    anchors : ndarray of uint64
        Hashes of stretches of 32 rows, one in sixteen, those that occur once.
    residual : ndarray of float32, optional
        What cannot be foretold from the rows before, of one channel, clipped, of length one; None where all can.
    marked : bool
        Whether it is known which rows are anomalous, and some are and some are not.
    segments : int
        Runs of anomalous rows.
    tricks : dict of str to float
        AUROC over its rows of each one-liner, where marked.
    windows : dict of str to ndarray
        Numbers of up to 64 windows, of recordings that are labelled as a whole.
    """

    name: str
    entry: str
    split: str
    group: str
    label: int
    rows: int
    anchors: Hashes
    residual: FloatArray | None
    marked: bool = False
    segments: int = 0
    tricks: dict[str, float] = field(default_factory=dict)
    windows: dict[str, FloatArray] = field(default_factory=dict)
