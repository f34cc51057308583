from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("lightning_fabric")

from tests.image.unicon_ha.glyphs import discs, one_class  # noqa: E402

from tocsin.core.errors import InputError, TocsinWarning  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image.unicon_ha.detector import UniConHA  # noqa: E402
from tocsin.metrics.ranks import Ranking  # noqa: E402

TINY = {"width": 4, "depth": 1, "steps": 3, "batch": 4, "stages": (0.0, 0.0, 1.0, 1.0)}


def auroc(labels, scores):
    return Ranking.from_scores(np.asarray(labels), np.asarray(scores)).auroc()


def wood(count, seed=0, side=64):
    """Grain that runs across, lit from above, in colours that differ a little."""
    rng = np.random.default_rng(seed)
    rows = np.arange(side)[:, None]
    out = []
    for number in range(count):
        waves = 0.6 * np.sin(np.arange(side)[None] / 9 + rng.uniform(0, 6))
        grain = 0.1 * np.sin(rows / 2.5 + rng.uniform(0, 6) + waves)
        grey = 0.45 + grain - 0.12 * rows / side + rng.normal(scale=0.03, size=(side, side))
        pixels = np.clip(grey[:, :, None] * rng.uniform(0.9, 1.1, size=3), 0, 1)
        out.append(Image(pixels.astype(np.float32), id=f"p{number}"))
    return out


@pytest.fixture(scope="module")
def patches():
    return quiet(UniConHA(side=64, patch=32, **TINY), wood(10))


@pytest.fixture(scope="module")
def whole():
    return quiet(UniConHA(whole=True, side=32, crops=3, **TINY), wood(10))


@pytest.fixture(scope="module")
def once():
    return quiet(UniConHA(side=64, patch=32, windows=None, **TINY), wood(10))


def quiet(detector, pictures):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TocsinWarning)
        return detector.fit(pictures)


def test_a_whole_picture_is_as_strange_as_its_nearest_normal_one_is_far(whole):
    fresh = wood(1, seed=5)[0]
    feature = whole._judge().feature(whole._prepared(fresh))
    similar = max(float(feature @ known) for known in whole.pictures_)
    assert whole.score(fresh).overall == pytest.approx(1 - similar, abs=1e-6)
    assert np.linalg.norm(feature) == pytest.approx(1, abs=1e-5)
    # A picture that was learned from is not compared with itself.
    own = wood(10)[4]
    assert whole.score(own).overall == pytest.approx(0, abs=1e-6)
    assert whole._score_own(own, 4).overall > 1e-5


def test_crops_of_a_whole_picture_are_averaged(whole):
    from tocsin.image.unicon_ha.augment import taken

    pixels, judge = whole._prepared(wood(1, seed=5)[0]), whole._judge()
    with torch.no_grad():
        each = [whole.net_.features(taken(torch.from_numpy(pixels)[None], part[None]))[0] for part in judge.parts()]
    mean = torch.stack(each).mean(dim=0)
    assert len(each) == 3
    np.testing.assert_allclose(judge.feature(pixels), mean / mean.norm(), rtol=1e-4, atol=1e-6)


def test_the_map_is_the_distance_of_each_cell_from_the_nearest_normal_one(patches):
    fresh = wood(1, seed=5)[0]
    cells = patches._judge().cells(patches._prepared(fresh))
    wanted = 1 - (cells[:, :, None] * patches.bank_[None, None]).sum(axis=3).max(axis=2)
    strange, which = patches._strange(cells)
    np.testing.assert_allclose(strange, wanted, atol=1e-5)
    np.testing.assert_allclose(1 - (cells * patches.bank_[which]).sum(axis=2), wanted, atol=1e-5)
    inner = np.sort(wanted[1:-1, 1:-1].ravel())
    count = max(1, round(0.05 * inner.size))
    assert patches.score(fresh).overall == pytest.approx(inner[-count:].mean(), abs=1e-5)


def test_windows_are_judged_as_patches_alone(patches):
    pixels = patches._prepared(wood(1, seed=5)[0])
    cells = patches._judge().cells(pixels)
    assert cells.shape[:2] == (4, 4)
    with torch.no_grad():
        # Middles at 8, 24, 40, 56: the second window begins at 8.
        alone = patches.net_.features(torch.from_numpy(pixels[:, 8:40, 24:56].copy())[None])[0]
    np.testing.assert_allclose(cells[1, 2], alone, rtol=1e-4, atol=1e-6)


