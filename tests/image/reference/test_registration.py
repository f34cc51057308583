"""Where the template lies: coverage scores, known turns of the camera, matched points, shift and turn, blocks."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.image.reference.camera import CameraPose, rotation_homography
from tocsin.image.reference.coverage import coverage

cv2 = pytest.importorskip("cv2")

from tocsin.image.reference.blocks import block_shifts, shifted  # noqa: E402
from tocsin.image.reference.features import covering_homography  # noqa: E402
from tocsin.image.reference.registration import register, warp  # noqa: E402
from tocsin.synthesis.image.procedural import picture  # noqa: E402

# --------------------------------------------------------------- coverage


def _grid(rows, columns):
    """Centres of cells of a 16 x 16 grid of the unit square."""
    return np.array([[(c + 0.5) / 16, (r + 0.5) / 16] for r in rows for c in columns])


UNIFORM = _grid(range(2, 16, 4), range(2, 16, 4))
PICTURES = {
    "16 inliers in the top left 4 x 4 cells": (_grid(range(4), range(4)), 72, 294),
    "every second cell of the top left quarter": (_grid(range(0, 8, 2), range(0, 8, 2)), 144, 402),
    "4 x 4 over the whole picture": (UNIFORM, 288, 456),
    "the same without its diagonal": (UNIFORM.reshape(4, 4, 2)[~np.eye(4, dtype=bool)], 232, 344),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_published_coverage_scores(name):
    points, coarse, fine = PICTURES[name]
    assert coverage(points, (1, 1)).item() == coarse
    assert coverage(points, (1, 1), favour="fine").item() == fine


def test_many_hypotheses_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    points, inliers = rng.uniform(0, 100, (40, 2)), rng.random((7, 40)) < 0.3
    one_by_one = [coverage(points[chosen], (100, 100)).item() for chosen in inliers]
    assert coverage(points, (100, 100), inliers).tolist() == one_by_one
    assert coverage(np.empty((0, 2)), (5, 5)).item() == 0
    with pytest.raises(InputError, match="outside the picture"):
        coverage(np.array([[5.0, 1.0]]), (5, 5))


# ----------------------------------------------------------------- camera

CAMERA = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])


def _yaw(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def test_the_published_homography_of_a_turn():
    found = rotation_homography(CAMERA, _yaw(2))
    wanted = [[0.963432, 0, 26.420212], [-0.013713, 0.982315, 4.244516], [-0.000057, 0, 1]]
    assert np.allclose(found, wanted, atol=1e-6)
    there = found @ [320, 240, 1]
    assert np.allclose(there[:2] / there[2], [340.952462, 240], atol=1e-6)


def test_a_pose_far_away_or_wrong_is_not_used():
    given = {"camera": {"intrinsics": CAMERA.tolist(), "rotation": _yaw(2).tolist(), "distance": 0.5}}
    assert CameraPose.of(given, "x").homography() is None
    assert CameraPose.of({}, "x") is None
    with pytest.raises(InputError, match="intrinsics and rotation"):
        CameraPose.of({"camera": {"intrinsics": 3}}, "x")
    with pytest.raises(InputError, match="turns and no more"):
        rotation_homography(CAMERA, 2 * np.eye(3))


# -------------------------------------------------------------- matched points


def _error(matrix, wanted, points):
    """Mean distance in pixels between where two homographies put points."""
    ends = [m @ np.c_[points, np.ones(len(points))].T for m in (matrix, wanted)]
    a, b = ((end[:2] / end[2]).T for end in ends)
    return float(np.hypot(*(a - b).T).mean())


@pytest.mark.parametrize("seed", range(5))
def test_coverage_finds_the_plane_where_counting_finds_the_object_in_front_of_it(seed):
    rng = np.random.default_rng(seed)
    plane = np.array([[1.01, 0.01, 6], [-0.01, 0.99, -4], [1e-5, 0, 1]])
    spread = rng.uniform([20, 20], [620, 460], (28, 2))
    cluster = rng.uniform([400, 300], [460, 360], (40, 2))  # well textured, and moving otherwise
    ends = plane @ np.c_[spread, np.ones(len(spread))].T
    source = np.r_[spread, cluster]
    target = np.r_[(ends[:2] / ends[2]).T, cluster + [25, 9]] + rng.normal(scale=0.4, size=(68, 2))
    places = rng.uniform([0, 0], [640, 480], (50, 2))
    errors = {
        by: _error(
            covering_homography(source, target, (640, 480), np.random.default_rng(1), by=by).matrix, plane, places
        )
        for by in ("coverage", "count")
    }
    assert errors["coverage"] < 1.5 < 5 < errors["count"]


def test_too_few_or_degenerate_matches_give_no_plane():
    line = np.c_[np.arange(20.0), np.arange(20.0)]
    assert covering_homography(line, line, (640, 480), np.random.default_rng(0)) is None
    assert covering_homography(line[:5], line[:5], (640, 480), np.random.default_rng(0)) is None


@pytest.mark.parametrize("seed", [0, 3])
def test_a_turned_camera_is_registered_to_half_a_pixel(seed):
    scene = cv2.cvtColor(picture(seed, 520), cv2.COLOR_RGB2GRAY)[:480]
    camera = np.array([[500.0, 0, 260], [0, 500, 240], [0, 0, 1]])
    wanted = rotation_homography(camera, _yaw(3))
    turned = cv2.warpPerspective(scene, wanted, (520, 480), borderMode=cv2.BORDER_REFLECT)
    found = register(turned, scene, "features")
    places = np.random.default_rng(0).uniform([60, 60], [460, 420], (50, 2))
    assert found.how == "matched points"
    assert _error(found.matrix, wanted, places) < 0.5
    known = register(turned, scene, "none", start=wanted)
    assert known.how == "known turn"
    assert known.agreement > 0.98


# -------------------------------------------------------------- shift and turn


def _board(seed, side=320):
    """Traces and pads, white on black."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((side, side), dtype=np.uint8)
    for _ in range(22):
        corners = rng.integers(10, side - 10, (3, 2))
        corners[1] = corners[0, 0], corners[2, 1]
        cv2.polylines(drawn, [corners.reshape(-1, 1, 2).astype(np.int32)], False, 255, int(rng.integers(4, 9)))
        cv2.circle(drawn, tuple(int(v) for v in corners[0]), int(rng.integers(6, 11)), 255, -1)
    return drawn


