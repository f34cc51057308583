"""SubsequencePCA: how far a window lies from the shapes that windows usually have.

The windows of a channel spread over some directions and hardly over others. Their covariance is learned exactly, and
without ever forming the windows: the entry for rows i and j of a window is a sum of products at lag j - i, so one
product per lag gives all entries on a diagonal. A window is then whitened (each direction divided by its usual
deviation) and its length is the score: the Mahalanobis distance with a small ridge. The classical score, what is left
of a window after the directions with 95 % of the variance, is there as well; it throws away the level and the shape
of slow changes, and on labelled series ranks far worse.

Reference: Shyu, Chen, Sarinnapakorn and Chang, A Novel Anomaly Detection Scheme Based on Principal Component
Classifier, 2003; for windows of series: Sub-PCA in Paparrizos et al., TSB-UAD, 2022 (the residual form).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.series._window_detector import WindowDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray


class SubsequencePCA(WindowDetector):
    """Whitened distance of windows from their mean, or what the main directions leave over.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    distance : {'whitened', 'residual'}
        Distance with every direction divided by its usual deviation, or distance from the main directions.
    variance : float
        Share of variance that the main directions hold (`residual`, and the expected values shown).
    ridge : float
        Share of the total variance that is added to each direction's (`whitened`).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 5) + 0.05 * np.random.default_rng(0).normal(size=2000)
    >>> x[1200:1230] = x[1200:1230][::-1].copy()
    >>> found = SubsequencePCA(window=32).fit_detect(x, false_alarms="top 1")
    >>> found.anomalies[0].start < 1230 and found.anomalies[0].stop > 1200
    True
    """

    card: ClassVar[Card] = Card(
        name="subsequence-pca",
        summary="windows that lie far from the usual ones, measured against how windows usually vary",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear: rows x window^2 multiply-adds",
        cite="Shyu et al. 2003; Paparrizos et al. 2022",
    )

    means_: FloatArray
    directions_: FloatArray
    variances_: FloatArray

    def __init__(
        self,
        window: int | str | None = None,
        *,
        distance: Literal["whitened", "residual"] = "whitened",
        variance: float = 0.95,
        ridge: float = 1e-3,
    ) -> None:
        self.window = window
        self.distance = distance
        self.variance = variance
        self.ridge = ridge

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.distance not in ("whitened", "residual"):
            raise InputError(f"the distance is 'whitened' or 'residual', not {self.distance!r}")
        if not 0 < self.variance < 1:
            raise InputError(f"the share of variance lies between 0 and 1, not at {self.variance}")
        if not self.ridge > 0:
            raise InputError(f"the ridge is above 0, not {self.ridge}")
        count, window = len(self.channels_), self.window_
        self.means_ = np.zeros((count, window))
        self.variances_ = np.ones((count, window))
        self.directions_ = np.zeros((count, window, window), dtype=np.float32)

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        mean, covariance = window_covariance(columns, self.window_)
        variances, directions = np.linalg.eigh(covariance)
        self.means_[c] = mean
        self.variances_[c] = np.maximum(variances[::-1], 0.0)
        self.directions_[c] = directions[:, ::-1]

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        windows = windows - self.means_[c].astype(np.float32)
        projected = windows @ self._weights(c)
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", projected, projected) / self.window_))

    def _weights(self, c: int) -> FloatArray:
        """One column per direction that counts, scaled by how much it counts."""
        if self.distance == "residual":
            # The minor directions themselves: subtracting the main ones from the whole would cost digits.
            return np.asarray(self.directions_[c][:, self._main(c) :])
        usual = np.sqrt(self.variances_[c] + self.ridge * self.variances_[c].sum())
        return np.asarray(self.directions_[c] / usual.astype(np.float32))

    def _main(self, c: int) -> int:
        """How many directions hold the wanted share of variance; at least one is left out."""
        share = np.cumsum(self.variances_[c]) / self.variances_[c].sum()
        return min(int(np.searchsorted(share, self.variance)) + 1, self.window_ - 1)

    def _expected(self, sample: Series) -> FloatArray | None:
        """Each row as the main directions of the window around it would have it: one filter per channel."""
        assert self.profile_ is not None
        expected = np.empty((len(sample), len(self.channels_)), dtype=np.float32)
        before = self.window_ // 2
        for c in range(len(self.channels_)):
            column = self._standard(sample.values, c)
            if self.flat_[c]:
                expected[:, c] = self.profile_.centre[c]
                continue
            main = self.directions_[c][:, : self._main(c)].astype(np.float64)
            filters = main @ main.T
            middle = np.correlate(column, filters[before], "valid") + self.means_[c][before]
            middle -= filters[before] @ self.means_[c]
            head, tail = (
                filters @ (column[part] - self.means_[c]) + self.means_[c]
                for part in (slice(0, self.window_), slice(len(column) - self.window_, None))
            )
            drawn = np.concatenate((head[:before], middle, tail[before + 1 :]))
            expected[:, c] = drawn * self.profile_.scale[c] + self.profile_.centre[c]
        return expected


def window_covariance(columns: Sequence[FloatArray], window: int) -> tuple[FloatArray, FloatArray]:
    """Return mean (window,) and covariance (window, window) of all windows of some stretches of one channel.

    Costs one product of the data with itself per lag: from the first entry of a diagonal to the next, one product
    leaves the sum at the front and one enters at the end.
    """
    total = np.zeros((window, window))
    mean = np.zeros(window)
    windows = 0
    for x in columns:
        n = len(x) - window + 1
        windows += n
        mean += x[:n].sum() + np.concatenate(([0.0], np.cumsum(x[n:] - x[: window - 1])))
        for lag in range(window):
            entering = x[n : n + window - 1 - lag] * x[n + lag :]
            leaving = x[: window - 1 - lag] * x[lag : window - 1]
            diagonal = x[:n] @ x[lag : lag + n] + np.concatenate(([0.0], np.cumsum(entering - leaving)))
            rows = np.arange(window - lag)
            total[rows, rows + lag] += diagonal
    mean /= windows
    upper = total / windows - np.outer(mean, mean)
    return mean, np.triu(upper) + np.triu(upper, 1).T
