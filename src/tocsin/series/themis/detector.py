"""THEMIS: a place is strange when it resembles nothing else in the window around it.

Each place of a window becomes a vector: by the frozen encoder of a pre-trained network, or simply by the values around
it. The absolute cosines between all vectors of a window are its similarity matrix, and one of four adapters reads from
each row of that matrix how little the place resembles the others. The matrix is the explanation as well: it says which
other stretches a place is related to. Nothing is trained, and matrices are never larger than one window.

Source: Lorik, Sarveswaran, Sundaramahalingam and Venugopalan, THEMIS: Unlocking Pretrained Knowledge with Foundation
Model Embeddings for Anomaly Detection in Time Series, arXiv 2510.03911 (2025). Encoders: Ansari et al., Chronos, TMLR
2024, arXiv 2403.07815.

The source has no published code, and does not state all formulas of its adapters, windows and thresholds. Ours:
windows of 512 values that overlap by half, with scores averaged (overlap 0 for windows side by side); rows at the ends
of a series, where vectors of values would reach beyond it, hold the score of the nearest whole one; embeddings less
their window's mean before cosines are taken; values less their window's median before they become words of Chronos
(``centre="none"`` for values as they are); channels scored one by one and joined by the rule that all detectors share,
where the source looks at the first channel only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.detector import Detector
from tocsin.core.durations import in_rows
from tocsin.core.errors import InputError
from tocsin.core.gaps import bridge, no_verdict
from tocsin.core.periods import choose_window
from tocsin.core.profile import CLIP
from tocsin.core.scores import Scores
from tocsin.core.windows import window_starts
from tocsin.series._window_detector import usual_height
from tocsin.series.themis.adapters import Reading, adapter
from tocsin.series.themis.embedders import Description, Embedder, build, describe
from tocsin.series.themis.similarity import similarity

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly, Evidence
    from tocsin.core.pictures import Matrix
    from tocsin.core.samples import Series
    from tocsin.core.types import BoolArray, FloatArray, IntArray

BATCH_CELLS = 1 << 21
REFERENCE_ROWS = 20_000
LEAST_ROWS = 16
# Fewer embeddings than this in a window say nothing about each other.
LEAST_PLACES = 8
LARGEST_WINDOW = 4096


class Themis(Detector):
    """How little each place resembles the others of its window, by any encoder.

    Nothing is trained: `fit` reads the encoder and records channels, their usual ranges, and how high scores usually
    are, so that channels can be compared.

    Parameters
    ----------
    encoder : str
        ``"delay"`` (the values around a place; no weights), ``"timercd"`` (comes with tocsin), a folder with
        ``config.json`` and ``model.safetensors`` of Chronos-T5 or Chronos-Bolt, or their id at the hub
        (``"amazon/chronos-t5-small"``). ``"random:0"`` is an untrained network, for trying out the plumbing.
    adapter : {'mean', 'lof', 'top', 'residual'}
        1 - mean similarity to all others; local outlier factor; 1 - mean of the largest similarities; length of what
        the leading eigenvectors leave of a row.
    window : int or str
        Rows that are compared with each other, or a duration such as ``"6h"``; a shorter series is one window.
    overlap : float
        Share of a window that the next one covers again; scores are averaged.
    length : int or str, optional
        Values per vector of ``delay``, or the time that they span; from the period when left out.
    eigenvectors, neighbours, share, trim, band
        Of the adapters: how many eigenvectors are taken off, how many neighbours the outlier factor has (a fifth of
        the window, 20 to 100, when left out), which share of a window is averaged after which share of the most
        similar is dropped, and how many rows away a place is first compared with (half a vector's length for ``top``
        when left out, else 0).
    centre : {'median', 'none'}
        Whether values come before a network less their window's median, or as they are.
    scaled : bool
        Put the scores of each window on its own robust scale (median 0, deviation 1).

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range or the encoder cannot be had.
    ArtifactError
        From `fit`, if the encoder's files are damaged or another network's.
    MissingExtra
        From `fit`, if the encoder needs a library that is not installed.

    Notes
    -----
    An anomaly that fills much of a window is related to itself and scores low: keep windows several times longer than
    what you look for. Cosines are taken without their sign, so a stretch upside down looks like the stretch (the
    outlier factor included). ``residual`` can depend strongly on the number of eigenvectors, since an anomaly may own
    one of them.

    On waves with three kinds of disturbance (five series of 2 048 rows) mean AUROC was .97 for ``mean``, .99 for
    ``top``, .96 for ``lof`` and .78 / .90 / .84 for ``residual`` with 5 / 3 / 20 eigenvectors, all with ``delay``, and
    .49 for a robust z-score. The vectors of ``timercd`` give far less than chance there (.18 to .24): they were learned
    with labels and put anomalies of all kinds side by side, so that anomalies resemble each other. An untrained
    network gives .50. Published weights of Chronos have not been measured.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> load = np.sin(np.arange(1500.0) / 8) + 0.05 * rng.normal(size=1500)
    >>> load[1000:1040] = load[1000]
    >>> found = Themis().fit_detect(load, false_alarms="top 1")
    >>> 950 < found.anomalies[0].start < 1060
    True
    """

    card: ClassVar[Card] = Card(
        name="themis",
        summary="places that resemble nothing else in the window around them, by the vectors of a frozen encoder",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        streams=False,
        handles_missing=True,
        cost="linear: rows x window (0.7 CPU s per 100 000 rows), and two passes of the encoder where there is one",
        cite="Lorik et al. 2025, arXiv 2510.03911",
    )
    least_places: ClassVar[int] = LEAST_ROWS

    window_: int
    stride_: int
    band_: int
    kind_: str
    config_: dict[str, Any]
    weights_: dict[str, FloatArray]
    centre_: FloatArray
    unit_: float
    embedder_: Embedder

    def __init__(
        self,
        encoder: str = "delay",
        *,
        adapter: Literal["mean", "lof", "top", "residual"] = "mean",
        window: int | str = 512,
        overlap: float = 0.5,
        length: int | str | None = None,
        eigenvectors: int = 5,
        neighbours: int | None = None,
        share: float = 0.1,
        trim: float = 0.0,
        band: int | None = None,
        centre: Literal["median", "none"] = "median",
        scaled: bool = False,
    ) -> None:
        self.encoder = encoder
        self.adapter = adapter
        self.window = window
        self.overlap = overlap
        self.length = length
        self.eigenvectors = eigenvectors
        self.neighbours = neighbours
        self.share = share
        self.trim = trim
        self.band = band
        self.centre = centre
        self.scaled = scaled

    @property
    def reach(self) -> int:
        """How far a gap spoils scores: one vector's length, or patch.

        The window that a place is compared with is far wider, but what rests on a bridged gap is left out there.
        """
        return max(2 * self.embedder_.margin + 1, self.embedder_.patch, LEAST_ROWS)

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        self._check_parameters()
        self.window_ = in_rows(self.window, samples)
        if not LEAST_ROWS <= self.window_ <= LARGEST_WINDOW:
            raise InputError(f"the window of themis has {LEAST_ROWS} to {LARGEST_WINDOW} rows, not {self.window_}")
        asked = None if self.length is None else in_rows(self.length, samples, "length")
        length, why = choose_window([s.values for s in samples], asked)
        self.findings_ += (why.replace("window", "vectors of", 1),) if why and self.encoder == "delay" else ()
        found = describe(str(self.encoder), length)
        self.kind_, self.config_, self.weights_ = found.kind, found.config, found.weights
        self.embedder_ = build(found)
        longest = self.embedder_.longest
        if longest is not None and self.window_ > longest:
            raise InputError(
                f"the encoder {self.encoder!r} reads windows of at most {longest} rows, not {self.window_}"
            )
        usual_band = length // 2 if self.adapter == "top" and found.kind == "delay" else 0
        self.band_ = usual_band if self.band is None else int(self.band)
        self._reading()
        self.centre_, heights = np.zeros(len(self.channels_)), np.zeros(len(self.channels_))
        for c in range(len(self.channels_)):
            raw = np.concatenate([self._some(*self._column(s.values, c)) for s in samples])
            raw = raw[np.isfinite(raw)]
            if len(raw) == 0:
                self.findings_ += (f"too little is known of {self.channels_[c]} between its gaps: it is not judged",)
                continue
            self.centre_[c] = float(np.median(raw))
            heights[c] = usual_height(raw - self.centre_[c])
        # Similarities have one scale in all channels: a unit for each would blow up the breath of a clean one.
        self.unit_ = float(np.sqrt(np.mean(np.square(heights)))) or 1.0

    def _check_parameters(self) -> None:
        adapter(self.adapter)
        if not 0 <= self.overlap < 1:
            raise InputError(f"the overlap of themis is a share from 0 to below 1, not {self.overlap}")
        if self.centre not in ("median", "none"):
            raise InputError(f"values are centred by 'median' or 'none', not {self.centre!r}")

    def _reading(self) -> Reading:
        return Reading(self.eigenvectors, self.neighbours, self.share, self.trim, self.band_)

    def _some(self, column: FloatArray, unsure: BoolArray) -> FloatArray:
        """Scores of enough of a channel to see their usual range."""
        n = len(column)
        window = min(self.window_, n)
        starts = window_starts(n, window, window)
        most = max(1, REFERENCE_ROWS // window)
        chosen = starts[np.linspace(0, len(starts) - 1, min(len(starts), most)).astype(int)]
        return np.concatenate([scores for _, scores in self._windows(column, unsure, chosen, window)])

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        if len(sample) < LEAST_ROWS:
            raise InputError(
                f"{len(sample)} row{'s are' if len(sample) != 1 else ' is'} too few to be compared with each other: "
                f"themis needs at least {LEAST_ROWS}"
            )
        n, channels = sample.values.shape
        parts = np.empty((n, channels), dtype=np.float32)
        for c in range(channels):
            parts[:, c] = (self._rows(*self._column(sample.values, c)) - self.centre_[c]) / self.unit_
        notes = {"window": min(self.window_, len(sample)), "encoder": str(self.encoder)}
        return Scores(join(parts), parts=parts, part_names=sample.channels, notes=notes)

    def _rows(self, column: FloatArray, unsure: BoolArray) -> FloatArray:
        """Scores of all rows of one channel: means over the windows that cover them, NaN where there is no verdict."""
        n = len(column)
        window = min(self.window_, n)
        total, count = np.zeros(n), np.zeros(n)
        starts = window_starts(n, window, max(1, round(window * (1 - self.overlap))))
        for start, scores in self._windows(column, unsure, starts, window):
            known = np.isfinite(scores)
            total[start : start + window] += np.where(known, scores, 0.0)
            count[start : start + window] += known
        return np.where(unsure | (count == 0), np.nan, total / np.maximum(count, 1))

    def _windows(
        self, column: FloatArray, unsure: BoolArray, starts: IntArray, window: int
    ) -> Iterator[tuple[int, FloatArray]]:
        """Yield starts with the scores of the window there, a bounded number of matrices at a time."""
        patch = self.embedder_.patch
        per_batch = max(1, BATCH_CELLS // -((-window // patch) ** 2))
        padded = _padded(column, self.embedder_.margin)
        for first in range(0, len(starts), per_batch):
            chosen = starts[first : first + per_batch]
            known = np.stack([self._known(unsure[s : s + window]) for s in chosen])
            found = self._judged(self._embedded(padded, chosen, window), known)
            rows = found if patch == 1 else np.repeat(found, patch, axis=1)[:, -window:]
            for start, scores in zip(map(int, chosen), rows, strict=True):
                yield start, self._held(scores, first=start == 0, last=start + window == len(column))

    def _judged(self, embeddings: FloatArray, known: BoolArray) -> FloatArray:
        """Scores of embedded windows; what rests on gaps is compared with nothing and gets NaN."""
        if not known.all():
            found = np.full(known.shape, np.nan)
            for b in np.flatnonzero(known.sum(axis=1) >= LEAST_PLACES):
                rows = known[b]
                found[b, rows] = self._judged(embeddings[b, rows][None], np.ones((1, rows.sum()), dtype=bool))[0]
            return found
        found = adapter(self.adapter)(similarity(embeddings), self._reading())
        if self.scaled:
            found = found - np.median(found, axis=1, keepdims=True)
            spread = 1.4826 * np.median(np.abs(found), axis=1, keepdims=True)
            found = found / np.where(spread > 0, spread, 1.0)
        return found

    def _known(self, unsure: BoolArray) -> BoolArray:
        """Which embeddings of a window rest on data alone."""
        patch = self.embedder_.patch
        if patch == 1:
            return ~unsure
        whole = np.pad(unsure, (-len(unsure) % patch, 0))
        return np.asarray(~whole.reshape(-1, patch).any(axis=1))

    def _held(self, scores: FloatArray, *, first: bool, last: bool) -> FloatArray:
        """Scores of a window that begins or ends a series, where vectors reach into its mirror image.

        A mirror image turns back where the series would have gone on, which looks strange: these rows take the score
        of the nearest row whose vector is whole.
        """
        edge = min(self.embedder_.margin, (len(scores) - 1) // 2)
        if edge and (first or last):
            scores = scores.copy()
            scores[: edge * first] = scores[edge]
            scores[len(scores) - edge * last :] = scores[-edge - 1]
        return scores

    def _embedded(self, padded: FloatArray, starts: Sequence[int] | IntArray, window: int) -> FloatArray:
        width = window + 2 * self.embedder_.margin
        stretches = np.stack([padded[s : s + width] for s in starts])
        if self.centre == "median":
            stretches -= np.median(stretches, axis=1, keepdims=True)
        return self.embedder_.embed(stretches)

    def _column(self, values: FloatArray, c: int) -> tuple[FloatArray, BoolArray]:
        """One channel with its gaps bridged, and where a verdict would rest on those bridges.

        In robust standard deviations from its median, unless values are wanted as they are.
        """
        unsure = no_verdict(~np.isfinite(values[:, c]), self.reach)
        column = bridge(values[:, c : c + 1].astype(np.float64))[:, 0]
        if self.centre == "none":
            return column, unsure
        assert self.profile_ is not None
        standard = (column - self.profile_.centre[c]) / self.profile_.scale[c]
        return np.clip(standard, -CLIP, CLIP), unsure

    # ---------------------------------------------------------- explanation

    def similarity(self, sample: Series, channel: str, start: int) -> FloatArray:
        """Return the similarity matrix of one window, for drawing.

        Parameters
        ----------
        sample : Series
            Gaps are bridged along straight lines.
        channel : str
            Which of its channels.
        start : int
            First row of the window; moved back where fewer rows than a window are left.

        Returns
        -------
        ndarray of float32, shape (m, m)
            One row per place, or per patch where the encoder has one vector for several rows.

        Raises
        ------
        InputError
            If there is no such channel.
        """
        if channel not in sample.channels:
            raise InputError(f"there is no channel {channel!r}; there are {', '.join(sample.channels[:8])}")
        column, _ = self._column(sample.values, sample.channels.index(channel))
        window = min(self.window_, len(column))
        first = min(max(0, start), len(column) - window)
        padded = _padded(column, self.embedder_.margin)
        return np.asarray(similarity(self._embedded(padded, [first], window))[0])

    def known(self, sample: Series, c: int, start: int, window: int) -> BoolArray:
        """Return which places of the matrix of a window of channel `c` rest on measured values alone, shape (m,)."""
        return self._known(self._column(sample.values, c)[1][start : start + window])

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        from tocsin.series.themis.relatives import reasons

        return reasons(self, sample, scores, anomaly)

    def _pictures(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Matrix]:
        from tocsin.series.themis.relatives import pictures

        return pictures(self, sample, scores, anomaly)

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        # The encoder is rebuilt from its weights, which a model carries along.
        return {k: v for k, v in super()._state().items() if k != "embedder_"}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._check_parameters()
        if (
            not LEAST_ROWS <= self.window_ <= LARGEST_WINDOW
            or len(self.centre_) != len(self.channels_)
            or not self.unit_ > 0
        ):
            raise InputError("its window, channels and unit do not fit together")
        self.embedder_ = build(Description(str(self.kind_), dict(self.config_), dict(self.weights_)))


def _padded(column: FloatArray, margin: int) -> FloatArray:
    """A channel with so many rows before and after it, mirrored at its ends."""
    return np.pad(column, margin, mode="reflect") if margin else column
