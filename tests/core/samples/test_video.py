from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.samples import Video


def test_arrays_and_their_parts():
    frames = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    video = Video(frames, rate=10, id="v")
    assert video.grid == (5, 2, 3)
    part = video.take(1, 4).take(1, 9)
    assert part.grid == (2, 2, 3)
    assert part.name(0) == "frame 2 (0.200 s)"
    assert part.name((1, 0, 2)) == "frame 3 (0.300 s), x=2, y=0"
    np.testing.assert_array_equal(list(part.frames()), frames[2:4, :, :, None])
    np.testing.assert_array_equal(list(part.frames(1)), frames[3:4, :, :, None])
    np.testing.assert_array_equal(list(video.frames(1, 3)), frames[1:3, :, :, None])
    assert part.observed.tolist() == [True, True]
    assert Video(frames).name(1) == "frame 1"


def test_picture_files_in_order(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    paths = []
    for i in range(3):
        paths.append(tmp_path / f"{i}.png")
        pillow.fromarray(np.full((4, 6), 10 * i, dtype=np.uint8)).save(paths[-1])
    video = Video(paths)
    assert video.grid == (3, 4, 6)
    assert [int(f[0, 0, 0]) for f in video.take(1, 3).frames()] == [10, 20]
    assert video.frames_per_second is None


@pytest.mark.parametrize("source", [np.zeros((2, 3)), np.zeros((0, 2, 2)), np.array([[["a"]]])], ids=repr)
def test_what_is_no_video_is_refused(source):
    with pytest.raises(InputError, match="time, height, width"):
        Video(source)


def test_no_frames():
    with pytest.raises(InputError, match="has no frame"):
        Video([], id="empty")


def test_a_film_needs_the_extra_or_is_named(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no film")
    video = Video(tmp_path / "film.mp4")
    try:
        import av  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtra, match=r'reading films needs av.*pip install "tocsin\[video\]"'):
            video.grid  # noqa: B018
    else:
        with pytest.raises(InputError, match=r"film\.mp4 cannot be read as a film"):
            video.grid  # noqa: B018