def test_the_map_is_highest_where_the_defect_is_and_not_where_patches_begin_to_touch_it(patches, monkeypatch):
    """Patches that a defect only touches may be stranger than those in its middle: the map is their average."""
    detector = patches.clone().set_params(windows=4)
    quiet(detector, wood(4))
    # Of a defect in rows and columns 26 to 38, patches of 32 pixels show something if their middles are in 10 to 54.
    middles = np.arange(2, 64, 4)
    touching = (middles > 10) & (middles < 54)
    inside = (middles > 18) & (middles < 46)
    strange = 0.5 * np.outer(touching, touching) - 0.05 * np.outer(inside, inside)
    monkeypatch.setattr(detector, "_strange", lambda *_: (strange.astype(np.float32), None))
    picture = wood(1, seed=5)[0]
    row, column = np.unravel_index(detector.score(picture).local.argmax(), (64, 64))
    assert 26 <= row < 38
    assert 26 <= column < 38
    smooth = detector.score(picture).local
    detector.set_params(smooth=0.0)
    rough = detector.score(picture).local
    row, column = np.unravel_index(rough.argmax(), (64, 64))
    assert not (26 <= row < 38 and 26 <= column < 38)
    import cv2

    # A quarter of a patch of 32 pixels, in a picture that is prepared at its own size.
    np.testing.assert_allclose(smooth, cv2.GaussianBlur(rough, (0, 0), 8.0), atol=1e-5)


@pytest.mark.parametrize("which", ["patches", "whole", "once"])
def test_the_exported_module_says_the_same(which, request):
    """Of windows that are judged alone, of whole pictures, and of one run over the picture."""
    detector = request.getfixturevalue(which)
    size = (32, 32) if detector.whole else (64, 64)
    picture = wood(1, seed=7, side=size[0])[0]
    scores = detector.score(picture)
    given = torch.from_numpy(np.ascontiguousarray(picture.pixels.transpose(2, 0, 1)))[None]
    module = detector._exportable(size).eval()
    with torch.no_grad():
        # Recorded with another picture: nothing in it may depend on what was seen then.
        for scoring in (module, torch.export.export(module, (torch.rand(1, 3, *size),)).module()):
            found, score = scoring(given)
            np.testing.assert_allclose(found[0, 0], scores.local, atol=1e-4)
            assert float(score) == pytest.approx(scores.overall, abs=1e-4)
    with pytest.raises(InputError, match="export for that size"):
        detector._exportable((48, 40))
    assert detector._graph_size(None) == size


def test_an_exported_file_says_the_same(patches, tmp_path):
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    from tocsin.image._onnx import export

    written = export(patches, tmp_path / "model.onnx")
    assert written.size == (64, 64)
    assert written.apart < 1e-5


@pytest.mark.parametrize("whole, wanted", [(False, (192, 192)), (True, (64, 64))])
def test_the_usual_size_of_an_export_is_one_that_is_left_as_it_is(whole, wanted):
    detector = UniConHA(whole=whole)
    assert detector._graph_size(None) == wanted
    assert detector._brought(wanted) == wanted


