"""How bright a picture is, and where its middle lies: differences between sets of pictures that are no defects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores
from tocsin.metrics.dummy import image_dummies

if TYPE_CHECKING:
    from tocsin.core.samples import Image


class BrightnessAndCentre(Detector):
    """A picture is as strange as its mean brightness is far from that of those learned from; its middle is stranger.

    Examples
    --------
    >>> from tocsin.core.samples import Image
    >>> detector = BrightnessAndCentre().fit([Image(np.full((4, 4), v, np.uint8)) for v in (99, 100, 101)])
    >>> [round(detector.score(Image(np.full((4, 4), v, np.uint8))).overall, 2) for v in (100, 110)]
    [0.0, 12.25]
    """

    card = Card(
        name="brightness-and-centre",
        summary="brighter or darker than usual",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("image",),
        cost="pixels",
    )
    least_places: ClassVar[int] = 1
    mean_: float
    spread_: float

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        values = np.array([_brightness(sample) for sample in samples])
        self.mean_ = float(values.mean())
        self.spread_ = float(values.std()) or 1.0

    def _score(self, sample: Image) -> Scores:
        shape = (sample.grid[0], sample.grid[1])
        centre = next(d for d in image_dummies([None], shapes=[shape]) if d.name == "centre prior").scores()[0]
        return Scores(centre, overall=abs(_brightness(sample) - self.mean_) / self.spread_)


def _brightness(sample: Image) -> float:
    return float(np.mean(sample.pixels, dtype=np.float64))
