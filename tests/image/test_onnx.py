from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from tocsin.core.errors import InputError, NotFittedError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image import _onnx  # noqa: E402
from tocsin.image.efficient_ad.detector import EfficientAD  # noqa: E402
from tocsin.image.patch_memory import PatchMemory  # noqa: E402

LOOSE = 1e-4


MEMORY = {"side": 64, "patches": 200, "dimensions": 24}


def surface(count, seed=0, grid=(64, 96)):
    rng = np.random.default_rng(seed)
    return [Image(rng.integers(80, 120, grid, dtype=np.uint8), id=f"good {n}") for n in range(count)]


def pictures(size, count=3):
    rng = np.random.default_rng(1)
    for _ in range(count):
        pixels = (0.4 + 0.1 * rng.random((*size, 3))).astype(np.float32)
        y, x = (int(rng.integers(0, side - 12)) for side in size)
        pixels[y : y + 12, x : x + 12] = rng.random(3)
        yield pixels


def same(detector, run, size):
    """A file, or a module, and the detector say the same of pictures of the graph's own size."""
    for pixels in pictures(size):
        wanted = detector.score(Image(pixels))
        found, score = run(pixels.transpose(2, 0, 1)[None])
        assert found.shape == (1, 1, *size)
        assert score.shape == (1,)
        scale = max(1.0, float(np.abs(wanted.local).max()))
        np.testing.assert_allclose(found[0, 0] / scale, wanted.local / scale, rtol=0, atol=LOOSE)
        assert float(score[0]) / scale == pytest.approx(wanted.overall / scale, abs=LOOSE)


def module(net):
    def run(given):
        with torch.inference_mode():
            return [v.numpy() for v in net(torch.from_numpy(given.copy()))]

    return run


@pytest.fixture(scope="module")
def efficient():
    return EfficientAD(**{**EfficientAD.example_parameters(), "steps": 4}).fit(surface(12))


@pytest.fixture(scope="module")
def memory():
    return PatchMemory(**MEMORY, views=("even",)).fit(surface(6))


@pytest.fixture(scope="module")
def exported(efficient, tmp_path_factory):
    return _onnx.export(efficient, tmp_path_factory.mktemp("onnx") / "parts.onnx", false_alarms="20%")


def test_the_file_says_what_the_detector_says(efficient, exported):
    session = onnxruntime.InferenceSession(str(exported.file), providers=["CPUExecutionProvider"])
    same(efficient, lambda given: session.run(None, {"picture": given}), exported.size)
    assert exported.apart <= LOOSE
    # One file: nothing lies beside it but its description.
    assert sorted(p.name for p in exported.file.parent.iterdir()) == ["parts.onnx", "parts.onnx.json"]


def test_the_threshold_stands_beside_the_graph_and_not_in_it(efficient, exported):
    described = json.loads(exported.description.read_text())
    level = described["threshold"]["level"]
    scores = np.sort(efficient.calibration_.scores)
    # One in five of twelve calibration scores: the third largest is not above it, the two largest are.
    assert int((scores > level).sum()) == 2
    assert described["threshold"]["budget"] == "20%"
    assert "99.5 %" in described["threshold"]["unit"]
    assert (described["picture"]["height"], described["picture"]["width"]) == exported.size == efficient.size_
    session = onnxruntime.InferenceSession(str(exported.file), providers=["CPUExecutionProvider"])
    assert [o.name for o in session.get_outputs()] == ["map", "score"]


@pytest.mark.parametrize("options", [{"faithful": True}, {"logical": 1.0, "highest": 0.3}, {"teacher": "random"}])
def test_the_graph_of_efficient_ad_is_its_scoring(options):
    detector = EfficientAD(**{**EfficientAD.example_parameters(), "steps": 2, **options}).fit(surface(4))
    same(detector, module(detector._exportable(detector.size_)), detector.size_)


@pytest.mark.parametrize("options", [{}, {"border": 0, "views": ("plain",)}, {"border": 2, "highest": 0.5}])
def test_the_graph_of_the_patch_memory_is_its_scoring(options):
    # The trained encoder: whitening blows the rounding of one with random weights up a ten-thousandfold.
    detector = PatchMemory(**MEMORY, **options).fit(surface(6))
    size = _onnx.size_for(detector, (64, 96))
    same(detector, module(detector._exportable(size)), size)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["tocsin", "random:dinov2-tiny", "random:resnet-tiny"])
def test_the_patch_memorys_file_says_what_the_detector_says(encoder, tmp_path):
    if encoder != "tocsin":
        pytest.importorskip("transformers")
    detector = PatchMemory(encoder=encoder, **MEMORY, views=("plain",)).fit(surface(6))
    done = _onnx.export(detector, tmp_path / "memory.onnx", size=(64, 96))
    session = onnxruntime.InferenceSession(str(done.file), providers=["CPUExecutionProvider"])
    same(detector, lambda given: session.run(None, {"picture": given}), done.size)


def test_a_graph_is_made_for_the_size_that_pictures_are_judged_at(efficient, memory):
    size = _onnx.size_for(memory, (640, 256))
    assert size[0] / size[1] == pytest.approx(2.5, rel=0.2)
    assert _onnx.size_for(memory, size) == size
    memory._exportable(size)  # which would refuse another size
    assert _onnx.size_for(efficient, (999, 17)) == efficient.size_
    with pytest.raises(InputError, match="one size"):
        efficient._exportable((64, 64))
    with pytest.raises(InputError, match="export for that size"):
        memory._exportable((640, 256))
    with pytest.raises(InputError, match="at least 8"):
        _onnx.size_for(memory, (4, 100))


def test_a_file_that_says_something_else_is_not_written(efficient, tmp_path, monkeypatch):
    class Wrong(torch.nn.Module):
        def forward(self, picture):
            return picture.mean(dim=1, keepdim=True), picture.amax(dim=(1, 2, 3))

    monkeypatch.setattr(EfficientAD, "_exportable", lambda self, size: Wrong())
    with pytest.raises(InputError, match="from the detector's, more than"):
        _onnx.export(efficient, tmp_path / "wrong.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused_in_a_sentence(efficient, tmp_path):
    class Plain(PatchMemory):
        _exportable = property()  # as if it had none

    with pytest.raises(InputError, match="patch-memory cannot be exported"):
        _onnx.export(Plain(**MEMORY).fit(surface(3)), tmp_path / "a.onnx")
    tiled = PatchMemory(**MEMORY, views=("even",), tile=48).fit(surface(3))
    with pytest.raises(InputError, match="in tiles"):
        _onnx.export(tiled, tmp_path / "a.onnx")
    with pytest.raises(InputError, match=r"ends in \.onnx"):
        _onnx.export(efficient, tmp_path / "a.pt")
    with pytest.raises(InputError, match="no level of its own"):
        _onnx.export(efficient, tmp_path / "a.onnx", false_alarms="top 3")
    with pytest.raises(NotFittedError):
        _onnx.export(EfficientAD(), tmp_path / "a.onnx")


def test_a_net_that_the_exporter_does_not_know_is_refused_in_a_sentence(efficient, tmp_path, monkeypatch):
    class Odd(torch.nn.Module):
        def forward(self, picture):
            return (picture if float(picture.sum()) > 0 else -picture), picture.amax(dim=(1, 2, 3))

    monkeypatch.setattr(EfficientAD, "_exportable", lambda self, size: Odd())
    with pytest.raises(InputError, match="cannot be exported with these parameters") as caught:
        _onnx.export(efficient, tmp_path / "odd.onnx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
