"""Protocols: what a detector learns from, what it is judged on, and how.

``one-class``           learns from normal data, one model for each group (host, product)
``unsupervised``        learns from the unlabelled test data themselves
``zero-shot``           learns nothing; only for detectors that need nothing
``few-shot``            learns from k normal samples, drawn by the seed
``multi-class``         one model for all groups, judged group by group
``noisy``               learns from a part in which a known share of samples is anomalous
``severity``            whether worse anomalies get higher scores
``leave-one-group-out`` learns from all other groups
``online``              scores a part, then learns from it, then scores the next
``validation-half``     settings are chosen on one half of the groups, reported on the other
"""

from __future__ import annotations

from tocsin.bench.protocols.find import parse_protocol, protocols
from tocsin.bench.protocols.item import Item
from tocsin.bench.protocols.protocol import Protocol
from tocsin.bench.protocols.task import Task
from tocsin.bench.protocols.trial import Trial

__all__ = ["Item", "Protocol", "Task", "Trial", "parse_protocol", "protocols"]
