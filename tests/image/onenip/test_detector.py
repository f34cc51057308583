from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from tocsin.core.errors import ArtifactError, InputError  # noqa: E402
from tocsin.core.samples import Image  # noqa: E402
from tocsin.image.onenip.detector import OneNIP  # noqa: E402
from tocsin.image.onenip.pictures import Pictures  # noqa: E402
from tocsin.image.onenip.training import parts  # noqa: E402
from tocsin.metrics.ranks import Ranking  # noqa: E402
from tocsin.nn.encoders import make_encoder  # noqa: E402

SMALL = {**OneNIP.example_parameters(), "side": 64}
#: Enough for simple surfaces.
TRAINED = {
    "side": 64, "cells": "fine", "width": 64, "heads": 4, "encoder_layers": 2, "decoder_layers": 2, "window": 3,
    "refiner": 32, "steps": 300, "rate": 1e-3,
}  # fmt: skip
STEPS = {"weave": 5.0, "stripes": 9.0, "dots": 7.0}


def surface(kind, rng, side=64):
    rows, columns = np.mgrid[:side, :side] + rng.integers(40, size=2)[:, None, None]
    step = STEPS[kind]
    if kind == "weave":
        grey = 110 + 40 * np.sin(rows * np.pi / step) * np.sin(columns * np.pi / step)
    elif kind == "stripes":
        grey = 140 + 60 * np.sin(rows * 2 * np.pi / step)
    else:
        grey = 60 + 120 * (((rows % step) - step / 2) ** 2 + ((columns % step) - step / 2) ** 2 < 5)
    return np.clip(grey + rng.normal(scale=4, size=(side, side)), 0, 255).astype(np.uint8)


def pictures(count, seed=0, kinds=("weave",), side=64):
    rng = np.random.default_rng(seed)
    return [
        Image(surface(kind, rng, side), id=f"{kind} {n}", meta={"kind": kind}) for kind in kinds for n in range(count)
    ]


def scratched(image, seed=0):
    import cv2

    rng = np.random.default_rng(seed)
    mask = np.zeros(image.grid, dtype=np.uint8)
    start = rng.integers(12, 26, size=2)
    cv2.line(mask, tuple(int(v) for v in start), tuple(int(v) for v in start + [24, 16]), 1, 4)
    pixels = np.array(image.pixels[:, :, 0])
    pixels[mask > 0] = 255 - pixels[mask > 0] // 2
    return replace(image, source=pixels[:, :, None]), mask > 0


@pytest.fixture(scope="module")
def fitted():
    return OneNIP(**SMALL).fit(pictures(4))


def test_a_training_picture_is_not_its_own_prompt(fitted):
    """Prompts are the middle picture and the one that differs most from it."""
    number = fitted.prompt_numbers_[0]
    image = pictures(4)[number]
    *_, mine = fitted._seen(image)
    *_, others = fitted._seen(image, number)
    assert fitted.prompt_numbers_[mine[0]] == number
    assert fitted.prompt_numbers_[others[0]] != number


def test_prompts_are_of_the_kind_that_meta_says():
    detector = OneNIP(**SMALL, kinds="kind").fit(pictures(3, kinds=("weave", "dots")))
    assert sorted(detector.prompt_kinds_) == ["dots", "dots", "weave", "weave"]
    image = pictures(1, seed=5, kinds=("dots",))[0]
    *_, prompts = detector._seen(image)
    assert detector.prompt_kinds_[prompts[0]] == "dots"
    *_, prompts = detector._seen(replace(image, meta={"kind": "weave"}))
    assert detector.prompt_kinds_[prompts[0]] == "weave"
    with pytest.raises(InputError, match="no picture of the kind 'cloth'"):
        detector.score(replace(image, meta={"kind": "cloth"}))
    with pytest.raises(InputError, match="does not say in meta"):
        detector.score(replace(image, meta={}))
    with pytest.raises(InputError, match="kinds=None"):
        detector._exportable(detector._size())


def test_pictures_keep_their_usual_shape():
    tall = [Image(np.array(p.pixels)[:, :32]) for p in pictures(3, side=128)]
    detector = OneNIP(**SMALL).fit(tall)
    assert detector.size_ == (128, 32)
    assert detector.score(tall[0]).local.shape == (128, 32)
    assert detector.score(pictures(1)[0]).local.shape == (64, 64)


