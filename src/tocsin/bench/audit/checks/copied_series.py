"""Copied series: stretches of one recording that stand in another, and recordings alike but for scale and shift."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from tocsin.bench.audit.checks.wording import of, some
from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.reading.stretches import EVERY, STRETCH, likeness

if TYPE_CHECKING:
    from tocsin.bench.audit.reading.recording import Recording
    from tocsin.bench.audit.survey import Survey

# Shared stretches from which on it is a copy: some 128 rows.
SHARED = 8
ALIKE = 0.8
# Recordings compared pair by pair for likeness; 20 000 pairs take some seconds.
MOST = 200
# A stretch that stands in so many recordings says nothing of any two of them.
COMMON = 20


class CopiedSeries:
    """Stretches that two recordings share to the last digit, and recordings that are alike in what is their noise."""

    name = "copied-series"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        recordings = survey.recordings
        pairs = _sharing(recordings)
        found = [(i, j, f"some {n * EVERY + STRETCH} rows") for (i, j), n in sorted(pairs.items()) if n >= SHARED]
        yield from self._said(recordings, found, "share stretches to the last digit")
        known = {(i, j) for i, j, _ in found}
        whole = [i for i, r in enumerate(recordings) if r.residual is not None]
        whole = whole[:: -(-len(whole) // MOST)] if whole else []
        alike = []
        for i, j in combinations(whole, 2):
            first, second = recordings[i].residual, recordings[j].residual
            if (i, j) in known or recordings[i].entry == recordings[j].entry or first is None or second is None:
                continue
            if (value := likeness(first, second)) >= ALIKE:
                alike.append((i, j, f"correlation {value:.2f}"))
        yield from self._said(recordings, alike, "are near-copies: what cannot be foretold in them is the same")

    def _said(
        self, recordings: tuple[Recording, ...], pairs: list[tuple[int, int, str]], what: str
    ) -> Iterator[Finding]:
        for across in (True, False):
            own = [(i, j, why) for i, j, why in pairs if _across(recordings[i], recordings[j]) == across]
            if not own:
                continue
            # Of pairs across the split, the test side is what must go.
            touched = {j if recordings[i].split.startswith("train") else i for i, j, _ in own}
            touched = touched if across else {i for pair in own for i in pair[:2]}
            total = sum(not r.split.startswith("train") for r in recordings) if across else len(recordings)
            subject = f"{of(len(touched), total, 'test recording' if across else 'recording')}"
            other = "with a training recording, which" if across else "with another one, which"
            yield Finding(
                self.name,
                "warning",
                f"{subject} stand in a pair {other} {what}",
                "leave the copies out of the test part"
                if across
                else "keep them on one side of a split, and count them once in intervals",
                len(touched),
                total,
                some(f"{recordings[i].name} and {recordings[j].name}, {why}" for i, j, why in own),
            )


def _across(first: Recording, second: Recording) -> bool:
    return first.split.startswith("train") != second.split.startswith("train")


def _sharing(recordings: tuple[Recording, ...]) -> dict[tuple[int, int], int]:
    """Return how many stretches each two recordings of different entries share."""
    where: dict[int, list[int]] = defaultdict(list)
    for i, recording in enumerate(recordings):
        for anchor in recording.anchors.tolist():
            where[anchor].append(i)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for places in where.values():
        if 1 < len(places) <= COMMON:
            for pair in combinations(places, 2):
                shared[pair] += 1
    return shared
