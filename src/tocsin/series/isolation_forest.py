"""IsolationForest: windows that random cuts separate from the rest after few steps.

A tree cuts a small sample of windows at a random row of the window and a random height, again and again, until every
window stands alone. Windows unlike the others stand alone early, so a short mean path over many trees is strange.
Windows keep their level and amplitude: both are part of what may be wrong. The trees are grown by scikit-learn on a
bounded sample; they are kept and walked as plain arrays, so that nothing of the estimator has to be stored.

Reference: Liu, Ting and Zhou, Isolation Forest, 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.core.windows import window_starts
from tocsin.series._forest import Forest
from tocsin.series._window_detector import WindowDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray

POOL = 20_000


class IsolationForest(WindowDetector):
    """Isolation forest over the windows of each channel.

    The raw score of a window is the 2^(-mean path / usual path) of the paper; less its training median, and divided by
    what is usually high for that, it becomes comparable over channels.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    trees : int
        Trees per channel.
    sample : int
        Windows that each tree is grown on.
    random_state : int
        Seed.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(3000) / 8); x[2000:2040] *= 0.1
    >>> scores = IsolationForest(window=50, trees=50).fit_score(x)
    >>> 1950 < int(np.argmax(scores.local)) < 2090
    True
    """

    card: ClassVar[Card] = Card(
        name="isolation-forest",
        summary="windows that random cuts separate from the rest after few steps",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear: rows x trees",
        cite="Liu, Ting and Zhou 2008",
    )
    zero_is_arbitrary: ClassVar[bool] = True

    forests_: list[Forest | None]

    def __init__(
        self, window: int | str | None = None, *, trees: int = 100, sample: int = 256, random_state: int = 0
    ) -> None:
        self.window = window
        self.trees = trees
        self.sample = sample
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"trees": 30}

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.trees < 1 or self.sample < 2:
            raise InputError(f"there is at least 1 tree with 2 windows, not {self.trees} with {self.sample}")
        self.forests_ = [None] * len(self.channels_)

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        from sklearn.ensemble import IsolationForest as SklearnForest

        windows = self._some_windows(columns, POOL)
        grown = SklearnForest(
            n_estimators=self.trees,
            max_samples=min(self.sample, len(windows)),
            random_state=int(rng.integers(2**31 - 1)),
        ).fit(windows)
        self.forests_[c] = Forest.from_sklearn(grown)

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        features = np.ascontiguousarray(windows.T)
        forest = self._forest(c)
        return _strangeness(forest.mean_paths(lambda f: features[f], len(windows)), forest)

    def _judge_column(self, c: int, column: FloatArray) -> FloatArray:
        forest = self._forest(c)
        raw = _strangeness(forest.paths_of_series(column, self.window_), forest)
        return raw[window_starts(len(column), self.window_, self.stride_)]

    def _forest(self, c: int) -> Forest:
        forest = self.forests_[c]
        assert forest is not None
        return forest

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "forests_": [f and f.to_state() for f in self.forests_]}

    def _restore(self, state: dict[str, Any]) -> None:
        forests = state.pop("forests_")
        super()._restore(state)
        self.forests_ = [f and Forest.from_state(f, self.window_) for f in forests]


def _strangeness(paths: FloatArray, forest: Forest) -> FloatArray:
    return np.asarray(np.exp2(-paths / np.float32(forest.usual)))
