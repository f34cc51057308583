"""From scores to a detection: threshold, grouping, significance, reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.detection import Detection
from tocsin.core.extents import Extent, Interval, Whole
from tocsin.core.grouping import group, traces_of
from tocsin.core.samples import Events, Series

if TYPE_CHECKING:
    from tocsin.core.detector import Detector
    from tocsin.core.excursions import RunLengths
    from tocsin.core.grouping import Index
    from tocsin.core.profile import ChannelProfile
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.thresholds.base import Level, Threshold
    from tocsin.core.types import FloatArray

LEAST_SHARE = 0.02
MOST_PICTURED = 8
LEAST_GAP = 3
ROWS_BEFORE, LEAST_BEFORE = 30, 6


def decide(
    detector: Detector,
    sample: Sample,
    scores: Scores,
    false_alarms: str | None,
    threshold: Threshold | None,
    rules: AlarmRules | None,
) -> Detection:
    """Set the threshold on the detector's calibration and gather what crosses it."""
    from tocsin.core.thresholds import Budget

    calibration = detector.calibration_
    rules = rules or default_rules(detector)
    if threshold is None:
        threshold = Budget(false_alarms or _usual_budget(detector), rules)
    level = threshold.fit(calibration)
    found = _extents(detector, sample, scores, level, rules)
    runs = _run_lengths(detector, level, rules) if found and isinstance(sample, Series) else None
    judged = _by_trace(detector, sample, scores) if found else None
    anomalies = [_anomaly(detector, sample, scores, level, runs, judged, extent, index) for extent, index in found]
    anomalies.sort(key=lambda a: -a.peak)
    bridged = detector._bridged(sample)
    strongest = anomalies[:MOST_PICTURED]
    shown = {a.where: tuple(p) for a in strongest if (p := detector._pictures(bridged, scores, a))}
    return Detection(
        sample=sample,
        scores=scores,
        level=level,
        anomalies=tuple(anomalies),
        rules=rules,
        card=detector.card,
        parameters=detector.get_params(),
        findings=tuple(detector.findings_),
        calibrated_on=calibration.source,
        run_lengths=runs,
        profile=detector.profile_,
        expected=detector._expected(bridged),
        pictures=shown,
    )


def _usual_budget(detector: Detector) -> str:
    """One false alarm a day is a usual shift's patience; of data judged by themselves, one in all of them.

    Of traces, and of samples judged as a whole, it is one in a hundred: there are far fewer of them than places, and a
    level that one in a thousand crosses could only be guessed.
    """
    calibration = detector.calibration_
    if detector.itself_:
        return "1 in all"
    if detector.card.decides in ("traces", "sample"):
        return "1%"
    return "1/day" if calibration.seconds else "0.1%"


def default_rules(detector: Detector, *, min_length: int = 1, suppress: int = 0) -> AlarmRules:
    """Bridge gaps that one event alone can leave: as long as the detector blurs it, and never less than a few rows.

    Traces and whole samples are no neighbours of each other: each is an alarm of its own.
    """
    if detector.card.decides != "places":
        return AlarmRules(merge_gap=0, min_length=min_length, suppress=suppress)
    return AlarmRules(merge_gap=max(detector.blur, LEAST_GAP), min_length=min_length, suppress=suppress)


def explain(detector: Detector, sample: Sample, scores: Scores, anomaly: Anomaly) -> tuple[Evidence, ...]:
    """Ask the detector for reasons; where it has none of its own, compare channels with what is usual for them."""
    own = detector._explain(detector._bridged(sample), scores, anomaly)
    if own is not None:
        return tuple(own)
    if isinstance(sample, Series) and isinstance(anomaly.where, Interval):
        return _unusual_channels(detector, sample, anomaly.where)
    if scores.parts is not None and scores.local is not None:
        place = np.unravel_index(int(np.nanargmax(scores.local)), scores.local.shape)
        return tuple(Evidence(n, s) for n, s in scores.shares(tuple(int(i) for i in place)) if s >= LEAST_SHARE)
    return ()


def _extents(
    detector: Detector, sample: Sample, scores: Scores, level: Level, rules: AlarmRules
) -> list[tuple[Extent, Index | None]]:
    local = scores.local
    if detector.card.decides == "places" and local is not None:
        flags = level.flags(local.ravel()).reshape(local.shape)
        return list(group(sample, flags, rules))
    if detector.card.decides == "traces" and scores.traces is not None and isinstance(sample, Events):
        # Traces stand in no order: between any two lies nothing, so that neighbours are never one alarm.
        apart = np.full(2 * len(scores.traces), np.nan)
        apart[::2] = scores.traces
        return list(traces_of(sample, level.flags(apart)[::2]))
    if not bool(level.flags(np.array([scores.overall]))[0]):
        return []
    if local is None:
        return [(Whole(int(np.prod(sample.grid)), sample.id), None)]
    # The sample as a whole crossed the level; its places above the same level show where.
    return list(group(sample, local > level.value, rules)) or [(Whole(int(local.size), sample.id), None)]


def _run_lengths(detector: Detector, level: Level, rules: AlarmRules) -> RunLengths | None:
    """The law of run lengths above the level, for alarms merged as they will be."""
    from tocsin.core.excursions import fit_run_lengths

    if not np.isfinite(level.value):
        return None
    return fit_run_lengths(detector.calibration_, level.value, merge_gap=rules.merge_gap)


