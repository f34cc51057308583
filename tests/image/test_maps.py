from __future__ import annotations

import numpy as np
import pytest

from tocsin.image._maps import picture_score, to_picture, without_border


def test_the_border_neither_raises_nor_lowers():
    cells = np.random.default_rng(0).random((6, 9))
    loud = cells.copy()
    loud[0], loud[:, -1] = 100, -100
    np.testing.assert_array_equal(without_border(cells)[1:-1, 1:-1], cells[1:-1, 1:-1])
    np.testing.assert_array_equal(without_border(cells), without_border(loud))
    assert picture_score(loud) == picture_score(cells) < 1
    assert without_border(np.ones((3, 3))).shape == (3, 3)


def test_the_score_is_the_mean_of_the_highest_share():
    cells = np.random.default_rng(1).permutation(np.arange(400.0)).reshape(20, 20)
    assert picture_score(cells, share=0.1, border=0) == pytest.approx(np.arange(360, 400).mean())
    assert picture_score(cells, share=1e-9, border=0) == 399


def test_a_cell_lies_where_it_lay():
    cells = np.zeros((8, 12))
    cells[2, 9] = 1
    found = to_picture(cells, (80, 120))
    assert found.shape == (80, 120)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert abs(y - 25) <= 1
    assert abs(x - 95) <= 1
    blurred = to_picture(cells, (80, 120), blur=5)
    assert blurred.max() < found.max()
    assert blurred.sum() == pytest.approx(found.sum(), rel=0.01)
