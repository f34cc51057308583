"""Section: the detectors of one protocol on one kind of data, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Standing:
    """One detector.

    Parameters
    ----------
    detector : str
    floor : bool
        Whether it detects nothing and is there for comparison.
    mean, low, high : float
        Of the first metric: the mean over data sets of means over groups, and its 95 % interval.
    rank : float
        Mean rank over data sets; NaN where none could be ranked.
    wins : int
        Data sets on which none is better.
    p_value : float
        Of the difference from the best detector, corrected; NaN for that one.
    by_dataset : dict of str to float
    others : dict of str to float
        Means of the other metrics.
    fit_seconds, score_seconds : float
        Of all jobs together.
    per_second : float
        Places scored in a second.
    memory : float
        The most bytes that a job needed beyond what its process held before.
    on_front : bool
        Whether none is both better and faster.
    missing : str
        What could not be had: data sets on which it failed, or groups not run yet.
    within : dict of str to (float, float)
        Data sets of one group -> 95 % interval of the value over its pictures, traces or events.
    """

    detector: str
    floor: bool
    mean: float
    low: float
    high: float
    rank: float
    wins: int
    p_value: float
    by_dataset: dict[str, float]
    others: dict[str, float]
    fit_seconds: float
    score_seconds: float
    per_second: float
    memory: float
    on_front: bool
    missing: str = ""
    within: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Learning and scoring."""
        return self.fit_seconds + self.score_seconds


@dataclass(frozen=True)
class Section:
    """The detectors of one protocol on one kind of data.

    Parameters
    ----------
    protocol : str
    modality : str
    metric : str
        The one that decides.
    higher_is_better : bool
    datasets : tuple of str
    groups : dict of str to int
        Data set -> how many groups count.
    standings : sequence of Standing
        Best mean first.
    best : str
        The detector that others are tested against; empty where there is none.
    critical_difference : float
        Of mean ranks.
    intervals : str
        What was resampled.
    remarks : sequence of str
        What to mistrust.
    chosen : dict of str to dict
        Detector -> data set -> the settings chosen on the first half.
    """

    protocol: str
    modality: str
    metric: str
    higher_is_better: bool
    datasets: tuple[str, ...]
    groups: dict[str, int]
    standings: Sequence[Standing]
    best: str
    critical_difference: float
    intervals: str
    remarks: Sequence[str] = ()
    chosen: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Kind of data, protocol, and data sets."""
        kind = "" if self.modality == self.protocol else f"{self.modality}, "
        return f"{kind}{self.protocol} on {', '.join(self.datasets)}"
