"""The engine under every rank metric: sort once, count, and read the areas off.

Three ways to the same `Ranking`, from which AUROC (whole, partial, standardised), average precision, trapezoid PR,
oracle F1 / F-beta / IoU, rates at rates, precision at k and full curves are read::

    Ranking.from_scores(y_true, y_score, sample_weight=None)        one labelled set in memory
    ExactRanks().update(y_true, y_score, groups=None) ... .compute() batches of any shape (maps and masks), exact
    HistogramRanks(bits=20).update(...) ... .compute()               streams and shards, constant memory, bounded error

Both accumulators have ``merge(other)``.  What an image metric needs besides: ``ExactRanks.positives`` and ``.groups``
(anomalous scores in rising order with the region each belongs to, after ``compute``), ``Ranking.partial_area(scores,
max_fpr)`` (what each anomalous place adds to an area), ``Ranking.false_positives(scores, strict=...)``.
"""

from __future__ import annotations

from tocsin.metrics.ranks.exact import ExactRanks
from tocsin.metrics.ranks.histogram import HistogramRanks
from tocsin.metrics.ranks.keys import score_of_key, sortable_key
from tocsin.metrics.ranks.ranking import Curves, OraclePoint, Ranking

__all__ = ["Curves", "ExactRanks", "HistogramRanks", "OraclePoint", "Ranking", "score_of_key", "sortable_key"]
