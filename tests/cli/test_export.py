from __future__ import annotations

import json

import numpy as np
import pytest

from tocsin.core.registry import make
from tocsin.core.samples import Series

pytest.importorskip("torch")
pytest.importorskip("cv2")


@pytest.fixture
def parts(tmp_path):
    from tocsin.core.samples import Image
    from tocsin.image.efficient_ad.detector import EfficientAD

    rng = np.random.default_rng(0)
    good = [Image(rng.integers(80, 120, (64, 64), dtype=np.uint8)) for _ in range(4)]
    detector = EfficientAD(**{**EfficientAD.example_parameters(), "teacher": "random", "steps": 2})
    return detector.fit(good).save(tmp_path / "parts.model")


def test_a_model_becomes_a_file_and_its_description(tocsin, parts, tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    done = tocsin("export", parts, "-o", tmp_path / "out" / "parts.onnx", "--false-alarms", "25%")
    assert done.code == 0, done.err
    assert "64 x 64" in done.out
    described = json.loads((tmp_path / "out" / "parts.onnx.json").read_text())
    assert described["detector"] == "efficient-ad"
    assert described["threshold"]["budget"] == "25%"
    assert (tmp_path / "out" / "parts.onnx").stat().st_size > 1000


def test_what_cannot_be_exported_is_said_in_one_line(tocsin, parts, tmp_path):
    series = make("robust-z").fit(Series(np.random.default_rng(0).normal(size=(50, 1)), ("a",)))
    model = series.save(tmp_path / "series.model")
    for arguments, said in (
        ((model, "-o", tmp_path / "a.onnx"), "only detectors of pictures"),
        ((parts, "-o", tmp_path / "a.bin"), "ends in .onnx"),
        ((parts, "-o", tmp_path / "a.onnx", "--size", "wide"), "height x width"),
        ((tmp_path / "absent", "-o", tmp_path / "a.onnx"), "there is no model"),
    ):
        done = tocsin("export", *arguments)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1
    assert not list(tmp_path.glob("a.*"))
