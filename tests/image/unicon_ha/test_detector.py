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


def quiet(detector, pictures):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TocsinWarning)
        return detector.fit(pictures)


def test_a_whole_picture_is_as_strange_as_its_nearest_normal_one_is_far(whole):
    fresh = wood(1, seed=5)[0]
    feature = whole._feature(whole._prepared(fresh))
    similar = max(float(feature @ known) for known in whole.pictures_)
    assert whole.score(fresh).overall == pytest.approx(1 - similar, abs=1e-6)
    assert np.linalg.norm(feature) == pytest.approx(1, abs=1e-5)
    # A picture that was learned from is not compared with itself.
    own = wood(10)[4]
    assert whole.score(own).overall == pytest.approx(0, abs=1e-6)
    assert whole._score_own(own, 4).overall > 1e-5


def test_crops_of_a_whole_picture_are_averaged(whole):
    from tocsin.image.unicon_ha.augment import taken

    pixels = whole._prepared(wood(1, seed=5)[0])
    with torch.no_grad():
        each = [whole.net_.features(taken(torch.from_numpy(pixels)[None], part[None]))[0] for part in whole._parts()]
    mean = torch.stack(each).mean(dim=0)
    np.testing.assert_allclose(whole._feature(pixels), mean / mean.norm(), rtol=1e-4, atol=1e-6)


def test_the_map_is_the_distance_of_each_cell_from_the_nearest_normal_one(patches):
    fresh = wood(1, seed=5)[0]
    cells = patches._cells(patches._prepared(fresh))
    wanted = 1 - (cells[:, :, None] * patches.bank_[None, None]).sum(axis=3).max(axis=2)
    strange, which = patches._strange(cells)
    np.testing.assert_allclose(strange, wanted, atol=1e-5)
    np.testing.assert_allclose(1 - (cells * patches.bank_[which]).sum(axis=2), wanted, atol=1e-5)
    inner = np.sort(wanted[1:-1, 1:-1].ravel())
    count = max(1, round(0.05 * inner.size))
    assert patches.score(fresh).overall == pytest.approx(inner[-count:].mean(), abs=1e-5)


def test_windows_are_judged_as_patches_alone(patches):
    detector = patches.clone().set_params(windows=16)
    quiet(detector, wood(10))
    pixels = detector._prepared(wood(1, seed=5)[0])
    cells = detector._cells(pixels)
    assert cells.shape[:2] == (4, 4)
    with torch.no_grad():
        # Middles at 8, 24, 40, 56: the second window begins at 8.
        alone = detector.net_.features(torch.from_numpy(pixels[:, 8:40, 24:56].copy())[None])[0]
    np.testing.assert_allclose(cells[1, 2], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("which", ["patches", "whole"])
def test_the_exported_module_says_the_same(which, request):
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
    with pytest.raises(InputError, match="export that size"):
        detector._exportable((48, 40))


def test_an_interrupted_training_goes_on_where_it_was(tmp_path, monkeypatch):
    from tocsin.image.unicon_ha import training
    from tocsin.nn import run

    settings = {"side": 64, "patch": 32, **TINY, "steps": 4}
    straight = quiet(UniConHA(**settings), wood(10))
    stopped = []

    def interrupted(lesson, step, pool=None, plain=training.Lesson.forward):
        if step == 2 and not stopped:
            stopped.append(step)
            raise KeyboardInterrupt
        return plain(lesson, step, pool)

    monkeypatch.setattr(run, "EVERY", 0.0)
    monkeypatch.setattr(training.Lesson, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quiet(UniConHA(**settings, folder=str(tmp_path)), wood(10))
    monkeypatch.undo()
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


def test_pictures_that_look_the_same_when_turned_are_reported():
    """Negative control: rotated discs are discs."""
    settings = {"whole": True, "side": 16, **TINY, "steps": 8}
    with pytest.warns(TocsinWarning, match="rotation makes copies that look as normal"):
        detector = UniConHA(**settings).fit(discs(30))
    assert np.isfinite(detector.score(discs(1, seed=9)[0]).overall)


def test_what_is_found_is_explained_by_the_nearest_normal_part(patches, whole):
    bad = np.array(wood(1, seed=5)[0].pixels)
    bad[24:40, 24:40] = [1, 0, 0]
    found = patches.detect(Image(bad), false_alarms="20%")
    text = found.anomalies[0].because[0].text
    assert "from the nearest normal part (p" in text
    x, y = (float(text.split(f"{name}=")[1].split(",")[0]) for name in "xy")
    assert 12 <= x <= 52
    assert 12 <= y <= 52
    reasons = whole._explain(Image(bad), whole.score(Image(bad)), found.anomalies[0])
    assert [r.name for r in reasons] == ["unlike any normal picture", "unlike any normal part"]


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


def on_glyphs(seed, steps, **settings):
    """AUROC of other shapes against fresh ones of the shape that was learned: raw pixels, contrast one by one, ours."""
    good, test, odd = one_class("FPLJ7"[seed], 80, 60, seed)
    found = [auroc(odd, raw_pixels(good, test))]
    for aggregate in (False, True):
        detector = UniConHA(
            whole=True, side=16, width=8, depth=1, rate=0.03, strength=0.5, steps=steps, aggregate=aggregate,
            random_state=seed, **settings,
        )  # fmt: skip
        quiet(detector, good)
        found.append(auroc(odd, [detector.score(image).overall for image in test]))
    return found
