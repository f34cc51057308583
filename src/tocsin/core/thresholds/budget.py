"""A budget of false alarms: the level is what the budget buys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.errors import InputError
from tocsin.core.thresholds.base import Level, Threshold
from tocsin.core.thresholds.budget_text import parse_budget
from tocsin.core.thresholds.contamination import Trimmed, trim
from tocsin.core.thresholds.events import AlarmCounts
from tocsin.core.thresholds.fixed import FixedLevel, constant_words, joined, top_tail
from tocsin.core.thresholds.tail import Tail, fit_tail
from tocsin.core.thresholds.top import TopLevel
from tocsin.core.words import duration, number, plural, rate, share

if TYPE_CHECKING:
    from tocsin.core.calibration import Calibration
    from tocsin.core.types import FloatArray

_ENOUGH = 10
_PEAKS = (50, 400)


@dataclass(frozen=True)
class Budget(Threshold):
    """The level that costs a given number of false alarms.

    Alarms per time are counted as a person counts them: runs of flagged places, after merging and least length, not
    places. The calibration scores are counted at all levels; where the budget is smaller than ten alarms in all of
    them, the highest scores of separate alarms are fitted by a generalised Pareto tail, and the level is read off it.

    Parameters
    ----------
    text : str
        See `parse_budget`: "1/day", "3 per 1000 places", "0.1%", "top 10".
    rules : AlarmRules
        What will be applied to the flagged places. Suppression is not counted on: with it, alarms can only be fewer.

    Raises
    ------
    InputError
        If the text is no budget.

    Examples
    --------
    >>> from tocsin.core.calibration import Calibration
    >>> normal = np.random.default_rng(0).normal(size=36_000)
    >>> level = Budget("2/hour").fit(Calibration(normal, seconds=1.0, source="the training part"))
    >>> level.promise
    'about 2 false alarms an hour on data like the training part, if those scores are stationary'
    >>> int(np.count_nonzero(normal > level.value))
    20
    """

    name: ClassVar[str] = "budget"

    text: str = "1/day"
    rules: AlarmRules = field(default_factory=AlarmRules)

    def __post_init__(self) -> None:
        parse_budget(self.text)

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Threshold:
        """Return the budget with stored parameters.

        Raises
        ------
        InputError
            If a parameter is unknown or out of range.
        """
        rules = parameters.get("rules")
        if isinstance(rules, dict):
            parameters = {**parameters, "rules": AlarmRules.from_dict(rules)}
        return super().from_parameters(parameters)

    def fit(self, calibration: Calibration) -> Level:
        """Find the level.

        Raises
        ------
        InputError
            If the budget is per time and the data have no clock.
        """
        budget = parse_budget(self.text)
        if budget.kind == "time" and calibration.seconds is None:
            raise InputError(
                f"the budget {self.text!r} counts alarms per time, and these data have no clock: name the time column "
                'or give the seconds per place, or use a budget without time: "0.1%", "1 per 1000", "top 10"'
            )
        trimmed = trim(calibration)
        ordered = np.sort(trimmed.calibration.scores)
        tail = top_tail(ordered)
        place_tail = tail if isinstance(tail, Tail) else None
        if budget.kind == "top":
            strongest = "strongest alarm" if budget.amount == 1 else plural(budget.amount, "strongest alarm")
            promise = f"the {strongest} of each batch, wrong or not"
            return TopLevel(int(budget.amount), self.rules, ordered, joined(promise, trimmed.words))
        if constant := constant_words(ordered):
            return FixedLevel(float(ordered[-1]), f"no alarm on data like {calibration.source}", constant, ordered)
        if budget.kind == "share":
            value, support = _level_of_share(budget.amount, ordered, tail)
            promise = f"about {share(budget.amount)} of the places of data like {calibration.source}"
            return FixedLevel(value, joined(promise, trimmed.words), support, ordered, place_tail)
        per_place = budget.amount / len(trimmed.calibration) if budget.kind == "all" else budget.amount
        if budget.kind == "time" and calibration.seconds is not None:
            per_place *= calibration.seconds
        value, support = self._level_of_rate(trimmed, per_place)
        return FixedLevel(value, self._promise(trimmed, per_place), support, ordered, place_tail)

    def _promise(self, trimmed: Trimmed, per_place: float) -> str:
        seconds = trimmed.calibration.seconds
        merged = "" if self.rules == AlarmRules() else ", after the alarm rules"
        kind = parse_budget(self.text).kind
        if kind == "all":
            often = f"{plural(per_place * len(trimmed.calibration), 'false alarm')} in as much data"
        elif seconds is None or kind == "places":
            often = f"{plural(1000 * per_place, 'false alarm')} per 1000 places"
        else:
            count, unit = rate(per_place / seconds).split("/")
            often = f"{count} false alarm{'' if count == '1' else 's'} {'an' if unit == 'hour' else 'a'} {unit}"
        condition = "if those scores are stationary"
        return joined(f"about {often}{merged} on data like {trimmed.calibration.source}, {condition}", trimmed.words)

    def _level_of_rate(self, trimmed: Trimmed, per_place: float) -> tuple[float, str | None]:
        calibration = trimmed.calibration
        counts = AlarmCounts(calibration.scores, calibration.breaks, self.rules)
        expected = per_place * len(calibration)
        if expected >= _ENOUGH:
            value = counts.level_for(expected)
            raised = int(counts.above(value))
            few = None
            if counts.most < expected:
                few = (
                    f"no level raises as many alarms: {plural(counts.most, 'alarm')} in {_extent(calibration)} at most"
                )
            elif raised < expected / 2:
                few = (
                    f"many scores are equal: this level raises {plural(raised, 'alarm')} in {_extent(calibration)}, "
                    "and the next lower one more than the budget"
                )
            return value, few
        tail = _tail_of_peaks(counts, calibration)
        seen = counts.level_for(max(1.0, np.ceil(expected)))
        asked = _asked(self.text, calibration)
        if isinstance(tail, str):
            if expected >= 1 - 1e-9:
                return seen, None  # as many alarms as asked for were seen: nothing has to be read off a tail
            why = f"no tail could be fitted to the highest scores of separate alarms ({tail})"
            return seen, f"{asked}: {why}, the level is one that was seen"
        value = max(tail.level(per_place), seen)
        if expected >= 1 - 1e-9:
            return value, None
        return value, f"{asked}: the level is an extrapolation by a generalised Pareto tail (shape {tail.shape:.2f})"


def _asked(text: str, calibration: Calibration) -> str:
    if calibration.seconds is None or parse_budget(text).kind in ("places", "all"):
        most = f"1 per {number(len(calibration))} places"
    else:
        most = f"1/{duration(len(calibration) * calibration.seconds).removeprefix('1 ')}"
    return f"{text.strip()} was asked for; {_extent(calibration)} of calibration data supports at most {most}"


def _extent(calibration: Calibration) -> str:
    if calibration.duration is None:
        return f"{number(len(calibration))} places"
    return duration(calibration.duration)


def _tail_of_peaks(counts: AlarmCounts, calibration: Calibration) -> Tail | str:
    """Fit a tail to the highest scores of separate alarms; its share is their number per place.

    The alarms are those above a base level, chosen low enough for some hundred of them and high enough for a tail. An
    alarm above the base may be several above a higher level; what that adds is measured where alarms are still many.
    """
    grid = np.quantile(calibration.scores, np.linspace(0.8, 0.999, 200))
    raised = counts.above(grid)
    wanted = min(max(float(raised.max()) / 5, _PEAKS[0]), _PEAKS[1])
    enough = np.flatnonzero(raised >= min(wanted, float(raised.max())))
    base = float(grid[enough[-1]])
    peaks = counts.peaks(base)
    tail = fit_tail(peaks, base, peaks.size / len(calibration))
    if isinstance(tail, str):
        return tail
    higher = float(np.quantile(peaks, 0.7))
    split = float(counts.above(higher)) / max(int((peaks > higher).sum()), 1)
    return Tail(tail.start, tail.shape, tail.scale, tail.share * max(split, 1.0), tail.count)


def _level_of_share(wanted: float, ordered: FloatArray, tail: Tail | str) -> tuple[float, str | None]:
    size = ordered.size
    seen = float(ordered[max(0, size - 1 - int(wanted * size + 1e-9))])
    if wanted * size >= _ENOUGH or (isinstance(tail, Tail) and wanted >= tail.share):
        return seen, None
    asked = f"{share(wanted)} was asked for; {plural(size, 'calibration score')} support at most {share(1 / size)}"
    if isinstance(tail, str):
        short = f"{asked}: " if wanted * size < 1 else ""
        return seen, f"{short}no tail could be fitted ({tail}), the level is a score that was seen"
    value = tail.level(wanted)
    return value, f"{asked}: the level is an extrapolation by a generalised Pareto tail" if wanted * size < 1 else None
