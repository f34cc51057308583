from __future__ import annotations

import numpy as np
import pytest

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.image import StreamingPixelEvaluation, evaluate_pixels


def feed(maps, masks, bits, parts=1):
    shards = [StreamingPixelEvaluation(bits) for _ in range(parts)]
    for i, (score_map, mask) in enumerate(zip(maps, masks, strict=True)):
        shards[i % parts].update(score_map, mask)
    for other in shards[1:]:
        shards[0].merge(other)
    return shards[0]


@pytest.mark.parametrize("bits", [10, 16, 20])
def test_bounds_hold_and_more_bits_are_closer(pictures, bits):
    maps, masks = pictures.hashed()
    exact = evaluate_pixels(masks, maps)
    stream = feed(maps, masks, bits)
    for limit in (0.05, 0.3):
        error = abs(stream.au_pro(limit) - exact.au_pro(limit))
        assert error <= stream.au_pro_error(limit) + 1e-12
        assert stream.au_pro_error(limit) < {10: 2.0, 16: 0.05, 20: 0.004}[bits]
    assert stream.auroc() == pytest.approx(exact.auroc(), abs={10: 0.2, 16: 1e-4, 20: 1e-5}[bits])


def test_scores_of_few_digits_are_exact(pictures):
    maps, masks = pictures.toy()
    coarse = [np.round(m * 8) / 8 for m in maps]
    stream, exact = feed(coarse, masks, 20), evaluate_pixels(masks, coarse)
    assert stream.au_pro(0.3) == pytest.approx(exact.au_pro(0.3), abs=1e-12)
    assert stream.average_precision() == pytest.approx(exact.average_precision(), abs=1e-12)
    assert stream.oracle_f1() == pytest.approx(exact.oracle_f1())
    assert stream.auroc(0.1) == pytest.approx(exact.auroc(0.1), abs=1e-12)


def test_shards_merge_and_rescaling_hardly_matters(pictures):
    maps, masks = pictures.hashed()
    whole = feed(maps, masks, 18)
    assert feed(maps, masks, 18, parts=3).au_pro() == pytest.approx(whole.au_pro(), abs=1e-12)
    stretched = feed([np.exp(3 * m.astype(np.float64)) for m in maps], masks, 18)
    assert stretched.au_pro() == pytest.approx(whole.au_pro(), abs=1e-3)


def test_undefined_and_bad_input():
    good = StreamingPixelEvaluation(8).update([[0.5]], None)
    assert reason_of(good.au_pro()) == "no mask marks an anomalous pixel"
    full = StreamingPixelEvaluation(8).update([[0.5]], [[1]])
    assert reason_of(full.au_pro()) == reason_of(full.au_pro_error()) == "the masks leave no normal pixel"
    with pytest.raises(MetricError, match="differ in connectivity"):
        StreamingPixelEvaluation(8).merge(StreamingPixelEvaluation(8, connectivity=4))
    with pytest.raises(MetricError, match="its mask shape"):
        StreamingPixelEvaluation(8).update([[0.5]], [[1, 0]])