def test_an_interrupted_training_goes_on_where_it_was(tmp_path, monkeypatch):
    from tocsin.image.unicon_ha import training
    from tocsin.nn import run

    settings = {"side": 64, "patch": 32, **TINY, "steps": 4}
    straight = quiet(UniConHA(**settings), wood(10))
    stopped = []

    def interrupted(lesson, step, plain=training.Lesson.forward):
        if step == 2 and not stopped:
            stopped.append(step)
            raise KeyboardInterrupt
        return plain(lesson, step)

    monkeypatch.setattr(run, "EVERY", 0.0)
    monkeypatch.setattr(training.Lesson, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quiet(UniConHA(**settings, folder=str(tmp_path)), wood(10))
    monkeypatch.undo()
    assert stopped == [2]
    resumed = quiet(UniConHA(**settings, folder=str(tmp_path)), wood(10))
    for name, value in straight.weights_.items():
        np.testing.assert_allclose(resumed.weights_[name], value, rtol=1e-5, atol=1e-7)


def test_pictures_known_not_to_be_normal_and_known_classes_count(tmp_path):
    from PIL import Image as Pillow

    rng = np.random.default_rng(0)
    for number in range(3):
        Pillow.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    settings = {"whole": True, "side": 32, **TINY}
    plain = quiet(UniConHA(**settings), wood(6))
    exposed = quiet(UniConHA(**settings, exposure=str(tmp_path)), wood(6))
    assert not np.allclose(plain.bank_[0], exposed.bank_[0])
    named = [Image(w.source, id=w.id, meta={"class": n % 2}) for n, w in enumerate(wood(6))]
    labelled = quiet(UniConHA(**settings, labelled=True), named)
    assert not np.allclose(plain.pictures_, labelled.pictures_)
    with pytest.raises(InputError, match=r"meta\['class'\]"):
        quiet(UniConHA(**settings, labelled=True), wood(6))


ON_SHAPES = {"whole": True, "side": 16, "width": 8, "depth": 1, "rate": 0.1, "strength": 0.5, "stages": (0, 0, 0, 1)}


@pytest.mark.parametrize("seed", [0, 1])
def test_pictures_that_look_the_same_when_turned_are_reported(seed):
    """Negative control: rotated discs are discs."""
    detector = UniConHA(**ON_SHAPES, steps=20, random_state=seed)
    with pytest.warns(TocsinWarning, match="rotation makes copies that look as normal"):
        detector.fit(discs(40, seed))
    assert np.isfinite(detector.score(discs(1, seed=9)[0]).overall)


def test_pictures_that_look_otherwise_when_turned_are_not_reported():
    good, _, _ = one_class("T", 80, 1, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", TocsinWarning)
        detector = UniConHA(**ON_SHAPES, steps=60).fit(good)
    assert any("told from normal ones with AUROC 0." in finding for finding in detector.findings_)


def test_the_verdict_on_copies_is_not_that_of_the_weights_chosen_for_it():
    """The highest of several validations is high by chance; the last one is not chosen."""
    from tocsin.image._training import TrainingReport
    from tocsin.image.unicon_ha.training import LATER, told_at_the_end

    found = [(10, 0.31 - 10 * LATER), (20, 0.45 - 20 * LATER)]
    assert told_at_the_end(TrainingReport(20, 1.0, 10, found[0][1], found)) == 0.55


def test_training_moves_the_weights_and_scores_differ(patches):
    from tocsin.image._training import stored
    from tocsin.image.unicon_ha.net import StageNet

    # Of fewer than ten pictures none is held out, and the last weights are kept.
    one, three = (quiet(patches.clone().set_params(steps=steps), wood(6)).weights_ for steps in (1, 3))
    trained = [name for name, _ in StageNet(4, 1).named_parameters()]
    assert all(np.abs(one[name] - three[name]).max() > 0 for name in trained)
    assert one.keys() == stored(StageNet(4, 1)).keys()
    found = [patches.score(picture) for picture in wood(6, seed=5)]
    assert np.ptp([scores.overall for scores in found]) > 1e-4
    assert all(np.ptp(scores.local) > 1e-4 for scores in found)


@pytest.mark.parametrize("which", ["patches", "whole"])
def test_a_stored_model_judges_alike_and_needs_no_training(which, request, tmp_path, monkeypatch):
    from tocsin.image.unicon_ha import training

    detector = request.getfixturevalue(which)
    picture = wood(1, seed=7)[0]
    before = detector.score(picture)
    detector.save(tmp_path / "model")
    monkeypatch.delattr(training, "learn")
    after = UniConHA.load(tmp_path / "model").score(picture)
    assert after.overall == before.overall
    np.testing.assert_array_equal(after.local, before.local)


def test_what_is_strange_is_explained_by_the_nearest_normal_part(patches, whole):
    fresh = wood(1, seed=5)[0]
    (reason,) = patches._explain(fresh, patches.score(fresh), None)
    cells = patches._judge().cells(patches._prepared(fresh))
    similar = cells[1:-1, 1:-1] @ patches.bank_.T
    row, column, _ = np.unravel_index((1 - similar.max(axis=2)).argmax(), (2, 2, 1))
    part = similar[row, column].argmax()
    top, left = patches.places_[part]
    name = patches.names_[patches.owners_[part]]
    # Cells are 16 pixels wide, and the outermost ones are not judged.
    assert reason.text.startswith(f"at x={24 + 16 * column}, y={24 + 16 * row}, ")
    assert f"from the nearest normal part ({name}, x={left:.0f}, y={top:.0f})" in reason.text
    assert reason.seen == pytest.approx(1 - similar[row, column].max(), abs=1e-4)
    reasons = whole._explain(fresh, whole.score(fresh), None)
    assert [r.name for r in reasons] == ["unlike any normal picture", "unlike any normal part"]
    assert sum(r.share for r in reasons) == 1
    near = whole.names_[(whole.pictures_ @ whole._judge().feature(whole._prepared(fresh))).argmax()]
    assert f"the nearest normal one ({near})" in reasons[0].text


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"stages": (0, 0, 0, 0)}, "four weights"),
        ({"outliers": "rotation"}, "no list of kinds"),
        ({"outliers": ("upside down",)}, "no list of kinds"),
        ({"soft": "hard"}, "soft='hard'"),
        ({"stem": "tiny"}, "'small' or 'large'"),
        ({"batch": 1}, "batch=1"),
        ({"temperature": 0.0}, "temperature and rate"),
        ({"highest": 2.0}, "highest=2.0"),
        ({"windows": 12}, "a divisor of 32"),
        ({"windows": 64}, "a divisor of 32"),
        ({"smooth": -0.1}, "smooth=-0.1"),
        ({"strength": 1.5}, "strength=1.5"),
    ],
)
def test_wrong_parameters_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        UniConHA(**wrong).fit(wood(2))


