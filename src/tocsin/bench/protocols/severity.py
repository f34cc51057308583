"""Severity: do worse anomalies get higher scores?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols.one_class import OneClass

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts
    from tocsin.core.card import Card


@dataclass(frozen=True)
class Severity(OneClass):
    """Learn from normal data as one-class does, and measure how the scores of whole samples follow their severity.

    References
    ----------
    Cao et al., "Are Anomaly Scores Telling the Whole Story?" (MAD-Bench), arXiv 2411.14515, 2024.
    """

    name: ClassVar[str] = "severity"
    summary: ClassVar[str] = "whether worse anomalies get higher scores"

    @property
    def measures(self) -> str:
        """The metrics of severity."""
        return "severity"

    def refuses(self, card: Card, facts: Facts) -> str:
        """Say that severities are not known, where they are not."""
        return "" if facts.graded else "the data set does not say how severe its anomalies are"
