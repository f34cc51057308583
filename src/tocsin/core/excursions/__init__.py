"""Run-length significance: how surprising it is that a score stays above its level for so long.

Independent interval approximation based on Slepian models: Bengtsson and Podgórski, arXiv 2401.01805 (level zero) and
arXiv 2410.06000 (other levels), carried over to discrete time. A run of scores above a level is judged against the
lengths that the score's own autocorrelation gives, instead of against independent places.
"""

from __future__ import annotations

from tocsin.core.excursions.fit import fit_run_lengths, run_lengths_of_covariance
from tocsin.core.excursions.run_lengths import RunLengths

__all__ = ["RunLengths", "fit_run_lengths", "run_lengths_of_covariance"]
