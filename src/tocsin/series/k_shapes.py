"""KShapes: how well each window fits anywhere into the few shapes that what was learned consists of.

Shapes are several windows long, so that they hold what comes before and after. They are found by k-Shape, which
compares stretches by the shape-based distance, one less the largest correlation over all shifts of one against the
other: a beat counts as the same wherever in its stretch it stands. Stretches go to the nearest shape, and each shape
becomes the sequence that correlates most with its stretches once they are aligned to it, the leading eigenvector of
their centred scatter. A window is then laid on every place of every shape, and what correlates with none is strange.

Neither amplitude nor level counts: where the size of a beat tells, kmeans-windows sees more.

Reference: Paparrizos and Gravano, k-Shape: Efficient and Accurate Clustering of Time Series, 2015; shapes longer than
the windows that are judged by them, and their weights, after Boniol et al., Unsupervised and Scalable Subsequence
Anomaly Detection in Large Data Series, 2021 (NormA), and SAND: Streaming Subsequence Anomaly Detection, 2021.
Deviations: shapes start at stretches drawn as k-means++ draws them, not from a random partition; a shape that lost all
its stretches starts again at the one that is worst off; two stretches without any shape are alike (distance 0);
the nearest shape decides unless `rule` says so otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.core.windows import Normalise, window_starts, windows_at
from tocsin.series._window_detector import WindowDetector

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray, IntArray

LEARNED_STRETCHES = 2000
RULES = ("nearest", "weighted")


class KShapes(WindowDetector):
    """Distance of windows to typical shapes, wherever in these they fit best.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out.
    clusters : int
        How many shapes per channel.
    longer : int
        How many windows long a shape is, where the series are long enough.
    rule : {'nearest', 'weighted'}
        Distance to the nearest shape, or the mean distance to all, where a shape counts by the square of the share of
        stretches it stands for and by how near it is to the other shapes.
    iterations : int
        Rounds of moving the shapes at most.
    random_state : int
        Where the shapes start.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(2000) / 6); x[1200:1240] = np.linspace(-1, 1, 40) ** 2
    >>> scores = KShapes(window=40).fit_score(x)
    >>> 1160 < int(np.argmax(scores.local)) < 1280
    True
    """

    card: ClassVar[Card] = Card(
        name="k-shapes",
        summary="windows that fit nowhere into the typical shapes, whenever these come and however large they are",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear: rows x places in shapes x window multiply-adds; shapes come from 2 000 stretches",
        cite="Paparrizos and Gravano 2015; Boniol et al. 2021",
    )

    shapes_: FloatArray
    weights_: FloatArray

    def __init__(
        self,
        window: int | str | None = None,
        *,
        clusters: int = 6,
        longer: int = 3,
        rule: Literal["nearest", "weighted"] = "nearest",
        iterations: int = 30,
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.clusters = clusters
        self.longer = longer
        self.rule = rule
        self.iterations = iterations
        self.random_state = random_state

    def _prepare(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        for name in ("clusters", "longer", "iterations"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is at least 1, not {getattr(self, name)}")
        if self.rule not in RULES:
            raise InputError(f"the rule is {' or '.join(map(repr, RULES))}, not {self.rule!r}")
        if self.window_ < 3:
            raise InputError(f"windows of {self.window_} rows have no shape: take at least 3")
        # A shape is seen more than once, and fits into every sample.
        room = min(min(map(len, samples)), sum(map(len, samples)) // 4)
        length = max(self.window_, min(self.longer * self.window_, room))
        self.shapes_ = np.zeros((len(self.channels_), self.clusters, length), dtype=np.float32)
        self.weights_ = np.zeros((len(self.channels_), self.clusters))

    def _learn_channel(self, c: int, columns: list[FloatArray], rng: np.random.Generator) -> None:
        stretches = _some_stretches(columns, self.shapes_.shape[2])
        self.shapes_[c], mine = k_shape(stretches, self.clusters, rng, iterations=self.iterations)
        self.weights_[c] = _weights(self.shapes_[c], np.bincount(mine, minlength=self.clusters))

    def _judge(self, c: int, windows: FloatArray) -> FloatArray:
        apart = np.stack([_misfit(windows, shape) for shape in self.shapes_[c]])
        if self.rule == "nearest":
            return np.asarray(apart.min(axis=0))
        return np.asarray(self.weights_[c].astype(apart.dtype) @ apart)

    def _normalise(self) -> Normalise:
        return "z"

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return a short window, which fits into small samples."""
        return {"window": 24, "clusters": 4}


