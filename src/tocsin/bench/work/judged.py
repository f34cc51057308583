"""The scores of what was judged, one entry for each sample, trace or event: what a table of scores is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray


@dataclass
class Judged:
    """Columns that grow: unit, half, sample, kind, label, severity, score.

    A label is 1, 0, or -1 where nobody says.
    """

    unit: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    severity: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)

    def add(
        self,
        place: tuple[str, str, str],
        samples: Sequence[str],
        labels: Sequence[int],
        scores: Sequence[float],
        kinds: Sequence[str] = (),
        severities: Sequence[float] = (),
    ) -> None:
        """Add some, all of one unit and half."""
        count = len(samples)
        self.unit += [place[0]] * count
        self.half += [place[2]] * count
        self.sample += samples
        self.kind += kinds or [""] * count
        self.label += labels
        self.severity += severities or [float("nan")] * count
        self.score += scores

    def columns(self) -> dict[str, AnyArray]:
        """Return them as arrays."""
        texts: dict[str, Any] = {"unit": self.unit, "half": self.half, "sample": self.sample, "kind": self.kind}
        return {
            **{name: np.array(values, dtype=object) for name, values in texts.items()},
            "label": np.array(self.label, dtype=np.int8),
            "severity": np.array(self.severity, dtype=np.float64),
            "score": np.array(self.score, dtype=np.float64),
        }
