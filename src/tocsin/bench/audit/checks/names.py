"""Names and order: files numbered, named or sorted so that the label can be read off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.checks.wording import called
from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.separation import separations, telling

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey
    from tocsin.core.types import AnyArray, FloatArray

_DIGITS = re.compile(r"\d+")
_FURTHEST = 2**53


class Names:
    """Whether the number in a sample's name, the letters of it, or its place in the file give the label away.

    Folders are no part of a name: that is where labels stand.
    """

    name = "names"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        units = survey.units
        rows, _ = units.judged
        rows = rows[units.test[rows]]
        labels = units.labels[rows]
        if units.thing in ("trace", "event"):
            for found in separations({"place in the file": units.order[rows].astype(float)}, labels):
                if found.solves:
                    side = "behind" if found.higher else "before"
                    yield self._finding(
                        "note",
                        f"the test {units.thing}s are sorted by label: the anomalous stand {side} the normal ({found})",
                        "shuffle them before anything that adapts while it scores",
                        found.auroc,
                    )
        if units.thing == "event":
            return
        stems = np.array([str(units.names[r]).replace("\\", "/").rpartition("/")[2] for r in rows], dtype=object)
        for found in separations({"number": _numbers(stems)}, labels):
            if found.solves:
                side = "higher" if found.higher else "lower"
                yield self._finding(
                    "warning",
                    f"the numbers in names give the label away: the anomalous have the {side} ones ({found})",
                    "never use names or order as input; ask whether the two classes were recorded apart",
                    found.auroc,
                    _both(survey, rows, labels),
                )
        letters = np.array([_DIGITS.sub("#", stem) for stem in stems], dtype=object)
        told = telling(letters, labels, "letters") if len(rows) else None
        if told is not None and told.solves:
            yield self._finding(
                "note",
                f"the letters in names give the label away ({told})",
                "never use names as input",
                told.auroc,
                _both(survey, rows, labels),
            )

    def _finding(self, severity: str, text: str, advice: str, auroc: float, examples: tuple[str, ...] = ()) -> Finding:
        return Finding(self.name, severity, text, advice, examples=examples, values={"auroc": auroc})


def _numbers(stems: AnyArray) -> FloatArray:
    """Return the last number in each name, NaN where there is none."""
    found = [_DIGITS.findall(stem) for stem in stems]
    return np.array([float(min(int(f[-1][-16:]), _FURTHEST)) if f else np.nan for f in found])


def _both(survey: Survey, rows: AnyArray, labels: AnyArray) -> tuple[str, ...]:
    units = survey.units
    return tuple(
        f"{called(units, int(rows[np.flatnonzero(labels == label)[0]]))} is {word}"
        for label, word in ((0, "normal"), (1, "anomalous"))
        if (labels == label).any()
    )
