"""The same calls on a Ray cluster, from one laptop to many machines.

``Cluster``        the connection: a Ray of this process's own, or one that runs already
``RayEngine``      runs the jobs of a suite there; `tocsin.bench.run_suite` takes it as it takes the local engine
``score_sources``  scores many inputs there, in parts, each committed as a whole

This floor stands above `tocsin.bench`: it spreads what the other floors do and adds nothing to what they find.
"""

from __future__ import annotations

from tocsin.scale.cluster import Cluster
from tocsin.scale.ray_engine import RayEngine
from tocsin.scale.scoring import score_sources

__all__ = ["Cluster", "RayEngine", "score_sources"]
