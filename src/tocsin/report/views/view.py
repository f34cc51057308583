"""View: what the page says about a sample of any modality; a wing's own view says more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.extents import Interval
from tocsin.report.figure import Axis
from tocsin.report.heat_map import heat_map
from tocsin.report.views.blocks import Block, Chart, Table
from tocsin.report.words import count, visible

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection

_PLACES = {"events": "event", "points": "point", "image": "pixel", "video": "frame", "series": "row"}


class View:
    """How one detection is told and shown; every method has an answer that holds for any sample.

    Parameters
    ----------
    detection : Detection
        What is shown.
    """

    def __init__(self, detection: Detection) -> None:
        self.detection = detection

    @property
    def places(self) -> str:
        """What one place of the sample is called."""
        return _PLACES.get(self.detection.sample.modality, "place")

    def extent(self) -> str:
        """Return how much there is, for the headline: "12 h 04 min, 14 channels"."""
        grid = self.detection.sample.grid
        if len(grid) == 2:
            return f"{grid[1]} × {grid[0]} {self.places}s"
        return count(grid[0], self.places) if len(grid) == 1 else " × ".join(str(n) for n in grid)

    def size(self, anomaly: Anomaly) -> str:
        """Return how large an anomaly is, in the sample's own measure."""
        return count(anomaly.where.size, self.places)

    def where(self, anomaly: Anomaly) -> str:
        """Return where an anomaly is, as short as it can be said."""
        extent = anomaly.where
        if isinstance(extent, Interval) and extent.size > 1 and extent.first[:11] == extent.last[:11]:
            day, _, time = extent.last.partition(" ")
            if time and len(day) == 10:
                return f"{visible(extent.first, 60)} to {visible(time, 60)}"
        return visible(extent, 120)

    def at(self, anomaly: Anomaly) -> str:
        """Return where an anomaly peaks."""
        return visible(anomaly.peak_at, 100)

    def facts(self) -> list[tuple[str, str]]:
        """Return what the data are, as labels and texts."""
        sample = self.detection.sample
        absent = sample.observed.size - int(sample.observed.sum())
        return [
            ("Kind", sample.modality),
            ("Size", self.extent()),
            ("Places", count(math.prod(sample.grid), "place")),
            ("Without data", count(absent, "place") if absent else "none"),
        ]

    def profile(self) -> Table | None:
        """Return what is usual in the data, if it comes in parts."""
        return None

    def overview(self, targets: Sequence[str], detail: float) -> list[Block]:
        """Return charts of the whole sample.

        Parameters
        ----------
        targets : sequence of str
            The page's names of the strongest anomalies, in their order.
        detail : float
            1 for a page about one sample, less where many share the page.
        """
        return []

    def closeup(self, anomaly: Anomaly) -> list[Block]:
        """Return charts of one anomaly and its surroundings."""
        return self.pictures(anomaly)

    def axis(self) -> Axis:
        """Return where places are along the sample."""
        return Axis(np.arange(max(1, len(self.detection.sample))), self.places)

    def pictures(self, anomaly: Anomaly) -> list[Block]:
        """Return what the detector itself shows of an anomaly."""
        return [
            Chart(
                heat_map(picture, self.axis()),
                f"{visible(picture.title, 120)}. {visible(picture.text, 600)}",
                visible(picture.text, 600),
            )
            for picture in self.detection.pictures.get(anomaly.where, ())
        ]

    def strip(self) -> list[tuple[float, float]]:
        """Return where along the sample the anomalies lie, as (start, length) in shares of the whole, in order."""
        whole = max(1, len(self.detection.sample))
        return [(start / whole, (stop - start) / whole) for start, stop in self.intervals()]

    def intervals(self) -> list[tuple[int, int]]:
        """Return the anomalies that are intervals, as (start, stop) in order."""
        return sorted((a.where.start, a.where.stop) for a in self.detection.anomalies if isinstance(a.where, Interval))
