"""Which metrics to compute: the set of the kind of data, or those named, with their options."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.metrics.series.catalog import SeriesMetric
from tocsin.metrics.table import Metric

_OUTSIDE = re.compile(r",(?![^(]*\))")
_CALL = re.compile(r"([^()\s]+)\s*(?:\((.*)\))?")

AnyMetric = SeriesMetric | Metric


def families() -> dict[str, Mapping[str, AnyMetric]]:
    """Return the metrics of each kind of data."""
    from tocsin.metrics.events import EVENT_METRICS
    from tocsin.metrics.image import IMAGE_METRICS
    from tocsin.metrics.points import POINT_METRICS
    from tocsin.metrics.series import SERIES_METRICS
    from tocsin.metrics.video import VIDEO_METRICS

    return {
        "series": SERIES_METRICS,
        "events": EVENT_METRICS,
        "image": IMAGE_METRICS,
        "video": VIDEO_METRICS,
        "points": POINT_METRICS,
    }


@dataclass(frozen=True)
class Chosen:
    """A metric with the options that it is computed with.

    Parameters
    ----------
    metric : SeriesMetric or Metric
    options : dict
    """

    metric: AnyMetric
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The metric's name with its options."""
        if not self.options:
            return self.metric.name
        inside = ",".join(f"{key}={json.dumps(value)}" for key, value in self.options.items())
        return f"{self.metric.name}({inside})"

    @property
    def needs_threshold(self) -> bool:
        """Whether it takes alarms instead of scores."""
        return isinstance(self.metric, SeriesMetric) and self.metric.needs_threshold

    def compute(self, truth: Any, scores: Any) -> float:
        """Return the number."""
        return self.metric.compute(truth, scores, **self.options)


def choose(modality: str, names: str | None = None, *, threshold: bool = False) -> list[Chosen]:
    """Return the metrics to compute.

    Parameters
    ----------
    modality : {"series", "events", "image", "video", "points"}
    names : str, optional
        Metrics separated by commas, with options in brackets if need be: ``vus_pr(max_window=50),oracle_f1``; ``all``
        for every one that is not shown by name only; the set of the kind of data when left out.
    threshold : bool
        Whether a threshold is named, so that metrics of alarms can be computed.

    Raises
    ------
    InputError
        If a metric or an option is unknown, or needs a threshold and there is none.

    Examples
    --------
    >>> [chosen.name for chosen in choose("series", "auc_roc(max_fpr=0.1,standardised=true),pate")]
    ['auc_roc(max_fpr=0.1,standardised=true)', 'pate']
    """
    known = families()[modality]
    if names is None or names.strip() in ("", "default", "all"):
        everything = names is not None and names.strip() == "all"
        picked = [Chosen(m) for m in known.values() if (everything and not _by_name_only(m)) or m.default]
        return [c for c in picked if threshold or not c.needs_threshold]
    picked = [_parse(part, modality, known) for part in _OUTSIDE.split(names) if part.strip()]
    lacking = [c.name for c in picked if c.needs_threshold and not threshold]
    if lacking:
        raise InputError(
            f"{', '.join(lacking)} {'needs' if len(lacking) == 1 else 'need'} alarms, not scores: say how to set the "
            "threshold with --threshold (a number, quantile:0.99, top:0.01, or oracle)"
        )
    return list({c.name: c for c in picked}.values())


def _by_name_only(metric: AnyMetric) -> bool:
    return isinstance(metric, SeriesMetric) and (metric.asked_by_name_only or metric.one_event_only)


def _parse(text: str, modality: str, known: Mapping[str, AnyMetric]) -> Chosen:
    match = _CALL.fullmatch(text.strip())
    if match is None:
        raise InputError(f"--metrics {text.strip()!r} is not of the form name or name(option=value)")
    name, inside = match[1], match[2]
    if name not in known:
        others = [family for family, metrics in families().items() if name in metrics]
        hint = f" (it is a metric of {' and '.join(others)})" if others else ""
        raise InputError(f"there is no metric {name!r} for {modality}{hint}{nearest(name, known)}")
    metric = known[name]
    options: dict[str, Any] = {}
    allowed = list(inspect.signature(metric.function).parameters)[2:]
    for pair in [p for p in (inside or "").split(",") if p.strip()]:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or key not in allowed:
            there = nearest(key, allowed) if allowed else "; it has none"
            raise InputError(f"the metric {name} has no option {key!r}{there}")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return Chosen(metric, options)
