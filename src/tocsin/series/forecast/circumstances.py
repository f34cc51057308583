"""Circumstances: what other channels did when a forecast missed.

A second set of boosted trees forecasts the anomaly score of each target from the covariates, now and some time before.
Their exact TreeSHAP values say which covariate raised the score in an interval. Rows are explained by models that did
not see them: trees fitted and explained on the same rows tell stories about noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.errors import InputError
from tocsin.series.forecast.boosted import SHARE, Boosted, library, settings
from tocsin.series.forecast.lags import Lags, around

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

ALIKE = 0.98
STRIKING = 3.0
MOST_STRIKING, MOST_ROWS = 2000, 5000
HIGHEST, HEAVIEST = 30.0, 10.0
TREES, RATE, BINS = 60, 0.15, 64
LEAST_ROWS = 20
EXPLAINED = 0.05
LEAST_SHARE = 0.04
MOST_REASONS = 5
MOST_EXPLAINED_ROWS = 256


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What was learned about covariates.

    Parameters
    ----------
    lags : Lags
        How long before a row covariates are looked at, besides the row itself.
    groups : list of list of int
        Covariates by channel number; those that move together are one.
    power : ndarray, shape (targets,)
        Share of each target's scores' variance that was forecast on rows not seen (R squared).
    models : list of list of Boosted
        For each target, one for each block of time, which did not see it.
    channels : int
        How many there are.
    """

    lags: Lags
    groups: list[list[int]]
    power: FloatArray
    models: list[list[Boosted]]
    channels: int

    @classmethod
    def learn(
        cls,
        lags: Lags,
        scaled: list[FloatArray],
        backs: list[IntArray],
        scores: FloatArray,
        usable: BoolArray,
        blocks: IntArray,
        free: list[BoolArray],
        groups: list[list[int]],
        allowed: BoolArray,
        depth: int,
        rng: np.random.Generator,
        side_by_side: Callable[[Callable[[int], Any], Sequence[int], str], list[Any]],
    ) -> Self:
        """Fit models of all targets and blocks.

        Parameters
        ----------
        lags, groups
            See the class.
        scaled, backs : list of ndarray
            Channels of each sample on a scale near one, and where rows look back.
        scores : ndarray, shape (n, targets)
            Of all rows of all samples.
        usable : ndarray of bool, shape (n,)
            Rows that were forecast.
        blocks, free
            As `Forecaster.learn` has them.
        allowed : ndarray of bool, shape (targets, channels)
            Channels that may explain each target: never itself or a copy of it.
        depth : int
            Of the trees.
        rng : Generator
        side_by_side : callable
            Does work on numbers, perhaps at the same time, and returns the results in order.
        """
        chosen = choose(scores, usable)
        edges = np.concatenate(([0], np.cumsum([len(z) for z in scaled])))
        features = np.concatenate(
            [
                around(z, b, chosen.rows[(chosen.rows >= low) & (chosen.rows < high)] - low)
                for z, b, low, high in zip(scaled, backs, edges[:-1], edges[1:], strict=True)
            ]
        )
        wanted = np.minimum(scores[chosen.rows], HIGHEST)
        home = blocks[chosen.rows]
        columns = np.repeat(allowed, len(lags.steps) + 2, axis=1)
        seeds = rng.integers(2**31 - 1, size=(len(free), wanted.shape[1]))

        def one(k: int) -> tuple[list[Boosted], FloatArray]:
            learned = free[k][chosen.rows]
            if learned.sum() < LEAST_ROWS:
                learned = home != k
            return fit_block(features, wanted, chosen.weight, learned, home == k, columns, depth, seeds[k])

        done = side_by_side(one, range(len(free)), "explaining")
        found = np.zeros_like(wanted)
        for k, (_, forecasts) in enumerate(done):
            found[home == k] = forecasts
        strength = np.array([power(w, f, chosen.weight) for w, f in zip(wanted.T, found.T, strict=True)])
        models = [[fitted[j] for fitted, _ in done] for j in range(wanted.shape[1])]
        return cls(lags, groups, strength, models, allowed.shape[1])

    def contributions(
        self, target: int, scaled: FloatArray, back: IntArray, rows: IntArray, own: IntArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return TreeSHAP values of some rows, shape (m, channels, lags + 2), and the base, shape (m,).

        Parameters
        ----------
        target : int
            Which target, by its place among them.
        scaled, back
            The sample's channels on a scale near one, and where its rows look back.
        rows : ndarray of int, shape (m,)
        own : ndarray of int, shape (n,), optional
            The block of each row, for a sample that was learned from: its model did not see it. New rows get the mean
            over all models.
        """
        features = around(scaled, back, rows)
        models = self.models[target]
        if own is None:
            phi = np.mean([m.contributions(features) for m in models], axis=0)
        else:
            phi = np.zeros((len(rows), features.shape[1] + 1))
            for k in np.unique(own[rows]):
                mine = own[rows] == k
                phi[mine] = models[int(k)].contributions(features[mine])
        return phi[:, :-1].reshape(len(rows), self.channels, -1), phi[:, -1]

    def reasons(
        self,
        target: int,
        scaled: FloatArray,
        back: IntArray,
        own: IntArray | None,
        span: tuple[int, int],
        height: float,
        names: Sequence[str],
        values: FloatArray,
    ) -> list[Evidence]:
        """Return the covariates that raised a target's score between two rows; none where they do not explain it.

        Parameters
        ----------
        target, scaled, back, own
            See `contributions`.
        span : tuple of int
            First row, and first row after.
        height : float
            The target's mean score there.
        names, values
            Of the channels, in their own units.
        """
        if not self.power[target] >= EXPLAINED:
            return []
        start, stop = span
        rows = np.unique(np.linspace(start, stop - 1, min(stop - start, MOST_EXPLAINED_ROWS)).astype(np.int64))
        mean = self.contributions(target, scaled, back, rows, own)[0].mean(axis=0)
        raised = [(float(mean[g].sum()), g) for g in self.groups]
        raised = sorted(((phi, g) for phi, g in raised if phi > 0), key=lambda pair: -pair[0])
        total = sum(phi for phi, _ in raised)
        if total < EXPLAINED * min(height, HIGHEST):
            return []
        found: list[Evidence] = []
        for phi, group in raised[:MOST_REASONS]:
            if found and phi / total < LEAST_SHARE:
                break
            others = f", with {len(group) - 1} that move along" if len(group) > 1 else ""
            when = self._when(mean[group].sum(axis=0))
            text = f"adds {phi:.3g} to a score of {height:.3g}, mostly by its {when}{others}"
            found.append(Evidence(names[group[0]], phi / total, float(np.median(values[rows, group[0]])), (), text))
        return found

    def _when(self, phi: FloatArray) -> str:
        place = int(np.argmax(phi))
        if place == 0:
            return "value at the same time"
        if place == len(phi) - 1:
            return f"change over {self.lags.name(len(self.lags.steps) // 2)}"
        return f"value {self.lags.name(place - 1)} before"

    def to_state(self) -> dict[str, Any]:
        """Return numbers and arrays."""
        models = [[m.to_state() for m in row] for row in self.models]
        return {"lags": self.lags.to_state(), "groups": self.groups, "power": self.power, "models": models}

    @classmethod
    def from_state(cls, state: Any, targets: int, channels: int, blocks: int) -> Self:
        """Rebuild from `to_state`; the state may come from a stranger's file.

        Raises
        ------
        InputError
            If it is damaged.
        """
        try:
            lags = Lags.from_state(state["lags"])
            groups, power_, stored = state["groups"], np.asarray(state["power"]), state["models"]
            members = [c for group in groups for c in group]
            sound = (
                all(type(c) is int and 0 <= c < channels for c in members)
                and all(groups)
                and power_.shape == (targets,)
                and power_.dtype.kind == "f"
                and len(stored) == targets
                and all(len(row) == blocks for row in stored)
            )
        except (KeyError, TypeError):
            sound = False
        if not sound:
            raise InputError("what was learned about covariates is damaged")
        width = channels * (len(lags.steps) + 2)
        return cls(lags, groups, power_, [[Boosted.from_state(m, width) for m in row] for row in stored], channels)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Rows that the trees learn from: all striking ones, and every so-manieth of the rest with more weight."""

    rows: IntArray
    weight: FloatArray


def choose(scores: FloatArray, usable: BoolArray) -> Chosen:
    """Choose rows to learn from.

    Parameters
    ----------
    scores : ndarray, shape (n, targets)
    usable : ndarray of bool, shape (n,)
        Rows that have a score.
    """
    highest = scores.max(axis=1)
    striking = np.flatnonzero(usable & (highest >= STRIKING))
    if striking.size > MOST_STRIKING:
        striking = np.sort(striking[np.argsort(-highest[striking], kind="stable")[:MOST_STRIKING]])
    rest = np.setdiff1d(np.flatnonzero(usable), striking, assume_unique=True)
    stride = max(1, -(-rest.size // (MOST_ROWS - striking.size)))
    rows = np.concatenate((striking, rest[::stride]))
    weight = np.concatenate((np.ones(striking.size), np.full(rows.size - striking.size, float(stride))))
    order = np.argsort(rows, kind="stable")
    return Chosen(rows[order], weight[order])


def alike(near: BoolArray, columns: Sequence[int]) -> list[list[int]]:
    """Put channels together that move together, each group in the order of its columns.

    Parameters
    ----------
    near : ndarray of bool, shape (c, c)
        From `correlated`.
    columns : sequence of int
        The channels in question.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> alike(correlated(np.stack((x[:, 0], x[:, 1], -2 * x[:, 0]), axis=1)), [0, 1, 2])
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    for c in columns:
        home = next((g for g in groups if near[g[0], c]), None)
        if home is None:
            groups.append([c])
        else:
            home.append(c)
    return groups


def correlated(values: FloatArray) -> BoolArray:
    """Return which channels of (n, c) move together; constant ones do with none but themselves."""
    centred = values - values.mean(axis=0)
    length = np.sqrt(np.square(centred).sum(axis=0))
    centred = centred / np.where(length > 0, length, 1.0)
    near = np.abs(centred.T @ centred) > ALIKE
    np.fill_diagonal(near, True)
    return np.asarray(near)


def fit_block(
    features: FloatArray,
    wanted: FloatArray,
    weight: FloatArray,
    learn: BoolArray,
    judge: BoolArray,
    allowed: BoolArray,
    depth: int,
    seeds: IntArray,
) -> tuple[list[Boosted], FloatArray]:
    """Fit one model per target on the rows `learn`, and forecast the rows `judge`.

    The rows are binned once for all targets.

    Parameters
    ----------
    features : ndarray, shape (m, f)
        From `lags.around`.
    wanted : ndarray, shape (m, targets)
        Scores.
    weight : ndarray, shape (m,)
        How many rows each stands for.
    allowed : ndarray of bool, shape (targets, f)
        Features that may explain each target: never the target itself or a copy of it.
    depth : int
        Of the trees.
    seeds : ndarray of int, shape (targets,)

    Returns
    -------
    models, forecasts of shape (judge.sum(), targets)
    """
    xgb = library()
    data = xgb.QuantileDMatrix(features[learn], nthread=1, max_bin=BINS)
    rows = features[judge]
    models: list[Boosted] = []
    found = np.zeros((len(rows), wanted.shape[1]))
    for j in range(wanted.shape[1]):
        aim = wanted[learn, j]
        data.set_label(aim)
        data.set_weight(tilted(aim, weight[learn]))
        data.set_info(feature_weights=allowed[j].astype(np.float32))
        parameters = settings(depth, RATE, int(seeds[j]), BINS)
        # No more columns per tree than may be used, or forbidden ones would be drawn as well.
        parameters["colsample_bytree"] = SHARE * float(allowed[j].mean())
        models.append(Boosted(xgb.train(parameters, data, TREES), features.shape[1]))
        found[:, j] = models[-1].predict(rows)
    return models, found


def tilted(scores: FloatArray, weight: FloatArray) -> FloatArray:
    """Return weights in which the few high scores count for as much as the many usual ones."""
    return np.asarray(weight * (1 + np.minimum(scores, HEAVIEST)))


def power(wanted: FloatArray, found: FloatArray, weight: FloatArray) -> float:
    """Return which share of the variance of scores was forecast (R squared); 0 for constant scores.

    Rows count as they did in learning: forecasts lean towards high scores, and would seem worse than the plain mean
    among rows that are nearly all usual.

    Parameters
    ----------
    wanted, found, weight : ndarray, shape (m,)
    """
    tilt = tilted(wanted, weight)
    total = float(np.average(np.square(wanted - np.average(wanted, weights=tilt)), weights=tilt))
    missed = float(np.average(np.square(wanted - found), weights=tilt))
    return 1 - missed / total if total > 0 else 0.0
