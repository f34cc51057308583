"""Telling columns: a number, word or group beside the samples that gives the label away alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.separation import Separation, separations, telling

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey

BESIDE = "leave it out of what detectors see, or report what it scores beside them"
OWN_COLUMN = (
    "leave it out if it says who acted rather than what was done; if not, know that a list of its values is a perfect "
    "rule, and print that rule's row"
)


class TellingColumns:
    """Whether one column alone separates anomalous from normal: of events their own, of others what stands beside.

    Words are judged by the share of anomalies among their like in one half of the samples, on the other half.
    """

    name = "telling-columns"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        for where, units in survey.units.parts():
            rows, against = units.judged
            if not len(rows) or against:
                # Normal samples of the other part differ in columns that know nothing of the label.
                continue
            labels = units.labels[rows].clip(0)
            found: list[Separation] = separations({n: v[rows] for n, v in units.columns.items()}, labels)
            for name, values in {**units.categories, "group": units.groups}.items():
                if (told := telling(values[rows], labels, name)) is not None:
                    found.append(told)
            for one in found:
                if one.solves:
                    subject = "the group" if one.name == "group" else f"the column {one.name}"
                    yield Finding(
                        self.name,
                        "warning",
                        f"{where}{subject} alone gives the label away ({one})",
                        OWN_COLUMN if units.thing == "event" else BESIDE,
                        one.anomalous,
                        one.anomalous + one.normal,
                        values={"auroc": one.auroc, "low": one.low, "high": one.high},
                    )
