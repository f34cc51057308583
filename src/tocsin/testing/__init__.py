"""The contract as checks: what every detector promises, ours and those of plug-ins.

>>> from tocsin.series.robust_z import RobustZ
>>> results = check_detector(RobustZ, only=["constructor_only_stores", "planted_anomaly_outranks"])
>>> results["planted_anomaly_outranks"]
'passed'
"""

from __future__ import annotations

from tocsin.testing.doubles import Double, double_for
from tocsin.testing.subject import NotApplicable, Subject
from tocsin.testing.suite import check_detector, check_names, parametrize_with_checks

__all__ = [
    "Double",
    "NotApplicable",
    "Subject",
    "check_detector",
    "check_names",
    "double_for",
    "parametrize_with_checks",
]
