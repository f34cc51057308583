"""AU-sPRO, the region metric of MVTec LOCO: a defect counts as found once enough of it is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, Undefined, check_fraction, check_positive
from tocsin.metrics.image._inputs import NO_NORMAL_PIXEL, as_map, check_image
from tocsin.metrics.ranks import ExactRanks, Ranking


class DefectChannel(NamedTuple):
    """One annotated defect: its mask, and how much of it must be found.

    ``saturation`` is a number of pixels, or with ``relative`` a share of the mask's area (rounded down).
    """

    mask: npt.ArrayLike
    saturation: float
    relative: bool = False


class _Kind:
    """What pictures of one kind of anomaly contribute."""

    def __init__(self) -> None:
        self.normal = ExactRanks()
        self.scores: list[FloatArray] = []  # per channel, only as many of the highest as saturate it


class SaturatedEvaluation:
    """Accumulator of maps and defect channels of one class for AU-sPRO.

    The saturated overlap of a channel is ``min(found pixels / saturation, 1)``; there is no component analysis inside a
    channel.  A pixel is normal where no channel of its picture marks it.  Every kind of anomaly is scored on its own
    pictures together with the good ones, and the kinds are averaged.

    Notes
    -----
    Exact: only the ``saturation`` highest scores of a channel can raise its overlap, so each of them adds
    ``1 / saturation`` of its partial area and the rest adds nothing.  The official code bisects thresholds until
    neighbours are within .01 and so differs by up to 5e-5.  Memory: 4 to 8 bytes a pixel, twice that in `au_spro`.

    References
    ----------
    Bergmann, P. et al. Beyond Dents and Scratches: Logical Constraints in Unsupervised Anomaly Detection and
    Localization. IJCV 130 (2022).

    Examples
    --------
    >>> evaluation = SaturatedEvaluation()
    >>> _ = evaluation.update([[0.1, 0.2], [0.3, 0.1]], [])
    >>> channel = DefectChannel([[0, 1], [0, 1]], saturation=1)
    >>> evaluation.update([[0.2, 0.9], [0.1, 0.0]], [channel], kind="logical").au_spro()
    1.0
    """

    def __init__(self) -> None:
        self._good = ExactRanks()
        self._kinds: dict[str, _Kind] = {}
        self._count = 0

    def update(
        self,
        score_map: npt.ArrayLike,
        channels: Sequence[DefectChannel],
        *,
        kind: str = "anomalous",
        image: str | None = None,
    ) -> SaturatedEvaluation:
        """Add one picture; no channels say that it is good.

        Parameters
        ----------
        score_map : array-like, shape (height, width)
        channels : sequence of DefectChannel
        kind : str
            "logical" or "structural", say; ignored for good pictures.
        image : str, optional
            Its name in messages.

        Returns
        -------
        SaturatedEvaluation
            Itself.

        Raises
        ------
        MetricError
            If a channel has another size than the map, marks nothing, or saturates below one pixel.
        """
        name = f"image {self._count}" if image is None else image
        self._count += 1
        scores = as_map(score_map, name)
        if not len(channels):
            self._good.extend(scores.ravel(), scores.ravel()[:0])
            return self
        anywhere = np.zeros(scores.shape, bool)
        kept = []
        for number, channel in enumerate(channels):
            _, mask = check_image(scores, channel.mask, f"{name}, channel {number}")
            if mask is None or not mask.any():
                raise MetricError(f"channel {number} of {name} marks no pixel: leave it out")
            anywhere |= mask
            kept.append(_highest(scores[mask], _pixels(channel, int(mask.sum()), f"channel {number} of {name}")))
        store = self._kinds.setdefault(kind, _Kind())
        store.scores += kept
        normal = scores[~anywhere]
        store.normal.extend(normal, normal[:0])
        return self

    def merge(self, other: SaturatedEvaluation) -> SaturatedEvaluation:
        """Add the pictures of another shard of the same class; returns itself."""
        self._good.merge(other._good)
        for kind, theirs in other._kinds.items():
            ours = self._kinds.setdefault(kind, _Kind())
            ours.normal.merge(theirs.normal)
            ours.scores += theirs.scores
        self._count += other._count
        return self

    def by_kind(self, limit: float = 0.05) -> dict[str, float]:
        """Return AU-sPRO up to a false positive rate for each kind of anomaly, in alphabetical order."""
        return {kind: _mean(values) for kind, values in self.channel_scores(limit).items()}

    def au_spro(self, limit: float = 0.05) -> float:
        """Return the mean over kinds of AU-sPRO up to a false positive rate, divided by it.

        Returns
        -------
        float
            0 to 1; NaN with a reason where there is no channel or no normal pixel.
        """
        values = self.by_kind(limit)
        if not values:
            return Undefined("no picture has a defect channel")
        return next((v for v in values.values() if np.isnan(v)), float(np.mean(list(values.values()))))

    def channel_scores(self, limit: float = 0.05) -> dict[str, npt.NDArray[np.float64]]:
        """Return each channel's own area up to ``limit``, divided by it, by kind; NaN without a normal pixel."""
        limit = check_fraction(limit, "limit", open_left=True)
        good = self._good.compute().negatives
        found = {}
        for kind, store in sorted(self._kinds.items()):
            normal = np.concatenate((good, store.normal.compute().negatives))
            normal.sort()
            if not len(normal):
                found[kind] = np.full(len(store.scores), np.nan)
                continue
            ranking = Ranking(normal, normal[:0])
            found[kind] = np.array([min(1.0, ranking.partial_area(s, limit).mean() / limit) for s in store.scores])
        return found


def _mean(values: npt.NDArray[np.float64]) -> float:
    return Undefined(NO_NORMAL_PIXEL) if np.isnan(values).any() else float(values.mean())


def _pixels(channel: DefectChannel, area: int, name: str) -> int:
    """Return how many pixels saturate a channel."""
    wanted = check_positive(channel.saturation, f"the saturation of {name}")
    pixels = int(wanted * area) if channel.relative else min(int(wanted), area)
    if pixels < 1 or pixels > area:
        raise MetricError(
            f"the saturation of {name} comes to {pixels} of its {area} pixels: give a number of "
            "pixels of at least 1, or a share in (0, 1] with relative=True"
        )
    return pixels


def _highest(scores: FloatArray, count: int) -> FloatArray:
    return np.partition(scores, len(scores) - count)[len(scores) - count :]