def test_pictures_of_all_depths_are_the_same(fitted):
    image = pictures(1, seed=3)[0]
    grey = np.array(image.pixels)
    same = fitted.score(image).overall
    assert fitted.score(Image(np.repeat(grey, 3, axis=2))).overall == pytest.approx(same, rel=1e-5)
    assert fitted.score(Image(grey.astype(np.uint16) * 257)).overall == pytest.approx(same, rel=1e-4)
    opaque = np.concatenate([np.repeat(grey, 3, axis=2), np.full_like(grey, 255)], axis=2)
    assert fitted.score(Image(opaque)).overall == pytest.approx(same, rel=1e-5)
    with pytest.raises(InputError, match="at least 8"):
        fitted.score(Image(grey[:6]))


def test_the_explanation_names_place_and_prompt(fitted):
    bad, mask = scratched(pictures(1, seed=9)[0])
    text = fitted.detect(bad, false_alarms="10%").anomalies[0].because[0].text
    assert "rebuilt out of weave " in text
    x, y = (int(part.split("=")[1].split()[0]) for part in text.split(" it is")[0].split(","))
    rows, columns = np.nonzero(mask)
    assert rows.min() - 8 <= y <= rows.max() + 8
    assert columns.min() - 8 <= x <= columns.max() + 8


@pytest.mark.parametrize("averaged", [1, 2])
def test_the_exported_module_says_the_same(averaged):
    detector = OneNIP(**SMALL, averaged=averaged).fit(pictures(4))
    image = scratched(pictures(1, seed=5)[0])[0]
    pixels = torch.from_numpy(np.repeat(np.array(image.pixels), 3, axis=2)).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        local, overall = detector._exportable((64, 64))(pixels)
    wanted = detector.score(image)
    np.testing.assert_allclose(local[0, 0], wanted.local, rtol=1e-4, atol=1e-4)
    assert float(overall) == pytest.approx(wanted.overall, rel=1e-5)
    with pytest.raises(InputError, match="export for that size"):
        detector._exportable((96, 64))


