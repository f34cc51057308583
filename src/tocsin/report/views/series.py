"""The view of series: score over channels on one time axis, and each anomaly with what was seen and what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.report.figure import Axis, Band, stack
from tocsin.report.views.blocks import Block, Chart, Table
from tocsin.report.views.series_curves import SeriesCurves, Window
from tocsin.report.views.view import View
from tocsin.report.words import count, grouped, listed, number, share, span, visible

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection

_SCORE_PIXELS, _CHANNEL_PIXELS, _CLOSE_PIXELS = 1000, 700, 260
_ALL_IN_FRONT, _FRONT, _BEHIND = 6, 4, 40
_CLOSE_CHANNELS, _TABLED, _BANDS = 4, 60, 400
_CONTEXT, _LEAST_CONTEXT = 2, 60
_SECOND = np.timedelta64(1_000_000_000, "ns")


class SeriesView(View):
    """Series: time on the axis, the channels that are blamed most first."""

    def __init__(self, detection: Detection) -> None:
        super().__init__(detection)
        self.curves = SeriesCurves(detection)
        self.series: Series = self.curves.series

    def extent(self) -> str:
        """Return how long and how wide."""
        rows, channels = self.series.values.shape
        long = self._seconds(0, rows)
        return f"{span(long) if long else count(rows, 'row')}, {count(channels, 'channel')}"

    def size(self, anomaly: Anomaly) -> str:
        """Return how long an anomaly lasts."""
        where = anomaly.where
        long = self._seconds(where.start, where.stop) if isinstance(where, Interval) else 0.0
        return span(long) if long else count(where.size, "row")

    def where(self, anomaly: Anomaly) -> str:
        """Return from when to when, or which rows."""
        text = super().where(anomaly)
        if self.series.time is not None or not isinstance(anomaly.where, Interval):
            return text
        return f"row {text}" if anomaly.where.size == 1 else f"rows {text}"

    def at(self, anomaly: Anomaly) -> str:
        """Return when an anomaly peaks, or in which row."""
        text = super().at(anomaly)
        return text if self.series.time is not None or not isinstance(anomaly.where, Interval) else f"row {text}"

    def facts(self) -> list[tuple[str, str]]:
        """Return rows, span, step and what is missing."""
        series, (rows, channels) = self.series, self.series.values.shape
        found = [("Rows", grouped(rows)), ("Channels", grouped(channels))]
        if series.time is not None:
            found += [("From", f"{series.name(0)} UTC"), ("To", f"{series.name(rows - 1)} UTC")]
            if series.step:
                found += [("Step", _step(series))]
        missing = 1 - sum(np.count_nonzero(np.isfinite(c)) for c in series.values.T) / series.values.size
        found.append(("Missing", f"{share(missing)} of the values" if missing else "nothing"))
        return found

    def profile(self) -> Table:
        """Return what is usual for each channel."""
        usual, rows = self.detection.profile, []
        for c in self.curves.blamed_first[:_TABLED]:
            values = self.series.values[:, c]
            missing = 1 - np.count_nonzero(np.isfinite(values)) / values.size
            known = usual is not None and c < usual.low.size
            rows.append(
                (
                    visible(self.series.channels[c], 60),
                    share(missing) if missing else "–",
                    number(float(np.fmin.reduce(values))),
                    f"{number(float(usual.low[c]))} to {number(float(usual.high[c]))}" if known and usual else "–",
                    number(float(np.fmax.reduce(values))),
                )
            )
        rest = len(self.series.channels) - len(rows)
        remark = f"The {_TABLED} channels that are blamed most; {rest} more are not listed." if rest else ""
        return Table(("channel", "missing", "lowest", "usually (5 % to 95 %)", "highest"), rows, remark)

    def overview(self, targets: Sequence[str], detail: float) -> list[Block]:
        """Return score and channels over all time; channels that are blamed less wait behind a fold."""
        curves, rows = self.curves, len(self.series)
        coarse = Window.of(self.series, 0, rows, max(100, int(_CHANNEL_PIXELS * detail)))
        fine = Window.of(self.series, 0, rows, max(150, int(_SCORE_PIXELS * detail)))
        bands = self._bands(0, rows)
        order = curves.blamed_first
        first = len(order) if len(order) <= _ALL_IN_FRONT else _FRONT
        front, back = order[:first], order[first : first + _BEHIND]
        panels = [*curves.score_panel(fine, 130, targets), *(curves.channel_panel(coarse, c) for c in front)]
        says = f"Score and channels over time, with {count(len(self.detection), 'anomaly', 'anomalies')} shaded"
        caption = "Shaded: anomalies. Grey band: the usual range of a channel."
        blocks: list[Block] = [Chart(stack(panels, curves.axis, bands, (0, rows)), says, caption)]
        if back:
            hidden = len(order) - len(front) - len(back)
            label = count(len(back), "more channel") + (f" (and {hidden} that are not drawn)" if hidden else "")
            more = stack([curves.channel_panel(coarse, c) for c in back], curves.axis, bands, (0, rows))
            blocks.append(Chart(more, "Further channels over time", caption, label))
        return blocks

    def closeup(self, anomaly: Anomaly) -> list[Block]:
        """Return the score and the blamed channels around one anomaly."""
        where = anomaly.where
        if not isinstance(where, Interval):
            return []
        around = max(_LEAST_CONTEXT, _CONTEXT * where.size)
        first, stop = max(0, where.start - around), min(len(self.series), where.stop + around)
        window = Window.of(self.series, first, stop, _CLOSE_PIXELS)
        chosen = self.curves.blamed(anomaly, _CLOSE_CHANNELS)
        panels = [*self.curves.score_panel(window, 90), *(self.curves.compared_panel(window, c) for c in chosen)]
        bands = [*self._bands(first, stop, but=where), Band(where.start, where.stop, strong=True)]
        foretold = self.curves.expected is not None
        caption = "Solid: seen. Dotted: expected." if foretold else "Grey band: where the channel usually is."
        says = (
            f"The anomaly at {visible(anomaly.peak_at, 60)} in {listed([self.series.channels[c] for c in chosen], 4)}"
        )
        chart = Chart(stack(panels, self.curves.axis, bands, (first, stop)), says, caption)
        return [chart, *self.pictures(anomaly)]

    def axis(self) -> Axis:
        """Return time, or the number of the row."""
        return self.curves.axis

    def strip(self) -> list[tuple[float, float]]:
        """Return where in time the anomalies lie."""
        whole = self._seconds(0, len(self.series))
        if not whole:
            return super().strip()
        return [(self._seconds(0, a) / whole, self._seconds(a, b) / whole) for a, b in self.intervals()]

    def _bands(self, first: int, stop: int, but: Interval | None = None) -> list[Band]:
        """The strongest anomalies from one row to another, cut at both."""
        return [
            Band(max(a.where.start, first), min(a.where.stop, stop))
            for a in self.detection.anomalies[:_BANDS]
            if isinstance(a.where, Interval) and a.where is not but and a.where.stop > first and a.where.start < stop
        ]

    def _seconds(self, start: int, stop: int) -> float:
        """How long some rows last, the step of the last one included; 0 without a clock."""
        time, step = self.series.time, self.series.step
        if time is None or not step or stop <= start:
            return 0.0
        return float((time[stop - 1] - time[start]) / _SECOND) + step


view = SeriesView


def _step(series: Series) -> str:
    """The usual step, and how often the clock leaps."""
    assert series.time is not None
    assert series.step
    taken = np.diff(series.time).astype("timedelta64[ns]").astype(np.int64) / 1e9
    odd = np.abs(taken - series.step) > 0.01 * series.step
    if not odd.any():
        return f"{span(series.step)}, regular"
    return f"{span(series.step)}; otherwise in {share(float(odd.mean()))} of the rows, up to {span(float(taken.max()))}"
