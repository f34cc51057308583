"""The audit: a survey, then the checks one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tocsin.bench.audit.checks.base_rates import BaseRates
from tocsin.bench.audit.checks.copied_series import CopiedSeries
from tocsin.bench.audit.checks.exact_copies import ExactCopies
from tocsin.bench.audit.checks.label_sanity import LabelSanity
from tocsin.bench.audit.checks.names import Names
from tocsin.bench.audit.checks.one_liners import OneLiners
from tocsin.bench.audit.checks.shortcuts import Shortcuts
from tocsin.bench.audit.checks.split_groups import SplitGroups
from tocsin.bench.audit.checks.telling_columns import TellingColumns
from tocsin.bench.audit.checks.twin_pictures import TwinPictures
from tocsin.bench.audit.finding import SEVERITIES
from tocsin.bench.audit.report import AuditReport
from tocsin.bench.audit.survey import Survey, survey
from tocsin.core.words import number, plural

if TYPE_CHECKING:
    from tocsin.bench.audit.limits import Limits
    from tocsin.core.dataset import Dataset

CHECKS = (
    LabelSanity(),
    BaseRates(),
    ExactCopies(),
    TwinPictures(),
    CopiedSeries(),
    SplitGroups(),
    Names(),
    TellingColumns(),
    Shortcuts(),
    OneLiners(),
)


def audit(
    dataset: Dataset, limits: Limits | None = None, *, observe: Callable[[int], None] | None = None
) -> AuditReport:
    """Look for what is wrong with a data set.

    Parameters
    ----------
    dataset : Dataset
        Of series, events or pictures. Gone through once; hashes, thumbnails and numbers are kept, samples are not.
    limits : Limits, optional
        How much of a large data set is looked at.
    observe : callable, optional
        Told after each entry how many were looked at.

    Returns
    -------
    AuditReport
        Its ``findings`` are graded: ``serious`` and ``warning`` are flaws, a ``note`` is worth knowing.

    Raises
    ------
    InputError
        If nothing can be read, or the data are neither series, events nor pictures.

    Notes
    -----
    What gives the label away and which one-liner solves a set are chosen on one half of the test samples and reported
    on the other, with an interval. What needs ten samples of each class says nothing where there are fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from tocsin.core.dataset import Dataset, Entry
    >>> from tocsin.core.samples import Series
    >>> from tocsin.core.truth import Truth
    >>> wave = Series(np.random.default_rng(0).normal(size=300))
    >>> made = Dataset([Entry("a", lambda: (wave, Truth(label=False))), Entry("b", lambda: (wave, Truth(label=True)))])
    >>> for finding in audit(made).of("exact-copies")[1:]:
    ...     print(finding.text)
    1 of 1 anomalous recording with the very content of a normal one
    """
    kept = survey(dataset, limits, observe=observe)
    findings = [finding for check in CHECKS for finding in check(kept)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return AuditReport(
        dataset.name,
        kept.modality,
        tuple(_looked_at(kept)),
        kept.sampled,
        tuple(check.name for check in CHECKS),
        tuple(findings),
    )


def _looked_at(kept: Survey) -> list[str]:
    units = kept.units
    said = []
    for split in dict.fromkeys(units.splits.tolist()):
        labels = units.labels[units.splits == split]
        bad, normal = int((labels == 1).sum()), int((labels == 0).sum())
        unknown = len(labels) - bad - normal
        parts = [
            f"{number(n)} {word}" for n, word in ((normal, "normal"), (bad, "anomalous"), (unknown, "unlabelled")) if n
        ]
        said.append(
            f"{split}: {number(len(labels))} {units.thing}{'' if len(labels) == 1 else 's'} ({', '.join(parts)})"
        )
    marked = [r for r in kept.recordings if r.segments and not r.split.startswith("train")]
    if marked:
        said.append(f"{_anomalies(sum(r.segments for r in marked))} in {plural(len(marked), 'recording')}")
    return said


def _anomalies(count: int) -> str:
    return f"{number(count)} anomal{'y' if count == 1 else 'ies'}"
