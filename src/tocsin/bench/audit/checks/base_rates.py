"""Base rates: parts without anomalies or without normal samples, too few of them, or too many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.separation import interval
from tocsin.bench.audit.units import FEWEST
from tocsin.core.words import number, plural, share

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey

FEW_SEGMENTS = 5
HALF = 0.5


class BaseRates:
    """Whether the test part can tell anything: both classes, enough of each, and anomalies that are rare."""

    name = "base-rates"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        units = survey.units
        by_rows = [r for r in survey.recordings if not r.split.startswith("train") and r.marked]
        test = units.labels[units.test & ~units.train]
        bad, normal = int((test == 1).sum()), int((test == 0).sum())
        if not bad and not by_rows:
            known = "its labels are unknown" if not normal else "all are labelled normal"
            yield self._finding(
                "serious",
                f"no test {units.thing} is anomalous ({len(test)} of them, {known})",
                "rates of false alarms can be measured on it, and nothing else",
                0,
                len(test),
            )
            return
        if by_rows:
            yield from self._of_rows(sum(r.segments for r in by_rows), len(by_rows))
            return
        if not normal:
            yield self._finding(
                "serious",
                f"no test {units.thing} is labelled normal ({number(bad)} anomalous)",
                "keep part of the normal training data for testing, or judge places inside of samples instead",
                bad,
                bad,
            )
            return
        yield from self._of_units(units.thing, bad, normal)

    def _of_units(self, thing: str, bad: int, normal: int) -> Iterator[Finding]:
        if min(bad, normal) < FEWEST:
            low, high = interval(0.9, bad, normal)
            yield self._finding(
                "warning",
                f"the test part has {number(bad)} anomalous and {number(normal)} normal {thing}s: an AUROC of 0.90 "
                f"would mean anything from {low:.2f} to {high:.2f}",
                "add samples, or report no comparison of detectors on it",
                min(bad, normal),
                bad + normal,
            )
        rate = bad / (bad + normal)
        if rate > HALF:
            yield self._finding(
                "note",
                f"{share(rate)} of the test {thing}s are anomalous, so that anomalies are not rare there",
                "do not compare precision, F1 or average precision with sets where they are, and print random scores",
                bad,
                bad + normal,
            )

    def _of_rows(self, segments: int, recordings: int) -> Iterator[Finding]:
        if segments < FEW_SEGMENTS:
            yield self._finding(
                "warning",
                f"the test part has {plural(segments, 'anomaly').replace('anomalys', 'anomalies')} in "
                f"{plural(recordings, 'recording')}",
                "report hits and misses one by one: no interval means anything",
                segments,
                recordings,
            )

    def _finding(self, severity: str, text: str, advice: str, count: int, total: int) -> Finding:
        return Finding(self.name, severity, text, advice, count, total)