def _some_stretches(columns: Sequence[FloatArray], length: int) -> FloatArray:
    """About `LEARNED_STRETCHES` evenly spaced normalised stretches over all samples at most."""
    step = max(1, -(-sum(len(column) - length + 1 for column in columns) // LEARNED_STRETCHES))
    return np.concatenate([windows_at(c, length, window_starts(len(c), length, step), normalise="z") for c in columns])


def _misfit(windows: FloatArray, shape: FloatArray) -> FloatArray:
    """One less the correlation of each normalised window with the place of a shape that it fits best, shape (m,)."""
    window = windows.shape[1]
    places = windows_at(shape, window, window_starts(len(shape), window), normalise="z")
    fit = (windows @ places.T).max(axis=1) / window
    if not places.any(axis=1).all():
        # What has no shape fits where the shape has none.
        fit[~windows.any(axis=1)] = 1.0
    return np.asarray(np.clip(1 - fit, 0.0, 2.0))


def shape_distances(windows: FloatArray, shapes: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return shape-based distances of windows to shapes, and the shifts at which these are reached.

    Parameters
    ----------
    windows : ndarray, shape (m, w)
        Rows of zeros have no shape: they are at distance 1 from all others and 0 from their like.
    shapes : ndarray, shape (k, w)
        What to compare with.

    Returns
    -------
    distances : ndarray, shape (m, k)
        Between 0 and 2, in the windows' precision.
    shifts : ndarray of int, shape (m, k)
        By how many rows each window comes later than the shape.

    Examples
    --------
    >>> bump = np.array([[0.0, 1.0, 2.0, 1.0, 0.0, 0.0]])
    >>> distances, shifts = shape_distances(np.roll(bump, 1, axis=1), bump)
    >>> round(float(distances[0, 0]), 6), int(shifts[0, 0])
    (0.0, 1)
    """
    from scipy.fft import irfft, next_fast_len, rfft

    length = windows.shape[1]
    size = next_fast_len(2 * length - 1, real=True)
    spectra = rfft(windows, size, axis=1)
    lengths = np.linalg.norm(windows, axis=1)
    distances = np.empty((len(windows), len(shapes)), dtype=windows.dtype)
    shifts = np.empty(distances.shape, dtype=np.intp)
    rows = np.arange(len(windows))
    for j, shape in enumerate(shapes.astype(windows.dtype)):
        alike = irfft(spectra * rfft(shape, size).conj(), size, axis=1)
        # Shifts to the left stand at the end; those between are none.
        alike[:, length : size - length + 1] = -np.inf
        best = alike.argmax(axis=1)
        scale = lengths * np.linalg.norm(shape)
        shaped = scale > 0
        correlation = np.where(shaped, alike[rows, best] / np.where(shaped, scale, 1.0), 0.0)
        if not shape.any():
            correlation[lengths == 0] = 1.0
        distances[:, j] = np.clip(1 - correlation, 0.0, 2.0)
        shifts[:, j] = np.where(shaped, np.where(best >= length, best - size, best), 0)
    return distances, shifts


def extract_shape(windows: FloatArray, shifts: IntArray) -> FloatArray:
    """Return the sequence with mean 0 and deviation 1 that correlates most with windows moved back by their shifts.

    What a move leaves empty is zero. The result is the leading eigenvector of Q S Q, where S is the scatter of the
    moved windows, each brought to mean 0 and deviation 1, and Q takes off the mean; its sign is that of the windows.

    Parameters
    ----------
    windows : ndarray, shape (m, w)
        The members of one cluster.
    shifts : ndarray of int, shape (m,)
        As `shape_distances` gives them.

    Returns
    -------
    ndarray of float64, shape (w,)
        Zeros if no window has a shape.
    """
    from scipy.linalg import eigh

    length = windows.shape[1]
    padded = np.zeros((len(windows), 3 * length))
    padded[:, length : 2 * length] = windows
    moved = np.take_along_axis(padded, np.arange(length, 2 * length) + shifts[:, None], axis=1)
    moved -= moved.mean(axis=1, keepdims=True)
    deviation = moved.std(axis=1, keepdims=True)
    moved /= np.where(deviation > 0, deviation, 1.0)
    if not moved.any():
        return np.zeros(length)
    # Rows have no mean, so Q S Q is S.
    leading = eigh(moved.T @ moved, subset_by_index=[length - 1, length - 1])[1][:, 0]
    leading -= leading.mean()
    leading *= np.sign((moved @ leading).sum()) or 1.0
    return np.asarray(leading / leading.std())


def k_shape(
    windows: FloatArray, count: int, rng: np.random.Generator, *, iterations: int = 30
) -> tuple[FloatArray, IntArray]:
    """Return `count` shapes of windows of shape (m, w), and which of them each window belongs to."""
    shapes = _spread_out(windows, count, rng)
    mine: IntArray | None = None
    for _ in range(iterations):
        distances, shifts = shape_distances(windows, shapes)
        nearest = distances.argmin(axis=1)
        if mine is not None and np.array_equal(nearest, mine):
            break
        mine = nearest
        worst = iter(np.argsort(-distances.min(axis=1), kind="stable"))
        for j in range(count):
            members = np.flatnonzero(mine == j)
            shapes[j] = extract_shape(windows[members], shifts[members, j]) if len(members) else windows[next(worst)]
    assert mine is not None
    return shapes, shape_distances(windows, shapes)[0].argmin(axis=1)


def _spread_out(windows: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """First shapes: windows, each drawn with a chance that grows with the squared distance to those before."""
    chosen = [int(rng.integers(len(windows)))]
    apart = np.full(len(windows), np.inf)
    while len(chosen) < count:
        apart = np.minimum(apart, shape_distances(windows, windows[chosen[-1:]])[0][:, 0].astype(np.float64))
        total = np.cumsum(np.square(apart))
        place = int(np.searchsorted(total, rng.random() * total[-1]))
        chosen.append(min(place, len(windows) - 1))
    return windows[chosen].copy()


def _weights(shapes: FloatArray, members: IntArray) -> FloatArray:
    """How much each shape counts; they add up to one."""
    apart = shape_distances(shapes, shapes)[0].sum(axis=1).astype(np.float64)
    weight = np.square(members / members.sum()) / np.maximum(apart, 1e-6)
    return np.asarray(weight / weight.sum())
