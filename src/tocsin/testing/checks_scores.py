"""Checks of `score`: shapes, independence of company, and that the planted anomaly stands out."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.samples import Series
from tocsin.testing.subject import NotApplicable, Subject, differ, flat, scores_differ

if TYPE_CHECKING:
    from tocsin.core.detector import Detector
    from tocsin.core.samples import Sample

# Interpreter and libraries keep a little here and there; a kept sample or score is larger than this.
SLACK_BYTES = 20_000


def check_shapes(subject: Subject) -> None:
    """Scores have the shape that the card promises, and are finite where there are data."""
    card, scores, odd = subject.card, subject.scores, subject.double.odd
    local = scores.local
    if card.localises == "samples":
        assert local is None, "the card says that whole samples are judged, yet there are local scores"
    else:
        assert local is not None, f"the card says that {card.localises} are scored, yet there are no local scores"
        wanted = odd.grid[:1] if card.localises == "frames" else odd.grid
        assert local.shape == wanted, f"local scores have shape {local.shape} where the sample has {wanted} places"
        assert local.dtype.kind == "f", f"scores are floating-point numbers, not {local.dtype}"
        assert np.isfinite(local).all(), "a sample without gaps must get a finite score at every place"
    assert np.isfinite(scores.overall), "the overall score must be finite"
    if scores.parts is not None:
        assert np.isfinite(scores.parts).all(), "parts of a sample without gaps must be finite"
    if scores.parts is not None and isinstance(odd, Series) and len(scores.part_names) == len(odd.channels):
        assert scores.part_names == odd.channels, "parts by channel carry the channels' own names, in their order"
    assert scores.sample_id == odd.id, "scores must carry the sample's id"


def check_not_constant(subject: Subject) -> None:
    """The detector has not collapsed to one score for all."""
    samples = [subject.double.odd, subject.double.normal]
    found = [flat(subject.fitted.score(s)) for s in samples]
    different = np.unique(np.concatenate(found)).size
    places = sum(f.size for f in found)
    # Pictures and events hold few different values; measured channels do not.
    least = max(3, places // 20) if isinstance(samples[0], Series) else 2
    assert different >= least, (
        f"only {different} different scores for {places} places: the detector has collapsed, or rounds its scores"
    )


def check_planted_anomaly_outranks(subject: Subject) -> None:
    """An anomaly as plain as can be outranks all normal places."""
    scores = subject.scores
    normal = subject.fitted.score(subject.double.normal)
    assert scores.overall > normal.overall, (
        f"the sample with a planted anomaly scores {scores.overall:.4g} as a whole, a normal one {normal.overall:.4g}: "
        f"higher must mean stranger"
    )
    if scores.local is None:
        return
    inside = subject.double.planted_in(scores.local)
    near = inside
    if scores.local.ndim == 1:
        rows, reach = np.flatnonzero(inside), subject.reach()
        near = np.zeros(inside.shape, dtype=bool)
        near[max(0, rows[0] - reach) : rows[-1] + reach + 1] = True
    peak, elsewhere = float(scores.local[near].max()), float(scores.local[~near].max(initial=-np.inf))
    assert peak > elsewhere, (
        f"the planted anomaly reaches a score of {peak:.4g}, normal places {elsewhere:.4g}: an anomaly this plain must "
        f"outrank them"
    )


def check_one_by_one_as_in_company(subject: Subject) -> None:
    """A sample gets the same scores alone and among others."""
    samples = [subject.double.odd, subject.double.normal, *subject.double.train[:2]]
    together = list(subject.fitted.score_many(samples))
    assert len(together) == len(samples), "score_many must give one result per sample"
    for sample, scores in zip(reversed(samples), reversed(together), strict=True):
        told = scores_differ(scores, subject.fitted.score(sample), loose=1e-9)
        assert not told, f"{sample.id} gets other scores alone than in company ({told})"


def check_part_as_in_whole(subject: Subject) -> None:
    """A part with its reach on both sides gets the scores that it has in the whole."""
    if not subject.fitted.streams:
        raise NotApplicable(f"{subject.name} says that a part cannot be scored alone")
    if subject.double.grow is None:
        raise NotApplicable("such samples have no parts of any length")
    reach = subject.reach()
    start, stop = 2 * reach + 17, 2 * reach + 117
    whole = subject.double.grow(stop + 2 * reach + 31)
    if isinstance(whole, Series):
        # Something wild far away must not matter either.
        values = np.array(whole.values)
        values[: reach // 2 + 1] *= 50
        whole = replace(whole, values=values)
    part = whole.take(start - reach, stop + reach)
    expected = flat(subject.fitted.score(whole))[start:stop]
    told = differ(expected, flat(subject.fitted.score(part))[reach : reach + stop - start])
    assert not told, (
        f"a part with {reach} places (the reach) on both sides scores otherwise than in the whole ({told}): nothing "
        f"beyond the reach may count; else override reach, or the card's streams is False"
    )


def check_scoring_changes_nothing(subject: Subject) -> None:
    """Scoring is no learning."""
    made = subject.make().fit(subject.double.train)
    before = made.score(subject.double.odd)
    attributes = set(vars(made))
    for sample in (subject.double.normal, *subject.double.train[:1], subject.double.normal):
        made.score(sample)
    told = scores_differ(before, made.score(subject.double.odd), loose=1e-9)
    assert not told, f"scoring other samples in between changes scores ({told}): score must not learn; update does"
    extra = sorted(set(vars(made)) - attributes)
    assert not extra, f"scoring set {', '.join(extra)} on the detector: compute it in _fit, or pass it along"


def _grown(made: Detector, sample: Sample) -> int:
    """Bytes that scoring a sample five times leaves behind."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(5):
        made.score(sample)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


def check_memory_does_not_grow(subject: Subject) -> None:
    """Scoring again and again keeps nothing."""
    made, sample = subject.fitted, subject.double.normal
    tracing = tracemalloc.is_tracing()
    for _ in range(2):
        made.score(sample)
    if not tracing:
        tracemalloc.start()
    try:
        made.score(sample)
        # What keeps samples keeps them every time; what another thread or a late import takes, comes once.
        grown = min(_grown(made, sample) for _ in range(3))
    finally:
        if not tracing:
            tracemalloc.stop()
    assert grown < SLACK_BYTES, (
        f"scoring one sample five times leaves {grown} bytes behind: do not keep samples or scores"
    )
