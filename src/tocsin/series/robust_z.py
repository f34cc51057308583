"""RobustZ: how far each value lies from its channel's median, in robust standard deviations.

The plainest detector there is, and the one that every other has to beat: it looks at one row at a time, so it finds
values that never occur and is blind to usual values in an unusual order. Median and scale come from the training part.
The median resists up to half of it being anomalous; so does the scale, except that it is never less than a fifth of
what the range between the 1 % and 99 % quantiles suggests, lest a mostly idle channel get a scale of nothing.

Reference: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993 (the modified z-score).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.detector import Detector
from tocsin.core.samples import Series
from tocsin.core.scores import Scores


class RobustZ(Detector):
    """Distance from the median of each channel, in robust standard deviations.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(300.0)) ; load[250] = 9.0
    >>> found = RobustZ().fit_detect(load, false_alarms="top 1")
    >>> found.anomalies[0].start
    250
    """

    card: ClassVar[Card] = Card(
        name="robust-z",
        summary="values far from the median of their channel",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear",
        cite="Iglewicz and Hoaglin 1993",
    )

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        """Nothing more to learn: the base class keeps median and scale of every channel in `profile_`."""

    def _score(self, sample: Series) -> Scores:
        assert self.profile_ is not None
        distance = np.abs(self.profile_.standardise(sample.values))
        return Scores(join(distance), parts=distance, part_names=sample.channels)
