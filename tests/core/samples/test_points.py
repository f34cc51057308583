from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import PointCloud


def test_points_normals_and_parts():
    cloud = PointCloud(np.arange(12).reshape(4, 3), normals=np.ones((4, 3)), colours=np.zeros((4, 3)), id="c")
    part = cloud.take(1, 3)
    assert part.grid == (2,)
    assert part.normals.shape == part.colours.shape == (2, 3)
    assert part.name((0,)) == "point 0 (3, 4, 5)"
    assert cloud.points.dtype == np.float64


def test_points_without_coordinates_are_not_observed():
    assert PointCloud([[0, 0, 0], [np.nan, 0, 0]]).observed.tolist() == [True, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"points": np.zeros((0, 3))}, "n > 0"),
        ({"points": np.zeros((4, 2))}, r"points have shape \(n, 3\)"),
        ({"points": [["a", "b", "c"]], "id": "x.ply"}, "the points of x.ply are not numbers"),
        ({"points": np.zeros((4, 3)), "normals": np.zeros((3, 3))}, "3 normals for 4 points"),
        ({"points": np.zeros((4, 3)), "colours": np.zeros((4, 4))}, "colours have shape"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        PointCloud(**arguments)
