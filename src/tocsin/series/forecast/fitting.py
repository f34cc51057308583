"""Trees from covariates to scores: fitted on one part, judged on another, with weights for what is rare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.series.forecast.boosted import SHARE, Boosted, library, settings

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

HEAVIEST = 10.0
TREES, RATE, BINS = 60, 0.15, 64


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
