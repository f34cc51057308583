"""Item: one sample to be judged, read when its turn comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.core.samples import Sample
    from tocsin.core.truth import Truth


@dataclass(frozen=True, eq=False)
class Item:
    """One sample to be judged.

    Parameters
    ----------
    id : str
        Its name in the data set.
    load : callable
        Returns sample and truth (None where nothing is known).
    group : str
        What is resampled: host, product, recording.
    half : {'', 'choose', 'report', 'both'}
        Which half of the data it belongs to, where settings are chosen; ``both`` is cut in two when it is measured.
    """

    id: str
    load: Callable[[], tuple[Sample, Truth | None]]
    group: str
    half: str = ""
