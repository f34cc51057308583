"""Synthetic series with labelled anomalies, of one channel or of several that depend on each other."""

from __future__ import annotations

from tocsin.synthesis.series.bases import BASES
from tocsin.synthesis.series.corpus import Made, make, make_batch
from tocsin.synthesis.series.injectors import INJECTORS
from tocsin.synthesis.series.multichannel import Cause, Graph, MadeTogether, make_together

__all__ = ["BASES", "INJECTORS", "Cause", "Graph", "Made", "MadeTogether", "make", "make_batch", "make_together"]
