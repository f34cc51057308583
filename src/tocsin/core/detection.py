"""Detection: everything that `detect` found out about one sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.core.alarm_rules import AlarmRules
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.card import Card
    from tocsin.core.excursions import RunLengths
    from tocsin.core.extents import Extent
    from tocsin.core.pictures import Matrix
    from tocsin.core.profile import ChannelProfile
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.thresholds.base import Level
    from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found in one sample, and on what grounds.

    Parameters
    ----------
    sample : Sample
        What was looked at.
    scores : Scores
        How strange each place is.
    level : Level
        The threshold, with what it promises and what weakens the promise.
    anomalies : tuple of Anomaly
        Strongest first.
    rules : AlarmRules
        How flagged places were merged.
    card : Card
        Which detector.
    parameters : dict
        Its parameters.
    findings : tuple of str
        What it found out by itself: period, window, channels left out.
    calibrated_on : str
        Whose scores set the level.
    run_lengths : RunLengths, optional
        The law of how long scores stay above the level by chance.
    profile : ChannelProfile, optional
        What is usual for each channel.
    expected : ndarray of shape (n, c), optional
        What the detector would have expected to see, where it can tell.
    pictures : dict of Extent to tuple of Matrix
        What the detector shows of the strongest anomalies besides curves, by where they are.
    """

    sample: Sample
    scores: Scores
    level: Level
    anomalies: tuple[Anomaly, ...]
    rules: AlarmRules
    card: Card
    parameters: dict[str, Any]
    findings: tuple[str, ...] = ()
    calibrated_on: str = ""
    run_lengths: RunLengths | None = None
    profile: ChannelProfile | None = None
    expected: FloatArray | None = None
    pictures: dict[Extent, tuple[Matrix, ...]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.anomalies)

    def __iter__(self) -> Iterator[Anomaly]:
        return iter(self.anomalies)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know before trusting the result."""
        found = [self.level.support] if self.level.support else []
        if self.run_lengths is not None:
            found += list(self.run_lengths.warnings)
        return tuple(found)

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page about this detection and return its path.

        Raises
        ------
        InputError
            If the page cannot be written.
        """
        # The page is built two floors up; only this name is known here.
        writer = import_module("tocsin.report")
        return Path(writer.write_report([self], Path(path)))
