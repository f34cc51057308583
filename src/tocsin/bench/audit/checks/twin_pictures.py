"""Twin pictures: nearly the same picture twice, as when one thing is photographed again in another light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.checks.wording import be, called, of, some
from tocsin.bench.audit.finding import Finding

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey
    from tocsin.core.types import BoolArray, FloatArray, IntArray

# Correlation of thumbnails without their slow changes from which on two pictures show the same thing.
TWIN = 0.9
# From so many pictures on, what all of them share is taken off first.
ENOUGH = 20
# A twin is closer than so many others, by this factor in what is missing to a correlation of 1: where pictures have
# many equally close ones, it is the product that is alike. What correlates above SURELY is a copy all the same.
OTHERS, FACTOR, SURELY = 8, 3.0, 0.999
_BLOCK = 512


class TwinPictures:
    """Pictures whose thumbnails, without slow changes of light, correlate by more than 0.9.

    Pictures of one aligned product are all alike. So what all have in common is taken off as well, and only pairs are
    twins that are alike in what is their own, too, and closer to each other than to eight others by far. What this
    rule leaves out is counted in a note: bursts of more than eight near-copies are among it.
    """

    name = "twin-pictures"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        units, rows = survey.units, survey.thumbnail_rows
        if survey.modality != "image" or len(rows) < 2:
            return
        train = units.train[rows]
        test = units.test[rows] & ~train
        best_across, best_inside, usual = (np.full(len(rows), -1.0) for _ in range(3))
        partner: IntArray = np.full((2, len(rows)), -1)
        _, content = np.unique(units.digests[rows], axis=0, return_inverse=True)
        content = content.reshape(-1)
        centred = _without_common(survey.thumbnails, units.groups[rows])
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, min(start + _BLOCK, len(rows)))
            alike = np.minimum(survey.thumbnails[block] @ survey.thumbnails.T, centred[block] @ centred.T)
            alike[content[block][:, None] == content[None, :]] = -1.0  # copies are another finding
            if len(rows) > 2 * OTHERS:
                usual[block] = np.partition(alike, -OTHERS, axis=1)[:, -OTHERS]
            other_side = train[None, :] & test[block][:, None]
            same_side = (train[None, :] & train[block][:, None]) | (test[None, :] & test[block][:, None])
            for best, kind, allowed in ((best_across, 0, other_side), (best_inside, 1, same_side)):
                masked = np.where(allowed, alike, -1.0)
                partner[kind, block] = masked.argmax(axis=1)
                best[block] = masked.max(axis=1)
        across, inside = (_apart(best, usual) for best in (best_across, best_inside))
        if train.any() and test.any():
            yield from self._found(survey, across, partner[0], test, across=True)
        yield from self._found(survey, inside, partner[1], train | test, across=False)
        alike_only = (np.maximum(best_across, best_inside) > TWIN) & ~across & ~inside
        if alike_only.any():
            count = int(alike_only.sum())
            yield Finding(
                self.name,
                "note",
                f"{of(count, len(rows), 'picture')} {be(count)} as close to many others as twins are elsewhere, so "
                "that thumbnails cannot tell near-copies from an aligned product",
                "look whether pictures were taken in bursts",
                count,
                len(rows),
            )

    def _found(
        self, survey: Survey, twins: BoolArray, partner: IntArray, among: BoolArray, *, across: bool
    ) -> Iterator[Finding]:
        units, rows = survey.units, survey.thumbnail_rows
        found = np.flatnonzero(twins)
        if not len(found):
            return
        labels = units.labels[rows[found]]
        bad, normal = int((labels == 1).sum()), int((labels == 0).sum())
        subject = of(len(found), int(among.sum()), "test picture" if across else "picture")
        where = "a training picture" if across else "another one in the same part"
        advice = (
            "move them to one side of the split, or report without them: what is learned by heart scores them"
            if across
            else "keep twins together when you split, and count each thing once in intervals"
        )
        total = int(among.sum())
        yield Finding(
            self.name,
            "warning",
            f"{subject} {be(len(found))} nearly the same as {where} "
            f"(thumbnails correlate above {TWIN} apart from light; {normal} labelled normal, {bad} anomalous)",
            advice,
            len(found),
            total,
            some(
                f"{called(units, int(rows[i]))} ~ {called(units, int(rows[partner[i]]))}"
                for i in found.tolist()
                if across or i < partner[i] or not twins[partner[i]]
            ),
            {"normal": normal, "anomalous": bad},
        )


def _apart(best: FloatArray, usual: FloatArray) -> BoolArray:
    """Return which pictures have a twin: one alike, and much more so than others are."""
    return np.asarray((best > TWIN) & ((FACTOR * (1 - best) < 1 - usual) | (best > SURELY)))


def _without_common(thumbnails: FloatArray, groups: object) -> FloatArray:
    """Return the thumbnails less the mean of their group, of length one again; small groups as they are."""
    made = thumbnails.copy()
    names = np.asarray(groups, dtype=object).astype(str)
    for group in np.unique(names):
        own = np.flatnonzero(names == group)
        if len(own) < ENOUGH:
            continue
        made[own] -= made[own].mean(axis=0)
        made[own] /= np.maximum(np.linalg.norm(made[own], axis=1, keepdims=True), 1e-9)
    return made
