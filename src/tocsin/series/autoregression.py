"""Autoregression: how badly the rows of a window are foretold from the rows beside them.

Each row is a weighted sum of the rows before it; the weights are learned by ridge regression from exact
autocovariances, without a matrix of lags. The first half of a window has no rows before it inside the window, so it is
foretold backwards from the second half: for a linear process the same weights hold in both directions. A window's score
is the root mean square of both halves' errors, so it lies in the window's middle and depends on nothing outside.

Reference: Box and Jenkins, Time Series Analysis: Forecasting and Control, 1970. Deviations: the window as above instead
of single errors, which are too spiky to rank windows by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.core.windows import running_sum, window_starts
from tocsin.series._window_detector import WindowDetector
from tocsin.series.subsequence_pca import window_covariance

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray


class Autoregression(WindowDetector):
    """Errors of a linear forecast from half a window of neighbouring rows.

    Parameters
    ----------
    window : int, optional
        Rows per window, of which half are lags; from the period when left out.
    ridge : float
        Weight of small coefficients, as a share of the channel's variance.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 6) + 0.05 * np.random.default_rng(0).normal(size=2000)
    >>> x[1200:1210] = x[1200]
    >>> scores = Autoregression(window=40).fit_score(x)
    >>> 1170 < int(np.argmax(scores.local)) < 1240
    True
    """

    card: ClassVar[Card] = Card(
        name="autoregression",
        summary="windows whose rows do not follow from their neighbours as usual",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear: rows x window multiply-adds",
        cite="Box and Jenkins 1970",
    )

    weights_: FloatArray

    def __init__(self, window: int | str | None = None, *, ridge: float = 1e-3) -> None:
        self.window = window
        self.ridge = ridge

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if not self.ridge > 0:
            raise InputError(f"the ridge is above 0, not {self.ridge}")
        self.weights_ = np.zeros((len(self.channels_), self.window_ // 2))

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        lags = self.window_ // 2
        _, covariance = window_covariance(columns, lags + 1)
        # For a stationary series only the distance between rows counts: averaging over diagonals makes the two
        # directions exact mirror images.
        by_distance = np.array([np.diagonal(covariance, d).mean() for d in range(lags + 1)])
        apart = np.abs(np.subtract.outer(np.arange(lags), np.arange(lags)))
        among = by_distance[apart] + self.ridge * by_distance[0] * np.eye(lags)
        self.weights_[c] = np.linalg.solve(among, by_distance[lags:0:-1])

    def _judge_column(self, c: int, column: FloatArray) -> FloatArray:
        window, lags = self.window_, self.window_ // 2
        ahead = column[lags:] - np.correlate(column[:-1], self.weights_[c], "valid")
        back = column[:-lags] - np.correlate(column[1:], self.weights_[c][::-1], "valid")
        # Errors ahead are of rows `lags` and later; a window begun at s has them for its rows from s + lags on.
        later = running_sum(np.square(ahead), window - lags)
        earlier = running_sum(np.square(back), lags)
        starts = window_starts(len(column), window, self.stride_)
        return np.asarray(np.sqrt((later[starts] + earlier[starts]) / window))

    def _judge_learned(self, c: int, columns: list[FloatArray]) -> FloatArray:
        return np.concatenate([self._judge_column(c, column) for column in columns])

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        return np.concatenate([self._judge_column(c, window.astype(np.float64)) for window in windows])

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return a short window, which fits into small samples."""
        return {"window": 24}
