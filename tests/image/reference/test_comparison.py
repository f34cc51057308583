"""What has changed, once the two lie on each other."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.scores import Scores

cv2 = pytest.importorskip("cv2")

from tocsin.image.reference.boxes import boxes  # noqa: E402
from tocsin.image.reference.grey import lit_alike, patch_difference  # noqa: E402
from tocsin.image.reference.two_level import _grown, bright_level, changes, has_two_levels  # noqa: E402

EVERYWHERE = np.ones((60, 80), dtype=bool)


def _drawn():
    drawn = np.zeros((60, 80), dtype=np.uint8)
    drawn[20:30] = 1
    drawn[:, 50:58] = 1
    return drawn


# ------------------------------------------------------------- two levels


def test_sure_changes_are_those_with_nothing_of_the_kind_nearby():
    rng = np.random.default_rng(0)
    here, there = ((rng.random((24, 30)) < share).astype(np.uint8) for share in (0.3, 0.05))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    sure = np.zeros_like(here)
    for y, x in zip(*np.nonzero(here), strict=True):
        near = [
            there[y + dy, x + dx]
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if disc[dy + 2, dx + 2] and 0 <= y + dy < 24 and 0 <= x + dx < 30
        ]
        sure[y, x] = not any(near)
    found = _grown(here, there, 2)
    assert (found[sure > 0] == 1).all()
    # What is added by growing differs beyond one pixel, and hangs together with something sure.
    cross = cv2.dilate(there, np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8))
    assert not (found & cross & (1 - sure)).any()
    _, label = cv2.connectedComponents(found, connectivity=4)
    assert all(sure[label == n].any() for n in range(1, label.max() + 1))


def test_an_edge_that_is_off_by_the_tolerance_has_not_changed():
    drawn = _drawn()
    moved = np.roll(drawn, (2, 0), axis=(0, 1))
    assert (drawn ^ moved).sum() > 100
    assert changes(moved, drawn, EVERYWHERE, tolerance=2).strength.max() == 0
    assert changes(moved, drawn, EVERYWHERE, tolerance=1, least=1).strength.max() > 0


@pytest.mark.parametrize("flip", [False, True], ids=["bright on dark", "dark on bright"])
def test_what_has_come_and_gone_is_counted(flip):
    template, picture = _drawn(), _drawn()
    picture[5:11, 10:16] = 1  # a spot of 36
    picture[20:30, 30:38] = 0  # a gap of 80
    if flip:
        template, picture = 1 - template, 1 - picture
    found = changes(picture, template, EVERYWHERE)
    gone, come = (found.added, found.missing) if flip else (found.missing, found.added)
    assert (gone.max(), come.max()) == (76, 36)  # the corners of the gap are within the tolerance
    assert (found.added + found.missing).sum() == 112
    # The gap is larger and thicker.
    assert found.strength[found.label[25, 34]] > found.strength[found.label[8, 12]] > 0


def test_neighbouring_changes_are_one_and_small_ones_none():
    template, picture = np.zeros((60, 80), np.uint8), np.zeros((60, 80), np.uint8)
    picture[10:16, 10:16] = picture[10:16, 24:30] = 1
    assert len(changes(picture, template, EVERYWHERE).strength) == 2
    assert changes(picture, template, EVERYWHERE, least=73).strength.max() == 0
    assert changes(picture, template, ~EVERYWHERE).strength.max() == 0


def test_a_blot_is_surer_than_a_seam_of_the_same_size():
    template, picture = np.zeros((60, 80), np.uint8), np.zeros((60, 80), np.uint8)
    picture[5:15, 5:15] = 1
    picture[40:42, 10:60] = 1
    found = changes(picture, template, EVERYWHERE)
    assert found.added[1:].tolist() == [100, 100]
    assert found.strength[found.label[10, 10]] > 1.4 * found.strength[found.label[41, 30]]


def test_levels_are_told_from_shades():
    rng = np.random.default_rng(0)
    two = np.where(_drawn() > 0, 210, 40).astype(np.uint8)
    assert has_two_levels(two)
    assert has_two_levels(np.full((9, 9), 7, np.uint8))
    assert not has_two_levels(rng.integers(0, 256, (60, 80)).astype(np.uint8))
    assert (bright_level(two) == _drawn()).all()
    assert bright_level(np.full((9, 9), 250, np.uint8)).all()


# ------------------------------------------------------------------ grey


def test_the_smallest_difference_is_that_of_the_slow_twin():
    rng = np.random.default_rng(0)
    picture, template = rng.random((2, 14, 17, 3)).astype(np.float32)
    found, _ = patch_difference(picture, template, tolerance=2, patch=3)
    apart = {}
    padded = np.pad(template, ((2, 2), (2, 2), (0, 0)), mode="edge")
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if dy * dy + dx * dx <= 4:
                apart[dy, dx] = np.abs(picture - padded[2 + dy : 16 + dy, 2 + dx : 19 + dx]).mean(axis=2)
    for y, x in ((5, 5), (1, 12), (9, 15), (12, 3)):
        means = [a[y - 1 : y + 2, x - 1 : x + 2].mean() for a in apart.values()]
        assert found[y, x] == pytest.approx(min(means), abs=1e-6)


def test_other_light_is_no_change():
    rng = np.random.default_rng(1)
    template = cv2.GaussianBlur(rng.random((90, 120, 3)).astype(np.float32), (0, 0), 2) * 2 - 0.5
    template = template.clip(0.2, 0.8)
    ramp = np.linspace(-0.08, 0.08, 120, dtype=np.float32)[None, :, None]
    picture = 0.8 * template + 0.05 + ramp
    picture[40:52, 60:72] = 0.9
    valid = np.ones((90, 120), dtype=bool)
    alike = lit_alike(picture, template, valid)
    plain, lit = (np.abs(picture - t).mean(axis=2) for t in (template, alike))
    inside = np.zeros((90, 120), dtype=bool)
    inside[40:52, 60:72] = True
    assert np.median(lit[~inside]) < 0.15 * np.median(plain[~inside])
    assert np.median(lit[inside]) > 8 * np.median(lit[~inside])


# ----------------------------------------------------------------- boxes


def test_boxes_are_drawn_around_what_lies_above_a_level():
    local = np.zeros((30, 40))
    local[2:4, 3:8] = 1.0
    local[20:22, 30:33] = 2.0
    local[22, 33] = 3.0  # hangs on by a corner
    found, sure = boxes(Scores(local))
    assert found.tolist() == [[30, 20, 34, 23], [3, 2, 8, 4]]
    assert sure.tolist() == [3.0, 1.0]
    assert boxes(Scores(local), above=1.5)[0].tolist() == [[30, 20, 34, 23]]
    assert boxes(Scores(local), margin=5, least_side=16)[0].tolist()[1] == [0, 0, 14, 11]
    assert boxes(Scores(local), above=9)[0].shape == (0, 4)
    with pytest.raises(InputError, match="boxes are drawn"):
        boxes(Scores(None, 1.0))
