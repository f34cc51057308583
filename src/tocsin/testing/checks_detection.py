"""Checks of `detect`: budgets, explanations, and that results can be handed on."""

from __future__ import annotations

import json

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.testing.subject import NotApplicable, Subject, scores_differ


def check_top_finds_the_planted(subject: Subject) -> None:
    """A budget of one alarm is spent on the planted anomaly."""
    _decides_on_places(subject)
    found = subject.fitted.detect(subject.double.odd, false_alarms="top 1")
    assert len(found.anomalies) == 1, f'"top 1" must give one anomaly, not {len(found.anomalies)}'
    anomaly = found.anomalies[0]
    if isinstance(anomaly.where, Interval):
        reach = subject.reach()
        rows = np.flatnonzero(subject.double.planted_in(np.zeros(len(subject.double.odd))))
        meets = anomaly.start - reach <= rows[-1] and anomaly.stop + reach > rows[0]
        assert meets, f"the strongest anomaly ({anomaly.where}) is not the planted one (rows {rows[0]} to {rows[-1]})"


def _decides_on_places(subject: Subject) -> None:
    if subject.card.decides != "places":
        raise NotApplicable("a budget of one alarm is spent on places, and the sample is judged as a whole")


def check_budgets(subject: Subject) -> None:
    """Budgets by share and by time give a level with a promise, and anomalies that can be handed on as JSON."""
    odd = subject.double.odd
    timed = isinstance(odd, Series) and odd.time is not None
    for budget in ("0.1%", *(["1/day"] if timed else [])):
        found = subject.fitted.detect(odd, false_alarms=budget)
        assert found.level.promise, f"the threshold for {budget!r} must say what it promises"
        assert found.scores.sample_id == odd.id, "a detection carries the scores of its sample"
        for anomaly in found.anomalies:
            assert anomaly.peak > found.level.value or np.isnan(found.level.value), (
                "an anomaly's peak is above the level"
            )
        json.dumps([a.to_dict() for a in found.anomalies], allow_nan=False)
    json.dumps(subject.card.to_dict())


def check_explains_in_the_datas_names(subject: Subject) -> None:
    """The first reason names the channel to blame, and `explain` says what `detect` said."""
    _decides_on_places(subject)
    double = subject.double
    found = subject.fitted.detect(double.odd, false_alarms="top 1")
    assert found.anomalies, '"top 1" must give an anomaly'
    reasons = found.anomalies[0].because
    again = subject.fitted.explain(double.odd, found.anomalies[0])
    assert again == reasons, "explain must give the reasons that detect gave"
    if not double.channel or not isinstance(double.odd, Series):
        raise NotApplicable("there is no channel to blame")
    assert reasons, "an anomaly of a series must come with reasons: leave _explain out, or return some"
    assert double.channel in reasons[0].name, (
        f"channel {double.channel!r} is to blame, and the first reason given is {reasons[0]}"
    )
    assert 0 < sum(r.share for r in reasons) <= 1 + 1e-9, "the shares of the reasons add up to one at most"


def check_expected_values(subject: Subject) -> None:
    """Expected values, where there are any, are in the channels' own units and near what is normal."""
    normal = subject.series("normal")
    expected = subject.fitted._expected(normal)
    if expected is None:
        raise NotApplicable(f"{subject.name} does not say what it expects")
    assert expected.shape == normal.values.shape, "expected values have the shape of the sample's values"
    assert np.isfinite(expected).all(), "expected values of a sample without gaps are finite"
    off = np.abs(expected - normal.values).mean(axis=0)
    spread = np.abs(normal.values - np.median(normal.values, axis=0)).mean(axis=0)
    assert (off < 2 * spread).all(), "expected values are in the channels' own units and near what is normal"


def check_fit_score_and_fit_detect(subject: Subject) -> None:
    """Learning from a sample and judging that same sample agree with each other."""
    odd = subject.double.odd
    try:
        scores = subject.make().fit_score(odd)
    except InputError as error:
        if isinstance(odd, Series):
            raise AssertionError(f"a series can be judged by itself, but fit_score refuses it: {error}") from error
        raise NotApplicable(f"it cannot learn from a single sample: {error}") from error
    _decides_on_places(subject)
    found = subject.make().fit_detect(odd, false_alarms="top 1")
    told = scores_differ(scores, found.scores, loose=1e-9)
    assert not told, f"fit_detect and fit_score give different scores ({told})"
    assert found.anomalies, "fit_detect with a budget of one must find something"
