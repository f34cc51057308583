"""Boosted: gradient-boosted regression trees that can be stored as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import InputError, MissingExtra
from tocsin.series.forecast.ubj import check_trees

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray

# Trees without gain on held-out rows after which growing stops, and how often one looks: looking costs a third of
# growing.
PATIENCE, LOOK_EVERY = 15, 5
LEAST_CHILD = 5
SHARE = 0.8


def library() -> Any:
    """Return xgboost.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import xgboost
    except ModuleNotFoundError:
        raise MissingExtra("boost", "xgboost", "the forecast detector") from None
    return xgboost


def settings(depth: int, rate: float, seed: int, bins: int) -> dict[str, Any]:
    """Return the library's parameters; one thread, since targets are what is done side by side."""
    return {
        "objective": "reg:squarederror",
        "tree_method": "hist",
        "max_bin": bins,
        "max_depth": depth,
        "eta": rate,
        "subsample": SHARE,
        "colsample_bytree": SHARE,
        "min_child_weight": LEAST_CHILD,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }


@dataclass(frozen=True, eq=False)
class Boosted:
    """A fitted model over so many features."""

    booster: Any
    features: int

    @classmethod
    def grow(
        cls,
        rows: FloatArray,
        wanted: FloatArray,
        held_out: tuple[FloatArray, FloatArray] | None,
        parameters: dict[str, Any],
        trees: int,
    ) -> Self:
        """Fit trees, stopping early where they no longer help on held-out rows."""
        xgb = library()
        bins = parameters["max_bin"]
        data = xgb.QuantileDMatrix(rows, wanted, nthread=1, max_bin=bins)
        if held_out is None or not len(held_out[1]):
            return cls(xgb.train(parameters, data, trees), rows.shape[1])
        watched = xgb.QuantileDMatrix(*held_out, ref=data, nthread=1, max_bin=bins)
        booster = xgb.Booster(parameters, [data, watched])
        best, lowest = 0, float("inf")
        for tree in range(trees):
            booster.update(data, tree)
            if (tree + 1) % LOOK_EVERY and tree + 1 < trees:
                continue
            missed = float(booster.eval(watched, iteration=tree).rpartition(":")[2])
            if missed < lowest:
                best, lowest = tree + 1, missed
            elif tree + 1 - best >= PATIENCE:
                break
        return cls(booster[:best], rows.shape[1])

    def predict(self, rows: FloatArray) -> FloatArray:
        """Return the forecasts of rows of shape (m, features)."""
        if not len(rows):
            return np.empty(0, dtype=np.float32)
        return np.asarray(self.booster.inplace_predict(rows), dtype=np.float32)

    def contributions(self, rows: FloatArray) -> FloatArray:
        """Return exact TreeSHAP values, shape (m, features + 1); the last column is the base, rows sum to `predict`."""
        xgb = library()
        return np.asarray(self.booster.predict(xgb.DMatrix(rows, nthread=1), pred_contribs=True), dtype=np.float64)

    def to_state(self) -> AnyArray:
        """Return the model's own bytes as an array."""
        return np.frombuffer(bytes(self.booster.save_raw("ubj")), dtype=np.uint8)

    @classmethod
    def from_state(cls, state: Any, features: int) -> Self:
        """Rebuild from `to_state`; the state may come from a stranger's file.

        Raises
        ------
        InputError
            If the bytes are no sound model over so many features.
        """
        if not (isinstance(state, np.ndarray) and state.dtype == np.uint8 and state.ndim == 1 and state.size):
            raise InputError("a stored forecaster is damaged: it is no row of bytes")
        raw = state.tobytes()
        check_trees(raw, features)
        xgb = library()
        try:
            booster = xgb.Booster({"nthread": 1, "verbosity": 0}, model_file=bytearray(raw))
        except xgb.core.XGBoostError as error:
            raise InputError(f"a stored forecaster is damaged: {str(error).splitlines()[0]}") from None
        return cls(booster, features)
