"""Suite: what is to be compared, as its file says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin.bench.plan.dataset_choice import DatasetChoice
from tocsin.bench.plan.detector_choice import DetectorChoice
from tocsin.bench.plan.limits import Limits
from tocsin.bench.protocols.protocol import Protocol

# The metrics where a suite names none; the first of each decides ranks and wins.
METRICS = {
    "series": "vus_pr,average_precision,auc_roc",
    "events": "event_ap,event_auroc,precision_at_k",
    "image": "image_auroc,image_ap,pixel_ap,au_pro@0.3",
    "severity": "c_index,c_index_anomalous,kendall_tau_b,auroc",
}


@dataclass(frozen=True)
class Suite:
    """What is to be compared.

    Parameters
    ----------
    name, title : str
    datasets : sequence of (DatasetChoice, sequence of Protocol)
    detectors : sequence of DetectorChoice
        Grids spelled out.
    seeds : sequence of int
    metrics : dict of str to str
        Kind of data -> names with commas.
    limits : Limits
    places : bool
        Whether the scores of all places of series are kept, too.
    published : sequence of str
        Which published tables are shown beside it.
    missing : dict of str to str
        Data sets that were left out because they are not there, and why.
    text : str
        The file.
    """

    name: str
    title: str
    datasets: Sequence[tuple[DatasetChoice, Sequence[Protocol]]]
    detectors: Sequence[DetectorChoice]
    seeds: Sequence[int] = (0,)
    metrics: dict[str, str] = field(default_factory=lambda: dict(METRICS))
    limits: Limits = field(default_factory=Limits)
    places: bool = False
    published: Sequence[str] = ()
    missing: dict[str, str] = field(default_factory=dict)
    text: str = ""
