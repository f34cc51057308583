"""Layouts of public sets of pictures: on small trees laid out alike, and on the real files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle, Image
from tocsin.io.datasets import layouts, read_dataset
from tocsin.io.datasets.image_layouts import find_picture_set
from tocsin.metrics.image import DefectChannel

pillow = pytest.importorskip("PIL.Image")
SIZE = (12, 16)


def put(root: Path, *names: str, value: int = 120, size: tuple[int, int] = SIZE) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(np.full(size, value, dtype=np.uint8)).save(path)


def put_mask(root: Path, name: str, value: int = 255, rows: slice = slice(3, 5), size: tuple[int, int] = SIZE) -> None:
    mask = np.zeros(size, dtype=np.uint8)
    mask[rows, 4:8] = value
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(mask).save(path)


def product(root: Path, name: str, kinds: tuple[str, ...] = ("crack",), good: str = "good") -> None:
    put(root, f"{name}/train/{good}/000.png", f"{name}/train/{good}/001.png", f"{name}/test/{good}/000.png")
    for kind in kinds:
        put(root, f"{name}/test/{kind}/000.png")
        put_mask(root, f"{name}/ground_truth/{kind}/000_mask.png")


@pytest.mark.parametrize(
    ("layout", "names", "good", "kinds"),
    [
        ("mvtec-ad", ("bottle", "metal_nut"), "good", ("crack", "hole")),
        ("mpdd", ("tubes",), "good", ("bend",)),
        ("visa-pytorch", ("pcb1", "candle"), "good", ("bad",)),
        ("btad", ("01", "02"), "ok", ("ko",)),
        ("mvtec-like", ("gear",), "good", ("chip", "dent")),
    ],
)
def test_the_family_of_mvtec(tmp_path, layout, names, good, kinds):
    for name in names:
        product(tmp_path / "set", name, kinds, good)
    found = read_dataset(tmp_path / "set")
    assert found.name == layout
    assert layout in layouts()
    assert Counter(e.split for e in found) == {"train": 2 * len(names), "test": (1 + len(kinds)) * len(names)}
    assert {e.group for e in found} == set(names)
    loaded = [e.load() for e in found if e.split == "test"]
    assert Counter(truth.kind for _, truth in loaded) == dict.fromkeys(kinds, len(names)) | {"": len(names)}
    for image, truth in loaded:
        assert truth.mask.shape == image.grid == SIZE
        assert truth.mask.sum() == (8 if truth.kind else 0)
        assert truth.label == bool(truth.kind)


def test_one_product_may_be_given_or_the_folder_above(tmp_path):
    product(tmp_path / "above" / "set", "bottle")
    for root in (tmp_path / "above" / "set" / "bottle", tmp_path / "above" / "set", tmp_path / "above"):
        assert read_dataset(root).name == "mvtec-ad", root


def test_litter_does_not_disturb(tmp_path):
    product(tmp_path, "bottle")
    for name in (".DS_Store", "bottle/test/crack/._000.png", "__MACOSX/bottle/train/good/x.png", "bottle/readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert len(read_dataset(tmp_path)) == 4


def test_a_missing_mask_and_one_of_another_size_are_named(tmp_path):
    product(tmp_path, "bottle", ("crack", "hole"))
    (tmp_path / "bottle/ground_truth/crack/000_mask.png").unlink()
    with pytest.raises(InputError, match=r"bottle/test/crack/000\.png has no mask"):
        read_dataset(tmp_path)
    put_mask(tmp_path, "bottle/ground_truth/crack/000_mask.png", size=(20, 30))
    entry = next(e for e in read_dataset(tmp_path) if "crack" in e.id)
    with pytest.raises(InputError, match=r"000_mask\.png has 30 x 20 pixels where its picture has 16 x 12"):
        entry.load()


@pytest.mark.parametrize("value", [1, 3, 255])
def test_masks_are_whatever_is_not_black(tmp_path, value):
    product(tmp_path, "bottle")
    put_mask(tmp_path, "bottle/ground_truth/crack/000_mask.png", value)
    entry = next(e for e in read_dataset(tmp_path) if "crack" in e.id)
    assert entry.load()[1].mask.sum() == 8


def test_opacity_of_a_mask_says_nothing(tmp_path):
    product(tmp_path, "bottle")
    mask = np.zeros((*SIZE, 4), dtype=np.uint8)
    mask[..., 3] = 255
    mask[0, 0, 1] = 9
    pillow.fromarray(mask).save(tmp_path / "bottle/ground_truth/crack/000_mask.png")
    entry = next(e for e in read_dataset(tmp_path) if "crack" in e.id)
    assert entry.load()[1].mask.sum() == 1


def test_training_pictures_known_to_be_bad_are_no_training_part(tmp_path):
    product(tmp_path, "pcb1", ("bad",))
    put(tmp_path, "pcb1/train/bad/005.png")
    put_mask(tmp_path, "pcb1/ground_truth/train/bad/005.png")
    found = read_dataset(tmp_path)
    assert Counter(e.split for e in found) == {"train": 2, "train_anomalous": 1, "test": 2}


def test_nothing_of_the_truth_is_seen_by_a_detector(tmp_path):
    """The canary: what a detector is handed is the same whatever the masks and folders of test say."""
    product(tmp_path, "bottle", ("canary",))
    for entry in read_dataset(tmp_path):
        image, _ = entry.load()
        told = {key: value for key, value in image.meta.items() if key != "path"}
        assert "canary" not in json.dumps(told)
        assert not {"label", "kind", "mask", "boxes", "severity"} & set(told)


def test_mvtec_ad_2(tmp_path):
    put(tmp_path, "can/train/good/000_regular.png", "can/validation/good/001_regular.png")
    put(tmp_path, "can/test_public/good/000_regular.png", "can/test_public/bad/000_overexposed.png")
    put_mask(tmp_path, "can/test_public/ground_truth/bad/000_overexposed_mask.png")
    put(tmp_path, "can/test_private/000_regular.png", "can/test_private_mixed/000_mixed.png")
    found = read_dataset(tmp_path)
    assert found.name == "mvtec-ad-2"
    splits = {"train": 1, "validation": 1, "test": 2, "test_private": 1, "test_private_mixed": 1}
    assert Counter(e.split for e in found) == splits
    by_id = {e.id: e.load() for e in found}
    image, truth = by_id["can/test_public/bad/000_overexposed"]
    assert (image.meta["lighting"], truth.label, truth.mask.sum()) == ("overexposed", True, 8)
    assert by_id["can/test_private/000_regular"][1] is None


def test_loco_has_a_mask_for_each_defect_and_how_much_must_be_found(tmp_path):
    root = tmp_path / "juice_bottle"
    put(root, "train/good/000.png", "validation/good/000.png", "test/good/000.png", "test/logical_anomalies/000.png")
    put_mask(root, "ground_truth/logical_anomalies/000/000.png", 1, slice(3, 5))
    put_mask(root, "ground_truth/logical_anomalies/000/001.png", 2, slice(4, 7))
    rules = [
        {"defect_name": "a", "pixel_value": 1, "saturation_threshold": 0.5, "relative_saturation": True},
        {"defect_name": "b", "pixel_value": 2, "saturation_threshold": 50, "relative_saturation": False},
    ]
    (root / "defects_config.json").write_text(json.dumps(rules))
    found = read_dataset(tmp_path)
    assert found.name == "mvtec-loco"
    _, truth = next(e for e in found if "logical" in e.id).load()
    assert (truth.kind, truth.mask.sum()) == ("logical_anomalies", 16)
    assert [channel.sum() for channel in truth.channels] == [8, 12]
    assert truth.saturations == (4, 12)
    DefectChannel(truth.channels[0], truth.saturations[0])
    (root / "defects_config.json").write_text(json.dumps(rules[:1]))
    with pytest.raises(InputError, match="value 2"):
        next(e for e in read_dataset(tmp_path) if "logical" in e.id).load()


def test_visa_by_its_own_table(tmp_path):
    put(tmp_path, *(f"candle/Data/Images/Normal/000{n}.JPG" for n in range(3)), "candle/Data/Images/Anomaly/000.JPG")
    put_mask(tmp_path, "candle/Data/Masks/Anomaly/000.png", 2)
    (tmp_path / "split_csv").mkdir()
    rows = [
        "object,split,label,image,mask",
        "candle,train,normal,candle/Data/Images/Normal/0000.JPG,",
        "candle,test,normal,candle/Data/Images/Normal/0001.JPG,",
        "candle,test,anomaly,candle/Data/Images/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png",
    ]
    (tmp_path / "split_csv/1cls.csv").write_text("\n".join(rows))
    (tmp_path / "candle/image_anno.csv").write_text(
        'image,label,mask\ncandle/Data/Images/Anomaly/000.JPG,"chunk of wax missing,foreign particals",x\n'
    )
    found = read_dataset(tmp_path)
    assert (found.name, len(found)) == ("visa", 3)
    _, truth = found[2].load()
    assert (truth.kind, truth.label, truth.mask.sum()) == ("chunk of wax missing", True, 8)
    (tmp_path / "candle/Data/Masks/Anomaly/000.png").unlink()
    with pytest.raises(InputError, match="which is not there"):
        read_dataset(tmp_path)


def real_iad(root: Path) -> None:
    """Two good parts and one bad one, two views each; the defect is seen in one view only."""
    rows = {"train": [], "test": []}
    for split, part, folder, code in (
        ("train", "audiojack__0001_OK", "OK/S0001", "OK"),
        ("test", "audiojack__0002_OK", "OK/S0002", "OK"),
        ("test", "audiojack__0001_NG_BX", "NG/BX/S0001", "BX"),
    ):
        for view in (1, 2):
            name = f"{folder}/{part}_C{view}_20231023"
            put(root, f"realiad_256/audiojack/{name}.jpg")
            seen = code != "OK" and view == 1
            if seen:
                put_mask(root, f"realiad_256/audiojack/{name}.png")
            rows[split].append(
                {
                    "category": "audiojack",
                    "anomaly_class": code if seen or split == "train" else "OK",
                    "image_path": f"{name}.jpg",
                    "mask_path": f"{name}.png" if seen else None,
                }
            )
    tree = {"meta": {"prefix": "audiojack/", "normal_class": "OK"}, **rows}
    for folder in ("realiad_jsons", "realiad_jsons_sv"):
        (root / folder).mkdir(parents=True)
        (root / folder / "audiojack.json").write_text(json.dumps(tree))
    noisy = {**tree, "train": [*rows["train"], rows["test"][2]], "test": rows["test"][:2]}
    (root / "realiad_jsons_fuiad_0.4").mkdir()
    (root / "realiad_jsons_fuiad_0.4" / "audiojack.json").write_text(json.dumps(noisy))


def test_real_iad_by_its_lists(tmp_path):
    real_iad(tmp_path)
    found = read_dataset(tmp_path)
    assert (found.name, Counter(e.split for e in found)) == ("real-iad", {"train": 2, "test": 4})
    loaded = [e.load() for e in found]
    assert [truth.label for _, truth in loaded] == [False, False, False, False, True, False]
    assert [image.meta["view"] for image, _ in loaded] == ["C1", "C2"] * 3
    assert loaded[4][0].meta["part"] == loaded[5][0].meta["part"] == "audiojack__0001_NG_BX"
    assert (loaded[4][1].kind, loaded[4][1].mask.sum(), loaded[5][1].mask.sum()) == ("BX", 8, 0)


def test_noisy_lists_keep_their_bad_pictures_in_training(tmp_path):
    real_iad(tmp_path)
    found = read_dataset(tmp_path, layout="real-iad-fuiad-0.4")
    assert [e.load()[1].label for e in found if e.split == "train"] == [False, False, True]
    with pytest.raises(InputError, match="does not look like"):
        read_dataset(tmp_path, layout="real-iad-fuiad-0.2")


def test_lists_that_name_what_is_not_there_are_refused(tmp_path):
    real_iad(tmp_path)
    file = tmp_path / "realiad_jsons" / "audiojack.json"
    file.write_text(file.read_text().replace("OK/S0002/audiojack", "../../../etc/audiojack"))
    with pytest.raises(InputError, match="which is not there"):
        read_dataset(tmp_path)
    file.write_text('{"meta": 3}')
    with pytest.raises(InputError, match="no list of Real-IAD"):
        read_dataset(tmp_path)


def test_good_and_bad_folders(tmp_path):
    put(tmp_path, *(f"good/{n}.png" for n in range(4)), "scratch/1.png", "dent/1.png")
    found = read_dataset(tmp_path)
    assert found.name == "good-bad"
    assert Counter(e.load()[1].kind for e in found) == {"": 4, "scratch": 1, "dent": 1}
    put(tmp_path, "bad/1.png")  # now the folder called bad is what is bad, and the others are something else
    assert Counter(e.load()[1].kind for e in read_dataset(tmp_path)) == {"": 4, "bad": 1}


def test_point_clouds_in_a_like_layout_are_left_to_others(tmp_path):
    put(tmp_path, "bagel/train/good/rgb/000.png", "bagel/test/hole/rgb/000.png")
    put(tmp_path, "bagel/train/good/xyz/000.tiff", "bagel/test/hole/xyz/000.tiff")
    assert find_picture_set(tmp_path) is None


def test_a_flat_folder_is_no_layout(tmp_path):
    put(tmp_path, "a.png", "b.png")
    assert find_picture_set(tmp_path) is None
    with pytest.raises(InputError, match="does not look like"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("folder", "layout", "splits", "labels"),
    [
        ("magnetic_tile", "mvtec-like", {"train": 200, "test": 215}, {False: 265, True: 150}),
        ("kolektor_sdd", "mvtec-like", {"train": 185, "test": 113}, {False: 256, True: 42}),
        ("aitex_fabric", "aitex", {"test": 141}, {False: 81, True: 60}),
        ("elpv", "elpv", {"train": 180, "test": 240}, {False: 240, True: 120, None: 60}),
        ("deeppcb", "deeppcb", {"test": 220}, {True: 220}),
        ("neu_seg", "image-and-mask", {"test": 200}, {True: 200}),
        ("crackforest", "image-and-mask", {"test": 92}, {True: 84, False: 8}),
        ("brain_mri", "good-bad", {"test": 164}, {False: 65, True: 99}),
    ],
)
def test_the_real_sets_have_what_their_readme_says(shared, folder, layout, splits, labels):
    from tocsin.io.datasets.files import Files
    from tocsin.io.datasets.image_layouts import IMAGE_LAYOUTS

    archive = shared / "data" / folder / f"{folder}.zip"
    found = read_dataset(archive)
    assert found.name == layout
    assert Counter(e.split for e in found) == splits
    items = IMAGE_LAYOUTS[layout][1](Files.open(archive))
    assert Counter(item.label for item in items) == labels
    for entry in (found[0], found[len(found) // 2], found[len(found) - 1]):
        sample, truth = entry.load()
        assert truth is not None
        if truth.mask is not None:
            assert truth.mask.shape == sample.grid
            assert truth.mask.any() == truth.label


def test_real_kinds_groups_and_grades(shared):
    from tocsin.io.datasets.files import Files
    from tocsin.io.datasets.image_layouts import IMAGE_LAYOUTS

    def items(folder, layout):
        return IMAGE_LAYOUTS[layout][1](Files.open(shared / "data" / folder / f"{folder}.zip"))

    tiles = Counter(item.kind for item in items("magnetic_tile", "mvtec-like"))
    assert tiles == {"": 265, "blowhole": 60, "crack": 40, "uneven": 50}
    assert set(Counter(item.group for item in items("aitex_fabric", "aitex"))) == {"00", "01", "02", "03"}
    cells = items("elpv", "elpv")
    assert Counter(item.group for item in cells) == {"mono": 210, "poly": 210}
    assert Counter(item.severity for item in cells) == {0.0: 240, 0.3333: 30, 0.6667: 30, 1.0: 120}


def test_real_boards_come_in_pairs_with_boxes(shared):
    found = read_dataset(shared / "data" / "deeppcb")
    pairs = [entry.load() for entry in found]
    assert sum(len(truth.boxes) for _, truth in pairs) == 1497
    board, truth = pairs[0]
    assert isinstance(board, Bundle)
    assert {name: type(member) for name, member in board.members.items()} == {"test": Image, "template": Image}
    assert set(truth.box_kinds) <= {"open", "short", "mousebite", "spur", "copper", "pin-hole"}
    left, top, right, bottom = truth.boxes[0]
    assert truth.mask[top:bottom, left:right].all()
    assert not any("box" in key for member in (board, *board.members.values()) for key in member.meta)
