from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.image import PixelEvaluation, ader_pixels, adeval_pixels, au_pro, evaluate_pixels

HERE = Path(__file__).resolve().parent


def _load_pictures():
    spec = importlib.util.spec_from_file_location("image_pictures", HERE / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pictures = _load_pictures()
GOLDEN = json.loads((HERE.parents[1] / "golden" / "metrics" / "image_reference_codes.json").read_text())
TOY = evaluate_pixels(*reversed(pictures.toy()))
HASHED = evaluate_pixels(*reversed(pictures.hashed()))


@pytest.mark.parametrize(
    ("limit", "value"), [(0.3, 0.43557361353500096), (0.05, 0.28545302501454334), (1.0, 0.7183560573007562)]
)
def test_toy_au_pro(limit, value):
    assert TOY.au_pro(limit) == pytest.approx(value, abs=1e-15)


def test_toy_pixels():
    assert TOY.auroc() == pytest.approx(0.7095758403520752, abs=1e-15)
    assert TOY.average_precision() == pytest.approx(0.3645286291957443, abs=1e-15)
    assert TOY.pr_area_trapezoid() == pytest.approx(0.3664883099302051, abs=1e-15)
    assert TOY.oracle_f1() == pytest.approx((0.41379310344827586, 1.01))
    assert TOY.oracle_iou() == pytest.approx((0.2608695652173913, 1.01))
    assert TOY.region_scores(0.3) == pytest.approx([0.33566027, 0.591274, 0.39378515, 0.42157504], abs=1e-8)
    assert len(TOY.region_table.area) == 4
    four = evaluate_pixels(*reversed(pictures.toy()), connectivity=4)
    assert len(four.region_table.area) == 5


@pytest.mark.parametrize(
    ("convention", "steps", "limit", "value"),
    [
        ("mvtec-ad", None, 0.3, 0.43557361353500096),
        ("anomalib", None, 0.05, 0.28545302501454334),
        ("mvtec-3d", None, 0.3, 0.4293921641700601),
        ("mvtec-3d", 100, 0.05, 0.27631083206079116),
        ("mvtec-3d", 100, 1.0, 0.7145418848167541),
        ("ader-loop", None, 0.3, 0.43479410331384016),
        ("ader-loop", 100, 0.3, 0.4336500974658869),
        ("adeval", None, 0.3, 0.43557361329278066),
        ("ader", None, 0.3, 0.4349936583888464),
    ],
)
def test_toy_conventions(convention, steps, limit, value):
    assert TOY.au_pro(limit, convention=convention, steps=steps) == pytest.approx(value, abs=1e-14)


def test_toy_grid_of_ader_and_bins_of_adeval():
    assert list(ader_pixels(TOY.curve).values()) == pytest.approx(
        [0.41379310007, 0.26086956518, 0.21861960702, 0.61283643884, 0.12546701845], abs=1e-11
    )
    assert list(adeval_pixels(TOY.curve).values()) == pytest.approx(
        [0.7095151377190985, 0.35200557922986053, 0.43557361329278066], abs=1e-14
    )
    assert list(adeval_pixels(TOY.curve, 50).values()) == pytest.approx(
        [0.7091053949465058, 0.3458043748974129, 0.4349936583888464], abs=1e-14
    )


@pytest.mark.parametrize("limit", ["0.05", "0.3", "1.0"])
def test_official_au_pro(limit):
    # The official code keeps false positive rates in float32, which alone moves it by some 1e-9.
    assert HASHED.au_pro(float(limit)) == pytest.approx(GOLDEN["mvtec_ad"][limit], abs=1e-8)


def test_exact_area_is_the_definition():
    maps, masks = pictures.hashed(5, 40, 36)
    result = evaluate_pixels(masks, maps)
    fpr, pro, tpr = pictures.slow_curve(maps, masks)
    for limit in (0.013, 0.05, 0.3, 1.0):
        assert result.au_pro(limit) == pytest.approx(pictures.slow_area(fpr, pro, limit), abs=1e-12)
        assert result.auroc(limit) == pytest.approx(pictures.slow_area(fpr, tpr, limit), abs=1e-12)


@pytest.mark.parametrize("steps", ["100", "1000"])
def test_code_of_mvtec_3d(steps):
    for limit, value in GOLDEN["mvtec_3d"][steps].items():
        assert HASHED.au_pro(float(limit), convention="mvtec-3d", steps=int(steps)) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("bins", ["50", "1000"])
def test_code_of_adeval_and_how_a_rescaling_moves_it(bins):
    maps, masks = pictures.hashed()
    stretched = evaluate_pixels(masks, [np.exp(3 * m.astype(np.float64)) for m in maps])
    assert list(adeval_pixels(HASHED.curve, int(bins)).values()) == pytest.approx(GOLDEN["adeval"][bins], abs=1e-12)
    assert list(adeval_pixels(stretched.curve, int(bins)).values()) == pytest.approx(
        GOLDEN["adeval_exp"][bins], abs=1e-12
    )
    assert stretched.au_pro() == pytest.approx(HASHED.au_pro(), abs=1e-12)
    assert abs(adeval_pixels(stretched.curve, 50)["au_pro"] - adeval_pixels(HASHED.curve, 50)["au_pro"]) > 1e-3


def test_loop_of_ader():
    maps, masks = pictures.hashed(6, 48, 40)
    result = evaluate_pixels(masks, maps)
    for steps in (40, 100):
        assert result.au_pro(convention="ader-loop", steps=steps) == pytest.approx(
            pictures.ader_loop(maps, masks, steps=steps), abs=1e-12
        )


def test_scikit_learn_on_pixels():
    assert HASHED.auroc() == pytest.approx(GOLDEN["sklearn"]["auroc"], abs=1e-12)
    assert HASHED.average_precision() == pytest.approx(GOLDEN["sklearn"]["ap"], abs=1e-12)
    assert HASHED.pr_area_trapezoid() == pytest.approx(GOLDEN["sklearn"]["pr_trapezoid"], abs=1e-12)
    assert HASHED.oracle_f1().value == pytest.approx(GOLDEN["sklearn"]["f1_max"], abs=1e-12)


@st.composite
def picture_sets(draw):
    """Small pictures with many ties, touching regions, empty and full masks; at least one pixel of each kind."""
    n = draw(st.integers(1, 3))
    shapes = [(draw(st.integers(1, 5)), draw(st.integers(1, 5))) for _ in range(n)]
    maps = [draw(hnp.arrays(np.float64, s, elements=st.integers(-2, 3).map(float))) for s in shapes]
    masks = [draw(hnp.arrays(np.uint8, s, elements=st.sampled_from([0, 0, 1, 255]))) for s in shapes]
    maps.append(np.array([[0.0, 1.0]]))
    masks.append(np.array([[1, 0]], np.uint8))
    return maps, masks


@given(picture_sets(), st.sampled_from([0.05, 0.3, 0.77, 1.0]), st.sampled_from([4, 8]))
@settings(max_examples=150)
def test_every_area_against_the_walk_over_all_thresholds(data, limit, connectivity):
    maps, masks = data
    result = evaluate_pixels(masks, maps, connectivity=connectivity)
    fpr, pro, tpr = pictures.slow_curve(maps, masks, connectivity)
    assert result.au_pro(limit) == pytest.approx(pictures.slow_area(fpr, pro, limit), abs=1e-12)
    assert result.au_pro(limit, convention="mvtec-ad") == pytest.approx(result.au_pro(limit), abs=1e-12)
    assert result.auroc(limit) == pytest.approx(pictures.slow_area(fpr, tpr, limit), abs=1e-12)
    assert len(result.region_table.area) == len(pictures.regions_of(masks, connectivity))
    assert sorted(result.region_table.area) == sorted(r.sum() for _, r in pictures.regions_of(masks, connectivity))


@given(picture_sets(), st.randoms())
def test_order_shards_and_duplicates_change_nothing(data, random):
    maps, masks = data
    whole = evaluate_pixels(masks, maps).summary()
    order = list(range(len(maps)))
    random.shuffle(order)
    cut = random.randint(0, len(maps))
    left, right = PixelEvaluation(), PixelEvaluation()
    for place, i in enumerate(order):
        (left if place < cut else right).update(maps[i], masks[i])
    assert left.merge(right).compute().summary() == pytest.approx(whole, abs=1e-12, nan_ok=True)
    assert evaluate_pixels(masks * 2, maps * 2).summary() == pytest.approx(whole, abs=1e-12, nan_ok=True)


@given(picture_sets(), st.sampled_from([np.exp, np.arctan, lambda m: 1e-9 * m - 5, lambda m: m**3]))
def test_increasing_transforms_change_nothing(data, transform):
    maps, masks = data
    plain = evaluate_pixels(masks, maps)
    bent = evaluate_pixels(masks, [transform(m) for m in maps])
    assert bent.summary() == pytest.approx(plain.summary(), abs=1e-12, nan_ok=True)
    assert bent.region_scores() == pytest.approx(plain.region_scores(), abs=1e-12)


def test_merging_keeps_regions_with_their_pictures():
    maps, masks = pictures.toy()
    left, right = PixelEvaluation(), PixelEvaluation()
    for i in (0, 1):
        left.update(maps[i], masks[i], image=f"p{i}", defect="small")
    for i in (2, 3):
        right.update(maps[i], masks[i], image=f"p{i}", defect="large")
    untouched = right.compute().summary()
    merged = left.merge(right).compute()
    assert merged.region_scores() == pytest.approx(TOY.region_scores())
    rows = [(row.name, row.regions, row.pixels) for row in merged.by_image()]
    assert rows == [("p1", 1, 12), ("p2", 2, 41), ("p3", 1, 16)]
    assert [row.name for row in merged.by_defect()] == ["large", "small"]
    assert right.compute().summary() == untouched


def test_breakdowns_add_up_to_the_whole():
    for rows in (HASHED.by_defect(), HASHED.by_image(), HASHED.by_size((20, 60, 150))):
        regions = np.array([row.regions for row in rows])
        pixels = np.array([row.pixels for row in rows])
        assert regions @ np.array([row.au_pro for row in rows]) / regions.sum() == pytest.approx(HASHED.au_pro())
        assert pixels @ np.array([row.auroc for row in rows]) / pixels.sum() == pytest.approx(HASHED.auroc())
    names = [row.name for row in HASHED.by_size((20, 60, 150))]
    assert names == [n for n in ("<20", "20-60", "60-150", ">=150") if n in names]
    sizes = HASHED.region_table.area
    below = int((sizes < 60).sum())
    assert {r.name: r.regions for r in HASHED.by_size((60,))} == {"<60": below, ">=60": len(sizes) - below}


def test_splitting_a_region_reweights_regions_and_leaves_pixels():
    scores = np.arange(40.0).reshape(4, 10)
    whole = np.zeros((4, 10), int)
    whole[1, 2:8] = 1
    tiny = whole.copy()
    tiny[3, 0] = 1
    split = tiny.copy()
    split[1, 4] = 0
    scores[1, 4] = -1  # the pixel in the gap turns normal and scores lowest
    joined, parted = evaluate_pixels([tiny], [scores]), evaluate_pixels([split], [scores])
    assert len(joined.region_table.area) == 2
    assert len(parted.region_table.area) == 3
    assert parted.region_scores(1.0).mean() == pytest.approx(parted.au_pro(1.0))


@pytest.mark.parametrize("limit", [0.05, 0.3])
def test_analytic_cases(limit):
    mask = np.zeros((20, 20), int)
    mask[5:9, 5:9] = 1
    assert au_pro([mask], [np.ones((20, 20))], limit) == pytest.approx(limit / 2)
    assert au_pro([mask], [mask * 1.0], limit) == pytest.approx(1.0)
    assert au_pro([mask], [1.0 - mask], limit) == pytest.approx(0.0, abs=1e-15)
    assert evaluate_pixels([mask], [np.ones((20, 20))]).auroc() == 0.5
    # A perfect binary map breaks ADEval (AP 0 for an AUROC of 1); here every metric says perfect.
    perfect = evaluate_pixels([mask], [mask * 1.0])
    assert perfect.average_precision() == perfect.oracle_f1().value == perfect.oracle_iou().value == 1.0


def test_random_maps_get_half_the_limit_on_average():
    random = np.random.default_rng(3)
    masks = []
    for _ in range(50):
        mask = np.zeros((64, 64), bool)
        r, c = random.integers(0, 50, 2)
        mask[r : r + 12, c : c + 12] = True
        masks.append(mask)
    result = evaluate_pixels(masks, [random.random((64, 64), dtype=np.float32) for _ in masks])
    assert result.au_pro(0.3) == pytest.approx(0.15, abs=0.01)
    assert result.au_pro(0.05) == pytest.approx(0.025, abs=0.005)


def test_precision_of_the_scores():
    maps, masks = pictures.toy()
    rounded = PixelEvaluation(precision="float32")
    for score_map, mask in zip(maps, masks, strict=True):
        rounded.update(score_map, mask)
    result = rounded.compute()
    assert result.ranking.negatives.dtype == np.float32
    assert TOY.ranking.negatives.dtype == np.float64
    assert result.au_pro() == pytest.approx(TOY.au_pro())
    # The oracle's threshold is a score of the maps, so that "map >= threshold" finds what was counted.
    level = TOY.oracle_f1().threshold
    assert sum(int((m >= level).sum()) for m in maps) == 18


def test_a_result_survives_later_pictures():
    maps, masks = pictures.toy()
    evaluation = PixelEvaluation()
    evaluation.update(maps[0], masks[0]).update(maps[1], masks[1])
    early = evaluation.compute()
    before = early.summary()
    for _ in range(50):
        evaluation.update(maps[2], masks[2])
    evaluation.compute()
    fresh = evaluate_pixels(masks[:2], maps[:2])
    assert early.summary() == before
    assert early.region_scores(0.11) == pytest.approx(fresh.region_scores(0.11))


def test_a_fixed_threshold():
    point = TOY.at_threshold(1.01)
    assert (point.f1, point.iou) == pytest.approx((0.41379310344827586, 0.2608695652173913))
    assert point.recall == pytest.approx(18 / 69)
    assert point.precision == 1.0
    assert point.fpr == 0.0
    assert point.fnr_interval[0] < point.fnr < point.fnr_interval[1]
    assert np.isnan(TOY.at_threshold(9.0).precision)


def test_memory_stays_within_six_bytes_a_pixel():
    import gc
    import tracemalloc

    random = np.random.default_rng(0)
    maps = [random.random((512, 512), dtype=np.float32) for _ in range(16)]
    mask = np.zeros((512, 512), np.uint8)
    mask[100:172, 200:272] = 1
    gc.collect()
    tracemalloc.start()
    evaluation = PixelEvaluation()
    for score_map in maps:
        evaluation.update(score_map, mask)
    evaluation.compute().summary()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 6 * 16 * 512 * 512 + 32 * 16 * int(mask.sum())


def test_undefined_values_say_why():
    good = evaluate_pixels([None, None], [[[0.1, 0.2]], [[0.3, 0.4]]])
    assert reason_of(good.au_pro()) == "no mask marks an anomalous pixel"
    assert good.by_defect() == []
    assert np.isnan(good.oracle_f1().value)
    full = evaluate_pixels([[[1, 1]]], [[[0.1, 0.2]]])
    assert reason_of(full.au_pro()) == "the masks leave no normal pixel"
    assert np.isnan(full.auroc())
    assert full.average_precision() == 1.0
    assert np.isnan(full.region_scores()).all()
    constant = evaluate_pixels([[[1, 0]]], [[[2.0, 2.0]]])
    for convention in ("adeval", "ader", "ader-loop"):
        assert "all scores are equal" in reason_of(constant.au_pro(convention=convention))


@pytest.mark.parametrize(
    ("score_map", "mask", "words"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), "the map of image 0 has shape \\(2, 3\\) and its mask shape \\(3, 2\\)"),
        (np.zeros((2, 2)), [["a", "b"], ["c", "d"]], "the mask of image 0 must hold numbers"),
        ([[0.0, np.nan]], [[0, 1]], "the map of image 0 holds nan at position \\(0, 1\\)"),
        ([[0.0, np.inf]], [[0, 1]], "holds inf"),
        ([["x", "y"]], [[0, 1]], "the map of image 0 must hold numbers"),
        (np.zeros((2, 2, 3)), None, "must have shape \\(height, width\\)"),
        (np.zeros((2, 2)), np.array([[0, np.nan], [0, 0]]), "the mask of image 0 holds NaN"),
        (np.zeros((0, 2)), None, "must have shape \\(height, width\\)"),
    ],
)
def test_bad_pictures_are_refused_in_one_sentence(score_map, mask, words):
    with pytest.raises(MetricError, match=words) as caught:
        PixelEvaluation().update(score_map, mask)
    assert "\n" not in str(caught.value)


