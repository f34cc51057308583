"""The curves of a series detection: score, threshold, channels and expectations, each from some row to another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.report.figure import Axis, Curve, Mark, Panel
from tocsin.report.thin import above, jumps, pixel_starts, thin, with_breaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection
    from tocsin.core.types import FloatArray, IntArray

# Beyond this share of values without neighbours a line would show nothing.
_LONELY = 0.2
_KEPT_ANOMALIES = 2000
_NUMBERED = 12


@dataclass(frozen=True, eq=False)
class Window:
    """Rows `first` to `stop` of a series, seen through so many pixels."""

    first: int
    stop: int
    starts: IntArray
    breaks: IntArray

    @classmethod
    def of(cls, series: Series, first: int, stop: int, pixels: int) -> Window:
        """Cut a window out of a series."""
        time = None if series.time is None else series.time[first:stop]
        return cls(first, stop, pixel_starts(stop - first, pixels, time), jumps(time))

    def curve(
        self, values: FloatArray, keep: IntArray, name: str, colour: str = "--line", dash: str = "solid"
    ) -> Curve:
        """Return the curve of values of the whole series within the window; rows of `keep` are drawn in any case."""
        shown = values[self.first : self.stop]
        inside = keep[(keep >= self.first) & (keep < self.stop)] - self.first
        rows, holes = with_breaks(thin(shown, self.starts, inside), self.breaks)
        return Curve(rows + self.first, shown[rows], holes, name, colour, dash, dots=_scattered(shown))


class SeriesCurves:
    """What can be drawn of a detection in a series.

    Parameters
    ----------
    detection : Detection
        In a series.
    """

    def __init__(self, detection: Detection) -> None:
        assert isinstance(detection.sample, Series)
        self.detection = detection
        self.series: Series = detection.sample

    @cached_property
    def axis(self) -> Axis:
        """Time, or the number of the row."""
        if self.series.time is not None:
            return Axis(self.series.time, "time (UTC)")
        first = int(self.series.meta.get("first_row", 0))
        return Axis(np.arange(first, first + len(self.series)), "row")

    @cached_property
    def scores(self) -> FloatArray | None:
        """Scores of the rows, if there are any."""
        scores = self.detection.scores.local
        return scores if scores is not None and scores.shape == (len(self.series),) else None

    @cached_property
    def levels(self) -> FloatArray:
        """The threshold at every row that has a score."""
        assert self.scores is not None
        return np.asarray(self.detection.level.levels(self.scores), dtype=np.float64)

    @cached_property
    def level(self) -> float | None:
        """The threshold, where it is the same all along."""
        known = self.levels[np.isfinite(self.levels)]
        return float(known[0]) if known.size and known.min() == known.max() else None

    @cached_property
    def precious(self) -> IntArray:
        """Rows that no curve may lose: both ends and the peak of every anomaly."""
        rows: list[int] = []
        for anomaly in self.detection.anomalies[:_KEPT_ANOMALIES]:
            where = anomaly.where
            if isinstance(where, Interval):
                rows += [where.start, where.stop - 1, self.peak_row(where)]
        return np.unique(np.array(rows, dtype=np.int64))

    @cached_property
    def blamed_first(self) -> list[int]:
        """Channels by their summed shares in the anomalies; those never blamed keep their order."""
        place = {name: c for c, name in enumerate(self.series.channels)}
        blame = np.zeros(len(place))
        for anomaly in self.detection.anomalies[:_KEPT_ANOMALIES]:
            for evidence in anomaly.because:
                if evidence.name in place:
                    blame[place[evidence.name]] += evidence.share
        return [int(c) for c in np.argsort(-blame, kind="stable")]

    @cached_property
    def expected(self) -> FloatArray | None:
        """What the detector would have expected to see, if it can tell."""
        expected = self.detection.expected
        return expected if expected is not None and expected.shape == self.series.values.shape else None

    def peak_row(self, where: Interval) -> int:
        """Return the row with the highest score of an interval."""
        if self.scores is None:
            return where.start
        inside = self.scores[where.start : where.stop]
        return where.start + (int(np.nanargmax(inside)) if np.isfinite(inside).any() else 0)

    def usual(self, channel: int) -> tuple[float, float] | None:
        """Return the usual range of a channel, if it has one."""
        profile = self.detection.profile
        if profile is None or profile.low.size <= channel or not profile.high[channel] > profile.low[channel]:
            return None
        return float(profile.low[channel]), float(profile.high[channel])

    def score_panel(self, window: Window, height: int, targets: Sequence[str] = ()) -> list[Panel]:
        """Return score and threshold with numbered dots on the strongest anomalies; nothing if rows have no score."""
        if self.scores is None:
            return []
        kept = np.union1d(self.precious, above(self.scores, self.level)) if self.level is not None else self.precious
        curves = [window.curve(self.scores, kept, "score", "--score")]
        if self.level is None and np.isfinite(self.levels).any():
            curves.append(window.curve(self.levels, self.precious, "threshold", "--alarm", "dash"))
        title = "Score; dashed: the threshold"
        return [Panel(title, curves, height=height, level=self.level, marks=self._marks(targets))]

    def channel_panel(self, window: Window, channel: int) -> Panel:
        """Return a channel over its usual range."""
        name = self.series.channels[channel]
        seen = window.curve(self.series.values[:, channel], self.precious, name)
        return Panel(name, [seen], usual=self.usual(channel))

    def compared_panel(self, window: Window, channel: int) -> Panel:
        """Return a channel over what was expected of it, or else over its usual range."""
        seen = window.curve(self.series.values[:, channel], self.precious, "seen")
        if self.expected is None:
            return Panel(self.series.channels[channel], [seen], usual=self.usual(channel))
        guess = window.curve(self.expected[:, channel], self.precious, "expected", "--expected", "dot")
        return Panel(self.series.channels[channel], [guess, seen])

    def blamed(self, anomaly: Anomaly, most: int) -> list[int]:
        """Return the channels named in an anomaly's evidence, or the first ones if none is."""
        named = [self.series.channels.index(e.name) for e in anomaly.because if e.name in self.series.channels]
        return (named or list(range(len(self.series.channels))))[:most]

    def _marks(self, targets: Sequence[str]) -> list[Mark]:
        marks = []
        ranked = zip(self.detection.anomalies[:_NUMBERED], targets, strict=False)
        for rank, (anomaly, target) in enumerate(ranked, start=1):
            if isinstance(anomaly.where, Interval) and self.scores is not None:
                row = self.peak_row(anomaly.where)
                if np.isfinite(self.scores[row]):
                    marks.append(Mark(row, float(f"{self.scores[row]:.7g}"), str(rank), target))
        return marks


def _scattered(values: FloatArray) -> bool:
    """Whether so many values stand between missing ones that dots show more than a line."""
    present = np.isfinite(values)
    beside = np.zeros_like(present)
    beside[1:] |= present[:-1]
    beside[:-1] |= present[1:]
    return int(np.count_nonzero(present & ~beside)) > _LONELY * max(1, int(np.count_nonzero(present)))
