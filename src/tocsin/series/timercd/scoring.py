"""A series through the network: windows that overlap, at several resolutions, with bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from tocsin.core.windows import window_starts
from tocsin.series.timercd.prepare import features, standardise
from tocsin.series.timercd.scales import batches, coarsen, refine, usable

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.series.timercd.net import TimeRCDNet
    from tocsin.series.timercd.settings import Settings

# Points of all channels in one pass through the network: bounds memory whatever the length of a series, and few enough
# that what passes from layer to layer stays in cache.
BATCH_POINTS = 1 << 13


def logits(net: TimeRCDNet, values: FloatArray, settings: Settings) -> FloatArray:
    """Return how much "anomalous" outweighs "normal" at each place of each channel.

    Parameters
    ----------
    net : TimeRCDNet
        In evaluation mode.
    values : ndarray of shape (n, c)
        A series without missing values.
    settings : Settings
        Window, overlap, scales, normalisation.

    Returns
    -------
    ndarray of shape (n, c), float32
        The mean over windows that cover a place, then over scales.
    """
    n = len(values)
    values = np.asarray(values, dtype=np.float64)
    if settings.normalise == "series":
        values = standardise(values.T).T
    scales = usable(n, settings.scales)
    total = np.zeros(values.shape, dtype=np.float32)
    for k in scales:
        total += refine(at_one_scale(net, coarsen(values, k), settings), k, n)
    return np.asarray(total / len(scales))


@torch.inference_mode()
def at_one_scale(net: TimeRCDNet, values: FloatArray, settings: Settings) -> FloatArray:
    """Return logits, shape (n, c), from windows over the series as it is."""
    n, channels = values.shape
    window = min(settings.window, n)
    starts = window_starts(n, window, _hop(window, settings.overlap, net.config.patch))
    per_batch = max(1, BATCH_POINTS // (window * channels))
    total = np.zeros((channels, n), dtype=np.float32)
    count = np.zeros(n, dtype=np.float32)
    for chosen in batches(starts.tolist(), per_batch):
        windows = np.stack([values[s : s + window].T for s in chosen])  # (batch, channel, time)
        for s, found in zip(chosen, _window_logits(net, windows, settings), strict=True):
            total[:, s : s + window] += found
            count[s : s + window] += 1
    return np.asarray((total / count).T)


def _hop(window: int, overlap: float, patch: int) -> int:
    """Points from one window to the next, such that patches of overlapping windows have their borders elsewhere."""
    hop = max(1, round(window * (1 - overlap)))
    return hop - patch // 2 if overlap > 0 and hop % patch == 0 else hop


def _window_logits(net: TimeRCDNet, windows: FloatArray, settings: Settings) -> FloatArray:
    """Logits of windows, both of shape (batch, channel, time)."""
    read = features(windows, net.config.inputs, settings.damped, standardised=settings.normalise == "series")
    x = torch.from_numpy(read)
    batch, channels, time, inputs = x.shape
    if net.config.variates:
        return np.asarray(net(x.transpose(1, 2)).transpose(1, 2).numpy())
    # Without an attention bias over channels, channels are so many series.
    found: FloatArray = net(x.reshape(batch * channels, time, 1, inputs)).view(batch, channels, time).numpy()
    return found
