"""Windowed: any outlier estimator of scikit-learn or PyOD, over the windows of a series, under the detectors' contract.

The estimator is fitted on a bounded sample of windows per channel, and scores windows chunk by chunk. A stored model
holds the estimator's class path, its parameters and those training windows; loading fits it again with the same seed
and compares it with stored check scores, so nothing is unpickled and a library that now gives other scores is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.windows import Normalise
from tocsin.series._estimators import build, describe, make, row_scores
from tocsin.series._window_detector import WindowDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray

CHECKS = 64


class Windowed(WindowDetector):
    """A scikit-learn or PyOD estimator on the windows of each channel.

    Raw scores less their training median, divided by what is usually high for that, are comparable over channels.
    A window's score depends on that window alone, also for PyOD's ECOD and COPOD, whose own scores depend on
    the batch: they are counted against the training windows row by row.

    Parameters
    ----------
    estimator : estimator, str or mapping
        An unfitted instance, a dotted name such as ``pyod.models.ecod.ECOD``, or ``{"class": ..., "parameters":
        {...}}``. Without a seed of its own it gets `random_state`.
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    stride : int
        Rows from one scored window to the next; scores between are drawn on straight lines.
    normalise : {'none', 'mean', 'z'}
        What is taken off a window: nothing, its mean, or its mean and deviation.
    training_windows : int
        Windows per channel that the estimator is fitted on, evenly spaced.
    random_state : int
        Seed.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(1500) / 8); x[1000:1040] *= 0.2
    >>> scores = Windowed("sklearn.neighbors.LocalOutlierFactor", window=50).fit_score(x)
    >>> 950 < int(np.argmax(scores.local)) < 1090
    True
    """

    card: ClassVar[Card] = Card(
        name="windowed",
        summary="windows that an estimator of scikit-learn or PyOD calls strange",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="as the estimator's, on a bounded number of training windows",
    )
    zero_is_arbitrary: ClassVar[bool] = True

    training_: tuple[FloatArray, ...]
    checks_: tuple[FloatArray, ...]
    fitted_with_: str
    judges_: list[Callable[[FloatArray], FloatArray] | None]

    def __init__(
        self,
        estimator: Any = "sklearn.ensemble.IsolationForest",
        window: int | str | None = None,
        *,
        stride: int = 1,
        normalise: Normalise = "none",
        training_windows: int = 10_000,
        random_state: int = 0,
    ) -> None:
        self.estimator = estimator
        self.window = window
        self.stride = stride
        self.normalise = normalise
        self.training_windows = training_windows
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {
            "estimator": {"class": "sklearn.ensemble.IsolationForest", "parameters": {"n_estimators": 20}},
            "training_windows": 1000,
        }

    @property
    def streams(self) -> bool:
        """With a stride, where windows start depends on where a part starts."""
        return self.stride == 1

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.normalise not in ("none", "mean", "z"):
            raise InputError(f"windows are normalised by 'none', 'mean' or 'z', not {self.normalise!r}")
        if self.training_windows < 2:
            raise InputError(f"an estimator learns from at least 2 windows, not {self.training_windows}")
        nothing = np.zeros((0, self.window_), dtype=np.float32)
        self.training_ = (nothing,) * len(self.channels_)
        self.checks_ = (np.zeros(0),) * len(self.channels_)
        build(describe(self.estimator), self.random_state)
        self.fitted_with_ = _library(describe(self.estimator)["class"])
        self.judges_ = [None] * len(self.channels_)

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        windows = self._some_windows(columns, self.training_windows)
        self.judges_[c], remark = self._fitted(windows)
        if remark and remark not in self.findings_:
            self.findings_ += (remark,)
        self.training_ = (*self.training_[:c], windows, *self.training_[c + 1 :])
        self.checks_ = (*self.checks_[:c], self._judge(c, _some(windows)), *self.checks_[c + 1 :])

    def _judge_learned(self, c: int, columns: list[FloatArray]) -> FloatArray:
        return self._judge(c, self.training_[c])

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        judge = self.judges_[c]
        assert judge is not None
        scores = judge(windows)
        if not np.isfinite(scores).all():
            raise InputError(
                f"{describe(self.estimator)['class']} gave a score that is not finite to a window of channel "
                f"{self.channels_[c]!r}: choose other parameters or another estimator"
            )
        return np.asarray(scores)

    def _normalise(self) -> Normalise:
        return self.normalise

    def _fitted(self, windows: FloatArray) -> tuple[Callable[[FloatArray], FloatArray], str]:
        description = describe(self.estimator)
        estimator = build(description, self.random_state)
        rows = windows.astype(np.float64)
        try:
            estimator.fit(rows)
        except ValueError as error:
            raise InputError(f"{description['class']} cannot learn from these windows: {error}") from error
        return row_scores(estimator, rows)

    def _stored_parameters(self) -> dict[str, Any]:
        # A name or a description is stored as it is; of an instance, the description, and that it was one.
        given = self.estimator
        stored = given if isinstance(given, str | Mapping) else {**describe(given), "instance": True}
        return {**super()._stored_parameters(), "estimator": stored}

    def _state(self) -> dict[str, Any]:
        return {k: v for k, v in super()._state().items() if k != "judges_"}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if isinstance(self.estimator, Mapping) and "instance" in self.estimator:
            self.estimator = make({k: v for k, v in self.estimator.items() if k != "instance"})
        path = describe(self.estimator)["class"]
        self.judges_ = [None] * len(self.training_)
        for c, windows in enumerate(self.training_):
            if len(windows) == 0:
                continue
            self.judges_[c], _ = self._fitted(windows)
            if not np.allclose(self._judge(c, _some(windows)), self.checks_[c], rtol=1e-9, atol=1e-12):
                raise ArtifactError(
                    f"{path}, fitted again on the stored windows, gives other scores: the model was "
                    f"written with {self.fitted_with_} and this is {_library(path)}; fit it again"
                )


def _some(windows: FloatArray) -> FloatArray:
    return np.asarray(windows[np.linspace(0, len(windows) - 1, min(CHECKS, len(windows))).astype(int)])


def _library(path: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    package = {"sklearn": "scikit-learn"}.get(path.partition(".")[0], path.partition(".")[0])
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