def test_other_bad_input():
    with pytest.raises(MetricError, match="more maps than masks"):
        evaluate_pixels([None], [[[1.0]], [[2.0]]])
    with pytest.raises(MetricError, match="more masks than maps"):
        evaluate_pixels([None, None], [[[1.0]]])
    with pytest.raises(MetricError, match="no picture was given"):
        PixelEvaluation().compute()
    with pytest.raises(MetricError, match="connectivity must be 4 or 8"):
        PixelEvaluation(connectivity=6)
    with pytest.raises(MetricError, match="convention must be one of"):
        TOY.au_pro(convention="mvtec")
    with pytest.raises(MetricError, match="limit must lie in"):
        TOY.au_pro(0.0)
    with pytest.raises(MetricError, match="differ in connectivity"):
        PixelEvaluation().merge(PixelEvaluation(connectivity=4))
    with pytest.raises(MetricError, match="resampling=True"):
        TOY.intervals()
    with pytest.raises(MetricError, match="edges must rise"):
        TOY.by_size((10, 10))
    with pytest.raises(MetricError, match="steps has no meaning"):
        TOY.au_pro(convention="mvtec-ad", steps=10)


def test_input_is_left_alone():
    maps, masks = pictures.hashed(3, 20, 20)
    copies = [m.copy() for m in maps], [m.copy() for m in masks]
    evaluate_pixels(masks, maps).summary()
    assert all((a == b).all() for a, b in zip(maps + masks, copies[0] + copies[1], strict=True))
