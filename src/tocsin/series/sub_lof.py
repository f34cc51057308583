"""SubLOF: how much sparser a window's surroundings are than those of its neighbours.

Where distances alone would call every window of a wild regime strange, the local outlier factor compares like with
like: a window's density (the inverse of its mean reachability distance) against the densities of its neighbours.

Reference: Breunig, Kriegel, Ng and Sander, LOF: Identifying Density-Based Local Outliers, 2000; on windows as Sub-LOF
in Paparrizos et al., TSB-UAD, 2022. Deviations: windows keep their amplitude unless `normalise`; windows that overlap
by more than half are not neighbours; exactly k neighbours count where several are equally far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.series._neighbour_detector import NeighbourDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray, IntArray

# Density of windows that are all alike; in root mean square standard deviations per row.
NOTHING = 1e-6


class SubLOF(NeighbourDetector):
    """Local outlier factor of windows among the learned ones.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    neighbours : int
        How many neighbours make a window's surroundings.
    normalise : bool
        Divide each window by its own deviation too, so that only shape counts.
    references : int, optional
        How many learned windows, drawn at random, are kept to compare with; all of them, and so exact, when left out.
    random_state : int
        Which are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 6) + 0.05 * np.random.default_rng(0).normal(size=2000); x[1200:1230] = 0.0
    >>> scores = SubLOF(window=40).fit_score(x)
    >>> 1160 < int(np.argmax(scores.local)) < 1270
    True
    """

    card: ClassVar[Card] = Card(
        name="sub-lof",
        summary="windows in sparser surroundings than their neighbours have",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="quadratic: about a nanosecond per pair of windows of any length; linear with `references`",
        cite="Breunig et al. 2000; Paparrizos et al. 2022",
    )
    zero_is_arbitrary: ClassVar[bool] = True

    radii_: tuple[FloatArray, ...]
    densities_: tuple[FloatArray, ...]

    def __init__(
        self,
        window: int | str | None = None,
        *,
        neighbours: int = 30,
        normalise: bool = False,
        references: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.neighbours = neighbours
        self.normalise = normalise
        self.references = references
        self.random_state = random_state

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        super()._prepare(samples, rng)
        self.radii_, self.densities_ = (), ()

    def _know(self, c: int, distances: FloatArray, indices: IntArray) -> None:
        empty = (np.empty(0),) * (c - len(self.radii_))
        self.radii_ += (*empty, distances[:, -1].astype(np.float64))
        self.densities_ += (*empty, self._density(c, distances, indices))

    def _rate(self, c: int, distances: FloatArray, indices: IntArray) -> FloatArray:
        around = self.densities_[c][indices].mean(axis=1)
        return np.asarray(around / self._density(c, distances, indices))

    def _density(self, c: int, distances: FloatArray, indices: IntArray) -> FloatArray:
        """Inverse of the mean reachability distance: no neighbour is nearer than its own k-th neighbour is to it."""
        reachability = np.maximum(distances, self.radii_[c][indices])
        return np.asarray(1 / np.maximum(reachability.mean(axis=1), NOTHING))

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return a short window and few neighbours, which fit into small samples."""
        return {"window": 24, "neighbours": 10}
