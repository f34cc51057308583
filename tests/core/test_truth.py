from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.truth import Truth


def test_intervals_and_mask_say_the_same():
    assert Truth(intervals=[(1, 3), (2, 4)]).as_mask((5,)).tolist() == [False, True, True, True, False]
    mask = np.array([[0, 1], [0, 0]])
    assert Truth(mask=mask).as_mask((2, 2)).dtype == bool


def test_one_mask_per_frame_is_enough_for_a_video():
    assert Truth(mask=np.array([True, False])).as_mask((2, 4, 6)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("truth", "label"),
    [
        (Truth(intervals=[]), False),
        (Truth(intervals=[(0, 1)]), True),
        (Truth(mask=np.zeros(3)), False),
        (Truth(mask=np.array([0, 1])), True),
        (Truth(mask=np.array([0, 1]), label=False), False),
        (Truth(severity=0.3), None),
        (Truth(label=True, kind="crack"), True),
    ],
)
def test_the_label_follows_unless_given(truth, label):
    assert truth.label is label


@pytest.mark.parametrize("interval", [(3, 3), (4, 2), (-1, 2)])
def test_intervals_that_are_none(interval):
    with pytest.raises(InputError, match="empty or goes back"):
        Truth(intervals=[(0, 1), interval])


@pytest.mark.parametrize(
    ("truth", "grid", "said"),
    [
        (Truth(intervals=[(0, 9)]), (5,), r"\(0, 9\) runs past the end of a sample of 5"),
        (Truth(mask=np.zeros(4)), (5,), "mask has shape"),
        (Truth(label=True), (5,), "only a label"),
        (Truth(severity=1.0), (5,), "only a label"),
    ],
)
def test_masks_that_cannot_be_made(truth, grid, said):
    with pytest.raises(InputError, match=said):
        truth.as_mask(grid)


def test_knowing_nothing_is_no_truth():
    with pytest.raises(InputError, match="needs a mask"):
        Truth(kind="crack")
