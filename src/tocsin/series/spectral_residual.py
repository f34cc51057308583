"""SpectralResidual: how much each place stands out once what is usual in the spectrum around it has been taken away.

Log amplitude spectra of windows resemble each other; what is special about one is what remains when the average log
spectrum is subtracted. Turned back into time with the phase kept, that remainder is the saliency map: flat where the
window is as ever, high where it is not.

Reference: Ren, Xu, Wang, Yi, Huang, Kou, Xing, Yang, Tong and Zhang, Time-Series Anomaly Detection Service at
Microsoft, KDD 2019; the saliency map is Hou and Zhang, Saliency Detection: A Spectral Residual Approach, CVPR 2007.

Deviations from the paper, and why. The paper transforms the series as a whole, so one far spike changes every score;
here a window slides along, only the saliency of its middle is read (which needs no inverse transform), and the ends are
continued in mirror image. Hou and Zhang define the residual against the average spectrum of many pictures and take a
moving average over frequency in its stead, for want of others; the paper does the same. Having a training part, we can
average its windows. That keeps amplitudes, which the moving average removes together with the anomaly, and is one
linear filter per channel. The saliency itself is the score: the paper's division by its local mean only loses. Mean
average precision over 48 labelled public series: the paper's procedure .10, sliding windows with the moving average
.14, with the learned average .21. The first two are there as ``faithful=True`` and ``average="local"``. Amplitudes have
a floor, so that a flat stretch with a whisper on it does not shout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import comparable, join, reference_of
from tocsin.core.detector import Detector
from tocsin.core.durations import in_rows, is_duration
from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray

FLOOR = 0.1  # in a channel's robust standard deviations: amplitudes below those of such noise are silence
CHUNK_CELLS = 1 << 18  # numbers of windows in flight; small enough to stay in cache
LOCAL = 21  # the paper's z: places over which saliency is averaged
LEARNED_WINDOWS = 20_000
ESTIMATED, LOOK_BACK = 5, 5  # the paper's kappa and m: points appended, points whose gradients they continue


class SpectralResidual(Detector):
    """Saliency of each place in the spectral residual of the window around it.

    Parameters
    ----------
    window : int or str
        Even number of rows per window, at least 8, or a duration such as ``"1h"``; the score of a row rests on half of
        them before and half after it.
    average : {'learned', 'local'}
        What is taken off a window's log spectrum: the average over the training part's windows, or the moving average
        over the window's own neighbouring frequencies.
    smoothing : int
        Odd number of frequencies of that moving average (the paper's q).
    faithful : bool
        Follow the paper to the letter: one transform over the whole series and the relative rise of the saliency over
        its mean on the 21 places before. Scores then depend on the whole series, and no part can be scored alone.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(600.0) / 5)
    >>> load[400] += 3
    >>> found = SpectralResidual().fit_detect(load, false_alarms="top 1")
    >>> found.anomalies[0].peak_at
    '400'
    """

    card: ClassVar[Card] = Card(
        name="spectral-residual",
        summary="places that stand out from the usual spectrum of the window around them",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        cost="linear in rows, n log n in the window",
        cite="Ren et al., KDD 2019",
    )
    window_: int
    filters_: FloatArray
    reference_: FloatArray

    def __init__(
        self,
        window: int | str = 128,
        *,
        average: Literal["learned", "local"] = "learned",
        smoothing: int = 3,
        faithful: bool = False,
    ) -> None:
        self.window = window
        self.average = average
        self.smoothing = smoothing
        self.faithful = faithful

    @property
    def streams(self) -> bool:
        """Not where the whole series is transformed at once."""
        return not self.faithful

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        window = in_rows(self.window, samples)
        window += window % 2 if is_duration(self.window) else 0
        if window < 8 or window % 2:
            raise InputError(f"spectral-residual needs a window of at least 8 rows, an even number, not {window}")
        if self.average not in ("learned", "local"):
            raise InputError(f"the average is 'learned' or 'local', not {self.average!r}")
        if self.smoothing < 1 or self.smoothing % 2 == 0 or self.smoothing > window // 2:
            raise InputError(
                f"smoothing is an odd number of frequencies up to half the window of {window}, not {self.smoothing}"
            )
        self.window_ = LOCAL if self.faithful else window
        if self.average == "learned" and not self.faithful:
            standard = [self._standard(s) for s in samples]
            channels = range(len(samples[0].channels))
            self.filters_ = np.stack([whitening_filter([v[:, c] for v in standard], self.window_) for c in channels])
        self.reference_ = reference_of(np.concatenate([self._saliency(s) for s in samples]))

    def _score(self, sample: Series) -> Scores:
        parts = comparable(self._saliency(sample), self.reference_)
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def _saliency(self, sample: Series) -> FloatArray:
        """Saliency of each cell, shape (n, c)."""
        values = self._standard(sample)
        columns = []
        for c in range(values.shape[1]):
            column = values[:, c]
            if self.faithful:
                columns.append(relative_saliency(column, self.smoothing))
            elif self.average == "learned":
                columns.append(np.abs(np.correlate(mirrored(column, self.window_), self.filters_[c], "valid")))
            else:
                columns.append(middle_saliency(column, self.window_, self.smoothing))
        return np.stack(columns, axis=1)

    def _standard(self, sample: Series) -> FloatArray:
        assert self.profile_ is not None
        return self.profile_.standardise(sample.values.astype(np.float64))


def whitening_filter(columns: Sequence[FloatArray], window: int) -> FloatArray:
    """Return the filter of shape (window,) that gives the saliency in the middle of a window.

    The residual is taken against the mean log spectrum over at most 20 000 windows of one channel. Dividing a spectrum
    by a fixed one is a convolution, and its inverse transform is needed in one place only.
    """
    from scipy.fft import irfft

    step = max(1, sum(map(len, columns)) // LEARNED_WINDOWS)
    total, count = np.zeros(window // 2 + 1), 0
    for column in columns:
        windows = np.lib.stride_tricks.sliding_window_view(mirrored(column, window), window)[::step]
        for start in range(0, len(windows), max(1, CHUNK_CELLS // window)):
            spectra = _log_amplitude(windows[start : start + max(1, CHUNK_CELLS // window)])[1]
            total += spectra.sum(axis=0)
            count += len(spectra)
    return np.asarray(np.roll(irfft(np.exp(-total / count), window), window // 2))


def middle_saliency(values: FloatArray, window: int, smoothing: int) -> FloatArray:
    """Return the saliency in the middle of the window around each place of one channel; shape (n,).

    The middle of an inverse transform is the sum of the spectrum with alternating signs, so none is computed.
    """
    half = window // 2
    windows = np.lib.stride_tricks.sliding_window_view(mirrored(values, window), window)
    weights = np.where(np.arange(half + 1) % 2 == 0, 2.0, -2.0) / window
    weights[[0, half]] /= 2
    found = np.empty(len(values))
    rows = max(1, CHUNK_CELLS // window)
    for start in range(0, len(values), rows):
        spectrum, amplitude = _log_amplitude(windows[start : start + rows])
        found[start : start + rows] = (spectrum.real * np.exp(-_smoothed(amplitude, smoothing, even=True))) @ weights
    return np.abs(found)


def mirrored(values: FloatArray, window: int) -> FloatArray:
    """Return one channel with its ends continued in mirror image, so that each place has a window around it."""
    return np.asarray(np.pad(values, (window // 2, window // 2 - 1), mode="reflect"))


def _log_amplitude(windows: FloatArray) -> tuple[AnyArray, FloatArray]:
    """Spectra of windows and the logarithm of their amplitudes over the floor; shape (m, window // 2 + 1)."""
    from scipy.fft import rfft

    spectrum = rfft(windows, axis=1)
    return spectrum, np.log(np.abs(spectrum) + FLOOR * np.sqrt(windows.shape[1]))


def relative_saliency(values: FloatArray, smoothing: int) -> FloatArray:
    """Return the paper's score of each place of one channel: (S - mean S) / mean S over the 21 places up to it.

    Falls below the mean count as nothing.
    """
    from scipy.fft import irfft, rfft

    x, rows = values, len(values)
    look_back = min(LOOK_BACK, rows - 1)
    if look_back > 0:
        # The paper's estimate of the next point: the mean gradient towards the last one, continued.
        back = np.arange(1, look_back + 1)
        gradient = float(np.mean((x[-1] - x[-1 - back]) / back))
        x = np.append(x, np.full(ESTIMATED, x[-look_back] + gradient * look_back))
    spectrum = rfft(x)
    amplitude = np.abs(spectrum)
    usual = _smoothed(np.log(amplitude + 1e-8)[None], min(smoothing, 2 * len(amplitude) - 1), even=len(x) % 2 == 0)[0]
    saliency = np.abs(irfft(spectrum * np.exp(-usual), len(x)))[:rows]
    total = np.concatenate(([0.0], np.cumsum(saliency)))
    last = np.arange(1, rows + 1)
    first = np.maximum(last - LOCAL, 0)
    mean = (total[last] - total[first]) / (last - first)
    return np.asarray(np.maximum(saliency - mean, 0) / np.maximum(mean, 1e-12))


def _smoothed(log_amplitude: FloatArray, width: int, *, even: bool) -> FloatArray:
    """Moving average over frequency, with the spectrum continued in mirror image as the full one would be."""
    half = width // 2
    bins = log_amplitude.shape[1]
    index = np.abs(np.arange(-half, bins + half))
    last = bins - 1
    index = np.where(index > last, 2 * last - index + (0 if even else 1), index)
    index = np.clip(index, 0, last)
    total = log_amplitude[:, index[:bins]].copy()
    for shift in range(1, width):
        total += log_amplitude[:, index[shift : shift + bins]]
    return np.asarray(total / width)
