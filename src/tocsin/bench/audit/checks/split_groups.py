"""Groups on both sides of the split: hosts, parts, patients, source videos that were learned from are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tocsin.bench.audit.checks.wording import of, some
from tocsin.bench.audit.finding import Finding

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey


# Groups in the test part from which on it can be told whether the split was meant to be by group.
FEWEST = 4


class SplitGroups:
    """Groups of which some members are learned from and others tested on.

    Where every group stands on both sides, one model per group may be meant (a host, a product), and only a note is
    made. Where some of several do and others do not, the split was meant to be by group and leaks.
    """

    name = "split-groups"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        units = survey.units
        train = {str(g) for g in units.groups[units.train]} - {""}
        test = {str(g) for g in units.groups[units.test & ~units.train]} - {""}
        both = sorted(train & test)
        # A recording of which the beginning is for training is on both sides by its own nature.
        consecutive = any(r.split.startswith("train") and r.name != r.entry for r in survey.recordings)
        if not both or len(train | test) < 2 or consecutive:
            return
        if both == sorted(test) or len(test) < FEWEST:
            yield Finding(
                self.name,
                "note",
                f"{of(len(both), len(test), 'test group')} have samples in the training part, too",
                "right if one model is learned per group; a leak if a group is a patient, part or source",
                len(both),
                len(test),
                some(both),
            )
            return
        yield Finding(
            self.name,
            "warning",
            f"{of(len(both), len(test), 'test group')} have samples in the training part, the others have none",
            "move each group to one side of the split",
            len(both),
            len(test),
            some(both),
        )
