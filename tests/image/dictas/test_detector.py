from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image.dictas.detector import EXPECTED, DictAS  # noqa: E402
from tocsin.image.dictas.lookup import EXPECTED as EXPECTED_THERE  # noqa: E402
from tocsin.metrics.ranks import Ranking  # noqa: E402

SMALL = {"encoder": "random:tocsin", "side": 96}


def surface(side):
    """A weave with a little noise."""
    rows, columns = np.mgrid[:side, :side]
    weave = 110 + 30 * np.sin(rows * np.pi / 5) * np.sin(columns * np.pi / 5)
    noise = np.random.default_rng(11).normal(scale=4, size=(side, side))
    return np.repeat(np.clip(weave + noise, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def parts(count, seed=0, side=96):
    """Photographs of the same kind of surface, each at another place."""
    whole = surface(400)
    at = np.random.default_rng(seed).integers(0, 400 - side, size=(count, 2))
    return [Image(whole[y : y + side, x : x + side].copy(), id=f"part {n}") for n, (y, x) in enumerate(at)]


def scratched(image, seed=0):
    """The picture with a line of another colour, and where it is."""
    import cv2

    rng = np.random.default_rng(seed)
    mask = np.zeros(image.grid, dtype=np.uint8)
    start = rng.integers(20, 40, size=2)
    cv2.line(mask, tuple(int(v) for v in start), tuple(int(v) for v in start + [35, 25]), 1, 3)
    pixels = np.array(image.pixels)
    pixels[mask > 0] = 255 - pixels[mask > 0]
    return replace(image, source=pixels), mask > 0


@pytest.fixture(scope="module")
def fitted():
    return DictAS(**SMALL).fit(parts(4))


def naive(detector, image):
    """Cell by cell and entry by entry, in double precision, at both scales."""
    described = detector._described(image)[0].astype(float)
    references = [view[0].astype(float) for view in detector.references_]

    def mean_around(grid, scale):
        reach, out = scale // 2, np.empty_like(grid)
        for y in range(grid.shape[1]):
            for x in range(grid.shape[2]):
                part = grid[:, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
                out[:, y, x] = part.mean(axis=(1, 2))
        return out

    def normed(vector):
        return (vector - vector.mean()) / np.sqrt(vector.var() + 1e-5)

    total = np.zeros(described.shape[1:])
    for scale in detector.scales:
        entries = np.concatenate([mean_around(r, scale).reshape(r.shape[0], -1).T for r in references])
        keys = np.stack([normed(e) for e in entries])
        here = mean_around(described, scale)
        for y, x in np.ndindex(*total.shape):
            fit = keys @ normed(here[:, y, x]) / np.sqrt(len(here))
            ordered = np.sort(fit)[::-1]
            sums = np.cumsum(ordered)
            count = max(n for n in range(1, len(fit) + 1) if 1 + n * ordered[n - 1] > sums[n - 1])
            found = np.maximum(fit - (sums[count - 1] - 1) / count, 0) @ entries
            cosine = here[:, y, x] @ found / np.linalg.norm(here[:, y, x]) / np.linalg.norm(found)
            total[y, x] += 1 - (cosine + 1) / 2
    return total / len(detector.scales)


def test_scores_are_those_of_the_definition(fitted):
    image = scratched(parts(1, seed=5)[0])[0]
    cells = naive(fitted, image)
    np.testing.assert_allclose(fitted._cells(image, fitted.matcher_), cells, atol=2e-5)
    inner = np.sort(cells[1:-1, 1:-1].ravel())
    count = max(1, round(0.05 * inner.size))
    assert fitted.score(image).overall == pytest.approx(inner[-count:].mean(), abs=2e-5)


@pytest.mark.parametrize("seed", range(5))
def test_scratches_are_found_better_than_by_mean_and_spread_of_pixels(seed):
    """Two references, learned from nothing else."""
    good, fresh = parts(2, seed), parts(4, seed + 50)
    detector = DictAS(**SMALL).fit(good)
    stack = np.stack([g.pixels.astype(float).mean(axis=2) for g in good])
    mean, spread = stack.mean(axis=0), stack.std(axis=0) + 5
    ours, theirs, odd = [], [], []
    for number, image in enumerate(fresh):
        bad, mask = scratched(image, number)
        found = detector.score(bad)
        odd.append(found.overall)
        gauss = np.abs(bad.pixels.astype(float).mean(axis=2) - mean) / spread
        inner = np.s_[16:-16, 16:-16]
        for scores, kept in ((found.local, ours), (gauss, theirs)):
            kept.append(Ranking.from_scores(mask[inner].ravel(), scores[inner].ravel()).auroc())
    assert np.mean(ours) > max(0.8, np.mean(theirs) + 0.03)
    assert np.median(odd) > max(detector.score(image).overall for image in fresh)


def test_a_reference_is_judged_by_the_others(fitted):
    image = parts(4)[2]
    others = DictAS(**SMALL).fit([p for n, p in enumerate(parts(4)) if n != 2])
    assert fitted._score_own(image, 2).overall == pytest.approx(others.score(image).overall, rel=1e-5)
    assert fitted._score_own(image, 2).overall > 2 * fitted.score(image).overall


def test_one_reference_alone_is_not_compared_with_its_own_places():
    image = parts(1)[0]
    detector = DictAS(**SMALL).fit(image)
    assert detector._score_own(image, 0).overall > 2 * detector.score(image).overall
    assert any("one reference" in finding for finding in detector.findings_)


def test_of_many_pictures_those_that_differ_most_are_kept():
    odd = Image(255 - surface(96), id="negative")
    detector = DictAS(**SMALL, references=3).fit([*parts(8), odd])
    assert "negative" in detector.names_
    assert len(detector.names_) == 3
    assert len(detector.calibration_.scores) == 9
    assert "3 of 9 pictures are the references" in detector.findings_


def test_turned_references_know_turned_pictures():
    rows, _ = np.mgrid[:96, :96]
    stripes = (120 + 80 * np.sin(rows * np.pi / 6)).astype(np.uint8)
    turned = Image(np.ascontiguousarray(stripes.T))
    plain = DictAS(**SMALL).fit(Image(stripes)).score(turned).overall
    four = DictAS(**SMALL, turns=4).fit(Image(stripes))
    assert len(four.references_) == 4
    assert four.score(turned).overall < 0.5 * plain
    assert len(DictAS(**SMALL, turns=8).fit(Image(stripes[:, :60].copy())).references_) == 8


def test_pictures_of_all_kinds_and_sizes(fitted):
    image = parts(1, seed=3)[0]
    grey = image.pixels[:, :, :1]
    same = fitted.score(image).overall
    assert fitted.score(Image(grey[:, :, 0])).overall == pytest.approx(same)
    assert fitted.score(Image(grey.astype(np.uint16) * 257)).overall == pytest.approx(same, rel=1e-4)
    opaque = np.concatenate([image.pixels, np.full_like(grey, 255)], axis=2)
    assert fitted.score(Image(opaque)).overall == pytest.approx(same)
    assert fitted.score(Image(image.pixels[:60])).local.shape == (60, 96)
    with pytest.raises(InputError, match="at least 8"):
        fitted.score(Image(image.pixels[:6]))


def test_the_explanation_names_entries_and_where_they_lie(fitted):
    bad, mask = scratched(parts(1, seed=9)[0])
    found = fitted.detect(bad, false_alarms="10%")
    assert found.anomalies
    text = found.anomalies[0].because[0].text
    assert "patches: part " in text
    x, y = (int(piece.split("=")[1].split()[0].strip(",")) for piece in text.split("the references")[0].split(","))
    rows, columns = np.nonzero(mask)
    assert rows.min() - 16 <= y <= rows.max() + 16
    assert columns.min() - 16 <= x <= columns.max() + 16
    shares = [int(part.split(") ")[1].rstrip("%,")) for part in text.split("patches: ")[1].split(", part")]
    assert shares == sorted(shares, reverse=True)


def test_trained_weights_are_kept_with_the_model(tmp_path):
    pytest.importorskip("lightning_fabric")
    detector = DictAS(**SMALL, steps=2, batch=2, training_side=48).fit(parts(2))
    image = parts(1, seed=5)[0]
    again = DictAS.load(detector.save(tmp_path / "trained.tocsin"))
    assert again.score(image).overall == pytest.approx(detector.score(image).overall, rel=1e-6)
    assert sum("average precision" in finding for finding in detector.findings_) == 2
    assert detector.score(image).overall != DictAS(**SMALL).fit(parts(2)).score(image).overall


@pytest.mark.parametrize("smoothing", [0.0, 2.0])
def test_the_exported_module_says_the_same(fitted, smoothing):
    detector = DictAS(**SMALL, smoothing=smoothing).fit(parts(3))
    image = scratched(parts(1, seed=5)[0])[0]
    pixels = torch.from_numpy(np.array(image.pixels)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        local, overall = detector._exportable((96, 96))(pixels)
    wanted = detector.score(image)
    np.testing.assert_allclose(local[0, 0], wanted.local, atol=1e-5)
    assert float(overall) == pytest.approx(wanted.overall, abs=1e-6)
    with pytest.raises(InputError, match="export for that size"):
        detector._exportable((96, 200))


@pytest.mark.slow
def test_the_onnx_file_says_the_same(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from tocsin.image._onnx import export

    assert export(DictAS(**SMALL).fit(parts(3)), tmp_path / "dictas.onnx").apart < 1e-4


def test_bad_parameters_and_other_weights_are_refused():
    for wrong in ({"references": 0}, {"scales": ()}, {"sharing": "some"}, {"highest": 2.0}, {"steps": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            DictAS(**SMALL, **wrong).fit(parts(2))
    detector = DictAS(**SMALL).fit(parts(2))
    detector.encoder = "random:tocsin:1"
    with pytest.raises(ArtifactError, match="other weights"):
        detector.score(parts(1)[0])
    assert EXPECTED == EXPECTED_THERE


def test_transformers_keep_their_depths_apart():
    pytest.importorskip("transformers")
    detector = DictAS(encoder="random:dinov2-tiny", side=56).fit(parts(2))
    assert detector.references_[0].shape[0] == 3
    bad, mask = scratched(parts(1, seed=5)[0])
    local = detector.score(bad).local
    assert local[mask].mean() > local[~mask].mean()
