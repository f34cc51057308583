"""Floors: detectors that detect nothing, run beside all others so that every number has something to beat.

Random and constant scores for all data, and for each kind of data the cheap trick that is known to score well. They
are ordinary detectors: they run under the same protocols and are measured by the same code.
"""

from __future__ import annotations

from tocsin.bench.floors.choosing import CHEAP, floors_for

__all__ = ["CHEAP", "floors_for"]
