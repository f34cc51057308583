"""LengthNormaliser: what a path's cost means at its length.

The more edges, the larger the sum of their costs. For each length, a reference of paths from the training period is
brought to a bell shape by a power (Box and Cox), whose exponent is the most likely one, and to a centre of zero and a
spread of one; then paths of all lengths can be compared. The reference is frozen: what is judged has no part in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# With fewer references than this, a length borrows those of the others.
ENOUGH = 30
MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True)
class Reference:
    """How costs of one length are normalised.

    Parameters
    ----------
    power : float
        Exponent of Box and Cox.
    centre, scale : float
        Median and deviation of the transformed reference.
    knot : float
        From this cost on, the transform goes on along its tangent; infinite for the plain transform. A power below zero
        would never get past a certain height otherwise, however strange the path.
    offset : float
        Added to costs first, which have to be above zero.
    size : int
        References of this length; where there were too few, those of all lengths have been used.
    """

    power: float
    centre: float
    scale: float
    knot: float
    offset: float
    size: int

    def normalise(self, costs: FloatArray) -> FloatArray:
        """Return normalised costs; always growing with the cost."""
        shifted = np.asarray(costs, dtype=np.float64) + self.offset
        inside = np.clip(shifted, 1e-300, self.knot)
        found = box_cox(inside, self.power)
        if math.isfinite(self.knot):
            found = found + np.maximum(shifted - self.knot, 0.0) * self.knot ** (self.power - 1)
        return np.asarray((found - self.centre) / self.scale)

    def scalar(self) -> Callable[[float], float]:
        """Return the same for a single number, without the cost of arrays."""
        power, centre, scale, knot, offset = self.power, self.centre, self.scale, self.knot, self.offset
        slope = knot ** (power - 1) if math.isfinite(knot) else 0.0

        def normalise(cost: float) -> float:
            shifted = cost + offset
            beyond = shifted - knot
            inside = max(min(shifted, knot), 1e-300)
            raised = math.log(inside) if power == 0 else math.expm1(power * math.log(inside)) / power
            return ((raised + beyond * slope if beyond > 0 else raised) - centre) / scale

        return normalise


@dataclass(frozen=True)
class LengthNormaliser:
    """A reference for each length.

    Parameters
    ----------
    references : mapping of int to Reference
    literal : bool
        Leave the references out and return ``1 - exp(-cost)``, the product that was published.
    """

    references: Mapping[int, Reference]
    literal: bool = False

    @classmethod
    def fit(cls, costs: Mapping[int, FloatArray], *, offset: float = 0.0, continued: bool = True) -> LengthNormaliser:
        """Learn from the costs of reference paths, by length.

        Parameters
        ----------
        costs : mapping of int to ndarray
            Costs of reference paths. Lengths with fewer than 30 are pooled: they use the costs of all lengths, taken
            per edge.
        offset : float
            Added to costs, so that they are above zero.
        continued : bool
            Go on along the tangent beyond the highest reference.
        """
        per_edge = [found / length for length, found in costs.items() if len(found)]
        pooled = np.concatenate(per_edge) if per_edge else np.ones(1)
        return cls(
            {
                length: _reference(
                    (found if len(found) >= ENOUGH else pooled * length) + offset, len(found), offset, continued
                )
                for length, found in costs.items()
            }
        )

    def normalise(self, length: int, costs: FloatArray) -> FloatArray:
        """Return the normalised scores of paths of one length."""
        if self.literal:
            return np.asarray(1.0 - np.exp(-np.asarray(costs, dtype=np.float64)))
        return self.references[length].normalise(costs)

    def scalar(self, length: int) -> Callable[[float], float]:
        """Return the same for single numbers."""
        if self.literal:
            return lambda cost: 1.0 - math.exp(-cost)
        return self.references[length].scalar()

    def to_state(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        rows = {
            str(length): [r.power, r.centre, r.scale, r.knot, r.offset, r.size]
            for length, r in sorted(self.references.items())
        }
        return {"references": rows, "literal": self.literal}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LengthNormaliser:
        """Rebuild from stored values.

        Raises
        ------
        InputError
            If they are no references.
        """
        try:
            found = {
                int(length): Reference(*map(float, row[:5]), int(row[5]))  # type: ignore[arg-type, call-arg]
                for length, row in state["references"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            raise InputError("its references are not numbers by length") from None
        for r in found.values():
            if not (math.isfinite(r.power) and math.isfinite(r.centre) and r.scale > 0 and r.knot > 0):
                raise InputError("a reference of its path lengths is out of range")
        return cls(found, bool(state["literal"]))


def _reference(costs: FloatArray, size: int, offset: float, continued: bool) -> Reference:
    costs = np.maximum(costs, 1e-12)
    power = best_power(costs)
    raised = box_cox(costs, power)
    centre = float(np.median(raised))
    scale = MAD_TO_DEVIATION * float(np.median(np.abs(raised - centre)))
    scale = scale if scale > 1e-12 else float(raised.std())
    knot = float(costs.max()) if continued else math.inf
    return Reference(power, centre, scale if scale > 1e-12 else 1.0, knot, offset, size)


def box_cox(values: FloatArray, power: float) -> FloatArray:
    """Return ``(values ** power - 1) / power``, the logarithm for a power of zero; values are above zero."""
    logs = np.log(values)
    return np.asarray(logs if power == 0 else np.expm1(power * logs) / power)


def best_power(values: FloatArray) -> float:
    """Return the most likely exponent of Box and Cox; 1 where all values are equal.

    Examples
    --------
    >>> round(best_power(np.exp(np.random.default_rng(0).normal(size=2000))), 1)
    0.0
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.asarray(values, dtype=np.float64))
    centred = logs - logs.mean()
    if len(logs) < 3 or float(np.abs(centred).max()) < 1e-12:
        return 1.0

    def unlikely(power: float) -> float:
        # Scaling values by their geometric mean takes the Jacobian out of the likelihood.
        raised = centred if power == 0 else np.expm1(power * centred) / power
        return float(np.log(raised.var()))

    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize_scalar(unlikely, bracket=(-2.0, 2.0), method="brent")
    return float(np.clip(found.x, -8.0, 8.0))