@pytest.mark.slow
def test_the_onnx_file_says_the_same(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from tocsin.image._onnx import export

    assert export(OneNIP(**SMALL).fit(pictures(4)), tmp_path / "onenip.onnx").apart < 1e-4


def test_descriptors_are_brought_to_mean_and_spread():
    encoder, samples = make_encoder("random:tocsin"), pictures(3)
    found = Pictures(encoder, samples, (64, 64), "fine", True)
    whole = np.stack([found.normal(n) for n in range(3)])
    np.testing.assert_allclose(whole.mean(axis=(0, 2, 3)), 0, atol=1e-3)
    np.testing.assert_allclose(np.median(whole.std(axis=(0, 2, 3))), 1, atol=1e-2)
    np.testing.assert_allclose(found.means, whole.mean(axis=(2, 3)), atol=5e-3)
    plain = Pictures(encoder, samples, (64, 64), "fine", False)
    mean, spread = found.levels[:, :, None, None]
    np.testing.assert_allclose((plain.normal(1) - mean) / spread, whole[1], atol=1e-2)


def test_broken_copies_are_marked():
    found = Pictures(make_encoder("random:tocsin"), pictures(3), (64, 64), "fine", True)
    descriptors, masks = found.broken([0, 1, 2, 0], np.random.default_rng(0))
    assert masks.shape == (4, 64, 64)
    assert masks.flatten(1).any(dim=1).all()
    change = (descriptors - found.normals([0, 1, 2, 0])).norm(dim=1)
    small = torch.nn.functional.adaptive_max_pool2d(masks[:, None], 8)[:, 0]
    assert change[small > 0].mean() > 1.5 * change[small == 0].mean()


def test_a_stopped_training_goes_on_and_a_finished_one_is_used_again(tmp_path):
    image = pictures(1, seed=5)[0]
    settings = {**SMALL, "folder": str(tmp_path)}
    first = OneNIP(**settings).fit(pictures(4)).score(image).overall
    assert (tmp_path / "checkpoint.safetensors").exists()
    assert OneNIP(**settings).fit(pictures(4)).score(image).overall == first
    assert OneNIP(**SMALL).fit(pictures(4)).score(image).overall == first
    with pytest.raises(ArtifactError, match="choose another folder"):
        OneNIP(**{**settings, "batch": 3}).fit(pictures(4))


def test_bad_parameters_and_other_weights_are_refused():
    for wrong, said in (({"width": 30}, "width=30"), ({"window": 4}, "window=4"), ({"cells": "some"}, "cells"),
                        ({"share": 2.0}, "share=2.0"), ({"steps": 0}, "steps=0")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            OneNIP(**{**SMALL, **wrong}).fit(pictures(2))
    detector = OneNIP(**SMALL).fit(pictures(2))
    detector.encoder = "random:tocsin:1"
    with pytest.raises(ArtifactError, match="other weights"):
        detector.score(pictures(1)[0])


def test_every_fifth_of_ten_is_held_out():
    learned, held_out = parts(23)
    assert not set(learned) & set(held_out)
    assert len(learned) + len(held_out) == 23
    assert held_out == [0, 5, 10, 15, 20]


# ------------------------------------------------------------------ what training is worth


@pytest.fixture(scope="module")
def trained():
    return OneNIP(**TRAINED, kinds="kind").fit(pictures(12, kinds=("weave", "stripes", "dots")))


@pytest.mark.slow
def test_with_a_prompt_of_another_kind_normal_pictures_look_strange(trained):
    for image in pictures(3, seed=7, kinds=("weave", "dots")):
        wrong = "weave" if image.meta["kind"] == "dots" else "dots"
        assert trained.score(replace(image, meta={"kind": wrong})).overall > 1.2 * trained.score(image).overall


@pytest.mark.slow
def test_broken_pictures_are_restored(trained):
    """Inside a made defect, what is rebuilt is nearer to the picture before it than the broken picture is."""
    samples = pictures(4, seed=8, kinds=("weave", "stripes"))
    found = Pictures(trained._encoder(), samples, trained._size(), trained.cells, False)
    mean, spread = trained.levels_[:, :, None, None]
    numbers = list(range(len(samples)))
    broken, masks = found.broken(numbers, np.random.default_rng(0))
    inside = torch.nn.functional.adaptive_avg_pool2d(masks[:, None], found.grid)[:, 0] > 0.5
    normal, broken = ((g - torch.from_numpy(mean)) / torch.from_numpy(spread) for g in (found.normals(numbers), broken))
    rebuilt = []
    for n in numbers:
        given = broken[n].numpy()
        direction = given.mean(axis=(1, 2)) / np.linalg.norm(given.mean(axis=(1, 2)))
        rebuilt.append(trained._found(given, direction, samples[n].meta["kind"], None)[0])
    off_before = (broken - normal).norm(dim=1)[inside].mean()
    off_after = (torch.cat(rebuilt) - normal).norm(dim=1)[inside].mean()
    assert off_after < 0.9 * off_before


@pytest.mark.slow
def test_the_refiner_raises_precision_and_the_mean_of_descriptors_is_beaten(trained):
    """Scratches, which are no defects that it was trained on, over five seeds of pictures of three kinds."""
    alone = OneNIP(**{**TRAINED, "share": 0.0}, kinds="kind")
    alone.__dict__.update({k: v for k, v in vars(trained).items() if k.endswith("_")})
    ours, error_alone, distance = [], [], []
    kinds = ("weave", "stripes", "dots")
    known = pictures(12, kinds=kinds)
    means = {}
    for kind in kinds:
        own = Pictures(trained._encoder(), [p for p in known if p.meta["kind"] == kind], (64, 64), "fine", False)
        means[kind] = np.stack([own.normal(n) for n in range(12)]).mean(axis=(0, 2, 3))
    for seed in range(5):
        for number, image in enumerate(pictures(2, seed=20 + seed, kinds=kinds)):
            bad, mask = scratched(image, number)
            own = Pictures(trained._encoder(), [bad], (64, 64), "fine", False)
            far = np.linalg.norm(own.normal(0) - means[image.meta["kind"]][:, None, None], axis=0)
            maps = trained.score(bad).local, alone.score(bad).local, np.kron(far, np.ones((8, 8)))
            for local, kept in zip(maps, (ours, error_alone, distance), strict=True):
                kept.append(Ranking.from_scores(mask.ravel(), np.asarray(local).ravel()).average_precision())
    assert np.mean(ours) > np.mean(error_alone), (np.mean(ours), np.mean(error_alone))
    assert np.mean(ours) > np.mean(distance) + 0.05, (np.mean(ours), np.mean(distance))
