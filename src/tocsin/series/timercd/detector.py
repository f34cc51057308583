"""TimeRCD: a network that has seen millions of synthetic series, and says of a new one what disagrees with its context.

A small transformer reads the series as patches of 16 points and gives each point a probability of being anomalous. It
was trained with labels on synthetic series alone: normal signals of many families, disturbed in many ways, together
with shapes that look striking but recur and are therefore normal. What it has learned is the comparison of a stretch
with its surroundings, so it needs no training on the series at hand and fits nothing to it.

Source: Lan, Le, Li, He, Wang, Liu and Zhang, Towards Foundation Models for Zero-Shot Time Series Anomaly Detection:
Leveraging Synthetic Data and Relative Context Discrepancy, arXiv 2509.21190 (2025), ICML 2026.

Deviations from the source. Channels are joined by the rule that all detectors share, instead of the mean of their
logits, in which one bad channel among many drowns; the last window of a series reaches back instead of being padded.
The rest belongs to the small weights alone, and published ones are read as their source reads them: the small network
sees first differences beside the values, damps both by asinh, and standardises each window by itself, which keeps the
far future of a long series out of it. Windows overlap, since a place at a border has context on one side only, and
logits are averaged over several resolutions, since a context of 1 024 points is too short for slow changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.series.timercd.scales import usable
from tocsin.series.timercd.settings import Settings
from tocsin.series.timercd.weights import Weights, build, read

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.series.timercd.net import TimeRCDNet

# Scales up to this one see details; coarser ones only shade them.
SHARPEST = 4
LEAST_SHARE = 0.05


class TimeRCD(Detector):
    """Probability that a place disagrees with the series around it, by a pre-trained network.

    Nothing is fitted to a series: `fit` records channels, their usual ranges and how high scores usually are, for
    thresholds and explanations.

    Parameters
    ----------
    weights : str
        ``"small"`` (comes with tocsin), a safetensors file, or a folder with ``model.safetensors``; published
        checkpoints load once they have been converted.
    window : int, optional
        Points that the network sees at once; as the weights were trained when left out.
    overlap : float, optional
        Share of a window that the next one covers again; 0 halves the time.
    scales : tuple of int, optional
        The series is also read as means of so many rows; scales that leave fewer than 128 points are left out.
    normalise : {'window', 'series'}, optional
        What gets zero mean and unit deviation.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range or there are no such weights.
    ArtifactError
        From `fit`, if the weights are damaged or another network's.
    MissingExtra
        From `fit`, if torch is not installed.

    Notes
    -----
    Scores are probabilities on synthetic data; how often they are right on yours depends on your data. A shape that
    recurs is normal to this detector, also where it is a fault that recurs. Permuting channels changes nothing with
    the small weights and a little with the published multichannel ones, whose positions run on over channels.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(900.0) / 5)
    >>> load[500:530] = load[500]
    >>> found = TimeRCD().fit_detect(load, false_alarms="top 1")
    >>> 480 < found.anomalies[0].start < 540
    True
    """

    card: ClassVar[Card] = Card(
        name="timercd",
        summary="places that a network, pre-trained on synthetic series alone, finds at odds with their context",
        modality=("series",),
        learns_from="nothing",
        localises="time steps",
        streams=False,
        needs=("deep",),
        cost="linear; per channel, two passes of a 1 M network at the finest scale and as many again at all others",
        cite="Lan et al. 2025, arXiv 2509.21190",
    )

    sizes_: dict[str, Any]
    settings_: dict[str, Any]
    weights_: dict[str, FloatArray]
    window_: int
    net_: TimeRCDNet
    # The network is rebuilt from its weights, which a model carries along: it must not change when tocsin does.
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)

    def __init__(
        self,
        weights: str = "small",
        *,
        window: int | None = None,
        overlap: float | None = None,
        scales: Sequence[int] | None = None,
        normalise: Literal["window", "series"] | None = None,
    ) -> None:
        self.weights = weights
        self.window = window
        self.overlap = overlap
        self.scales = scales
        self.normalise = normalise

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        weights = read(str(self.weights))
        asked: dict[str, Any] = {
            "window": self.window,
            "overlap": self.overlap,
            "scales": self.scales,
            "normalise": self.normalise,
        }
        given = {k: v for k, v in asked.items() if v is not None}
        settings = Settings.from_dict({**weights.settings.to_dict(), **given})
        self.sizes_, self.settings_, self.weights_ = weights.sizes, settings.to_dict(), weights.arrays
        self.net_ = build(weights)
        # How far a gap spoils scores: a patch at the coarsest scale that sees details. The context of a score is far
        # wider, but there a bridged gap is one disturbance among much that is sound.
        sharp = max(SHARPEST, min(settings.scales))
        self.window_ = int(weights.sizes["patch"]) * max(k for k in settings.scales if k <= sharp)
        longest = max(len(s) for s in samples)
        kept = usable(longest, settings.scales)
        if len(kept) < len(settings.scales):
            missing = ", ".join(str(k) for k in settings.scales if k not in kept)
            self.findings_ += (
                f"{longest} rows are too few to be read as means of {missing}: slow changes may be missed",
            )

    def _score(self, sample: Series) -> Scores:
        from tocsin.series.timercd.scoring import logits

        settings = self._settings()
        found = logits(self.net_, sample.values, settings)
        # Written so that neither end overflows.
        parts = (0.5 * (1 + np.tanh(0.5 * found))).astype(np.float32)
        notes = {"scales": list(usable(len(sample), settings.scales)), "window": settings.window}
        return Scores(join(parts), parts=parts, part_names=sample.channels, notes=notes)

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """The channels with the highest probabilities inside, with what was seen at that place."""
        if scores.parts is None or not isinstance(anomaly.where, Interval) or self.profile_ is None:
            return None
        rows = slice(anomaly.where.start, anomaly.where.stop)
        inside = np.nan_to_num(scores.parts[rows], nan=0.0)
        peaks = inside.max(axis=0)
        total = float(peaks.sum()) or 1.0
        found: list[Evidence] = []
        for c in np.argsort(-peaks, kind="stable")[:8]:
            if found and peaks[c] / total < LEAST_SHARE:
                break
            seen = float(sample.values[rows, c][int(inside[:, c].argmax())])
            low, high = float(self.profile_.low[c]), float(self.profile_.high[c])
            usual = f"usually {low:.4g} to {high:.4g}" if high > low else f"usually {low:.4g}"
            text = f"at odds with its context with probability {peaks[c]:.2f}, {seen:.4g} there, {usual}"
            found.append(Evidence(sample.channels[c], float(peaks[c]) / total, seen, (low, high), text))
        return found

    def _settings(self) -> Settings:
        return Settings.from_dict(self.settings_)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        try:
            weights = Weights(dict(self.sizes_), self._settings(), dict(self.weights_))
            known = {"d_model", "d_proj", "layers", "heads", "patch", "inputs", "variates"}
            if set(weights.sizes) != known:
                raise ArtifactError(f"a TimeRCD network has the sizes {', '.join(sorted(known))}")
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"its network is not there ({error})") from None
        self.net_ = build(weights)
