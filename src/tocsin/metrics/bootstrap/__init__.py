"""How sure a number is: bootstrap intervals and paired tests over groups.

The unit is the group whose members share their luck (a series, a video, a product, a camera), never the point: the
frames of one video are all easy or all hard together, and an interval that draws them one by one is several times too
narrow.

``bootstrap_interval``  any metric of the groups drawn, percentile or BCa
``mean_interval``       the mean of one number per group (macro averages), thousands of resamples in one product
``paired_bootstrap``    is detector A better than B on the same groups: interval and p-value of the difference
``paired_permutation``  the same for one number per group, by exchanging A and B inside groups
``RankResampler``       pooled rank metrics (AUROC, AP, F1, AU-PRO) by summing one histogram per group
"""

from __future__ import annotations

from tocsin.metrics.bootstrap.interval import Interval, bootstrap_interval, mean_interval
from tocsin.metrics.bootstrap.paired import PairedResult, paired_bootstrap, paired_permutation
from tocsin.metrics.bootstrap.resampler import BinnedCurves, RankResampler

__all__ = [
    "BinnedCurves",
    "Interval",
    "PairedResult",
    "RankResampler",
    "bootstrap_interval",
    "mean_interval",
    "paired_bootstrap",
    "paired_permutation",
]
