from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.image import DefectChannel, SaturatedEvaluation, au_spro


def toy_channels(masks):
    small = np.zeros((16, 16), int)
    small[:2, :2] = 1
    small[2, 2] = 1
    large = masks[2] - small
    return [
        [],
        [DefectChannel(masks[1], 0.5, relative=True)],
        [DefectChannel(small, 5), DefectChannel(large, 10)],
        [DefectChannel(masks[3], 40)],
    ]


@pytest.mark.parametrize(
    ("limit", "value"), [(0.05, 0.5387543630017453), (0.3, 0.6685991128563119), (1.0, 0.8479422993019197)]
)
def test_toy(pictures, limit, value):
    maps, masks = pictures.toy()
    assert au_spro(toy_channels(masks), maps, limit) == pytest.approx(value, abs=1e-14)


def slow_au_spro(maps, channels, limit):
    """Saturated overlap at every distinct score, walked along."""
    levels = np.unique(np.concatenate([np.ravel(m) for m in maps]))[::-1]
    normal = [
        ~np.any([np.asarray(c.mask) > 0 for c in cs], axis=0) if cs else np.ones(m.shape, bool)
        for m, cs in zip(maps, channels, strict=True)
    ]
    total = sum(int(n.sum()) for n in normal)
    xs, ys = [0.0], [0.0]
    for level in levels:
        xs.append(sum(int(((m >= level) & n).sum()) for m, n in zip(maps, normal, strict=True)) / total)
        shares = []
        for m, cs in zip(maps, channels, strict=True):
            for c in cs:
                mask = np.asarray(c.mask) > 0
                needed = int(c.saturation * mask.sum()) if c.relative else min(c.saturation, mask.sum())
                shares.append(min(((m >= level) & mask).sum() / needed, 1.0))
        ys.append(float(np.mean(shares)))
    return xs, ys, total


@st.composite
def channel_sets(draw):
    maps, channels = [np.array([[0.0, 1.0, 0.0]])], [[]]
    for _ in range(draw(st.integers(1, 3))):
        shape = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
        maps.append(draw(hnp.arrays(np.float64, shape, elements=st.integers(-1, 2).map(float))))
        cs = []
        for _ in range(draw(st.integers(1, 2))):
            mask = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 7])))
            mask[0, 0] = 3
            relative = draw(st.booleans())
            cs.append(DefectChannel(mask, 1.0 if relative else draw(st.integers(1, 20)), relative))
        channels.append(cs)
    return maps, channels


@given(channel_sets(), st.sampled_from([0.05, 0.4, 1.0]))
def test_against_the_walk_over_all_thresholds(pictures, data, limit):
    maps, channels = data
    xs, ys, _ = slow_au_spro(maps, channels, limit)
    assert au_spro(channels, maps, limit) == pytest.approx(
        pictures.slow_area(np.array(xs), np.array(ys), limit), abs=1e-12
    )


def test_full_saturation_of_whole_regions_is_au_pro(pictures):
    from tocsin.metrics.image import au_pro

    maps, masks = pictures.hashed(6, 48, 40)
    channels = [
        [DefectChannel(region, 1.0, relative=True) for number, region in pictures.regions_of(masks) if number == i]
        for i in range(len(masks))
    ]
    assert au_spro(channels, maps, 0.3) == pytest.approx(au_pro(masks, maps, 0.3), abs=1e-12)


def test_kinds_share_good_pictures_and_nothing_else(pictures):
    maps, masks = pictures.toy()
    channels = toy_channels(masks)
    kinds = ["good", "logical", "structural", "structural"]
    both = SaturatedEvaluation()
    for score_map, cs, kind in zip(maps, channels, kinds, strict=True):
        both.update(score_map, cs, kind=kind)
    logical = au_spro(channels[:2], maps[:2])
    structural = au_spro([channels[0], *channels[2:]], [maps[0], *maps[2:]])
    assert both.by_kind() == pytest.approx({"logical": logical, "structural": structural})
    assert both.au_spro() == pytest.approx((logical + structural) / 2)
    assert au_spro(channels, maps, kinds=kinds) == pytest.approx(both.au_spro())


def test_shards_merge(pictures):
    maps, masks = pictures.toy()
    channels = toy_channels(masks)
    parts = [SaturatedEvaluation(), SaturatedEvaluation()]
    for i in (3, 1, 0, 2):
        parts[i % 2].update(maps[i], channels[i])
    assert parts[0].merge(parts[1]).au_spro(0.3) == pytest.approx(au_spro(channels, maps, 0.3), abs=1e-14)


def test_bad_input_and_undefined_values():
    one = np.ones((2, 2))
    with pytest.raises(MetricError, match="marks no pixel"):
        SaturatedEvaluation().update(one, [DefectChannel(np.zeros((2, 2)), 1)])
    with pytest.raises(MetricError, match="comes to 0 of its 4 pixels"):
        SaturatedEvaluation().update(one, [DefectChannel(one, 0.1, relative=True)])
    with pytest.raises(MetricError, match="channel 0"):
        SaturatedEvaluation().update(one, [DefectChannel(np.ones((3, 2)), 1)])
    with pytest.raises(MetricError, match="numbers differ"):
        au_spro([[], []], [one])
    with pytest.raises(MetricError, match="numbers differ"):
        au_spro([[]], [one, one])
    assert reason_of(SaturatedEvaluation().au_spro()) == "no picture has a defect channel"
    full = SaturatedEvaluation().update(one, [DefectChannel(one, 4)])
    assert reason_of(full.au_spro()) == "the masks leave no normal pixel"
