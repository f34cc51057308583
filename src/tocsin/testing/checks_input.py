"""Checks of what may come in: gaps, constants, single rows, and everything that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Image, Sample, Series
from tocsin.core.scores import Scores
from tocsin.testing.subject import NotApplicable, Subject, differ, flat, message_of

GAP = (250, 290)


def check_constant_input(subject: Subject) -> None:
    """Constant channels are no division by zero."""
    train = subject.series("train")
    constant = replace(train, values=np.full(train.values.shape, 7.25))
    # No check that no alarm is raised: what a constant calibration supports is the threshold's to say.
    scores = _scores_or_sentence(
        lambda: subject.make().fit(constant).score(constant), "learning from constant channels"
    )
    if scores is not None:
        assert np.isfinite(flat(scores)).all(), "constant channels must get finite scores, not NaN or infinity"
    values = np.array(train.values)
    values[:, 0] = 7.25
    made = subject.make().fit(replace(train, values=values))
    held = np.array(subject.series("normal").values)
    held[:, 0] = 7.25
    one_constant = made.score(replace(subject.series("normal"), values=held))
    assert np.isfinite(flat(one_constant)).all(), "one constant channel among others must not make scores NaN"


def check_single_row(subject: Subject) -> None:
    """A single row cannot be learned from, and is scored or refused in one sentence."""
    train = subject.series("train")
    text = message_of(lambda: subject.make().fit(train.take(0, 1)), "learning from a single row")
    assert "1 row" in text or "row" in text, "the message about a single row must say how many rows there are"
    normal = subject.series("normal")
    scores = _scores_or_sentence(lambda: subject.fitted.score(normal.take(5, 6)), "scoring a single row")
    if scores is not None:
        assert flat(scores).shape == (1,), "a single row gets a single score"
        assert np.isfinite(flat(scores)).all(), "a single row with data gets a finite score"


def check_gap_gives_no_verdict(subject: Subject) -> None:
    """Where nothing was measured there is no score, nothing changes far away, and no alarm is raised."""
    normal = subject.series("normal")
    values = np.array(normal.values)
    values[slice(*GAP)] = np.nan
    scores = subject.fitted.score(replace(normal, values=values))
    if scores.local is None:
        raise NotApplicable(f"{subject.name} judges samples as a whole")
    gap, beyond = _around_gap(subject, len(normal))
    assert np.isnan(scores.local[gap]).all(), "where no channel has data there must be no score"
    assert np.isfinite(scores.local[beyond]).all(), "places far from a gap must keep their scores"
    whole = subject.fitted.score(normal)
    told = differ(flat(whole)[beyond], flat(scores)[beyond]) if subject.fitted.streams else ""
    assert not told, f"a gap changes scores further away than the reach of {subject.reach()} ({told})"
    _no_alarm(subject, scores, whole)


def check_gap_in_one_channel(subject: Subject) -> None:
    """A channel without data has no part in the score, and the others go on."""
    normal = subject.series("normal")
    if len(normal.channels) < 2:
        raise NotApplicable(f"{subject.name} looks at one channel")
    values = np.array(normal.values)
    values[slice(*GAP), 1] = np.nan
    scores = subject.fitted.score(replace(normal, values=values))
    _, beyond = _around_gap(subject, len(normal))
    whole = subject.fitted.score(normal)
    told = differ(flat(whole)[beyond], flat(scores)[beyond]) if subject.fitted.streams else ""
    assert not told, f"a gap in one channel changes scores further away than the reach of {subject.reach()} ({told})"
    if scores.parts is not None and scores.parts.shape == values.shape:
        assert np.isnan(scores.parts[slice(*GAP), 1]).all(), "a channel without data must have no part in the score"
    _no_alarm(subject, scores, whole)


def check_missing_while_learning(subject: Subject) -> None:
    """Gaps in the training part do no harm; a training part without any data is refused."""
    train = subject.series("train")
    values = np.array(train.values)
    values[100:130] = np.nan
    values[400:410, 0] = np.nan
    scores = subject.make().fit(replace(train, values=values)).score(subject.double.normal)
    assert np.isfinite(flat(scores)).all(), "gaps in the training part must not make later scores NaN"
    text = message_of(
        lambda: subject.make().fit(replace(train, values=np.full(values.shape, np.nan))), "a sample without any data"
    )
    assert "missing" in text or "no data" in text, "the message must say that every value is missing"


def check_wrong_modality(subject: Subject) -> None:
    """A sample of another modality is refused by name."""
    strangers: list[Sample] = [Image(np.zeros((8, 8))), Events({"who": ["a", "b"]}), Series(np.arange(3.0))]
    stranger = next((s for s in strangers if s.modality not in subject.card.modality), None)
    if stranger is None:
        raise NotApplicable("it takes all of them")
    for what, call in (
        ("learning from", lambda: subject.make().fit(stranger)),
        ("scoring", lambda: subject.fitted.score(stranger)),
    ):
        text = message_of(call, f"{what} a sample of another modality")
        assert stranger.modality in text, f"the message must name the modality that came, {stranger.modality}: {text!r}"


def check_wrong_channels(subject: Subject) -> None:
    """More, fewer, other or reordered channels are refused."""
    normal = subject.series("normal")
    renamed = replace(normal, channels=tuple(f"{c}x" for c in normal.channels))
    more = replace(normal, values=np.repeat(normal.values, 2, axis=1), channels=(*normal.channels, *renamed.channels))
    cases = {"channels of other names": renamed, "more channels": more}
    if len(normal.channels) > 1:
        cases["fewer channels"] = normal.select(normal.channels[:-1])
        cases["channels in another order"] = normal.select(normal.channels[::-1])
    for what, sample in cases.items():
        message_of(partial(subject.fitted.score, sample), f"scoring {what}")
    mixed = [subject.series("train"), replace(subject.series("train"), channels=renamed.channels)]
    message_of(lambda: subject.make().fit(mixed), "learning from samples with different channels")


def check_empty_input(subject: Subject) -> None:
    """Nothing, None, text and zero rows are refused in one sentence."""
    message_of(lambda: subject.make().fit([]), "learning from no sample at all")
    message_of(lambda: subject.make().fit(None), "learning from None")
    message_of(lambda: subject.fitted.score("telemetry.csv"), "scoring a text")
    normal = subject.series("normal")
    message_of(lambda: subject.make().fit(normal.take(0, 0)), "learning from no rows")
    message_of(lambda: subject.fitted.score(normal.take(0, 0)), "scoring no rows")


def check_short_samples(subject: Subject) -> None:
    """A few rows get finite scores or one sentence, in learning and in scoring."""
    train, normal = subject.series("train"), subject.series("normal")
    for rows in (2, 3, 5, 8, 13, 21, 34):
        scores = _scores_or_sentence(partial(subject.fitted.score, normal.take(0, rows)), f"scoring {rows} rows")
        if scores is not None:
            assert np.isfinite(flat(scores)).all(), f"{rows} rows with data must get finite scores"
        short = _scores_or_sentence(
            partial(subject.make().fit_score, train.take(0, rows)), f"learning from {rows} rows"
        )
        if short is not None:
            assert np.isfinite(flat(short)).all(), f"{rows} rows that were learned from must get finite scores"


def _around_gap(subject: Subject, rows: int) -> tuple[slice, np.ndarray]:
    reach = subject.reach()
    beyond = np.ones(rows, dtype=bool)
    beyond[max(0, GAP[0] - reach) : GAP[1] + reach] = False
    return slice(*GAP), beyond


def _no_alarm(subject: Subject, scores: Scores, whole: Scores) -> None:
    """A gap must not look like an anomaly: nothing around it may outscore normal data by much."""
    seen = flat(scores)[np.isfinite(flat(scores))]
    usual = max(float(flat(whole).max()), float(subject.fitted.calibration_.scores.max()))
    highest = float(seen.max()) if seen.size else -np.inf
    limit = usual + 0.25 * abs(usual)
    assert highest <= limit, (
        f"bridging a gap makes places score {highest:.4g} where normal data score {usual:.4g} at most: a gap is no "
        f"alarm; withhold the score there (NaN)"
    )


def _scores_or_sentence(call: Callable[[], Scores], what: str) -> Scores | None:
    refusal = ""
    try:
        return call()
    except InputError as error:
        refusal = str(error)
    except Exception as error:
        raise AssertionError(
            f"{what} must give scores or one InputError, not {type(error).__name__}: {error}"
        ) from error
    assert "\n" not in refusal, f"{what} must be refused with one sentence, not {refusal!r}"
    return None
