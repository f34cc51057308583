"""One-liners: data sets that a trick of one line solves say nothing about detectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.checks.windows import told_by_windows
from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.reading.series import SCALE_FREE
from tocsin.bench.audit.separation import SOLVED, best_separation
from tocsin.metrics.bootstrap import mean_interval

if TYPE_CHECKING:
    from tocsin.bench.audit.reading.recording import Recording
    from tocsin.bench.audit.survey import Survey

# Recordings from which on a trick can be chosen on one half of them and reported on the other.
ENOUGH = 8
# The share of recordings that one trick solves from which on it is a warning, not a note.
MANY = 0.2
ADVICE = "use it as a check that code works, not as evidence of progress, and print the one-liner's row"


class OneLiners:
    """The best of a few tricks, chosen with its direction on one half of the test part and reported on the other.

    Of recordings whose rows are labelled, the AUROC over rows of each recording counts, and recordings that a trick
    solves are counted as well: easy ones hide in an average.

    Reference: Wu and Keogh, Current Time Series Anomaly Detection Benchmarks are Flawed and are Creating the Illusion
    of Progress, TKDE 2021.
    """

    name = "one-liners"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        marked = [r for r in survey.recordings if r.tricks]
        if marked:
            yield from self._of_rows(marked)
            return
        for where, units in survey.units.parts():
            rows, against = units.judged
            tricks = {name: values[rows] for name, values in units.tricks.items()}
            found = best_separation(tricks, units.labels[rows].clip(0))
            if found is not None and found.solves:
                side = "" if found.higher else "small "
                yield Finding(
                    self.name,
                    "warning",
                    f"{where}a one-liner solves the set: {side}{found.name} gets {found}{against}",
                    ADVICE,
                    found.anomalous,
                    found.anomalous + found.normal,
                    values={"auroc": found.auroc, "low": found.low, "high": found.high},
                )
        yield from told_by_windows(survey, SCALE_FREE, self.name, "print its row beside those of detectors")

    def _of_rows(self, recordings: list[Recording]) -> Iterator[Finding]:
        # By name, so that what belongs together is parted evenly.
        own = sorted(recordings, key=lambda r: (r.group, r.name))
        names = list(own[0].tricks)
        areas = np.array([[r.tricks[name] for name in names] for r in own])
        enough = len(own) >= ENOUGH
        choose, report = (areas[::2], areas[1::2]) if enough else (areas, areas)
        best = int(choose.mean(axis=0).argmax())
        honest = "chosen on the other half" if enough else "chosen on the same recordings, which are too few to part"
        mean = mean_interval(report[:, best], n_resamples=1000)
        solved = (areas >= SOLVED).sum(axis=0)
        most = int(solved.argmax())
        if mean.value >= SOLVED:
            yield Finding(
                self.name,
                "warning",
                f"a one-liner solves the set: {names[best]} gets a mean AUROC over rows of {mean}, {honest}",
                ADVICE,
                int(solved[best]),
                len(own),
                values={"auroc": float(mean.value)},
            )
        elif solved[most]:
            yield Finding(
                self.name,
                "warning" if solved[most] >= max(MANY * len(own), 2) else "note",
                f"the one-liner {names[most]} alone solves {solved[most]} of {len(own)} recordings (AUROC over rows "
                f"{SOLVED} or more)",
                "report the others apart: on these, detectors can only tie",
                int(solved[most]),
                len(own),
                tuple(r.name for r, a in zip(own, areas[:, most], strict=True) if a >= SOLVED)[:3],
            )
