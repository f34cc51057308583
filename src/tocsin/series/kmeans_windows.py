"""KMeansWindows: how far each window is from the typical windows of what was learned.

A few typical shapes are found once; scoring then compares every window with those only, which makes this the cheapest
of the detectors that go by likeness. Windows lose their mean and keep their amplitude.

Reference: Yairi, Kato and Hori, Fault Detection by Mining Association Rules from House-keeping Data, 2001 (k-means on
windows); Lloyd, Least Squares Quantization in PCM, 1982; start centres after Arthur and Vassilvitskii, k-means++, 2007.
Deviations: amplitude is kept unless `normalise`; centres are found on at most 20 000 windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.core.neighbours import nearest
from tocsin.core.windows import Normalise
from tocsin.series._window_detector import REFERENCE_WINDOWS, WindowDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray


class KMeansWindows(WindowDetector):
    """Distance of windows to the nearest of a few typical ones.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    clusters : int
        How many typical windows per channel.
    normalise : bool
        Divide each window by its own deviation too, so that only shape counts.
    iterations : int
        Rounds of moving the centres at most.
    random_state : int
        Where the centres start.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 6); x[1200:1230] = 0.0
    >>> scores = KMeansWindows(window=40).fit_score(x)
    >>> 1160 < int(np.argmax(scores.local)) < 1270
    True
    """

    card: ClassVar[Card] = Card(
        name="kmeans-windows",
        summary="windows that are far from all typical windows",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear: rows x clusters x window multiply-adds",
        cite="Yairi, Kato and Hori 2001",
    )

    centres_: FloatArray

    def __init__(
        self,
        window: int | str | None = None,
        *,
        clusters: int = 20,
        normalise: bool = False,
        iterations: int = 30,
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.clusters = clusters
        self.normalise = normalise
        self.iterations = iterations
        self.random_state = random_state

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.clusters < 1:
            raise InputError(f"there is at least 1 cluster, not {self.clusters}")
        if self.iterations < 1:
            raise InputError(f"the centres move at least once, not {self.iterations} times")
        self.centres_ = np.zeros((len(self.channels_), self.clusters, self.window_), dtype=np.float32)

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        windows = self._some_windows(columns, REFERENCE_WINDOWS)
        self.centres_[c] = kmeans(windows, self.clusters, rng, iterations=self.iterations)

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        distances, _ = nearest(windows, self.centres_[c])
        return np.asarray(distances[:, 0] / np.sqrt(self.window_))

    def _normalise(self) -> Normalise:
        return "z" if self.normalise else "mean"

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return a short window, which fits into small samples."""
        return {"window": 24, "clusters": 8}


def kmeans(points: FloatArray, count: int, rng: np.random.Generator, *, iterations: int = 30) -> FloatArray:
    """Return `count` centres of points of shape (n, d); fewer different points than centres repeat.

    Examples
    --------
    >>> points = np.array([[0.0], [0.2], [9.8], [10.0]], dtype=np.float32)
    >>> np.sort(kmeans(points, 2, np.random.default_rng(0)).ravel()).astype(float).round(2).tolist()
    [0.1, 9.9]
    """
    centres = _spread_out(points, count, rng)
    before = None
    for _ in range(iterations):
        distances, which = nearest(points, centres)
        mine = which[:, 0]
        if before is not None and np.array_equal(mine, before):
            break
        before = mine
        order = np.argsort(mine, kind="stable")
        members = np.bincount(mine, minlength=count)
        filled = np.flatnonzero(members)
        edges = np.concatenate(([0], np.cumsum(members)))[filled]
        centres[filled] = np.add.reduceat(points[order], edges, axis=0, dtype=np.float64) / members[filled, None]
        # An empty cluster starts again at the point that is worst off.
        empty = np.flatnonzero(members == 0)
        centres[empty] = points[np.argsort(-distances[:, 0], kind="stable")[: len(empty)]]
    return centres


def _spread_out(points: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Start centres: each drawn with a chance that grows with the squared distance to those before."""
    chosen = [int(rng.integers(len(points)))]
    apart = np.full(len(points), np.inf)
    while len(chosen) < count:
        difference = points - points[chosen[-1]]
        apart = np.minimum(apart, np.einsum("ij,ij->i", difference, difference))
        total = float(apart.sum())
        place = rng.random() * total
        chosen.append(min(int(np.searchsorted(np.cumsum(apart), place)), len(points) - 1) if total > 0 else 0)
    return points[chosen].astype(np.float32)
