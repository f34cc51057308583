"""Synthetic series with labelled anomalies."""

from __future__ import annotations

from tocsin.synthesis.series.bases import BASES
from tocsin.synthesis.series.corpus import Made, make, make_batch
from tocsin.synthesis.series.injectors import INJECTORS

__all__ = ["BASES", "INJECTORS", "Made", "make", "make_batch"]
