"""ReferenceComparison as a whole: made-up scenes against named baselines, and real circuit boards."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin import Bundle, Image
from tocsin.core.errors import InputError
from tocsin.metrics.image.boxes import box_metrics
from tocsin.metrics.ranks import Ranking

cv2 = pytest.importorskip("cv2")

from tocsin.image.reference.boxes import boxes  # noqa: E402
from tocsin.image.reference.detector import ReferenceComparison  # noqa: E402
from tocsin.synthesis.image.procedural import picture  # noqa: E402


def _pair(test, template, **known):
    return Bundle({"test": Image(test), "template": Image(template)}, primary="test", **known)


def _scene(seed, move):
    """A scene with three foreign objects, in other light and noise, a little moved; and where the objects are."""
    rng = np.random.default_rng(seed)
    template, other = (picture(s, 232).astype(np.float32) / 255 for s in (seed, seed + 1000))
    mask = np.zeros((232, 232), dtype=np.uint8)
    for _ in range(3):
        centre, axes = (tuple(int(v) for v in rng.integers(*span, 2)) for span in ((50, 180), (5, 13)))
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    query = np.where(mask[..., None] > 0, other, template)
    shift = np.eye(3)
    shift[:2, 2] = rng.uniform(-move, move, 2)
    query = cv2.warpPerspective(query, shift, (232, 232), borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpPerspective(mask, shift, (232, 232), flags=cv2.INTER_NEAREST)
    query = query * rng.uniform(0.8, 1.2, (1, 1, 3)) + rng.uniform(-0.08, 0.08)
    seen = [x + rng.normal(scale=0.03, size=x.shape) for x in (query, template)]
    query, template = ((x[20:-20, 20:-20].clip(0, 1) * 255).astype(np.uint8) for x in seen)
    return query, template, mask[20:-20, 20:-20] > 0


def _dissimilarity(a, b):
    """1 - SSIM, pixel by pixel."""
    a, b = (cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 for x in (a, b))

    def mean(x):
        return cv2.GaussianBlur(x, (0, 0), 1.5)

    ma, mb = mean(a), mean(b)
    va, vb, shared = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return 1 - (2 * ma * mb + 1e-4) * (2 * shared + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4))


@pytest.mark.parametrize("move", [0, 2])
def test_objects_are_found_better_than_by_plain_difference_or_ssim(move):
    rows = []
    for seed in (2, 3, 6, 8, 9):
        query, template, mask = _scene(seed, move)
        pair = _pair(query, template)
        found = ReferenceComparison(levels="grey").fit(pair).score(pair).local
        maps = (np.abs(query.astype(float) - template).mean(axis=2), _dissimilarity(query, template), found)
        rows.append([Ranking.from_scores(mask.ravel(), m.ravel().astype(float)).average_precision() for m in maps])
    plain, ssim, ours = np.mean(rows, axis=0)
    assert ours > 0.9
    assert ours > plain + (0.05 if move == 0 else 0.15)
    assert ours > ssim + 0.2
    if move:
        assert sum(o > max(p, s) for p, s, o in rows) >= 4


def test_light_does_not_matter_and_equal_pictures_do_not_differ():
    _, template, _ = _scene(3, 0)
    detector = ReferenceComparison(levels="grey").fit(_pair(template, template))
    assert detector.score(_pair(template, template)).overall < 0.005
    darker = (template * 0.8 + 10).astype(np.uint8)
    assert detector.score(_pair(darker, template)).overall < 0.03


def test_a_known_turn_of_the_camera_is_undone():
    scene = picture(3, 320)
    camera = np.array([[300.0, 0, 160], [0, 300, 160], [0, 0, 1]])
    c, s = np.cos(0.2), np.sin(0.2)  # farther than any search reaches
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    matrix = camera @ turn @ np.linalg.inv(camera)
    query = cv2.warpPerspective(scene, matrix, (320, 320))
    known = {"camera": {"intrinsics": camera.tolist(), "rotation": turn.tolist(), "distance": 0.0}}
    detector = ReferenceComparison("none", levels="grey", local=False).fit(_pair(scene, scene))
    with_pose, without = (detector.score(_pair(query, scene, meta=m)) for m in (known, {}))
    assert with_pose.notes["agreement"] > 0.98 > without.notes["agreement"]
    assert with_pose.overall < 0.3 * without.overall


def test_levels_are_chosen_by_what_is_learned_from_and_the_reasons_say_where():
    template = np.zeros((120, 160), dtype=np.uint8)
    template[40:52] = 255
    board = template.copy()
    board[40:52, 80:96] = 0
    detector = ReferenceComparison().fit([_pair(template, template)])
    assert "two levels" in detector.findings_[0]
    found = detector.detect(_pair(board, template))
    assert len(found.anomalies) == 1
    reason = found.anomalies[0].because[0]
    assert reason.name == "darker than the reference"
    assert reason.share == pytest.approx(1)
    assert found.scores.notes["changed_pixels"] == 12 * 16 - 4
    assert "differences" in ReferenceComparison().fit(_pair(*[picture(1, 64)] * 2)).findings_[0]


def test_any_depth_and_kind_of_picture_and_any_two_members():
    template, _, _ = _scene(3, 0)
    odd = template.copy()
    odd[60:90, 60:90] = 255 - odd[60:90, 60:90]
    kinds = {
        "grey": lambda p: p[..., 0],
        "opaque": lambda p: np.dstack([p, np.full(p.shape[:2], 255, np.uint8)]),
        "16 bits": lambda p: p.astype(np.uint16) * 257,
        "floats": lambda p: p.astype(np.float32) / 255,
    }
    for name, kind in kinds.items():
        members = {"reference": Image(kind(template)), "query": Image(kind(odd))}
        pair = Bundle(members, primary="query")
        scores = ReferenceComparison(levels="grey").fit(pair).score(pair)
        assert scores.local[65:85, 65:85].mean() > 5 * scores.local[:40, :40].mean(), name


def test_what_is_no_pair_is_refused_in_a_sentence():
    image, detector = Image(np.zeros((16, 16))), ReferenceComparison()
    three = Bundle({"a": image, "b": image, "c": image}, id="three")
    for sample, said in (
        (three, "2 members beside"),
        (Bundle({"a": image}, id="one"), "0 members beside"),
        (Bundle({"a": image, "b": Image(np.zeros((4, 30)))}, id="small"), "30 x 4 pixels"),
    ):
        with pytest.raises(InputError, match=said):
            detector.fit(sample)
    ReferenceComparison(reference="c").fit(three)
    with pytest.raises(InputError, match="no member 'd'"):
        ReferenceComparison(reference="d").fit(three)
    with pytest.raises(InputError, match="tolerance=-1"):
        ReferenceComparison(tolerance=-1).fit(three)


def _boards(shared, half, every=2):
    from tocsin.io.datasets import read_dataset

    folder = shared / "data" / "deeppcb"
    if not folder.is_dir():
        pytest.skip("DeepPCB is not here")
    found = read_dataset(folder)
    entries = sorted(found, key=lambda entry: entry.id)
    return [entry.load() for entry in entries[half::every]]


def _measured(boards, maps_of):
    truths, found, sure = [], [], []
    for sample, truth in boards:
        drawn, confidence = maps_of(sample)
        truths.append(truth.boxes), found.append(drawn), sure.append(confidence)
    return box_metrics(truths, found, sure, iou=0.33)


def test_a_few_real_boards(shared):
    boards = _boards(shared, half=0, every=22)
    detector = ReferenceComparison().fit([sample for sample, _ in boards])
    ours = _measured(boards, lambda s: boxes(detector.score(s), margin=3, least_side=24))

    def plain(sample):
        test, template = (bright_of(sample[name]) for name in ("test", "template"))
        opened = cv2.morphologyEx(test ^ template, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        from tocsin.core.scores import Scores

        return boxes(Scores(opened.astype(float)), margin=9, least_side=24)

    def bright_of(image):
        return (image.pixels[:, :, 0] > image.pixels.max() / 2).astype(np.uint8)

    assert ours.f1 > 0.93
    assert ours.f1 > _measured(boards, plain).f1 + 0.3


@pytest.mark.slow
def test_all_boards_of_the_held_out_half(shared):
    boards = _boards(shared, half=1)
    detector = ReferenceComparison().fit([sample for sample, _ in boards[:3]])
    ours = _measured(boards, lambda s: boxes(detector.score(s), margin=3, least_side=24))
    assert ours.f1 >= 0.96
    assert ours.average_precision >= 0.93
