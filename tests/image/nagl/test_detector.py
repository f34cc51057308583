"""NAGL as a whole: what marked defects are worth, and that they do no harm."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tocsin import Bundle, Image
from tocsin.core.errors import ArtifactError, InputError
from tocsin.metrics.ranks import Ranking
from tocsin.testing import check_detector, check_names
from tocsin.testing.doubles import Double, image_double

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from tocsin.image.nagl.detector import NAGL  # noqa: E402
from tocsin.image.nagl.episodes import textures  # noqa: E402
from tocsin.image.nagl.families import Family  # noqa: E402

FAST = {"side": 96, "patches": 600}


def _image(pixels, **known):
    return Image((pixels * 255).clip(0, 255).astype(np.uint8), **known)


def _marked(pixels, mask):
    members = {"picture": _image(pixels), "mask": Image(mask.astype(np.uint8) * 255)}
    return Bundle(members, "picture", id="marked")


class _Line:
    """Pictures of one made-up product, shifted; two causes of spots that differ in material alone, and scratches.

    Backgrounds overlap from picture to picture, those of normal and of spoiled ones alike; no picture is used twice.
    """

    def __init__(self, seed, strength=0.8):
        rng = np.random.default_rng(seed)
        pieces = textures(1000 + seed, 96, 64)
        cause, stain, scratch = (
            replace(Family.drawn(rng, 192, kind), size=0.15, strength=strength) for kind in ("blob", "blob", "stripe")
        )
        self.normals = [_image(p) for p in pieces[:8]]
        self.marked, self.stains, self.scratches = (
            [_marked(*family.applied(p, rng)) for p in pieces[8:12]] for family in (cause, stain, scratch)
        )
        self.clean = [_image(p) for p in pieces[16:32]]
        self.bad, self.stained = (
            [_image(family.applied(p, rng)[0]) for p in part]
            for family, part in ((cause, pieces[32:48]), (stain, pieces[48:]))
        )


def _auroc(score, bad, others):
    values = np.array([score(image) for image in (*bad, *others)])
    return float(Ranking.from_scores(np.repeat([True, False], [len(bad), len(others)]), values).auroc())


def _overall(detector):
    return lambda image: detector.score(image).overall


def _like(detector):
    """Of the half of the score that marked defects give alone, the mean of the highest fiftieth of pixels."""
    return lambda image: float(np.sort(detector.score(image).parts[..., 1].ravel())[-184:].mean())


def _naive(detector, marked):
    """The mean of how unlike normal patches and how like the nearest marked patch a cell is: what the source warns of.

    It gets the descriptors, the normal patches and the share of cells of the detector.
    """
    from tocsin.image.nagl.comparing import fused, with_normals
    from tocsin.image.nagl.episodes import cell_mask
    from tocsin.image.nagl.reference_patches import inner

    cells = []
    for bundle in marked:
        grid = detector._grid(bundle["picture"])
        cells.append(grid[cell_mask(bundle["mask"].pixels[..., 0] > 0, tuple(grid.shape[:2]))])
    known, normal = torch.cat(cells), torch.from_numpy(detector.bank_)

    def score(image):
        grid = detector._grid(image)
        inside = grid[torch.from_numpy(inner(tuple(grid.shape), 1))]
        scores = fused(with_normals(inside, normal)[0], with_normals(inside, known)[0])
        return float(scores.topk(round(detector.highest * len(scores))).values.mean())

    return score


def _worth(seed, kinds):
    """AUROC of defects over clean and over stained pictures, by what is marked; 'like' of that half of the score."""
    line = _Line(seed, strength=0.5)
    references = {"alone": [], "known": line.marked, "swapped": line.stains, "misled": line.scratches}
    fitted = {kind: NAGL(side=192, patches=1200).fit([*line.normals, *references[kind]]) for kind in kinds}
    row = {}
    for kind, detector in fitted.items():
        row[kind] = _auroc(_overall(detector), line.bad, line.clean)
        row[f"{kind}, stains"] = _auroc(_overall(detector), line.bad, line.stained)
        if kind != "alone":
            row[f"{kind}, like"] = _auroc(_like(detector), line.bad, line.stained)
    if "misled" in kinds:
        row["naive, misled"] = _auroc(_naive(fitted["alone"], line.scratches), line.bad, line.clean)
    return row


def test_marked_defects_help_to_find_others_of_their_cause():
    row = _worth(0, ("alone", "known", "swapped"))
    assert row["known"] > row["alone"] + 0.02, row
    # Of two spots that differ in material alone, that is the stranger whose kind is marked.
    assert row["known, stains"] > row["swapped, stains"] + 0.02, row
    assert row["known, like"] > row["swapped, like"] + 0.1, row


@pytest.mark.slow
def test_marked_defects_help_over_five_seeds_and_others_do_little_harm():
    rows = [_worth(seed, ("alone", "known", "swapped", "misled")) for seed in range(5)]
    mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
    assert mean["known"] > mean["alone"] + 0.04, rows
    assert sum(row["known"] > row["alone"] for row in rows) >= 4, rows
    assert mean["known, stains"] > mean["swapped, stains"] + 0.04, rows
    assert sum(row["known, stains"] > row["swapped, stains"] for row in rows) >= 4, rows
    assert mean["known, like"] > mean["swapped, like"] + 0.2, rows
    # References of another cause do no more than a little harm, where a naive mixture does much.
    assert mean["misled"] > mean["alone"] - 0.03, rows
    assert mean["misled"] > mean["naive, misled"] + 0.05, rows


@pytest.fixture(scope="module")
def line():
    return _Line(0)


@pytest.fixture(scope="module")
def fitted(line):
    return NAGL(**FAST).fit([*line.normals, *line.marked])


def test_normal_pictures_alone_are_compared_with_their_nearest_patches(line):
    detector = NAGL(side=96).fit(line.normals)  # room for every patch
    assert detector.groups_ == ()
    scores = detector.score(line.normals[0])
    assert scores.parts is None
    assert scores.overall == pytest.approx(0, abs=1e-5)
    assert detector.score(line.bad[-1]).overall > 0.02


def test_parts_and_reasons_say_which_half_speaks(fitted, line):
    found = fitted.detect(line.bad[-1], false_alarms="10%")
    scores = found.scores
    assert np.allclose(scores.parts.sum(axis=2), scores.local, atol=1e-6)
    assert scores.part_names == ("unlike normal", "like a marked defect")
    assert found.anomalies
    reasons = found.anomalies[0].because
    assert sum(r.share for r in reasons) == pytest.approx(1)
    said = " ".join(r.text for r in reasons)
    assert "nearest normal patch" in said
    assert "like the marked" in said


def test_a_marked_defect_sets_no_threshold(fitted, line):
    assert len(fitted.calibration_.scores) == len(line.normals)
    assert fitted.calibration_.scores.max() < fitted.score(line.marked[0]).overall


def test_defects_alone_are_enough(line):
    detector = NAGL(**FAST).fit(line.marked)
    assert len(detector.calibration_.scores) == len(line.marked)
    bad = [detector.score(image).overall for image in line.bad]
    assert np.median(bad) > detector.calibration_.scores.max()


def test_the_order_of_references_does_not_matter(line):
    normals = line.normals[:3]  # few enough that every patch of them is kept
    one, other = (NAGL(side=96).fit([*normals, *marked]) for marked in (line.marked, line.marked[::-1]))
    assert np.allclose(one.mined_, other.mined_, atol=1e-4)
    image = line.bad[-1]
    assert one.score(image).overall == pytest.approx(other.score(image).overall, abs=1e-4)


def test_kinds_that_are_named_are_mined_apart(line):
    def named(bundle, kind):
        picture = Image(bundle["picture"].pixels, meta={"kind": kind})
        return Bundle({"picture": picture, "mask": bundle["mask"]}, "picture")

    given = [named(b, "spot") for b in line.marked] + [named(b, "scratch") for b in line.scratches]
    assert NAGL(**FAST).fit([*line.normals, *given]).groups_ == ("spot", "scratch")
    assert len(NAGL(**FAST, faithful=True).fit([*line.normals, *given]).groups_) == 1


def test_bundles_are_judged_by_their_picture_and_others_refused(fitted, line):
    bundle = line.marked[0]
    assert fitted.score(bundle).overall == fitted.score(bundle["picture"]).overall
    with pytest.raises(InputError, match="neither a picture nor a marked defect"):
        NAGL(**FAST).fit([Bundle({"a": bundle["picture"]})])
    small = Bundle({"picture": bundle["picture"], "mask": Image(np.ones((48, 96)))})
    with pytest.raises(InputError, match="has 96 x 48 pixels, its picture 96 x 96"):
        NAGL(**FAST).fit([*line.normals, small])
    blank = Bundle({"picture": bundle["picture"], "mask": Image(np.zeros((96, 96)))})
    with pytest.raises(InputError, match="nothing is marked"):
        NAGL(**FAST).fit([*line.normals, blank])
    for name, value in (("smooth", 2), ("highest", 0.0), ("groups", 0), ("rate", 0.0)):
        with pytest.raises(InputError, match=name):
            NAGL(**{**FAST, name: value}).fit(line.normals)


def test_marks_of_a_picture_that_is_judged_are_never_read(fitted, line):
    picture = line.bad[0]
    truth, lie = np.zeros((96, 96)), np.zeros((96, 96))
    truth[30:60, 30:60], lie[:5, :5] = 1, 1
    scores = [fitted.score(Bundle({"picture": picture, "mask": Image(m)}, "picture")) for m in (truth, lie)]
    for one in (*scores, fitted.score(replace(picture, meta={"kind": "defect"}))):
        assert one.overall == scores[0].overall
        assert (one.local == scores[0].local).all()


def test_a_model_says_the_same_in_another_process(fitted, line, tmp_path):
    picture = line.bad[0]
    np.save(tmp_path / "picture.npy", picture.pixels)
    fitted.save(tmp_path / "model")
    told = (
        "import sys, numpy as np; from tocsin import Image; from tocsin.image.nagl.detector import NAGL\n"
        "scores = NAGL.load(sys.argv[1]).score(Image(np.load(sys.argv[2])))\n"
        "np.save(sys.argv[3], np.append(scores.local.ravel(), scores.overall))"
    )
    files = [str(tmp_path / name) for name in ("model", "picture.npy", "found.npy")]
    subprocess.run([sys.executable, "-c", told, *files], check=True, capture_output=True)
    scores = fitted.score(picture)
    assert np.allclose(np.load(files[2]), np.append(scores.local.ravel(), scores.overall), atol=1e-6)


def test_one_normal_picture_is_judged_half_by_half(line):
    detector = NAGL(**FAST).fit([line.marked[0], line.normals[0]])
    assert "halves are compared" in detector.findings_[-1]
    assert set(detector.owners_) == {0, 1}
    # Compared with itself it would be wholly normal, and every other picture an alarm.
    alone = detector.calibration_.scores
    assert len(alone) == 1
    assert alone[0] > detector.score(line.normals[0]).overall + 0.005
    # What is usual is taken off likeness to the defect, which would be about a half otherwise.
    assert np.mean([detector.score(image).parts[..., 1].mean() for image in line.clean]) < 0.05
    others = [detector.score(image).overall for image in line.clean]
    assert np.mean(np.array(others) > 1.5 * alone[0]) < 0.5
    bad = [detector.score(image).overall for image in line.bad]
    assert np.median(bad) > np.median(others)
    # A single marked defect stands for both.
    one = NAGL(**FAST).fit([line.marked[0]])
    assert one.only_marked_
    assert np.isfinite(one.calibration_.scores).all()


def test_the_exported_graph_says_the_same(fitted):
    from tocsin.image._preparation import prepare

    image = _image(textures(5, 96, 1)[0])
    scores = fitted.score(image)
    with torch.inference_mode():
        local, overall = fitted._exportable((96, 96))(torch.from_numpy(prepare(image, (96, 96)))[None])
    assert np.allclose(local[0, 0].numpy(), scores.local, atol=1e-4)
    assert float(overall[0]) == pytest.approx(scores.overall, abs=1e-4)
    with pytest.raises(InputError, match="judged at 96 x 96"):
        fitted._exportable((192, 192))


def test_pictures_of_any_depth_and_size(fitted, line):
    pixels = line.bad[-1].pixels
    kinds = {
        "grey": pixels[..., 0],
        "opacity": np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
        "16 bits": pixels.astype(np.uint16) * 257,
        "another size": cv2.resize(pixels, (150, 70)),
    }
    for name, kind in kinds.items():
        scores = fitted.score(Image(kind))
        assert scores.local.shape == kind.shape[:2], name
        assert np.isfinite(scores.local).all(), name
    assert fitted.score(Image(kinds["16 bits"])).overall == pytest.approx(fitted.score(Image(pixels)).overall, abs=1e-3)
    with pytest.raises(InputError, match="at least 8 on a side"):
        fitted.score(Image(np.zeros((4, 30))))


def marked_double(seed: int = 0) -> Double:
    """The usual pictures, with two marked defects among those that are learned from."""
    double = image_double(seed)
    made = []
    for image, (top, left) in zip(double.train[:2], ((6, 8), (30, 40)), strict=True):
        pixels, mask = np.array(image.pixels), np.zeros(image.grid, dtype=np.uint8)
        pixels[top : top + 9, left : left + 10], mask[top : top + 9, left : left + 10] = 235, 255
        members = {"picture": Image(pixels, id=f"{image.id} spoiled"), "mask": Image(mask)}
        made.append(Bundle(members, "picture", id=f"{image.id} marked"))
    return Double((*double.train, *made), (*double.other, *made), double.normal, double.odd, double.planted)


def test_the_contract_is_kept_with_marked_defects_as_well():
    check_detector(NAGL(side=96, patches=200, proxies=4), double=marked_double)


@pytest.mark.slow
def test_the_published_form_keeps_the_contract():
    # Two steps from a random start do not find much.
    names = [n for n in check_names() if n != "planted_anomaly_outranks"]
    check_detector(NAGL(side=96, patches=200, proxies=4, faithful=True, steps=2), only=names, double=marked_double)


@pytest.mark.slow
def test_a_net_trained_elsewhere_is_used(tmp_path):
    from tocsin.image.nagl.pretraining import pretrain

    lines = {f"line {n}": _Line(n) for n in range(4)}
    classes = {name: [*line.normals, *line.marked] for name, line in lines.items()}
    file = tmp_path / "net.safetensors"
    assert pretrain(classes, file, side=96, steps=24, seed=1).steps == 24
    new = _Line(9)
    detector = NAGL(**FAST, weights=str(file)).fit([*new.normals, *new.marked])
    assert detector.sizes_["proxies"] == 25
    alone = NAGL(**FAST).fit(new.normals)
    found, plain = (_auroc(_overall(d), new.bad, [*new.clean, *new.stained]) for d in (detector, alone))
    assert found > plain
    with pytest.raises(ArtifactError, match="otherwise smoothed"):
        NAGL(**{**FAST, "smooth": 1}, weights=str(file)).fit([*new.normals, *new.marked])
    with pytest.raises(ArtifactError, match="another encoder"):
        NAGL(encoder="random:tocsin", weights=str(file), **FAST).fit([*new.normals, *new.marked])
    with pytest.raises(InputError, match="0 marked"):
        pretrain({"a": new.normals}, file)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kolektor_sdd", "magnetic_tile"])
def test_references_of_one_half_help_on_the_other(shared, tmp_path, name):
    import zipfile

    archive = next((shared / "data" / name).glob("*.zip"), None)
    if archive is None:
        pytest.skip(f"{name} is not here")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)

    def pictures(folder):
        return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".bmp"))

    masks = {p.stem.removesuffix("_mask"): p for p in pictures(next(tmp_path.rglob("ground_truth")))}
    train = [Image(p, id=p.name) for p in pictures(next(tmp_path.rglob("train")) / "good")]
    references, judged = [], []
    for kind in sorted(p for p in next(tmp_path.rglob("test")).iterdir() if p.is_dir()):
        for number, file in enumerate(pictures(kind)):
            if number % 2:
                judged.append((Image(file), kind.name != "good"))
            elif kind.name != "good":
                references.append(Bundle({"picture": Image(file, id=file.name), "mask": Image(masks[file.stem])}))
    labels = np.array([bad for _, bad in judged])
    found = []
    for known in ([], references):
        detector = NAGL().fit([*train, *known])
        scores = np.array([detector.score(image).overall for image, _ in judged])
        found.append(float(Ranking.from_scores(labels, scores).auroc()))
    assert found[1] > found[0] + 0.02, found
