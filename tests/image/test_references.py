from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle, Image, Series
from tocsin.image._references import split


def marked(mask, picture=None, id=""):
    picture = Image(np.zeros((10, 12, 3), dtype=np.uint8)) if picture is None else picture
    return Bundle({"picture": picture, "mask": Image(mask)}, primary="picture", id=id)


def square(value=255, dtype=np.uint8, channels=1):
    mask = np.zeros((10, 12, channels), dtype=dtype)
    mask[2:5, 3:7] = value
    return mask


def test_normals_and_defects_keep_their_order():
    pictures = [Image(np.full((10, 12), n, dtype=np.uint8), id=str(n)) for n in range(3)]
    found = split([pictures[0], marked(square(), pictures[1]), pictures[2]])
    assert [p.id for p in found.normals] == ["0", "2"]
    assert found.defects[0][0] is pictures[1]
    assert (found.defects[0][1] == (square()[:, :, 0] > 0)).all()


@pytest.mark.parametrize(
    "mask",
    [square(), square(1), square(True, bool), square(1.0, float), square(3, np.uint16), square(255, channels=3)],
    ids=["0/255", "0/1", "bool", "float", "classes", "colour"],
)
def test_every_usual_kind_of_mask(mask):
    assert split([marked(mask)]).defects[0][1].sum() == 12


def test_opacity_and_noise_of_a_lossy_file_mark_nothing():
    opaque = np.concatenate([square(channels=3), np.full((10, 12, 1), 255, dtype=np.uint8)], axis=2)
    assert split([marked(opaque)]).defects[0][1].sum() == 12
    noisy = np.clip(square().astype(int) + np.random.default_rng(0).integers(-20, 20, (10, 12, 1)), 0, 255)
    assert split([marked(noisy.astype(np.uint8))]).defects[0][1].sum() == 12


def test_what_is_no_reference_is_refused():
    with pytest.raises(InputError, match="the mask of plate has 5 x 10 pixels, its picture 12 x 10"):
        split([marked(square()[:, :5], id="plate")])
    with pytest.raises(InputError, match="nothing is marked in the mask of sample 0"):
        split([marked(np.zeros((10, 12)))])
    with pytest.raises(InputError, match="neither a picture nor a marked defect"):
        split([Bundle({"picture": Image(np.zeros((4, 4)))})])
    with pytest.raises(InputError, match="neither a picture nor a marked defect"):
        split([Series([1.0, 2.0])])
