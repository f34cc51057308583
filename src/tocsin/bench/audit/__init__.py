"""Audit: what is wrong with a data set, before anyone measures a detector on it.

One pass over the data keeps hashes, thumbnails and a few numbers of every picture, trace, event or recording, never the
samples. The checks then look for copies across the split and inside of it, near-copies, labels that contradict each
other or the data, what gives the label away without looking for anomalies, and tricks of one line that solve the set.

    from tocsin.bench.audit import audit
    report = audit(read_dataset("data/adfa_ld"))
    print(as_text(report))
"""

from __future__ import annotations

from tocsin.bench.audit.auditing import CHECKS, audit
from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.limits import Limits
from tocsin.bench.audit.report import AuditReport
from tocsin.bench.audit.text import as_text

__all__ = ["CHECKS", "AuditReport", "Finding", "Limits", "as_text", "audit"]
