"""SpectralResidual: how much each place stands out once what is usual in the spectrum around it has been taken away.

The logarithm of a window's amplitude spectrum is mostly smooth; what is special about the window is what remains when
its moving average over frequency is subtracted. Turned back into time with the phase kept, that remainder is the
saliency map: flat where the window repeats itself, high where it does not. Nothing but the size of a usual score is
learned, so the method is at home where there is no normal part to learn from.

Reference: Ren, Xu, Wang, Yi, Huang, Kou, Xing, Yang, Tong and Zhang, Time-Series Anomaly Detection Service at
Microsoft, KDD 2019; the saliency map is Hou and Zhang, Saliency Detection: A Spectral Residual Approach, CVPR 2007.

Deviations from the paper, and why. The paper transforms the series as a whole, so one place's score depends on all
others, and one far spike changes every score. Here a window slides along and only the saliency of its middle is read,
which needs no inverse transform; the ends are continued in mirror image. The saliency itself is the score: dividing by
its local mean, as the paper does, ranks the labelled places of 45 public series worse (mean average precision .105
against .138). Amplitudes get a floor, so that a flat stretch with a whisper on it does not shout. With
``faithful=True`` the paper's own procedure runs instead, estimated points included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import comparable, join, reference_of
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

FLOOR = 0.1  # of a channel's scale: amplitudes below this share of it are silence
CHUNK_CELLS = 1 << 18  # numbers of windows in flight; small enough to stay in cache
LOCAL = 21  # the paper's z: places over which saliency is averaged
ESTIMATED, LOOK_BACK = 5, 5  # the paper's kappa and m: points appended, points whose gradients they continue


class SpectralResidual(Detector):
    """Saliency of each place in the spectral residual of the window around it.

    Parameters
    ----------
    window : int
        Rows per window, at least 8; the score of a row rests on half of them before and half after it.
    smoothing : int
        Odd number of frequencies over which the log spectrum is averaged (the paper's q).
    faithful : bool
        Follow the paper to the letter: one transform over the whole series and the relative rise of the saliency over
        its mean on the 21 places before. Scores then depend on the whole series, and no part can be scored alone.

    Raises
    ------
    InputError
        From `fit`, if `window` or `smoothing` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(600.0) / 5)
    >>> load[400] += 3
    >>> found = SpectralResidual().fit_detect(load, false_alarms="top 1")
    >>> found.anomalies[0].start
    400
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
    reference_: FloatArray

    def __init__(self, window: int = 64, smoothing: int = 3, faithful: bool = False) -> None:
        self.window = window
        self.smoothing = smoothing
        self.faithful = faithful

    @property
    def streams(self) -> bool:
        return not self.faithful

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        if self.window < 8:
            raise InputError(f"spectral-residual needs a window of at least 8 rows, not {self.window}")
        if self.smoothing < 1 or self.smoothing % 2 == 0 or self.smoothing > self.window // 2:
            raise InputError(
                f"smoothing is an odd number of frequencies up to half the window of {self.window}, "
                f"not {self.smoothing}"
            )
        self.window_ = LOCAL if self.faithful else int(self.window)
        self.reference_ = reference_of(np.concatenate([self._saliency(s) for s in samples]))

    def _score(self, sample: Series) -> Scores:
        parts = comparable(self._saliency(sample), self.reference_)
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def _saliency(self, sample: Series) -> FloatArray:
        """Saliency of each cell, float32 of shape (n, c)."""
        assert self.profile_ is not None
        values = self.profile_.standardise(sample.values)
        of_channel = relative_saliency if self.faithful else middle_saliency
        window = len(values) if self.faithful else int(self.window)
        columns = [of_channel(values[:, c], window, self.smoothing) for c in range(values.shape[1])]
        return np.stack(columns, axis=1).astype(np.float32)


def middle_saliency(values: FloatArray, window: int, smoothing: int) -> FloatArray:
    """Return the saliency in the middle of the window around each place of one channel; shape (n,).

    The middle of an inverse transform is the sum of the spectrum with alternating signs, so none is computed.
    """
    from scipy.fft import rfft

    half = window // 2
    # Windows of odd length have no place at exactly half a period: one row more is read.
    width = 2 * half
    mirrored = np.pad(np.asarray(values, dtype=np.float32), (half, half - 1), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, width)
    weights = np.where(np.arange(half + 1) % 2 == 0, 2.0, -2.0).astype(np.float32) / width
    weights[[0, half]] /= 2
    floor = np.float32(FLOOR * np.sqrt(width))
    found = np.empty(len(values), dtype=np.float32)
    rows = max(1, CHUNK_CELLS // width)
    for start in range(0, len(values), rows):
        spectrum = rfft(windows[start : start + rows], axis=1)
        usual = _smoothed(np.log(np.abs(spectrum) + floor), smoothing, even=True)
        found[start : start + rows] = np.abs((spectrum.real * np.exp(-usual)) @ weights)
    return found


def relative_saliency(values: FloatArray, window: int, smoothing: int) -> FloatArray:
    """Return the paper's score of each place of one channel: (S - mean S) / mean S over the 21 places up to it.

    `window` is the length of the series. Falls below the mean count as nothing.
    """
    from scipy.fft import irfft, rfft

    look_back = min(LOOK_BACK, window - 1)
    x = np.asarray(values, dtype=np.float64)
    if look_back > 0:
        # The paper's estimate of the next point: the mean gradient towards the last one, continued.
        back = np.arange(1, look_back + 1)
        gradient = float(np.mean((x[-1] - x[-1 - back]) / back))
        x = np.append(x, np.full(ESTIMATED, x[-look_back] + gradient * look_back))
    spectrum = rfft(x)
    amplitude = np.abs(spectrum)
    usual = _smoothed(np.log(amplitude + 1e-8)[None], min(smoothing, 2 * len(amplitude) - 1), even=len(x) % 2 == 0)[0]
    saliency = np.abs(irfft(spectrum * np.exp(-usual), len(x)))[:window]
    total = np.concatenate(([0.0], np.cumsum(saliency)))
    last = np.arange(1, window + 1)
    first = np.maximum(last - LOCAL, 0)
    mean = (total[last] - total[first]) / (last - first)
    return np.maximum(saliency - mean, 0) / np.maximum(mean, 1e-12)


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
    return np.asarray(total / np.float32(width))
