"""The six kinds of sample."""

from __future__ import annotations

from tocsin.core.samples.bundle import Bundle
from tocsin.core.samples.events import Column, Events
from tocsin.core.samples.frames import as_sample
from tocsin.core.samples.image import Image
from tocsin.core.samples.points import PointCloud
from tocsin.core.samples.sample import Repair, Sample
from tocsin.core.samples.series import Series
from tocsin.core.samples.video import Video

__all__ = ["Bundle", "Column", "Events", "Image", "PointCloud", "Repair", "Sample", "Series", "Video", "as_sample"]
