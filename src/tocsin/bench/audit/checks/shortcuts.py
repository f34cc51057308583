"""Shortcuts: length, size, brightness or amplitude alone separate the classes; that is how they were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tocsin.bench.audit.checks.windows import told_by_windows
from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.reading.series import AMPLITUDE
from tocsin.bench.audit.separation import separations

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey


class Shortcuts:
    """Whether a trait of the recording separates anomalous from normal."""

    name = "shortcuts"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        for where, units in survey.units.parts():
            rows, against = units.judged
            traits = {name: values[rows] for name, values in units.traits.items()}
            for one in separations(traits, units.labels[rows].clip(0)):
                if one.solves:
                    side = "higher" if one.higher else "lower"
                    yield Finding(
                        self.name,
                        "warning",
                        f"{where}{one.name} alone separates the classes: the anomalous have the {side} one "
                        f"({one}{against})",
                        "make it equal in both classes, or report a run on samples freed of it beside the plain one",
                        one.anomalous,
                        one.anomalous + one.normal,
                        values={"auroc": one.auroc, "low": one.low, "high": one.high},
                    )
        advice = "report a run on windows divided by their root mean square beside the plain one"
        yield from told_by_windows(survey, (AMPLITUDE,), self.name, advice)