def test_grey_opaque_deep_and_small_pictures(patches):
    rng = np.random.default_rng(0)
    for pixels in (
        rng.integers(0, 255, (50, 70), dtype=np.uint8),
        rng.integers(0, 255, (50, 70, 4), dtype=np.uint8),
        rng.integers(0, 65535, (50, 70), dtype=np.uint16),
    ):
        assert patches.score(Image(pixels)).local.shape == (50, 70)
    with pytest.raises(InputError, match="at least 8"):
        patches.score(Image(np.zeros((5, 90), dtype=np.uint8)))


def raw_pixels(good, test):
    """The baseline that learns nothing: distance from the nearest normal picture."""
    known = np.stack([image.pixels.ravel() for image in good])
    return [float(np.linalg.norm(known - image.pixels.ravel(), axis=1).min()) for image in test]


def on_glyphs(seed, aggregate, steps):
    """AUROC of other shapes against fresh ones of the shape that was learned, by raw pixels and by the net."""
    good, test, odd = one_class("TUAYW"[seed], 80, 60, seed)
    detector = UniConHA(**ON_SHAPES, steps=steps, aggregate=aggregate, random_state=seed)
    quiet(detector, good)
    return auroc(odd, raw_pixels(good, test)), auroc(odd, [detector.score(image).overall for image in test])


def grain(count, seed, turned=(0.0,), side=16):
    """Waves of any phase, length, contrast and colour that run down the picture, or are turned by so many degrees."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    out = []
    for number in range(count):
        angle = np.deg2rad(turned[number % len(turned)] + rng.uniform(-12, 12))
        along = (rows * np.cos(angle) + columns * np.sin(angle)) / rng.uniform(3, 8) + rng.uniform()
        grey = 0.45 + rng.uniform(0.06, 0.3) * np.sin(2 * np.pi * along) + rng.normal(scale=0.05, size=along.shape)
        pixels = np.clip(grey[:, :, None] * rng.uniform(0.6, 1.4, size=3), 0, 1)
        out.append(Image(pixels.astype(np.float32), id=f"g{number}"))
    return out


def test_grain_that_runs_aslant_is_found_where_pixels_do_not_find_it():
    """Neither 45 degrees nor -45 is among the turns that were learned from."""
    good, test = grain(60, 0), [*grain(40, 100), *grain(40, 200, (45.0, -45.0))]
    odd = np.arange(80) >= 40
    detector = quiet(UniConHA(**ON_SHAPES, steps=60), good)
    assert auroc(odd, [detector.score(image).overall for image in test]) > auroc(odd, raw_pixels(good, test)) + 0.1


@pytest.mark.slow
def test_other_shapes_are_found_where_neither_pixels_nor_contrast_one_by_one_find_them():
    """Five shapes, a net for each: better on average than both baselines of the method."""
    pixels, ours = np.mean([on_glyphs(seed, True, steps=600) for seed in range(5)], axis=0)
    alone = np.mean([on_glyphs(seed, False, steps=600)[1] for seed in range(5)])
    assert ours > pixels + 0.03
    assert ours > alone + 0.03
