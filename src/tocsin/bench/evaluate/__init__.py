"""Scores against labels: aligned, measured, and shown beside what detects nothing.

``pair_up``    scores and labels, aligned: one `Pair` per series, video, cloud or list of items
``choose``     the metrics to compute, by name or by the kind of data
``Policy``     how scores become alarms, for the metrics that need them
``measure``    every metric with its interval, its dummies and its breakdown: an `Evaluation`
"""

from __future__ import annotations

from tocsin.bench.evaluate.aligning import Pair, pair_up
from tocsin.bench.evaluate.choosing import Chosen, choose, families
from tocsin.bench.evaluate.measuring import measure
from tocsin.bench.evaluate.pictures import measure_pictures
from tocsin.bench.evaluate.policy import Policy
from tocsin.bench.evaluate.results import Evaluation, Line

__all__ = [
    "Chosen",
    "Evaluation",
    "Line",
    "Pair",
    "Policy",
    "choose",
    "families",
    "measure",
    "measure_pictures",
    "pair_up",
]