def _anomaly(
    detector: Detector,
    sample: Sample,
    scores: Scores,
    level: Level,
    runs: RunLengths | None,
    trace_scores: FloatArray | None,
    extent: Extent,
    index: Index | None,
) -> Anomaly:
    doubts: list[str] = []
    if index is None or scores.local is None:
        peak, peak_at, place = scores.overall, str(extent), None
    else:
        place = _highest(scores.local, index)
        peak, peak_at = float(scores.local[place]), sample.name(place)
        if trace_scores is not None:
            peak = float(trace_scores[place[0]])
    # Where samples are judged as a whole, calibration knows nothing of single places, which are always higher.
    tested = scores.overall if detector.card.decides == "sample" else peak
    p_value = float(level.p_values(np.array([tested]))[0])
    beyond = bool(level.extrapolated(np.array([tested]))[0])
    if beyond:
        doubts.append("its p-value lies beyond what was seen in calibration: it is read off a fitted tail")
    expected = None
    if runs is not None and isinstance(extent, Interval):
        expected = runs.expected_per_day(extent.size)
        if expected is not None:
            beyond = runs.extrapolated(extent.size)
        if not runs.valid:
            doubts += [f"how often chance lasts this long is only counted: {text}" for text in runs.warnings[:1]]
        elif runs.extrapolated(extent.size):
            doubts.append(
                "no run this long was seen in calibration: how often chance does this is read off a fitted tail"
            )
    bare = Anomaly(
        where=extent,
        peak=peak,
        peak_at=peak_at,
        p_value=None if np.isnan(p_value) else p_value,
        expected_per_day=None if expected is None or np.isnan(expected) else float(expected),
        extrapolated=beyond,
        sample_id=sample.id,
        doubts=tuple(doubts),
    )
    return replace(bare, because=explain(detector, sample, scores, bare))


def _by_trace(detector: Detector, sample: Sample, scores: Scores) -> FloatArray | None:
    """At each event, the score of its trace as a whole, where that is what the threshold acts on."""
    if detector.card.decides != "traces" or scores.traces is None or not isinstance(sample, Events):
        return None
    return np.asarray(scores.traces[sample.by_trace()[1]])


def _highest(local: FloatArray, index: Index) -> tuple[int, ...]:
    """The place with the largest score among the chosen ones."""
    if isinstance(index[0], np.ndarray) and index[0].dtype != bool:
        return (int(index[0][np.nanargmax(local[index])]),)
    inside = np.full(local.shape, np.nan)
    inside[index] = local[index]
    return tuple(int(i) for i in np.unravel_index(int(np.nanargmax(inside)), inside.shape))


def unusual(profile: ChannelProfile, sample: Series, start: int, stop: int) -> FloatArray:
    """Return how far each channel goes, from row `start` up to `stop`, from where it was just before.

    The distance is the largest one from the median of the rows before, in ordinary deviations of the channel; channels
    that at times went far while learning count less (divided by the root of one plus their farthest value). On
    labelled server data this names the channels to blame more often than plain distances from the median, or the
    detectors' own channel scores, do.

    Returns
    -------
    ndarray, shape (stop - start, c)
        The distance of every row; a channel's rank goes by its largest. Missing values count as no distance.
    """
    inside = sample.values[start:stop].astype(np.float64)
    distance = np.abs(inside - _just_before(sample, start, profile)) / _restlessness(profile)
    distance[~np.isfinite(distance)] = 0.0
    return np.asarray(distance)


def _unusual_channels(detector: Detector, sample: Series, where: Interval) -> tuple[Evidence, ...]:
    """Say which channels are the most `unusual` inside the interval."""
    profile = detector.profile_
    if profile is None:
        return ()
    inside = sample.values[where.start : where.stop].astype(np.float64)
    distance = unusual(profile, sample, where.start, where.stop)
    strongest = distance.max(axis=0)
    total = float(strongest.sum()) or 1.0
    found: list[Evidence] = []
    for c in np.argsort(-strongest, kind="stable"):
        share = float(strongest[c]) / total
        if share < LEAST_SHARE or len(found) == 8:
            break
        row = int(distance[:, c].argmax())
        seen, low, high = float(inside[row, c]), float(profile.low[c]), float(profile.high[c])
        found.append(
            Evidence(
                sample.channels[c],
                share,
                seen,
                (low, high),
                f"{seen:.4g}, usually {low:.4g} to {high:.4g}" if high > low else f"{seen:.4g}, usually {low:.4g}",
            )
        )
    return tuple(found)


def _just_before(sample: Series, start: int, profile: ChannelProfile) -> FloatArray:
    """Median of each channel over the rows before `start`; what is usual where there are hardly any."""
    rows = sample.values[max(0, start - ROWS_BEFORE) : start].astype(np.float64)
    known = np.isfinite(rows).sum(axis=0) >= LEAST_BEFORE
    level = profile.centre.astype(np.float64).copy()
    if known.any():
        level[known] = np.nanmedian(rows[:, known], axis=0)
    return level


def _restlessness(profile: ChannelProfile) -> FloatArray:
    if profile.deviation is None or profile.farthest is None:
        return profile.scale
    return np.asarray(profile.deviation * np.sqrt(1 + profile.farthest))