@pytest.mark.parametrize("seed", range(5))
def test_shift_and_turn_are_found(seed):
    rng = np.random.default_rng(seed + 100)
    board = _board(seed)
    wanted = np.vstack([cv2.getRotationMatrix2D((160, 160), rng.uniform(-3, 3), 1), [0, 0, 1]])
    wanted[:2, 2] += rng.uniform(-8, 8, 2)
    template = cv2.warpPerspective(board, np.linalg.inv(wanted), (320, 320), borderMode=cv2.BORDER_REPLICATE)
    found = register(board, (template * 0.85).astype(np.uint8), "euclidean")
    assert _error(found.matrix, wanted, rng.uniform(40, 280, (50, 2))) < 0.7


def test_equal_pictures_stay_where_they_are():
    board = _board(0)
    found = register(board, board, "auto")
    assert found.agreement > 0.999
    assert np.abs(found.matrix - np.eye(3)).max() < 0.05
    blank = np.zeros((64, 64), dtype=np.uint8)
    assert register(blank, blank, "auto").how == "as given"


def test_sizes_are_made_equal():
    board = _board(1)
    found = register(board, cv2.resize(board, (160, 160), interpolation=cv2.INTER_AREA), "auto")
    assert np.allclose(found.matrix, [[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]], atol=0.05)  # centres on centres
    again, valid = warp(cv2.resize(board, (160, 160)), found.matrix, board.shape)
    assert again.shape == valid.shape == board.shape
    assert valid.mean() > 0.9


def test_blocks_follow_a_shift_that_varies():
    board = _board(2, 480)
    across = np.linspace(-4, 4, 480, dtype=np.float32)[None].repeat(480, axis=0)
    rows, columns = np.indices((480, 480), dtype=np.float32)
    template = cv2.remap(board, columns - across, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    again = shifted(template, block_shifts(board, template))
    before, after = (np.mean((t > 127) != (board > 127)) for t in (template, again))
    assert after < 0.35 * before
