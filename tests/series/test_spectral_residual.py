from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.series.spectral_residual import (
    SpectralResidual,
    middle_saliency,
    mirrored,
    relative_saliency,
    whitening_filter,
)

FLOOR = 0.1


def naive_spectral_residual(window: np.ndarray, q: int, floor: float) -> np.ndarray:
    """The saliency map by its definition: full spectrum, amplitude and phase, inverse transform."""
    spectrum = np.fft.fft(window)
    log_amplitude = np.log(np.abs(spectrum) + floor)
    n = len(window)
    average = np.array([np.mean([log_amplitude[(k + j) % n] for j in range(-(q // 2), q // 2 + 1)]) for k in range(n)])
    phase = np.angle(spectrum)
    # Where there is a floor, the amplitude itself is kept and the averaged one divides it.
    return np.abs(np.fft.ifft(np.abs(spectrum) * np.exp(-average) * np.exp(1j * phase)))


@pytest.mark.parametrize("q", [1, 3, 5])
@pytest.mark.parametrize("width", [16, 64])
def test_the_middle_of_each_window_is_the_definition(q, width):
    x = np.cumsum(np.random.default_rng(q).normal(size=150))
    found = middle_saliency(x, width, q)
    around = mirrored(x, width)
    for i in (0, 1, 40, 75, 148, 149):
        expected = naive_spectral_residual(around[i : i + width], q, FLOOR * np.sqrt(width))[width // 2]
        assert found[i] == pytest.approx(expected, rel=1e-9)


def test_the_learned_filter_is_the_residual_against_the_mean_log_spectrum():
    rng = np.random.default_rng(0)
    train, live = np.cumsum(rng.normal(size=400)), np.cumsum(rng.normal(size=90))
    width = 32
    windows = np.lib.stride_tricks.sliding_window_view(mirrored(train, width), width)
    usual = np.log(np.abs(np.fft.fft(windows, axis=1)) + FLOOR * np.sqrt(width)).mean(axis=0)
    kernel = whitening_filter([train], width)
    found = np.abs(np.correlate(mirrored(live, width), kernel, "valid"))
    for i in (0, 13, 50, 89):
        spectrum = np.fft.fft(mirrored(live, width)[i : i + width])
        residual = np.log(np.abs(spectrum) + 1e-300) - usual
        saliency = np.abs(np.fft.ifft(np.exp(residual + 1j * np.angle(spectrum))))
        assert found[i] == pytest.approx(saliency[width // 2], rel=1e-9)


@pytest.mark.parametrize("rows", [60, 61])
def test_faithful_follows_the_paper(rows):
    x = np.sin(np.arange(rows) / 3.0) + 0.1 * np.random.default_rng(2).normal(size=rows)
    x[35] += 4
    # The paper's estimate of the next point, five times over.
    gradient = np.mean([(x[-1] - x[-1 - i]) / i for i in range(1, 6)])
    extended = np.append(x, [x[-5] + gradient * 5] * 5)
    saliency = naive_spectral_residual(extended, 3, 1e-8)[:rows]
    expected = np.array([(s - (m := saliency[max(0, i - 20) : i + 1].mean())) / m for i, s in enumerate(saliency)])
    np.testing.assert_allclose(relative_saliency(x, 3), np.maximum(expected, 0), atol=1e-6)
    assert int(np.argmax(SpectralResidual(faithful=True).fit_score(x).local)) == 35


def test_faithful_does_not_claim_to_stream():
    assert SpectralResidual().streams
    assert not SpectralResidual(faithful=True).streams


@pytest.mark.parametrize("seed", range(5))
def test_finds_a_wrong_beat_among_usual_values_where_robust_z_cannot(seed):
    from tocsin.series.robust_z import RobustZ

    rng = np.random.default_rng(seed)
    x = 10 * np.sin(2 * np.pi * np.arange(3000) / 40) + rng.normal(scale=0.3, size=3000)
    x[2013] = 0.9 * x[2013] + 4 * np.sign(-x[2013])
    x[2013] = np.clip(x[2013], -9, 9)
    assert int(np.argmax(SpectralResidual().fit_score(x).local)) == 2013
    assert int(np.argmax(RobustZ().fit_score(x).local)) != 2013


def test_a_far_spike_changes_nothing_unless_faithful():
    x = np.sin(np.arange(1000) / 4.0)
    spiked = x.copy()
    spiked[900] = 40.0
    detector = SpectralResidual(window=64).fit(x)
    np.testing.assert_array_equal(detector.score(x).local[:800], detector.score(spiked).local[:800])
    whole = SpectralResidual(faithful=True).fit(x)
    assert not np.allclose(whole.score(x).local[:800], whole.score(spiked).local[:800])


def test_the_last_row_can_be_an_anomaly():
    rng = np.random.default_rng(3)
    x = np.sin(np.arange(800) / 6.0) + 0.05 * rng.normal(size=800)
    x[-1] += 3
    assert int(np.argmax(SpectralResidual().fit_score(x).local)) == 799


def test_a_whisper_on_a_flat_stretch_is_no_anomaly():
    rng = np.random.default_rng(4)
    x = 5 * rng.normal(size=2000)
    x[1000:1500] = 1e-4 * rng.normal(size=500)
    local = SpectralResidual().fit_score(x).local
    assert local[1100:1400].max() < np.median(np.r_[local[:900], local[1600:]])


@pytest.mark.parametrize(
    "parameters", [{"window": 7}, {"window": 33}, {"smoothing": 2}, {"smoothing": 99}, {"average": "none"}]
)
def test_parameters_out_of_range_are_refused_by_fit(parameters):
    detector = SpectralResidual(**parameters)
    with pytest.raises(InputError, match=next(iter(parameters))):
        detector.fit(np.arange(100.0))


def test_channels_are_joined_on_one_scale():
    rng = np.random.default_rng(5)
    values = np.stack([1e4 * rng.normal(size=900), 1e-3 * np.cumsum(rng.normal(size=900))], axis=1)
    scores = SpectralResidual().fit_score(Series(values, ["wild", "drift"]))
    quantiles = np.quantile(scores.parts, 0.99, axis=0)
    np.testing.assert_allclose(quantiles, 1, rtol=1e-6)
