"""Metrics of series, events, videos and point clouds: values, intervals, dummies and breakdowns."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.evaluate.aligning import Pair
from tocsin.bench.evaluate.choosing import Chosen
from tocsin.bench.evaluate.policy import Policy
from tocsin.bench.evaluate.results import Evaluation, Line
from tocsin.core.errors import InputError
from tocsin.metrics._checks import MetricError, Undefined
from tocsin.metrics.bootstrap import Interval, bootstrap_interval
from tocsin.metrics.dummy import Dummy, event_dummies, point_dummies, series_dummies, video_dummies
from tocsin.metrics.macro import macro_mean
from tocsin.metrics.runs import runs
from tocsin.metrics.table import Metric, warn_if_coarse

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

UNITS = {"series": "series", "events": "list", "video": "video", "points": "cloud"}
PLACES = {"series": "point", "events": "item", "video": "frame", "points": "point"}
# Places that all resamples of one metric may rank together: beyond it, fewer resamples are drawn.
_RANKED = 30_000_000
_LEAST_RESAMPLES = 100


def measure(
    pairs: Sequence[Pair],
    chosen: Sequence[Chosen],
    modality: str,
    *,
    policy: Policy | None = None,
    resamples: int = 1000,
    seed: int = 0,
    grouped_by: str = "",
    notes: Sequence[str] = (),
) -> Evaluation:
    """Compute every metric, its interval, and the same for scores that detect nothing.

    Parameters
    ----------
    pairs : sequence of Pair
        One for each series, list of items, video or cloud.
    chosen : sequence of Chosen
        From `choose`.
    modality : {"series", "events", "video", "points"}
        Series and lists are measured one by one and averaged; videos and clouds are pooled as their metrics demand.
    policy : Policy, optional
        How scores become alarms, where a metric needs them.
    resamples, seed : int
        Of the bootstrap, and of the random dummy.
    grouped_by : str
        Which column groups the members; '' leaves them alone.
    notes : sequence of str
        What is to be said beside the result.

    Raises
    ------
    InputError
        If no place is anomalous, or none is normal, or a metric cannot be computed at all.
    """
    _check(pairs)
    judge: _Apart | _Pooled
    if modality in ("video", "points"):
        judge = _Pooled(pairs, modality, seed)
    else:
        judge = _Apart(pairs, modality, policy, seed)
    groups = _groups(pairs, grouped_by)
    lines = [judge.line(c, groups, resamples, seed) for c in chosen]
    places, anomalous = sum(len(p.labels) for p in pairs), sum(int(p.labels.sum()) for p in pairs)
    return Evaluation(
        modality=modality,
        unit=UNITS[modality],
        lines=tuple(lines),
        dummies={d.name: d.why for d in judge.dummies()},
        members=tuple(p.id for p in pairs),
        places=places,
        anomalous=anomalous,
        events=sum(runs(p.labels).count for p in pairs),
        place=PLACES[modality],
        average=judge.average,
        intervals=judge.intervals(groups),
        groups={name: {c.name: judge.value(c, rows) for c in chosen} for name, rows in groups.items()}
        if grouped_by
        else {},
        group_sizes={name: len(rows) for name, rows in groups.items()} if grouped_by else {},
        grouped_by=grouped_by,
        threshold=str(policy) if policy is not None and any(c.needs_threshold for c in chosen) else "",
        notes=(*notes, *(note for p in pairs for note in p.notes)),
    )


class _Apart:
    """Every member has values of its own; the result is their mean."""

    def __init__(self, pairs: Sequence[Pair], modality: str, policy: Policy | None, seed: int) -> None:
        self.pairs, self.modality, self.policy, self.seed = pairs, modality, policy, seed
        self.average = f"the mean over {many(modality, len(pairs))}" if len(pairs) > 1 else ""
        self._alarms = [policy.predict(p.labels, p.scores) if policy is not None else None for p in pairs]
        self._dummies = [self._of(pair, number) for number, pair in enumerate(pairs)]
        self._values: dict[str, dict[str, float]] = {}

    def _of(self, pair: Pair, number: int) -> dict[str, Dummy]:
        """Return the dummies of one member; each draws its own noise."""
        seed = self.seed + number
        if self.modality == "series":
            made = series_dummies(pair.labels, pair.values, seed=seed)
        else:
            made = event_dummies(pair.labels, pair.fields, seed=seed)
        return {d.name: d for d in made}

    def dummies(self) -> list[Dummy]:
        """Return the dummies that every member has."""
        return [d for name, d in self._dummies[0].items() if all(name in of for of in self._dummies)]

    def value(self, chosen: Chosen, rows: IntArray) -> float:
        """Return the mean over some of the members."""
        values = self._members(chosen)
        return macro_mean({self.pairs[i].id: values[self.pairs[i].id] for i in rows.tolist()}).value

    def line(self, chosen: Chosen, groups: Mapping[str, IntArray], resamples: int, seed: int) -> Line:
        """Compute one metric for the scores and for every dummy."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            members = self._members(chosen)
        notes = _said(caught)
        mean = macro_mean(members)
        if len(self.pairs) > 1:
            notes += (
                [f"{len(mean.skipped)} of {len(members)} have no value: {_reasons(mean.skipped)}"]
                if mean.skipped
                else []
            )
        value = mean.value if len(members) > 1 else next(iter(members.values()))
        return Line(
            chosen,
            value,
            self._interval(chosen, members, groups, resamples, seed),
            self._rows(chosen),
            members,
            tuple(notes),
        )

    def intervals(self, groups: Mapping[str, IntArray]) -> str:
        """Say over what the intervals are."""
        if len(groups) > 1:
            return "95 % bootstrap over " + _drawn(groups, self.pairs, self.modality)
        if self.modality == "events":
            return f"95 % bootstrap over {len(self.pairs[0].labels)} items"
        return "none: one series only, and its points share their luck: an interval over points would be too narrow"

    def _members(self, chosen: Chosen) -> dict[str, float]:
        if chosen.name not in self._values:
            self._values[chosen.name] = _each(
                chosen,
                (
                    (p.id, p.labels, a if chosen.needs_threshold else p.scores)
                    for p, a in zip(self.pairs, self._alarms, strict=True)
                ),
            )
        return self._values[chosen.name]

    def _rows(self, chosen: Chosen) -> dict[str, float]:
        rows = {}
        for dummy in self.dummies():
            scored = [
                (p, of[dummy.name].scores(), a)
                for p, of, a in zip(self.pairs, self._dummies, self._alarms, strict=True)
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values = _each(chosen, ((p.id, p.labels, self._as_asked(chosen, p, s, a)) for p, s, a in scored))
            rows[dummy.name] = macro_mean(values).value
        return rows

    def _as_asked(self, chosen: Chosen, pair: Pair, scores: FloatArray, alarms: BoolArray | None) -> Any:
        if not chosen.needs_threshold or self.policy is None or alarms is None:
            return scores
        return self.policy.predict_dummy(pair.labels, scores, alarms)

    def _interval(
        self, chosen: Chosen, members: Mapping[str, float], groups: Mapping[str, IntArray], resamples: int, seed: int
    ) -> Interval | None:
        values = np.array(list(members.values()), dtype=np.float64)
        if len(groups) > 1:
            clusters = list(groups.values())

            def mean(drawn: Any) -> float:
                held = np.concatenate([values[clusters[g]] for g in drawn])
                held = held[~np.isnan(held)]
                return float(held.mean()) if held.size else Undefined("no series drawn has a value")

            return bootstrap_interval(mean, len(clusters), n_resamples=resamples, seed=seed)
        if self.modality != "events" or np.isnan(values).all():
            return None
        pair, alarms = self.pairs[0], self._alarms[0]
        given = alarms if chosen.needs_threshold else pair.scores

        def again(drawn: Any) -> float:
            return _value(chosen, pair.labels[drawn], given[drawn])  # type: ignore[index]  # alarms exist if needed

        return bootstrap_interval(
            again, len(pair.labels), n_resamples=_affordable(resamples, len(pair.labels)), seed=seed
        )


class _Pooled:
    """All members are ranked together, as the metrics of frames and of clouds demand."""

    def __init__(self, pairs: Sequence[Pair], modality: str, seed: int) -> None:
        self.pairs, self.modality, self.seed = pairs, modality, seed
        self.average = f"all {UNITS[modality]}s pooled, as each metric defines"

    def dummies(self) -> list[Dummy]:
        """Return the dummies of all members together."""
        labels = [p.labels for p in self.pairs]
        return (
            video_dummies(labels, seed=self.seed) if self.modality == "video" else point_dummies(labels, seed=self.seed)
        )

    def value(self, chosen: Chosen, rows: Any) -> float:
        """Return the metric of some of the members."""
        picked = [self.pairs[i] for i in rows]
        return _value(chosen, [p.labels for p in picked], [p.scores for p in picked])

    def line(self, chosen: Chosen, groups: Mapping[str, IntArray], resamples: int, seed: int) -> Line:
        """Compute one metric for the scores and for every dummy."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = self.value(chosen, range(len(self.pairs)))
            if isinstance(chosen.metric, Metric):
                warn_if_coarse(chosen.metric, np.concatenate([p.scores for p in self.pairs]))
        labels = [p.labels for p in self.pairs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = {d.name: _value(chosen, labels, d.scores()) for d in self.dummies()}
            interval = self._interval(chosen, groups, resamples, seed)
        return Line(chosen, value, interval, rows, {}, tuple(_said(caught)))

    def intervals(self, groups: Mapping[str, IntArray]) -> str:
        """Say over what the intervals are."""
        if len(groups) < 2:
            return f"none: one {UNITS[self.modality]} only"
        return "95 % bootstrap over " + _drawn(groups, self.pairs, self.modality)

    def _interval(self, chosen: Chosen, groups: Mapping[str, IntArray], resamples: int, seed: int) -> Interval | None:
        if len(groups) < 2:
            return None
        clusters = list(groups.values())
        places = sum(len(p.labels) for p in self.pairs)
        return bootstrap_interval(
            lambda drawn: self.value(chosen, np.concatenate([clusters[g] for g in drawn])),
            len(clusters),
            n_resamples=_affordable(resamples, places),
            seed=seed,
        )


def many(modality: str, count: int) -> str:
    """Return how many members there are, in the words of the kind of data.

    Examples
    --------
    >>> many("series", 3), many("video", 2), many("video", 1)
    ('3 series', '2 videos', '1 video')
    """
    return f"{count} {UNITS[modality]}{'' if count == 1 or modality == 'series' else 's'}"


def _drawn(groups: Mapping[str, IntArray], pairs: Sequence[Pair], modality: str) -> str:
    return many(modality, len(pairs)) if len(groups) == len(pairs) else f"{len(groups)} groups"


def _check(pairs: Sequence[Pair]) -> None:
    anomalous, places = sum(int(p.labels.sum()) for p in pairs), sum(len(p.labels) for p in pairs)
    if not places:
        raise InputError("no place has both a score and a label: nothing can be measured")
    if not anomalous:
        raise InputError(
            f"the labels mark no anomaly among {places:,} places: without one nothing can be found or missed"
        )
    if anomalous == places:
        raise InputError(
            f"the labels mark all {places:,} places as anomalous: without normal ones no false alarm can be counted"
        )


def _groups(pairs: Sequence[Pair], grouped_by: str) -> dict[str, IntArray]:
    """Return the rows of each group; every member is one where no groups are given."""
    if not grouped_by:
        return {f"{number} {p.id}": np.array([number]) for number, p in enumerate(pairs)}
    rows: dict[str, list[int]] = {}
    for number, pair in enumerate(pairs):
        rows.setdefault(pair.group, []).append(number)
    return {name: np.asarray(found) for name, found in rows.items()}


def _each(chosen: Chosen, members: Iterable[tuple[str, BoolArray, Any]]) -> dict[str, float]:
    """Compute one metric for each member; where it does not apply the value says why."""
    values: dict[str, float] = {}
    refused: list[MetricError | TypeError] = []
    for name, labels, given in members:
        try:
            values[name] = chosen.compute(labels, given)
        except (MetricError, TypeError) as error:
            refused.append(error)
            values[name] = Undefined(str(error))
    if refused and len(refused) == len(values):
        raise InputError(f"{chosen.name} cannot be computed: {refused[0]}")
    return values


def _value(chosen: Chosen, labels: Any, given: Any) -> float:
    return _each(chosen, [("", labels, given)])[""]


def _affordable(resamples: int, places: int) -> int:
    return int(min(resamples, max(_LEAST_RESAMPLES, _RANKED // max(places, 1))))


def _said(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    return list(dict.fromkeys(str(w.message) for w in caught))


def _reasons(skipped: Mapping[str, str]) -> str:
    counted: dict[str, int] = {}
    for reason in skipped.values():
        counted[reason] = counted.get(reason, 0) + 1
    return "; ".join(f"{reason} ({n})" if len(counted) > 1 else reason for reason, n in counted.items())
