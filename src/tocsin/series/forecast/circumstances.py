"""Circumstances: what other channels did when a forecast missed.

A second set of boosted trees forecasts the anomaly score of each target from the covariates, now and some time before.
Their exact TreeSHAP values say which covariate raised the score in an interval. Rows are explained by models that did
not see them: trees fitted and explained on the same rows tell stories about noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.errors import InputError
from tocsin.series.forecast.boosted import Boosted
from tocsin.series.forecast.chosen import choose
from tocsin.series.forecast.fitting import fit_block, power
from tocsin.series.forecast.lags import Lags, around
from tocsin.series.forecast.side_by_side import side_by_side

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

HIGHEST = 30.0
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
        jobs: int | None,
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
        jobs : int, optional
            Blocks done side by side.
        """
        chosen = choose(scores, usable)
        columns = sorted(c for group in groups for c in group)
        edges = np.concatenate(([0], np.cumsum([len(z) for z in scaled])))
        features = np.concatenate(
            [
                around(z[:, columns], b, chosen.rows[(chosen.rows >= low) & (chosen.rows < high)] - low)
                for z, b, low, high in zip(scaled, backs, edges[:-1], edges[1:], strict=True)
            ]
        )
        wanted = np.minimum(scores[chosen.rows], HIGHEST)
        home = blocks[chosen.rows]
        may_use = np.repeat(allowed[:, columns], len(lags.steps) + 2, axis=1)
        seeds = rng.integers(2**31 - 1, size=(len(free), wanted.shape[1]))

        def one(k: int) -> tuple[list[Boosted], FloatArray]:
            learned = free[k][chosen.rows]
            if learned.sum() < LEAST_ROWS:
                learned = home != k
            return fit_block(features, wanted, chosen.weight, learned, home == k, may_use, depth, seeds[k])

        done = side_by_side(one, range(len(free)), "explaining", jobs)
        found = np.zeros_like(wanted)
        for k, (_, forecasts) in enumerate(done):
            found[home == k] = forecasts
        strength = np.array([power(w, f, chosen.weight) for w, f in zip(wanted.T, found.T, strict=True)])
        models = [[fitted[j] for fitted, _ in done] for j in range(wanted.shape[1])]
        return cls(lags, groups, strength, models, allowed.shape[1])

    @property
    def columns(self) -> list[int]:
        """The channels that the trees read, in order."""
        return sorted(c for group in self.groups for c in group)

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
        features = around(scaled[:, self.columns], back, rows)
        models = self.models[target]
        if own is None:
            phi = np.mean([m.contributions(features) for m in models], axis=0)
        else:
            phi = np.zeros((len(rows), features.shape[1] + 1))
            for k in np.unique(own[rows]):
                mine = own[rows] == k
                phi[mine] = models[int(k)].contributions(features[mine])
        found = np.zeros((len(rows), self.channels, len(self.lags.steps) + 2))
        found[:, self.columns] = phi[:, :-1].reshape(len(rows), len(self.columns), -1)
        return found, phi[:, -1]

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
                and len(set(members)) == len(members)
                and power_.shape == (targets,)
                and power_.dtype.kind == "f"
                and len(stored) == targets
                and all(len(row) == blocks for row in stored)
            )
        except (KeyError, TypeError):
            sound = False
        if not sound:
            raise InputError("what was learned about covariates is damaged")
        width = len(members) * (len(lags.steps) + 2)
        return cls(lags, groups, power_, [[Boosted.from_state(m, width) for m in row] for row in stored], channels)
