"""What ships, measured on real labelled series: slow, and the numbers of the model card must hold."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tocsin.metrics.bootstrap import paired_bootstrap

TRAINING = Path(__file__).resolve().parents[3] / "training" / "timercd"


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(TRAINING))
    try:
        import evaluate
        import labelled

        yield evaluate, labelled
    finally:
        sys.path.remove(str(TRAINING))


@pytest.fixture(scope="module")
def series(shared, scripts):
    return scripts[1].read(shared / "data")


def test_the_series_are_those_of_the_card(series):
    counts = {g: sum(s.group == g for s in series) for g in ("nab", "kpi_netman", "ecg_sed", "ucr_anomaly")}
    assert counts == {"nab": 38, "kpi_netman": 3, "ecg_sed": 3, "ucr_anomaly": 4}
    assert sum(s.half == "validation" for s in series) == 25
    assert all(s.labels.any() and not s.labels.all() and len(s.labels) == len(s.values) for s in series)
    segments = {s.name: int(np.sum(np.diff(s.labels.astype(int), prepend=0) == 1)) for s in series}
    assert segments["cpu4.csv"] == 17
    assert all(count == 1 for name, count in segments.items() if "UCR" in name)


@pytest.mark.slow
def test_it_holds_what_the_card_says(series, scripts):
    evaluate, _ = scripts
    rows = {"absolute z": evaluate.plain()["absolute z"], "first difference": evaluate.plain()["first difference"]}
    rows |= {"spectral residual": evaluate.plain()["spectral residual (paper)"], "net": evaluate.network("small")}
    found = {name: np.array([evaluate.judged(s, scorer(s)) for s in series]) for name, scorer in rows.items()}
    assert found["net"][:, 0].mean() >= LEAST_VUS_PR
    assert found["net"][:, 2].mean() >= LEAST_AUROC
    ours = found.pop("net")[:, 0]
    for name, theirs in found.items():
        told = paired_bootstrap(lambda g: ours[g].mean(), lambda g, x=theirs[:, 0]: x[g].mean(), len(series))
        assert told.difference.low > 0, (name, told)


LEAST_VUS_PR, LEAST_AUROC = 0.45, 0.80
