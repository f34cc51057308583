"""Affiliation precision and recall: how near predictions lie to the events of their own zone, against random ones.

Source: Huet, Navarro, Rossi. Local Evaluation of Time Series Anomaly Detection Algorithms. KDD 2022.

Time is continuous: sample ``i`` covers ``[i, i + 1)``.  The range is cut midway between neighbouring events into one
zone for each.  A predicted moment scores the chance that a random moment of the zone lies farther from the event than
it does; a moment of the event scores the chance that a random prediction lies farther from it than the nearest
prediction does.  Both are integrals of piecewise linear functions, taken here exactly and for all pieces at once, O(n)
in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import NO_POSITIVES, MetricError, Undefined, check_binary_pair
from tocsin.metrics.runs import runs
from tocsin.metrics.series.pointwise import f_beta

Column = npt.NDArray[np.float64]
NOTHING_PREDICTED = "nothing is predicted, so no prediction can be near or far"


@dataclass(frozen=True)
class Affiliation:
    """Affiliation of a prediction with the events.

    Attributes
    ----------
    precision : float
        Mean over zones that hold a prediction; undefined where nothing is predicted.
    recall : float
        Mean over all events; 0 where nothing is predicted.
    f1 : float
        Harmonic mean; 0 where nothing is predicted.
    individual_precision, individual_recall : array, shape (events,)
        One value for each event; precision is NaN where its zone holds no prediction.
    """

    precision: float
    recall: float
    f1: float
    individual_precision: Column
    individual_recall: Column


class _Pieces(NamedTuple):
    """Predicted intervals cut at the borders of zones, in order."""

    start: Column
    stop: Column
    zone: npt.NDArray[np.int64]


class _Zones(NamedTuple):
    """For each event its start and stop, and the start and stop of its zone."""

    start: Column
    stop: Column
    left: Column
    right: Column


def affiliation(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Affiliation:
    """Return affiliation precision, recall and F1 of a binary prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.

    Returns
    -------
    Affiliation
        All undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ or values are not 0/1.

    Notes
    -----
    The floor is high: flagging 1 % of points at random earns a precision of about 0.5 and a recall near 1, so an F1 of
    0.66 is what no information is worth.

    Examples
    --------
    >>> found = affiliation([0, 0, 0, 1, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 0, 0, 0, 1, 0])
    >>> round(found.precision, 6), round(found.recall, 6)
    (0.818182, 0.844276)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    real, alarms = runs(labels), runs(predicted)
    if not real.count:
        missing = Undefined(NO_POSITIVES)
        return Affiliation(missing, missing, missing, np.zeros(0), np.zeros(0))
    return _affiliate(
        np.column_stack((alarms.start, alarms.stop)).astype(np.float64),
        np.column_stack((real.start, real.stop)).astype(np.float64),
        (0.0, float(len(labels))),
    )


def affiliation_of_intervals(predicted: npt.ArrayLike, events: npt.ArrayLike, span: tuple[float, float]) -> Affiliation:
    """Return affiliation precision, recall and F1 of predicted intervals of continuous time.

    Parameters
    ----------
    predicted, events : array-like, shape (m, 2), (k, 2)
        Intervals ``(start, stop)`` in order and apart from each other.
    span : (float, float)
        Start and stop of the whole range.

    Returns
    -------
    Affiliation
        All undefined where there is no event.

    Raises
    ------
    MetricError
        If intervals are empty, out of order, overlap, or leave the range.

    Examples
    --------
    >>> found = affiliation_of_intervals([(1, 2), (10, 11), (20, 21)], [(90, 95)], (0, 100))
    >>> round(found.precision, 6), round(found.recall, 6)
    (0.108333, 0.21)
    """
    alarms, real = _ordered(predicted, "predicted", span), _ordered(events, "events", span)
    if not len(real):
        missing = Undefined("there is no event")
        return Affiliation(missing, missing, missing, np.zeros(0), np.zeros(0))
    return _affiliate(alarms, real, span)


def _affiliate(predicted: Column, events: Column, span: tuple[float, float]) -> Affiliation:
    borders = (events[1:, 0] + events[:-1, 1]) / 2.0
    zones = _Zones(
        events[:, 0], events[:, 1], np.concatenate(([span[0]], borders)), np.concatenate((borders, [span[1]]))
    )
    pieces = _cut(predicted, zones)
    k = len(events)
    amount = np.bincount(pieces.zone, weights=pieces.stop - pieces.start, minlength=k)
    gained = np.bincount(pieces.zone, weights=_precision_mass(pieces, zones), minlength=k)
    precision = np.divide(gained, amount, out=np.full(k, np.nan), where=amount > 0)
    recall = np.bincount(pieces.zone, weights=_recall_mass(pieces, zones), minlength=k) / (zones.stop - zones.start)
    if not len(pieces.zone):
        return Affiliation(Undefined(NOTHING_PREDICTED), 0.0, 0.0, precision, recall)
    p, r = float(np.mean(precision[amount > 0])), float(np.mean(recall))
    return Affiliation(p, r, f_beta(p, r), precision, recall)


