"""`tocsin fit` and `tocsin score`."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from tocsin.cli.codes import FOUND, NOTHING, PARTIAL, USAGE
from tocsin.core.detector import Detector
from tocsin.io import read


@pytest.mark.parametrize("name", ["model.tocsin", "model"])
def test_fit_then_score_gives_the_scores_of_the_api(tocsin, metrics, tmp_path: Path, name: str) -> None:
    train, live = metrics("train.csv", fault=None), metrics("live.csv", seed=2)
    model, out = tmp_path / name, tmp_path / "scores.parquet"
    assert tocsin("fit", train, "--detector", "robust-z", "-o", model).code == NOTHING
    assert tocsin("score", model, live, "-o", out).code == NOTHING
    stored = duckdb.sql(f"SELECT score FROM '{out}' ORDER BY row").fetchnumpy()["score"]
    expected = Detector.load(model).score(read(live)).local
    assert np.allclose(stored, expected)
    assert tocsin("detect", live, "--model", model).code == FOUND


def test_scoring_a_folder_goes_on_after_a_stop(tocsin, metrics, tmp_path: Path) -> None:
    train = metrics("train.csv", fault=None)
    for i in range(3):
        metrics(f"live/{i}.csv", seed=i)
    model, out = tmp_path / "m.tocsin", tmp_path / "scores"
    tocsin("fit", train, "--detector", "robust-z", "-o", model)
    assert tocsin("score", model, tmp_path / "live", "-o", out, "--quiet").code == NOTHING
    metrics("live/3.csv", seed=3)
    outcome = tocsin("score", model, tmp_path / "live", "-o", out)
    assert "3 inputs were finished by an earlier run" in outcome.out
    assert len(list(out.glob("*.parquet"))) == 4


def test_many_inputs_do_not_fit_one_file(tocsin, metrics, tmp_path: Path) -> None:
    model = tmp_path / "m.tocsin"
    file = metrics(fault=None)
    tocsin("fit", file, "--detector", "robust-z", "-o", model)
    outcome = tocsin("score", model, file, file, "-o", tmp_path / "x.parquet")
    assert outcome.code == USAGE
    assert "give a folder" in outcome.err


def test_a_bad_input_is_named_and_the_rest_is_scored(tocsin, metrics, tmp_path: Path) -> None:
    model, good = tmp_path / "m.tocsin", metrics(fault=None)
    tocsin("fit", good, "--detector", "robust-z", "-o", model)
    bad = tmp_path / "bad.csv"
    bad.write_text("")
    outcome = tocsin("score", model, good, bad, "-o", tmp_path / "scores")
    assert outcome.code == PARTIAL
    assert "bad.csv" in outcome.err


@pytest.mark.parametrize("harm", ["truncate", "edit", "pickle"])
def test_damaged_models_are_refused_in_one_line(tocsin, metrics, tmp_path: Path, harm: str) -> None:
    model, file = tmp_path / "m.tocsin", metrics()
    tocsin("fit", file, "--detector", "robust-z", "-o", model)
    data = bytearray(model.read_bytes())
    if harm == "truncate":
        data = data[: len(data) // 2]
    elif harm == "edit":
        at = data.find(b'"centre"')
        data[at + 1] ^= 1
    else:
        import pickle

        data = bytearray(pickle.dumps({"a": 1}))
    model.write_bytes(bytes(data))
    outcome = tocsin("detect", file, "--model", model)
    assert outcome.code == USAGE
    assert len(outcome.err.splitlines()) == 1
    assert "m.tocsin" in outcome.err
