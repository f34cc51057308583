"""Every pixel and region metric of one class of pictures, fed image by image and computed once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, check_choice
from tocsin.metrics.bootstrap import RankResampler
from tocsin.metrics.image._inputs import check_image
from tocsin.metrics.image._regions import label_regions
from tocsin.metrics.image.result import PixelResult, RegionTable
from tocsin.metrics.ranks import ExactRanks


class _ImageRow(NamedTuple):
    name: str
    defect: str
    pixels: int
    anomalous: int


class PixelEvaluation:
    """Accumulator of anomaly maps and masks of **one class**; `compute` ranks the pixels once for all metrics.

    Maps are taken at the size of their masks, pixels of all pictures are pooled (good and defective alike), and regions
    are the connected components of the masks.  Never pool several classes: evaluate each and average with
    `tocsin.metrics.macro.macro_mean`.

    Parameters
    ----------
    connectivity : {8, 4}
        Whether anomalous pixels that touch at a corner form one region.  Every published AU-PRO uses 8.
    precision : "as given" or "float32"
        "float32" rounds float64 maps, which halves the memory; scores closer than 6e-8 of their size become ties.
    expected_pixels : int
        How many pixels are to come, if known: making room once is faster than growing.
    resampling : bool
        Keep a small histogram of each picture, so that the result can bootstrap over pictures.

    Notes
    -----
    float32 maps cost at most 6 bytes a pixel and about 32 more for an anomalous one.  float64 maps cost twice as much.

    References
    ----------
    Bergmann, P. et al. The MVTec Anomaly Detection Dataset. IJCV 129 (2021): the per-region overlap and its curve.

    Examples
    --------
    >>> evaluation = PixelEvaluation()
    >>> evaluation.update([[0.1, 0.2], [0.3, 0.9]], [[0, 0], [0, 1]], defect="scratch").n_images
    1
    >>> result = evaluation.update([[0.1, 0.4]], None).compute()
    >>> result.auroc(), result.au_pro(), result.oracle_f1()
    (1.0, 1.0, OraclePoint(value=1.0, threshold=0.9))
    """

    def __init__(
        self,
        *,
        connectivity: int = 8,
        precision: str = "as given",
        expected_pixels: int = 0,
        resampling: bool = False,
    ) -> None:
        if connectivity not in (4, 8):
            raise MetricError(f"connectivity must be 4 or 8, but is {connectivity!r}")
        self.connectivity = connectivity
        self.precision = check_choice(precision, "precision", ("as given", "float32"))
        self._ranks = ExactRanks().reserve(expected_pixels)
        self._images: list[_ImageRow] = []
        self._region_image: list[int] = []
        self._region_area: list[int] = []
        self._resampler = RankResampler(weighted=True) if resampling else None

    @property
    def n_images(self) -> int:
        """Number of pictures seen."""
        return len(self._images)

    def update(
        self, score_map: npt.ArrayLike, mask: npt.ArrayLike | None, *, image: str | None = None, defect: str = ""
    ) -> PixelEvaluation:
        """Add one picture.

        Parameters
        ----------
        score_map : array-like, shape (height, width)
            Higher is stranger; any range.
        mask : array-like, shape (height, width), or None
            0 where normal, any value above 0 where anomalous; None for a picture without defects.
        image : str, optional
            Its name in messages and tables; default its number.
        defect : str
            The kind of defect, for `PixelResult.by_defect`.

        Returns
        -------
        PixelEvaluation
            Itself.

        Raises
        ------
        MetricError
            If map and mask differ in size, or hold unusable values.
        """
        name = f"image {len(self._images)}" if image is None else image
        scores, foreground = check_image(score_map, mask, name)
        if self.precision == "float32":
            scores = scores.astype(np.float32, copy=False)
        if foreground is None or not foreground.any():
            self._ranks.extend(scores.ravel(), scores.ravel()[:0])
            self._remember(_ImageRow(name, defect, scores.size, 0), scores.ravel(), scores.ravel()[:0], None)
            return self
        regions = label_regions(foreground, self.connectivity)
        normal, anomalous = scores[~foreground], scores[foreground]
        self._ranks.extend(normal, anomalous, regions.of_pixel + np.int32(len(self._region_area)))
        self._region_image += [len(self._images)] * len(regions.areas)
        self._region_area += regions.areas.tolist()
        row = _ImageRow(name, defect, scores.size, len(regions.of_pixel))
        share = None if self._resampler is None else (1.0 / regions.areas)[regions.of_pixel]
        self._remember(row, normal, anomalous, share)
        return self

    def _remember(
        self, row: _ImageRow, normal: FloatArray, anomalous: FloatArray, share: npt.NDArray[np.float64] | None
    ) -> None:
        self._images.append(row)
        if self._resampler is not None:
            self._resampler.add(normal, anomalous, share, group=row.name)

    def merge(self, other: PixelEvaluation) -> PixelEvaluation:
        """Add the pictures of another shard of the same class; returns itself.

        Raises
        ------
        MetricError
            If the shards were set up differently.
        """
        if (self.connectivity, self.precision) != (other.connectivity, other.precision):
            raise MetricError("the shards differ in connectivity or precision: set up every shard alike")
        if (self._resampler is None) != (other._resampler is None):
            raise MetricError("one shard keeps histograms for resampling and one does not: set up every shard alike")
        ranking = other._ranks.compute()
        groups = other._ranks.groups
        shifted = None if groups is None else groups + np.int32(len(self._region_area))
        self._ranks.extend(ranking.negatives, ranking.positives, shifted)
        self._region_image += [i + len(self._images) for i in other._region_image]
        self._region_area += other._region_area
        self._images += other._images
        if self._resampler is not None and other._resampler is not None:
            self._resampler.merge(other._resampler)
        return self

    def compute(self) -> PixelResult:
        """Rank everything seen so far; more pictures may follow.

        Raises
        ------
        MetricError
            If no picture was given.
        """
        if not self._images:
            raise MetricError("no picture was given: call update(map, mask) for each before compute()")
        ranking = self._ranks.compute()
        groups = self._ranks.groups
        regions = RegionTable(
            area=np.asarray(self._region_area, np.int64),
            image=np.asarray(self._region_image, np.intp),
            image_names=tuple(row.name for row in self._images),
            defects=tuple(row.defect for row in self._images),
            of_pixel=np.empty(0, np.int32) if groups is None else groups,
        )
        return PixelResult(ranking, regions, self._resampler)