def _cut(predicted: Column, zones: _Zones) -> _Pieces:
    """Cut predicted intervals where zones meet."""
    borders = zones.right[:-1]
    first = np.searchsorted(borders, predicted[:, 0], side="right")
    last = np.searchsorted(borders, predicted[:, 1], side="left")
    parts = last - first + 1
    zone = np.arange(int(parts.sum())) - np.repeat(np.cumsum(parts) - parts, parts) + np.repeat(first, parts)
    start = np.maximum(np.repeat(predicted[:, 0], parts), zones.left[zone])
    stop = np.minimum(np.repeat(predicted[:, 1], parts), zones.right[zone])
    return _Pieces(start, stop, zone)


def _precision_mass(pieces: _Pieces, zones: _Zones) -> Column:
    """Integrate over each piece the chance that a random moment of the zone lies farther from the event."""
    start, stop = zones.start[pieces.zone], zones.stop[pieces.zone]
    left, right = zones.left[pieces.zone], zones.right[pieces.zone]
    inside = np.maximum(np.minimum(pieces.stop, stop) - np.maximum(pieces.start, start), 0.0)
    margin = np.minimum(start - left, right - stop)

    def outside(near: Column, far: Column) -> Column:
        """Integrate from distance ``near`` to ``far`` on one side of the event."""
        both_sides = (np.minimum(far, margin) ** 2 - np.minimum(near, margin) ** 2) / 2.0
        one_side = margin * (np.maximum(far, margin) - np.maximum(near, margin))
        nearer = both_sides + one_side + (far**2 - near**2) / 2.0 + (stop - start) * (far - near)
        return np.asarray((far - near) - nearer / (right - left))

    before = outside(np.maximum(start - pieces.stop, 0.0), np.maximum(start - pieces.start, 0.0))
    after = outside(np.maximum(pieces.start - stop, 0.0), np.maximum(pieces.stop - stop, 0.0))
    return np.asarray(inside + before + after)


def _recall_mass(pieces: _Pieces, zones: _Zones) -> Column:
    """Integrate over the part of the event nearest to each piece the chance that a random prediction lies farther."""
    zone = pieces.zone
    start, stop, left, right = (side[zone] for side in zones)
    covered = np.maximum(np.minimum(pieces.stop, stop) - np.maximum(pieces.start, start), 0.0)
    follows = zone[1:] == zone[:-1]
    middle = (pieces.stop[:-1] + pieces.start[1:]) / 2.0
    until = np.append(np.where(follows, middle, right[:-1]), right[-1:])
    since = np.concatenate((left[:1], np.where(follows, middle, left[1:])))
    after = _one_sided(pieces.stop, right, np.clip(pieces.stop, start, stop), np.clip(until, start, stop), right - left)
    # Before a piece time runs the other way: mirror it.
    before = _one_sided(
        -pieces.start, -left, np.clip(-pieces.start, -stop, -start), np.clip(-since, -stop, -start), right - left
    )
    return np.asarray(covered + after + before)


def _one_sided(nearest: Column, border: Column, low: Column, high: Column, width: Column) -> Column:
    """Integrate over moments ``low .. high`` that lie after the nearest prediction, in a zone that ends at ``border``.

    At distance ``d`` from it, ``min(d, border - moment) + d`` of the zone lies nearer to the moment.
    """
    turn = np.clip((nearest + border) / 2.0, low, high)
    distance = ((high - nearest) ** 2 - (low - nearest) ** 2) / 2.0
    rising = ((turn - nearest) ** 2 - (low - nearest) ** 2) / 2.0
    falling = ((border - turn) ** 2 - (border - high) ** 2) / 2.0
    return np.asarray((high - low) - (distance + rising + falling) / width)


def _ordered(intervals: npt.ArrayLike, name: str, span: tuple[float, float]) -> Column:
    pairs = np.asarray(intervals, dtype=np.float64)
    if not pairs.size:
        return np.zeros((0, 2))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all():
        raise MetricError(f"{name} must hold finite (start, stop) pairs, one a row")
    for row in np.flatnonzero(pairs[:, 0] >= pairs[:, 1])[:1]:
        raise MetricError(f"{name}[{row}] is {tuple(pairs[row].tolist())}: its stop must lie after its start")
    for row in np.flatnonzero(pairs[1:, 0] <= pairs[:-1, 1])[:1]:
        raise MetricError(
            f"{name}[{row}] and {name}[{row + 1}] overlap, touch or are out of order: sort and merge them"
        )
    if pairs[0, 0] < span[0] or pairs[-1, 1] > span[1]:
        raise MetricError(f"{name} runs outside the range {span[0]} to {span[1]}")
    return pairs
