"""The protocol of contaminated training sets: nothing is in both sides, and only the share of noise changes."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
from tests.conftest import REPOSITORY

from tocsin.core.samples import Image

SHARES = (0.0, 0.1, 0.2, 0.4)


@pytest.fixture(scope="module")
def fuiad():
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    yield importlib.import_module("images_fuiad")
    sys.path.remove(str(REPOSITORY / "benchmarks"))


def a_set(fuiad, normals=60, defects=(12, 8)):
    blank = np.zeros((8, 8), dtype=np.uint8)
    train = [Image(blank, id=f"train {n}") for n in range(normals)]
    test = [fuiad.Test(Image(blank, id=f"good {n}"), False, n % 2, "good") for n in range(10)]
    for kind, count in zip("ab", defects, strict=True):
        test += [fuiad.Test(Image(blank, id=f"{kind} {n}"), True, n % 2, kind) for n in range(count)]
    return fuiad.Part(train, test, marked=True)


@pytest.mark.parametrize("judged", [0, 1])
def test_only_the_share_of_noise_changes(fuiad, judged):
    drawn = fuiad.contaminated(a_set(fuiad), judged, seed=3)
    judged_ids = {t.image.id for t in drawn.test}
    assert {t.half for t in drawn.test} == {judged}
    sets = [{image.id for image in drawn.train(share)} for share in SHARES]
    bad = [{i for i in ids if i[0] in "ab"} for ids in sets]
    assert drawn.size == 25  # 10 defects are 40 % of them
    assert [len(ids) for ids in sets] == [25] * 4
    assert [len(ids) for ids in bad] == [0, 2, 5, 10]
    assert bad[0] <= bad[1] <= bad[2] <= bad[3]
    assert all(not ids & judged_ids for ids in sets)
    # Six of one kind and four of the other: half of the noise holds three and two of them.
    assert sorted(sum(i.startswith(kind) for i in bad[2]) for kind in "ab") == [2, 3]


def test_the_seed_decides_and_where_normal_pictures_are_few_the_set_is_smaller(fuiad):
    part = a_set(fuiad)
    first, again, other = (fuiad.contaminated(part, 1, seed) for seed in (0, 0, 1))
    assert [i.id for i in first.train(0.2)] == [i.id for i in again.train(0.2)]
    assert [i.id for i in first.train(0.2)] != [i.id for i in other.train(0.2)]
    assert fuiad.contaminated(a_set(fuiad, normals=9), 1, 0).size == 9


def test_a_model_of_the_other_sets_never_saw_a_picture_of_its_own(fuiad):
    images = importlib.import_module("images")
    blank = np.zeros((8, 8), dtype=np.uint8)
    sets = {
        name: [fuiad.Part([Image(blank, id=f"{name} {n}") for n in range(3)], [f"test of {name}"])] for name in "abc"
    }
    for by, told in (("own", "a"), ("all", "abc"), ("others", "bc")):
        (part,) = images.taught(sets, "a", by)
        assert {image.id[0] for image in part.train} == set(told)
        assert len(part.train) == 3 * len(told)
        assert part.test == ["test of a"]
