"""What the page says in sentences: headline, warnings, how sure, how it was judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.samples import Series
from tocsin.report.words import count, how_often, listed, number, share, span, visible

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.detection import Detection
    from tocsin.report.views import View

_LEARNS = {
    "nothing": "nothing: it has no memory of other data",
    "normal": "a part believed to be normal",
    "unlabelled": "the data as they are, anomalies and all",
    "video labels": "labels of whole videos",
    "few anomalies": "normal data and a few known anomalies",
    "text": "a description in words",
}
_UNJUDGED = 0.02


def called(detection: Detection) -> str:
    """Return what to call the sample."""
    return visible(detection.sample.id or f"the {detection.sample.modality}", 80)


def strength(detection: Detection) -> tuple[bool, float, float]:
    """Return a key that sorts the most convincing detections first: found anything, least by chance, furthest above."""
    if not detection.anomalies:
        return (True, 1.0, 0.0)
    top, level = detection.anomalies[0], detection.level.value
    above = top.peak / level if math.isfinite(level) and level > 0 else 0.0
    return (False, 1.0 if top.p_value is None else top.p_value, -above)


def headline(detections: Sequence[Detection]) -> str:
    """Return what was found in how much, before all else."""
    total = sum(len(d) for d in detections)
    if len(detections) == 1:
        where = called(detections[0])
    else:
        hit = sum(1 for d in detections if len(d))
        where = f"{hit} of {count(len(detections), 'file')}" if hit else count(len(detections), "file")
    return f"{count(total, 'anomaly', 'anomalies')} in {where}" if total else f"No anomaly in {where}"


def lede(views: Sequence[View]) -> str:
    """Return the rest of the headline's sentence: how much was looked at, and the strongest find."""
    strongest = min(views, key=lambda view: strength(view.detection))
    found = strongest.detection
    extent = f"{views[0].extent()}; " if len(views) == 1 else ""
    if not found.anomalies:
        level = number(found.level.value)
        return f"{extent}no score crossed the threshold of {level}." if extent else "No score crossed its threshold."
    top = found.anomalies[0]
    begin, where = ("the strongest", "") if extent else ("The strongest", f" in {called(found)}")
    reason = f": {visible(top.because[0].name, 80)}" if top.because else ""
    return f"{extent}{begin}{where} at {strongest.at(top)}{reason}."


def warnings(detections: Sequence[Detection]) -> list[tuple[str, str]]:
    """Return what a reader must know before trusting the page, each once, with the samples that it concerns."""
    concerned: dict[str, list[str]] = {}
    for detection in detections:
        for text in [*detection.warnings, *_unjudged(detection)]:
            concerned.setdefault(visible(text, 600), []).append(called(detection))
    several = len(detections) > 1
    concerned = dict(sorted(concerned.items(), key=lambda pair: -len(pair[1])))
    return [(text, listed(names, 4) if several else "") for text, names in concerned.items()]


def how_sure(anomaly: Anomaly, detection: Detection) -> list[str]:
    """Return the significance of one anomaly in sentences."""
    told = []
    p, scores = anomaly.p_value, detection.scores.local
    if p is not None:
        judged_at = "of a whole sample" if detection.card.decides == "sample" else "at one place"
        sentence = f"{_p(p)}: the chance of a score this high {judged_at} if nothing is wrong"
        if scores is not None and detection.card.decides == "places":
            judged = int(np.isfinite(scores).sum())
            by_chance = number(float(f"{p * judged:.2g}"))
            sentence += f"; among the {count(judged, 'place')} judged here, chance alone gives {by_chance} of them"
        told.append(f"{sentence}.")
    if anomaly.expected_per_day is not None:
        often = how_often(anomaly.expected_per_day) + _beyond(anomaly)
        told.append(f"By chance, scores stay above the threshold for so long {often}.")
    if not told:
        told.append("Too few scores to calibrate on: how often chance alone does this is not known.")
    return told


def times(anomaly: Anomaly, detection: Detection) -> str:
    """Return how far the peak lies above the threshold, where a ratio means something."""
    level = detection.level.value
    if not (math.isfinite(level) and level > 0 and anomaly.peak > level):
        return ""
    ratio = anomaly.peak / level
    return f"{ratio:.2f}×" if ratio < 2 else f"{ratio:.1f}×" if ratio < 10 else f"{number(round(ratio))}×"


