"""The view of a picture: the places found, the heat over it, and each place close up beside what is normal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import TocsinError
from tocsin.core.extents import Region
from tocsin.core.samples import Bundle, Image
from tocsin.report import drawing
from tocsin.report.views.blocks import Block
from tocsin.report.views.view import View
from tocsin.report.words import count, number, share, visible

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection
    from tocsin.core.types import BoolArray

SIDE, LEAST_SIDE, CLOSE = 1000, 320, 320
MOST_BOXES = 40
# Around a place, so much of its size is shown too, and never less than so many pixels.
MARGIN, LEAST_MARGIN = 0.6, 16
# How detectors that remember patches say which normal one comes nearest, and where that one lies.
_NEAREST = re.compile(r"nearest normal patch \((?P<name>.+), x=(?P<x>\d+), y=(?P<y>\d+)\)")


class ImageView(View):
    """A picture: where in it the strange places are, and how strange each is."""

    def __init__(self, detection: Detection) -> None:
        super().__init__(detection)
        sample = detection.sample.main if isinstance(detection.sample, Bundle) else detection.sample
        assert isinstance(sample, Image)
        self.image: Image = sample

    @property
    def places(self) -> str:
        """What one place is called, in a bundle of pictures too."""
        return "pixel"

    def size(self, anomaly: Anomaly) -> str:
        """Return the area of a place, and its share of the picture."""
        height, width = self.image.grid
        return f"{count(anomaly.where.size, 'pixel')}, {share(anomaly.where.size / (height * width))}"

    def facts(self) -> list[tuple[str, str]]:
        """Return what the picture is, and how it was judged as a whole."""
        scores, level = self.detection.scores, self.detection.level.value
        facts = [("Size", self.extent()), ("Score", number(scores.overall))]
        if np.isfinite(level):
            facts.append(("Threshold", number(level)))
        if scores.local is not None and np.isfinite(level):
            above = int(np.count_nonzero(scores.local > level))
            facts.append(("Above it", f"{count(above, 'pixel')} ({share(above / scores.local.size)})"))
        for key, label in (("group", "Product"), ("view", "View"), ("folder", "Folder"), ("path", "File")):
            if value := self.detection.sample.meta.get(key):
                facts.append((label, visible(value, 200)))
        return facts

    def overview(self, targets: Sequence[str], detail: float) -> list[Block]:
        """Return the picture with what was found outlined, and beside it the heat of the scores."""
        side = max(LEAST_SIDE, round(SIDE * detail**0.5))  # bytes grow with the area
        try:
            whole = drawing.fitted(drawing.shown(self.image.pixels), side)
        except TocsinError:
            return []  # the file went away after it was judged; everything else is still true
        size = (whole.shape[0], whole.shape[1])
        boxes = [a.where.box for a in self.detection.anomalies[:MOST_BOXES] if isinstance(a.where, Region)]
        mask = self._mask()
        drawn = [whole]
        told = []
        if mask is not None and boxes:
            small = drawing.shrunk_map(mask.astype(np.float32), size) > 0
            drawn[0] = drawing.outlined(whole, small, drawing.scaled_boxes(boxes, self.image.grid, size))
            told.append("outlined: what lies above the threshold, with its box")
        local = self.detection.scores.local
        if local is not None and local.shape == self.image.grid:
            low, high = self._scale()
            drawn.append(drawing.heated(whole, drawing.shrunk_map(local, size), low, high))
            told.append(f"heat: scores from {number(low)} (nothing) to {number(high)} (dark red)")
        if size != self.image.grid:
            told.append(f"shrunk to {size[1]} × {size[0]}")
        says = f"The picture with {count(len(boxes), 'place')} outlined, and its scores as heat"
        caption = f"{'; '.join(told)}." if told else ""
        return [drawing.picture_block(drawing.beside(*drawn), says, caption[:1].upper() + caption[1:])]

    def closeup(self, anomaly: Anomaly) -> list[Block]:
        """Return a place at the picture's own pixels, and the normal patch that comes nearest to it."""
        if not isinstance(anomaly.where, Region):
            return self.pictures(anomaly)
        try:
            shown = drawing.shown(self.image.pixels)
        except TocsinError:
            return self.pictures(anomaly)
        top, bottom, left, right = self._around(anomaly.where)
        mask = np.zeros(self.image.grid, dtype=bool)
        x0, y0, x1, y1 = anomaly.where.box
        mask[y0:y1, x0:x1] = anomaly.where.mask
        crop = _close(shown[top:bottom, left:right], mask[top:bottom, left:right])
        plain = _close(shown[top:bottom, left:right], None)
        drawn, told = [plain, crop], "The place as it is, and outlined"
        if (normal := self._nearest(anomaly, bottom - top, right - left)) is not None:
            drawn.append(normal[0])
            told += f"; last: the nearest normal patch, in {normal[1]}"
        says = f"Close up: {visible(anomaly.where, 80)}"
        return [drawing.picture_block(drawing.beside(*drawn), says, f"{told}."), *self.pictures(anomaly)]

    def strip(self) -> list[tuple[float, float]]:
        """Return where from left to right the places lie."""
        width = self.image.grid[1]
        boxes = [a.where.box for a in self.detection.anomalies if isinstance(a.where, Region)]
        return sorted((left / width, (right - left) / width) for left, _, right, _ in boxes)

    def _mask(self) -> BoolArray | None:
        """All places found, at the picture's own size."""
        regions = [a.where for a in self.detection.anomalies if isinstance(a.where, Region)]
        if not regions:
            return None
        mask = np.zeros(self.image.grid, dtype=bool)
        for region in regions:
            left, top, right, bottom = region.box
            mask[top:bottom, left:right] |= region.mask
        return mask

    def _scale(self) -> tuple[float, float]:
        """One scale for all pictures that were judged at one threshold."""
        level = self.detection.level.value
        if np.isfinite(level) and level > 0:
            return 0.5 * level, 2.0 * level
        local = self.detection.scores.local
        assert local is not None
        return float(np.nanmin(local)), float(np.nanmax(local))

    def _around(self, region: Region) -> tuple[int, int, int, int]:
        left, top, right, bottom = region.box
        margin = max(LEAST_MARGIN, round(MARGIN * max(right - left, bottom - top)))
        height, width = self.image.grid
        return max(0, top - margin), min(height, bottom + margin), max(0, left - margin), min(width, right + margin)

    def _nearest(self, anomaly: Anomaly, height: int, width: int) -> tuple[drawing.Drawn, str] | None:
        """The surroundings of the nearest normal patch, as large as those of the place, if its picture can be had."""
        known = self.detection.extra.get("training", {})
        for evidence in anomaly.because:
            match = _NEAREST.search(evidence.text)
            path = known.get(match["name"]) if match else None
            if match is None or path is None or not Path(path).is_file():
                continue
            try:
                normal = Image(path)
                y, x = int(match["y"]), int(match["x"])
                high, wide = normal.grid
                top = min(max(0, y - height // 2), max(0, high - height))
                left = min(max(0, x - width // 2), max(0, wide - width))
                shown = drawing.shown(normal.pixels)
            except TocsinError:
                return None  # changed since it was learned from
            name = visible(match["name"], 80)
            return _close(shown[top : top + height, left : left + width], None), name
        return None


view = ImageView


def _close(crop: drawing.Drawn, mask: BoolArray | None) -> drawing.Drawn:
    """A crop at its own pixels: small ones enlarged, large ones shrunk."""
    small = drawing.enlarged(drawing.fitted(crop, CLOSE), CLOSE)
    if mask is None:
        return small
    fitted = drawing.shrunk_map(mask.astype(np.float32), drawing.fitting(crop.shape, CLOSE)) > 0
    times = small.shape[0] // fitted.shape[0]
    return drawing.outlined(small, fitted.repeat(times, axis=0).repeat(times, axis=1))
