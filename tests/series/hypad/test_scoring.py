"""From windows to rows: golden values of the critic's score, combinations, and the densest opinion."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.series.hypad.scoring import combine, critic_level, critic_scores, opinions_of_rows

C = np.array([0.1, 0.2, 0.15, 0.12, 0.9, 0.18, 0.11, -0.5, 0.14, 0.16])


@pytest.mark.parametrize(
    ("smooth", "wanted"),
    [
        (1, [1.134853378, 1.182448688, 1.023797655, 1.071392965, 3.403563147, 1.118988275, 1.103123171, 3.038665772,
             1.007932552, 1.055527861]),
        (2, [1.134853378, 1.158651033, 1.103123171, 1.04759531, 2.237478056, 2.261275711, 1.111055723, 2.070894472,
             2.023299162, 1.031730207]),
    ],
)  # fmt: skip
def test_golden_critic_scores(smooth, wanted):
    np.testing.assert_allclose(critic_scores(C, critic_level(C), smooth), wanted, atol=1e-9)


@pytest.mark.parametrize("smooth", [3, 4, 25])
def test_smoothing_is_a_centred_mean_over_the_rows_there_are(smooth):
    pandas = pytest.importorskip("pandas")
    away = np.abs(C - 0.1) / 0.3 + 1
    wanted = pandas.Series(away).rolling(smooth, center=True, min_periods=1).mean()
    np.testing.assert_allclose(critic_scores(C, (0.1, 0.3), smooth), wanted)


def test_combinations():
    r, u, k = np.array([2.0, 4.0]), np.array([0.5, 0.25]), np.array([1.5, 3.0])
    wanted = {
        "uncertainty": [1.5, 3.0], "mult": [3.0, 12.0], "rec": [2.0, 4.0], "rec_uncertainty": [1.0, 1.0],
        "critic": [1.5, 3.0], "critic_uncertainty": [0.75, 0.75], "sum": [1.9, 3.8], "sum_uncertainty": [0.875, 0.875],
    }  # fmt: skip
    for name, scores in wanted.items():
        np.testing.assert_allclose(combine(name, r, u, k), scores)
    # Where certainty is the same everywhere, it changes nothing but the scale.
    same = np.full(2, 0.4)
    np.testing.assert_allclose(combine("uncertainty", r, same, k), 0.4 * combine("mult", r, same, k))
    with pytest.raises(InputError, match="did you mean uncertainty"):
        combine("uncertain", r, u, k)


@pytest.mark.parametrize("how", ["median", "densest"])
def test_opinions_of_rows_by_the_definition(how):
    from scipy.stats import gaussian_kde

    rng = np.random.default_rng(0)
    of_windows = np.concatenate([rng.normal(size=20), 3 + 0.1 * rng.normal(size=15)])
    found = opinions_of_rows(of_windows, 6, how)
    assert len(found) == 40
    for row in range(40):
        covering = of_windows[max(0, row - 5) : row + 1]
        if how == "median" or len(covering) < 2:
            wanted = np.median(covering)
        else:
            wanted = covering[np.argmax(gaussian_kde(covering)(covering))]
        assert found[row] == pytest.approx(wanted, abs=1e-12), row
    assert (opinions_of_rows(np.full(9, 0.3), 4, how) == 0.3).all()
