"""SubKNN: how far each window is from its k nearest relatives.

The plain form of what `window-neighbours` does at several lengths: one length, every learned window kept unless told
otherwise, exact distances. Windows lose their mean and keep their amplitude.

Reference: Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, 2000; on windows
as Sub-KNN in Paparrizos et al., TSB-UAD, 2022. Deviations: amplitude is kept unless `normalise`, and windows that
overlap by more than half are not compared, for every window is near its own shifted copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.series._neighbour_detector import NeighbourDetector

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


class SubKNN(NeighbourDetector):
    """Mean distance of windows to their nearest learned windows.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    neighbours : int
        Over how many neighbours distances are averaged.
    normalise : bool
        Divide each window by its own deviation too, so that only shape counts.
    references : int, optional
        How many learned windows, drawn at random, are kept to compare with; all of them, and so exact, when left out.
    random_state : int
        Which are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 6); x[1200:1230] = 0.0
    >>> scores = SubKNN(window=40).fit_score(x)
    >>> 1160 < int(np.argmax(scores.local)) < 1270
    True
    """

    card: ClassVar[Card] = Card(
        name="sub-knn",
        summary="windows that are far from their nearest learned windows",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="quadratic: about a nanosecond per pair of windows of any length; linear with `references`",
        cite="Ramaswamy, Rastogi and Shim 2000; Paparrizos et al. 2022",
    )

    def __init__(
        self,
        window: int | str | None = None,
        *,
        neighbours: int = 5,
        normalise: bool = False,
        references: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.neighbours = neighbours
        self.normalise = normalise
        self.references = references
        self.random_state = random_state

    def _rate(self, c: int, distances: FloatArray, indices: IntArray) -> FloatArray:
        return np.asarray(distances.mean(axis=1, dtype=np.float64))

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return a short window, which fits into small samples."""
        return {"window": 24, "neighbours": 3}
