"""Forest: isolation trees as plain arrays, and the paths of all windows of a series through them.

Feature `f` of the window that starts at row `s` is row `s + f`, so one test of a tree, made for all windows, is one
comparison of a contiguous stretch of the series with a number: no window is ever formed. The tests are combined from
the leaves upwards: where a window goes left it takes the left subtree's answer, else the right one's. An answer is the
number of a leaf, one byte, so that a step costs a few byte operations for a whole chunk of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray

CHUNK = 1 << 15


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees, one after the other in arrays of shape (nodes,); a leaf has no children (-1).

    Parameters
    ----------
    roots : ndarray of int
        Where each tree starts. Children always come after their parent.
    feature, threshold : ndarray
        A window goes left where its feature is at most the threshold.
    left, right : ndarray of int
        Children.
    length : ndarray of float
        The path length that a leaf stands for; zero for inner nodes.
    usual : float
        The path length that a window is expected to have if nothing sets it apart.
    """

    roots: IntArray
    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    length: FloatArray
    usual: float

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """Take the trees of a fitted `sklearn.ensemble.IsolationForest` by their public attributes."""
        pieces: dict[str, list[AnyArray]] = {k: [] for k in ("feature", "threshold", "left", "right", "length")}
        roots, base = [], 0
        for estimator, features in zip(fitted.estimators_, fitted.estimators_features_, strict=True):
            tree = estimator.tree_
            inner = tree.children_left >= 0
            depth = np.zeros(tree.node_count)
            for node in np.flatnonzero(inner):
                depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
            roots.append(base)
            pieces["feature"].append(np.where(inner, np.asarray(features)[np.maximum(tree.feature, 0)], 0))
            pieces["threshold"].append(np.where(inner, _at_most(tree.threshold), 0))
            pieces["left"].append(np.where(inner, tree.children_left + base, -1))
            pieces["right"].append(np.where(inner, tree.children_right + base, -1))
            pieces["length"].append(np.where(inner, 0.0, depth + usual_path(tree.n_node_samples)))
            base += tree.node_count
        joined = {k: np.concatenate(v) for k, v in pieces.items()}
        return cls(
            roots=np.array(roots, dtype=np.int32),
            feature=joined["feature"].astype(np.int32),
            threshold=joined["threshold"].astype(np.float32),
            left=joined["left"].astype(np.int32),
            right=joined["right"].astype(np.int32),
            length=joined["length"],
            usual=float(usual_path(np.array([fitted.max_samples_]))[0]),
        )

    @classmethod
    def from_state(cls, state: dict[str, Any], window: int) -> Self:
        """Rebuild from stored arrays, trusting none of them.

        Raises
        ------
        InputError
            If they do not describe trees over windows of this length.
        """
        names = ("roots", "feature", "threshold", "left", "right", "length")
        arrays: dict[str, Any] = {name: np.asarray(state[name]) for name in names}
        found = cls(**arrays, usual=float(state["usual"]))
        nodes = np.arange(len(found.feature))
        inner = found.left >= 0
        whole = (
            len({len(a) for a in (found.feature, found.threshold, found.left, found.right, found.length)}) == 1
            and bool((found.right[inner] > nodes[inner]).all() and (found.left[inner] > nodes[inner]).all())
            and bool((found.right < len(nodes)).all() and (found.left < len(nodes)).all())
            and bool((found.feature >= 0).all() and (found.feature < window).all())
            and bool((found.roots >= 0).all() and (found.roots < len(nodes)).all() and len(found.roots) > 0)
            and bool(np.isfinite(found.threshold).all() and np.isfinite(found.length).all())
        )
        if not whole:
            raise InputError("the stored trees do not fit together")
        return found

    def to_state(self) -> dict[str, Any]:
        """Return the arrays by name."""
        return dict(vars(self))

    def mean_paths(self, feature: Callable[[int], FloatArray], count: int) -> FloatArray:
        """Return the mean path length, float32 of shape (count,), of windows whose features `feature` gives.

        Parameters
        ----------
        feature : callable
            From the number of a feature to its values, float32 of shape (count,).
        """
        total = np.zeros(count, dtype=np.float32)
        for root in self.roots:
            total += self._tree(int(root), feature, count)
        return total / np.float32(len(self.roots))

    def paths_of_series(self, column: FloatArray, window: int) -> FloatArray:
        """Return the mean path length of every window of one channel, float32 of shape (n - window + 1,)."""
        column = np.ascontiguousarray(column, dtype=np.float32)
        windows = len(column) - window + 1
        found = np.empty(windows, dtype=np.float32)
        for first in range(0, windows, CHUNK):
            count = min(CHUNK, windows - first)
            part = column[first : first + count + window - 1]
            found[first : first + count] = self.mean_paths(lambda f, p=part, m=count: p[f : f + m], count)  # type: ignore[misc]
        return found

    def _tree(self, root: int, feature: Callable[[int], FloatArray], count: int) -> FloatArray:
        """Path lengths of all windows in one tree."""
        leaves: list[int] = []
        number = np.dtype(np.uint8 if self._leaf_count(root) <= 256 else np.uint32)
        goes = np.empty(count, dtype=bool)
        free: list[AnyArray] = []

        def answer(node: int) -> Any:
            """Leaf numbers of all windows, were they all under this node: one number, or one per window."""
            if self.left[node] < 0:
                leaves.append(node)
                return np.asarray(len(leaves) - 1).astype(number)[()]
            chosen, other = answer(int(self.left[node])), answer(int(self.right[node]))
            swapped = isinstance(other, np.ndarray) and not isinstance(chosen, np.ndarray)
            if swapped:
                chosen, other = other, chosen
            test = np.greater if swapped else np.less_equal
            test(feature(int(self.feature[node])), self.threshold[node], out=goes)
            # other + (chosen - other) * goes, in numbers that wrap around.
            if isinstance(chosen, np.ndarray):
                out = np.subtract(chosen, other, out=chosen)
                out *= goes.view(np.uint8)
            else:
                out = free.pop() if free else np.empty(count, dtype=number)
                np.multiply(goes.view(np.uint8), _wrapped(chosen, other), out=out)
            out += other
            if isinstance(other, np.ndarray):
                free.append(other)
            return out

        numbers = answer(root)
        lengths = self.length[leaves].astype(np.float32)
        return np.broadcast_to(lengths.take(numbers), (count,))

    def _leaf_count(self, root: int) -> int:
        after = self.roots[self.roots > root]
        stop = int(after.min()) if after.size else len(self.left)
        return int((self.left[root:stop] < 0).sum())


def usual_path(samples: IntArray) -> FloatArray:
    """Return the mean path length of an unsuccessful search in a binary tree of so many samples.

    Reference: Liu, Ting and Zhou, Isolation Forest, 2008, equation 1.
    """
    n = np.asarray(samples, dtype=np.float64)
    many = np.maximum(n, 3)
    mean = 2.0 * (np.log(many - 1.0) + np.euler_gamma) - 2.0 * (many - 1.0) / many
    return np.where(n <= 1, 0.0, np.where(n <= 2, 1.0, mean))


def _wrapped(chosen: Any, other: Any) -> AnyArray:
    """Difference of two leaf numbers, wrapped around without the warning that scalars give."""
    return np.asarray(np.subtract(np.array([chosen]), np.array([other])))


def _at_most(threshold: FloatArray) -> FloatArray:
    """The largest float32 that is not above each threshold: comparing float32 data with it gives the same answers."""
    rounded = threshold.astype(np.float32)
    above = rounded.astype(np.float64) > threshold
    return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)
