"""Outlier estimators of scikit-learn and PyOD behind one face: made from a name, and scored row by row.

Only classes of these two libraries are ever made from a name, with plain values as parameters, so that a stored model
can name one without being able to run anything else.

A row's score must not depend on the rows beside it. PyOD's ECOD and COPOD put the rows to be scored among the training
rows before they count, so their own `decision_function` gives a row 26 alone and 5 among its like. `EmpiricalTails`
counts each row against the training rows alone: what the estimator says to that row on its own. Any other estimator is
tried at fitting; if it gives rows other scores in company, each row is scored alone, which is slow and is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tocsin.core.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

RowScores: TypeAlias = "Callable[[FloatArray], FloatArray]"
LIBRARIES = ("sklearn", "pyod")
TRIED_ROWS = 32


def describe(estimator: Any) -> dict[str, Any]:
    """Return an estimator (an instance, a dotted name, or such a description) as a class path and parameters.

    Raises
    ------
    InputError
        If it is of another library or a parameter cannot be stored.
    """
    if isinstance(estimator, str):
        return {"class": estimator, "parameters": {}}
    if isinstance(estimator, Mapping):
        if set(estimator) != {"class", "parameters"} or not isinstance(estimator["parameters"], Mapping):
            raise InputError("an estimator is described by its 'class' and its 'parameters', and by nothing else")
        return {"class": str(estimator["class"]), "parameters": dict(estimator["parameters"])}
    kind = type(estimator)
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise InputError(
            f"the estimator is an instance, or a name such as 'sklearn.ensemble.IsolationForest', not {estimator!r}"
        )
    path = f"{kind.__module__}.{kind.__qualname__}"
    return {"class": path, "parameters": {k: _plain(k, v) for k, v in estimator.get_params(deep=False).items()}}


def make(description: Mapping[str, Any]) -> Any:
    """Make the unfitted estimator of a description.

    Raises
    ------
    InputError
        If the class is not an outlier or density estimator of scikit-learn or PyOD.
    MissingExtra
        If the library is not installed.
    """
    path = str(description["class"])
    kind = _find(path)
    parameters = {str(k): _plain(str(k), v) for k, v in description["parameters"].items()}
    try:
        return kind(**parameters)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} cannot be made with {parameters}: {error}") from None


def build(description: Mapping[str, Any], seed: int) -> Any:
    """Make an estimator ready to learn: where it takes a seed and has none, it gets this one.

    Raises
    ------
    InputError
        As `make`, and if the estimator gives no scores to new rows.
    """
    estimator = make(description)
    known = estimator.get_params(deep=False)
    if "random_state" in known and known["random_state"] is None:
        estimator.set_params(random_state=seed)
    if "novelty" in known:
        # Local outlier factor gives scores to new rows in this form only.
        estimator.set_params(novelty=True)
    if not (hasattr(estimator, "score_samples") or hasattr(estimator, "decision_function")):
        raise InputError(
            f"{description['class']} has neither score_samples nor decision_function: choose an outlier estimator"
        )
    return estimator


def row_scores(fitted: Any, rows: FloatArray) -> tuple[RowScores, str]:
    """Return a function from rows to scores (higher is stranger), row by row, and a remark for the user if it is slow.

    Parameters
    ----------
    fitted : estimator
        Fitted on `rows`.
    rows : ndarray, shape (m, w)
        Training rows.
    """
    name = type(fitted).__name__
    if type(fitted).__module__.startswith("pyod.") and name in ("ECOD", "COPOD"):
        return EmpiricalTails(rows, two_sided_mean=name == "COPOD"), ""
    together = _sign(fitted)
    # Ordinary rows and far ones: company changes most where the rows are unlike.
    some = rows[np.linspace(0, len(rows) - 1, min(TRIED_ROWS, len(rows))).astype(int)]
    some = np.concatenate((some, some + 3.0 * rows.std()))
    company = together(some)

    def alone(given: FloatArray) -> FloatArray:
        return np.concatenate([together(given[i : i + 1]) for i in range(len(given))])

    try:
        apart = alone(some)
    except (IndexError, ValueError) as error:
        raise InputError(f"{name} cannot score a window on its own ({error}): choose another estimator") from error
    if np.allclose(company, apart, rtol=1e-5, atol=1e-8):
        return together, ""
    return alone, f"{name} scores rows by the company they keep, so every window was scored alone, which is slow"


class EmpiricalTails:
    """ECOD and COPOD scores of single rows: tail probabilities of each feature among the training rows.

    For a row put among m training rows, the left tail of a feature is the share of rows at most as large, the right
    tail the share at least as large; -ln of the tail on the skewed side counts. ECOD sums the largest of left, right
    and skewed; COPOD the larger of the skewed and the mean of both. Equal to PyOD's `decision_function` on one row.

    Reference: Li et al., ECOD, 2022; Li et al., COPOD, 2020.
    """

    def __init__(self, rows: FloatArray, *, two_sided_mean: bool) -> None:
        rows = np.asarray(rows, dtype=np.float64)
        self.two_sided_mean = two_sided_mean
        self.ordered = np.ascontiguousarray(np.sort(rows, axis=0).T)
        self.mean = rows.mean(axis=0)
        centred = rows - self.mean
        self.sums = [np.sum(centred**k, axis=0) for k in (1, 2, 3)]

    def __call__(self, given: FloatArray) -> FloatArray:
        given = np.asarray(given, dtype=np.float64)
        m = self.ordered.shape[1]
        total = np.zeros(len(given))
        for f, ordered in enumerate(self.ordered):
            x = given[:, f]
            left = np.log((m + 1) / (np.searchsorted(ordered, x, side="right") + 1))
            right = np.log((m + 1) / (m - np.searchsorted(ordered, x, side="left") + 1))
            skew = self._skew_sign(x - self.mean[f], f, m + 1)
            skewed = np.where(skew < 1, left, 0.0) + np.where(skew > -1, right, 0.0)
            total += np.maximum(skewed, (left + right) / 2 if self.two_sided_mean else np.maximum(left, right))
        return total

    def _skew_sign(self, y: FloatArray, f: int, n: int) -> FloatArray:
        """Sign of the skewness of the training rows and one more, by sums of powers about the training mean."""
        one, two, three = (self.sums[k][f] + y ** (k + 1) for k in range(3))
        mean = one / n
        third = three / n - 3 * mean * two / n + 2 * mean**3
        spread = two / n - mean**2
        return np.where(spread > 0, np.sign(third), 0.0)


def _find(path: str) -> type:
    library, _, _ = path.partition(".")
    module, _, name = path.rpartition(".")
    if library not in LIBRARIES or not module or not all(p.isidentifier() for p in path.split(".")):
        raise InputError(f"the estimator {path!r} is not of scikit-learn (sklearn.) or PyOD (pyod.)")
    try:
        import_module(library)
    except ModuleNotFoundError:
        raise MissingExtra("pyod", "pyod", "the windowed detector") from None
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise InputError(f"there is no estimator {path!r}: {error}") from None
    except AttributeError:
        raise InputError(f"there is no estimator {name!r} in {module}") from None
    if not (isinstance(found, type) and found.__module__.startswith(LIBRARIES) and _is_outlier_estimator(found)):
        raise InputError(f"{path} is no outlier or density estimator: choose one such as pyod.models.ecod.ECOD")
    return found


def _is_outlier_estimator(kind: type) -> bool:
    if kind.__module__.startswith("pyod."):
        from pyod.models.base import BaseDetector

        return issubclass(kind, BaseDetector)
    from sklearn.base import BaseEstimator, OutlierMixin

    return issubclass(kind, BaseEstimator) and (issubclass(kind, OutlierMixin) or hasattr(kind, "score_samples"))


def _sign(fitted: Any) -> RowScores:
    """Scores so that higher is stranger: PyOD's are, scikit-learn's say how normal a row is."""
    if type(fitted).__module__.startswith("pyod."):
        return lambda rows: np.asarray(fitted.decision_function(np.asarray(rows, dtype=np.float64))).ravel()
    method = fitted.score_samples if hasattr(fitted, "score_samples") else fitted.decision_function
    return lambda rows: -np.asarray(method(rows)).ravel()


def _plain(name: str, value: Any) -> Any:
    """A parameter as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(name, v) for v in value]
    if isinstance(value, Mapping) and all(isinstance(k, str) for k in value):
        return {k: _plain(name, v) for k, v in value.items()}
    raise InputError(f"the estimator's parameter {name} is a {type(value).__name__}: only plain values can be stored")