def chance(anomaly: Anomaly) -> str:
    """Return the significance of one anomaly in a few characters."""
    if anomaly.expected_per_day is not None:
        return how_often(anomaly.expected_per_day) + _beyond(anomaly)
    return "–" if anomaly.p_value is None else _p(anomaly.p_value) + _beyond(anomaly)


def _beyond(anomaly: Anomaly) -> str:
    """Say that a number lies beyond what calibration could show, wherever it is shown."""
    return ", extrapolated" if anomaly.extrapolated else ""


def reasons(anomaly: Anomaly, most: int) -> list[dict[str, str]]:
    """Return the evidence: name, share as text and as the width of a bar, and a clause."""
    return [
        {
            "name": visible(e.name, 100),
            "share": share(e.share),
            "width": f"{100 * min(max(e.share, 0.0), 1.0):.1f}" if math.isfinite(e.share) else "0",
            "text": visible(e.text or _seen(e.seen, e.expected)),
        }
        for e in anomaly.because[:most]
    ]


def judged(detection: Detection) -> list[tuple[str, str]]:
    """Return how scores became anomalies, as labels and texts."""
    facts = [
        ("Threshold", number(detection.level.value)),
        ("It promises", visible(detection.level.promise, 600)),
        ("Calibrated on", visible(detection.calibrated_on or "not stated")),
        ("Alarm rules", _rules(detection)),
    ]
    findings = [visible(finding, 600) for finding in detection.findings[:20]]
    return [*facts, *(("" if number_of else "Found out", finding) for number_of, finding in enumerate(findings))]


def detector(detection: Detection) -> list[tuple[str, str]]:
    """Return the detector's card, as labels and texts."""
    card = detection.card
    facts = [
        ("What counts as strange", card.summary),
        ("Learns from", _LEARNS.get(card.learns_from, card.learns_from)),
        ("Judges", card.localises),
        ("Several channels", "scored together" if card.multichannel else "one at a time"),
        ("Missing data", "known to the method" if card.handles_missing else "bridged, and no verdict given there"),
        ("Time it takes", card.cost),
        ("Source", card.cite),
    ]
    return [(label, visible(text, 300)) for label, text in facts if text]


def parameters(detection: Detection) -> list[tuple[str, str]]:
    """Return the detector's parameters as they were set."""
    return [(visible(k, 60), visible(_plain(v))) for k, v in list(detection.parameters.items())[:60]]


def _p(value: float) -> str:
    return f"p = {number(float(f'{value:.2g}'))}"


def _unjudged(detection: Detection) -> list[str]:
    scores = detection.scores.local
    if scores is None or not scores.size:
        return []
    absent = 1 - np.count_nonzero(np.isfinite(scores)) / scores.size
    if absent < _UNJUDGED:
        return []
    return [f"{share(float(absent))} of the places have no score, for lack of data: nothing is said about them"]


def _rules(detection: Detection) -> str:
    rules, step = detection.rules, getattr(detection.sample, "step", None)
    place = "row" if isinstance(detection.sample, Series) else "place"

    def long(places: int) -> str:
        return f"{count(places, place)}{f' ({span(places * step)})' if step else ''}"

    said = []
    if rules.merge_gap:
        said.append(f"runs at most {long(rules.merge_gap)} apart are one anomaly")
    if rules.min_length > 1:
        said.append(f"shorter than {long(rules.min_length)} is dropped")
    if rules.suppress:
        said.append(f"for {long(rules.suppress)} after an anomaly no other is reported")
    return "; ".join(said) or "each run above the threshold is an anomaly of its own"


def _seen(seen: Any, expected: Sequence[Any]) -> str:
    if seen is None:
        return ""
    usual = (
        " to ".join(_plain(e) for e in expected[:2])
        if len(expected) <= 2
        else ", ".join(_plain(e) for e in expected[:5])
    )
    return f"{_plain(seen)}{f', usually {usual}' if usual else ''}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return str(value)
