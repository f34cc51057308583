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
        found = cls(**{k: np.asarray(v) if k != "usual" else float(v) for k, v in state.items()})
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
        leaves: list[int] = []
        wide = np.uint8 if self._leaf_count(root) <= 256 else np.uint32
        free: list[AnyArray] = []
        left_of = np.empty(count, dtype=bool)

        def answer(node: int) -> int | AnyArray:
            """Leaf numbers of all windows under this node: one number, or one per window."""
            if self.left[node] < 0:
                leaves.append(node)
                return len(leaves) - 1
            left, right = answer(int(self.left[node])), answer(int(self.right[node]))
            # right + (left - right) * goes left, in numbers that wrap around.
            if isinstance(left, int) and not isinstance(right, int):
                chosen, other, test = right, left, np.greater
            else:
                chosen, other, test = left, right, np.less_equal
            test(feature(int(self.feature[node])), self.threshold[node], out=left_of)
            mask = left_of.view(np.uint8)
            if isinstance(chosen, int):
                assert isinstance(other, int)
                out = free.pop() if free else np.empty(count, dtype=wide)
                np.multiply(mask, wide((chosen - other) % (1 << (8 * out.itemsize))), out=out)
                out += wide(other)
                return out
            chosen -= wide(other) if isinstance(other, int) else other
            chosen *= mask
            chosen += wide(other) if isinstance(other, int) else other
            if not isinstance(other, int):
                free.append(other)
            return chosen

        numbers = answer(root)
        lengths = self.length[leaves].astype(np.float32)
        if isinstance(numbers, int):
            return np.full(count, lengths[numbers])
        return np.asarray(lengths.take(numbers))

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


def _at_most(threshold: FloatArray) -> FloatArray:
    """The largest float32 that is not above each threshold: comparing float32 data with it gives the same answers."""
    rounded = threshold.astype(np.float32)
    above = rounded.astype(np.float64) > threshold
    return np.where(above, np.nextafter(rounded, np.float32(-np.inf)), rounded)
