"""Pixel and region metrics of pictures without number: constant memory, mergeable, with rigorous error bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, Undefined, check_fraction
from tocsin.metrics.image._inputs import NO_ANOMALOUS_PIXEL, NO_NORMAL_PIXEL, check_image
from tocsin.metrics.image._regions import label_regions
from tocsin.metrics.ranks import HistogramRanks, OraclePoint, Ranking


class StreamingPixelEvaluation:
    """Like `PixelEvaluation`, in constant memory: scores are counted in bins of their order-preserving key.

    Scores that share a bin (one part in 2 ** (bits - 9)) count as tied, so every number is exact for the rounded scores
    and `au_pro_error` bounds what the rounding can do.  Bins need no range and follow any rescaling of the scores.

    Parameters
    ----------
    bits : int
        Leading bits of a float32 score that are kept, 8 to 24; the memory is ``32 * 2 ** bits`` bytes.
    connectivity : {8, 4}

    Examples
    --------
    >>> stream = StreamingPixelEvaluation(bits=12)
    >>> stream.update([[0.1, 0.2], [0.3, 0.9]], [[0, 0], [0, 1]]).au_pro()
    1.0
    """

    def __init__(self, bits: int = 20, *, connectivity: int = 8) -> None:
        if connectivity not in (4, 8):
            raise MetricError(f"connectivity must be 4 or 8, but is {connectivity!r}")
        self.connectivity = connectivity
        self._pixels = HistogramRanks(bits)
        self._regions = HistogramRanks(bits)  # anomalous pixels weigh one over the area of their region
        self._count = 0

    def update(
        self, score_map: npt.ArrayLike, mask: npt.ArrayLike | None, *, image: str | None = None
    ) -> StreamingPixelEvaluation:
        """Add one picture; parameters as for `PixelEvaluation.update`."""
        scores, foreground = check_image(score_map, mask, f"image {self._count}" if image is None else image)
        self._count += 1
        if foreground is None:
            foreground = np.zeros(scores.shape, bool)
        self._pixels.update(foreground, scores)
        normal = scores[~foreground]
        self._regions.update(np.zeros(len(normal), bool), normal)
        regions = label_regions(foreground, self.connectivity)
        if len(regions.areas):
            found = scores[foreground]
            self._regions.update(np.ones(len(found), bool), found, weights=(1.0 / regions.areas)[regions.of_pixel])
        return self

    def merge(self, other: StreamingPixelEvaluation) -> StreamingPixelEvaluation:
        """Add the pictures of another shard; returns itself."""
        if self.connectivity != other.connectivity:
            raise MetricError("the shards differ in connectivity: set up every shard alike")
        self._pixels.merge(other._pixels)
        self._regions.merge(other._regions)
        self._count += other._count
        return self

    @property
    def ranking(self) -> Ranking:
        """The binned pixels: AUROC, AP, oracle F1 and IoU are read off it."""
        return self._pixels.compute()

    def auroc(self, max_fpr: float = 1.0) -> float:
        """Return the pixel AUROC up to a false positive rate."""
        return self.ranking.auroc(max_fpr)

    def average_precision(self) -> float:
        """Return the pixel average precision."""
        return self.ranking.average_precision()

    def oracle_f1(self) -> OraclePoint:
        """Return the best pixel F1 of any bin edge, and that edge; an oracle."""
        return self.ranking.oracle_f1()

    def au_pro(self, limit: float = 0.3) -> float:
        """Return AU-PRO up to a false positive rate, divided by it."""
        check_fraction(limit, "limit", open_left=True)
        missing = self._lacking()
        return self._regions.compute().auroc(limit) if missing is None else missing

    def au_pro_error(self, limit: float = 0.3) -> float:
        """Return a bound on how far `au_pro` can be from the exact value."""
        missing = self._lacking()
        return self._regions.auroc_error(limit) if missing is None else missing

    def _lacking(self) -> Undefined | None:
        if not self.ranking.n_positive:
            return Undefined(NO_ANOMALOUS_PIXEL)
        return None if self.ranking.n_negative else Undefined(NO_NORMAL_PIXEL)
