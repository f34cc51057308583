"""HypAD: a stretch is strange when the model is certain about it, and wrong.

An autoencoder with critics (TadGAN) rebuilds windows. Windows and reconstructions are carried into the Poincaré ball by
one layer; the error is their hyperbolic distance, and the certainty is how far from the centre the reconstruction lies:
in the ball, being wrong costs more far out, so a network that cannot know better stays near the centre. The score is
error x critic x certainty, so that windows that nobody could have predicted are damped instead of raising alarms.

Source: Flaborea, Prenkaj, Munjal, Sterpa, Aragona, Podo and Galasso, Are we certain it's anomalous?, CVPR workshops
2023, arXiv 2211.09224; built on Geiger et al., TadGAN, 2020, arXiv 2009.07769.

Deviations from the source. The layer into the ball is guarded against collapse (``guarded=False`` leaves it as
published): both the window and its reconstruction pass through it, and sending all to the centre is the easiest way to
bring them together. Values are brought to -1..1 by the 0.1 % and 99.9 % quantiles of what was learned from, instead of
by the extremes of the very series that is scored. Gradient penalties are taken sample by sample, not over a batch as
one. The error and certainty of a window belong to all rows that it covers, not to its first. Several channels go
through one network window by window, instead of being read row by row. Opinions of the critic are joined over windows
by their median (``opinion="densest"`` as published), measured by their level in training, and smoothed over a hundredth
of the training windows, at most one window.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.card import Card
from tocsin.core.channels import comparable, join
from tocsin.core.detector import Detector
from tocsin.core.durations import in_rows
from tocsin.core.errors import ArtifactError, InputError, TocsinWarning
from tocsin.core.extents import Interval
from tocsin.core.extras import need
from tocsin.core.periods import choose_window
from tocsin.core.scores import Scores
from tocsin.core.windows import chunks, spread, window_starts, windows_at
from tocsin.series._window_detector import usual_height
from tocsin.series.hypad.scoring import Combination, Opinion, combine, critic_level, critic_scores, opinions_of_rows

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray
    from tocsin.series.hypad.nets import Layout, Nets

    Views: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]  # error, certainty, critic

TAILS = (0.001, 0.999)
#: Values beyond the usual range are let through up to so many times it.
FAR = 3.0
CELLS = 1 << 18
LEAST_SHARE = 0.05
MOST_LATENT, MOST_WINDOW = 4096, 4096


class HypAD(Detector):
    """Error x critic x certainty of an autoencoder in hyperbolic space.

    Parameters
    ----------
    window : int or str, optional
        Rows per window, or a duration such as ``"5min"``; from the period when left out (published: 100).
    latent : int
        Numbers between encoder and decoder.
    combination : str
        ``"uncertainty"`` (the paper's), ``"mult"`` (without certainty), ``"rec"`` (error alone),
        ``"rec_uncertainty"``, ``"critic"``, ``"critic_uncertainty"``, ``"sum"``, ``"sum_uncertainty"``.
    hyperbolic : bool
        False compares windows as they are, with a certainty of 1: TadGAN with the simplest of its errors.
    layout : {'vector', 'temporal'}
        Whether the LSTMs read a window as one vector (as published) or value by value, which is much slower.
    epochs, batch, critic_passes, lr
        How long and in what steps to train.
    training_windows : int
        Windows learned from at most, evenly spaced over all channels.
    guarded : bool
        Whether the embedding is kept from collapsing.
    opinion : {'median', 'densest'}
        How the critic's opinions of all windows over a row become one.
    random_state : int
        Seed.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range.
    MissingExtra
        From `fit`, if torch is not installed.

    Warns
    -----
    TocsinWarning
        If the embedding has collapsed, so that scores say nothing.

    Notes
    -----
    Learning from data that hold anomalies teaches these as well: fit on a clean part where there is one. What training
    came to stands in `findings_`: how much of the windows comes out of the bottleneck, and whether certainty is more
    than amplitude. A network that has hardly been trained rebuilds flat stretches best of all, and misses them.

    Measured on waves of 1 500 rows with a frozen, a fast and a reversed stretch, learned from a clean part: AUROC .97
    (average precision .71) for ``uncertainty``, .97 (.71) for ``mult``, .98 (.76) for ``rec``, .98 (.82) for
    all of them with ``hyperbolic=False`` and one critic pass, .96 (.65) for principal components of windows, .38 (.06)
    for a robust z-score. Where stretches of noise had been learned from,
    certainty was .25 on such noise and .72 on waves, so that its false alarms are damped; but frozen stretches lower
    certainty as well (.44), and with four of these to be found AUROC was .96 for ``mult`` and .93 for
    ``uncertainty``: try both.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(900.0) / 5)
    >>> detector = HypAD(window=40, epochs=5, training_windows=200).fit(x[:600])
    >>> odd = x[600:].copy()
    >>> odd[150:170] += 2.0
    >>> 100 < int(np.argmax(detector.score(odd).local)) < 220
    True
    """

    card: ClassVar[Card] = Card(
        name="hypad",
        summary="stretches where an autoencoder in hyperbolic space is certain, and wrong",
        modality=("series",),
        learns_from="normal",
        localises="time steps",
        needs=("deep",),
        cost="training: epochs x windows learned from, 2.4 CPU s per epoch of 2 000; scoring linear, a net per row",
        cite="Flaborea et al. 2023, arXiv 2211.09224",
    )
    least_places: ClassVar[int] = 16
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)

    window_: int
    smooth_: int
    centre_: FloatArray
    half_: FloatArray
    level_: FloatArray
    reference_: FloatArray
    usual_: FloatArray
    weights_: dict[str, FloatArray]
    net_: Nets

    def __init__(
        self,
        window: int | str | None = None,
        *,
        latent: int = 20,
        combination: Combination = "uncertainty",
        hyperbolic: bool = True,
        layout: Layout = "vector",
        epochs: int = 40,
        batch: int = 64,
        critic_passes: int = 5,
        lr: float = 5e-4,
        training_windows: int = 2000,
        guarded: bool = True,
        opinion: Opinion = "median",
        random_state: int = 0,
    ) -> None:
        self.window = window
        self.latent = latent
        self.combination = combination
        self.hyperbolic = hyperbolic
        self.layout = layout
        self.epochs = epochs
        self.batch = batch
        self.critic_passes = critic_passes
        self.lr = lr
        self.training_windows = training_windows
        self.guarded = guarded
        self.opinion = opinion
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"window": 30, "epochs": 4, "batch": 32, "training_windows": 128, "critic_passes": 1, "lr": 2e-3}

    @property
    def reach(self) -> int:
        """A row's score looks at all windows over it, and is smoothed."""
        return int(self.window_) + int(self.smooth_)

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        self._check_parameters()
        asked = None if self.window is None else in_rows(self.window, samples)
        self.window_, why = choose_window([s.values for s in samples], asked)
        self.findings_ += (why,) if why else ()
        self._learn_ranges(samples)
        windows = self._some_windows(samples, self.training_windows)
        self.smooth_ = max(1, min(len(windows) // 100, self.window_))
        self._train(windows, int(rng.integers(1 << 62)))
        self._learn_levels(samples)

    def _check_parameters(self) -> None:
        combine(self.combination, np.zeros(1), np.zeros(1), np.zeros(1))
        for name, most in (("latent", MOST_LATENT), ("epochs", 10**6), ("batch", 10**6), ("training_windows", 10**8)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or not 1 <= value <= most:
                raise InputError(f"{name} of hypad is a whole number from 1 to {most}, not {value!r}")
        if self.critic_passes < 0 or not self.lr > 0:
            raise InputError(f"critic_passes is at least 0 and lr above 0, not {self.critic_passes} and {self.lr}")
        if self.layout not in ("vector", "temporal"):
            raise InputError(f"the layout is 'vector' or 'temporal', not {self.layout!r}")
        if self.opinion not in ("median", "densest"):
            raise InputError(f"opinions are joined by 'median' or 'densest', not {self.opinion!r}")

    def _learn_ranges(self, samples: Sequence[Series]) -> None:
        """What becomes -1 and 1 in each channel."""
        assert self.profile_ is not None
        rows = np.concatenate([s.values[:: max(1, len(s) // 200_000)] for s in samples]).astype(np.float64)
        low, high = np.quantile(rows, TAILS, axis=0)
        self.centre_, half = (low + high) / 2, (high - low) / 2
        # A channel that hardly moves takes the profile's scale, so that rounding is not blown up.
        self.half_ = np.where(half > 1e-9 * np.maximum(1.0, np.abs(self.centre_)), half, self.profile_.scale)

    def _some_windows(self, samples: Sequence[Series], most: int) -> FloatArray:
        """At most about `most` evenly spaced windows of all channels and samples."""
        columns = [self._column(s.values, c) for s in samples for c in range(len(self.channels_))]
        total = sum(len(column) - self.window_ + 1 for column in columns)
        step = max(1, -(-total // most))
        found = [windows_at(column, self.window_, window_starts(len(column), self.window_, step)) for column in columns]
        return np.concatenate(found)

    def _train(self, windows: FloatArray, seed: int) -> None:
        torch = need("torch", "deep", "hypad")
        from tocsin.series.hypad.training import Schedule, health, train

        generator = torch.Generator().manual_seed(seed)
        nets = self._nets()
        schedule = Schedule(self.epochs, self.batch, self.critic_passes, self.lr, self.guarded)
        train(nets, torch.from_numpy(windows), schedule, generator)
        self.net_ = nets
        self.weights_ = {name: np.array(array.numpy()) for name, array in nets.state_dict().items()}
        found = health(nets, torch.from_numpy(windows))
        self.findings_ += (f"{max(found.rebuilt, 0):.0%} of the windows' variance comes out of the bottleneck",)
        if not self.hyperbolic:
            return
        if found.collapsed:
            said = (
                f"the embedding has collapsed (mean length {found.length:.2g}, spread {found.spread:.2g}): distances "
                f"say next to nothing; use guarded=True, or more epochs"
            )
            self.findings_ += (said,)
            warnings.warn(said, TocsinWarning, stacklevel=2)
        elif found.certainty_spread < 0.01:
            self.findings_ += (f"certainty is the same everywhere (deviation {found.certainty_spread:.2g})",)
        elif found.amplitude > 0.95:
            self.findings_ += (f"certainty is little more than amplitude (correlation {found.amplitude:.2f})",)

    def _learn_levels(self, samples: Sequence[Series]) -> None:
        """How critic, error, certainty and score usually are in each channel."""
        count = len(self.channels_)
        self.level_, self.usual_, self.reference_ = np.zeros((count, 2)), np.zeros((count, 3, 2)), np.zeros(count)
        for c in range(count):
            judged = [self._judged(self._column(s.values, c)) for s in samples]
            self.level_[c] = critic_level(np.concatenate([opinion for _, _, opinion in judged]))
            views = [self._views(one, c) for one in judged]
            whole = [np.concatenate(column) for column in zip(*views, strict=True)]
            self.usual_[c] = [np.quantile(column, [0.05, 0.95]) for column in whole]
            self.reference_[c] = usual_height(combine(self.combination, *whole))

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        # Raises for a sample shorter than the window.
        window_starts(len(sample), self.window_)
        n, count = sample.values.shape
        parts = np.empty((n, count), dtype=np.float32)
        for c in range(count):
            parts[:, c] = combine(self.combination, *self._channel(sample, c))
        parts = comparable(parts, self.reference_.astype(np.float32))
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def views(self, sample: Series, channel: str) -> dict[str, FloatArray]:
        """Return error, certainty and the critic's score of each row of one channel, apart.

        Parameters
        ----------
        sample : Series
            Gaps are bridged along straight lines.
        channel : str
            Which of its channels.

        Raises
        ------
        InputError
            If there is no such channel, or fewer rows than a window.
        """
        if channel not in sample.channels:
            raise InputError(f"there is no channel {channel!r}; there are {', '.join(sample.channels[:8])}")
        found = self._channel(self._bridged(sample), sample.channels.index(channel))  # type: ignore[arg-type]
        return dict(zip(("error", "certainty", "critic"), found, strict=True))

    def _channel(self, sample: Series, c: int) -> Views:
        return self._views(self._judged(self._column(sample.values, c)), c)

    def _judged(self, column: FloatArray) -> Views:
        """Error, certainty and the critic's opinion of all windows of a column."""
        parts = list(self._chunks(column))
        error, certainty, opinion = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        return error, certainty, opinion

    def _chunks(self, column: FloatArray) -> Iterator[Views]:
        torch = need("torch", "deep", "hypad")
        with torch.inference_mode():
            for _, windows in chunks(column, self.window_, cells=CELLS):
                x = torch.from_numpy(windows)
                rebuilt = self.net_.embed(self.net_.rebuilt(x))
                error = self.net_.error(self.net_.embed(x), rebuilt)
                certainty = rebuilt.norm(dim=1) if self.net_.hyperbolic else torch.ones(len(x))
                yield error.numpy(), certainty.numpy(), self.net_.critic_x(x)[:, 0].numpy()

    def _views(self, judged: Views, c: int) -> Views:
        """Error, certainty and the critic's score of rows from those of windows."""
        error, certainty, opinion = judged
        n = len(error) + self.window_ - 1
        level = (float(self.level_[c, 0]), float(self.level_[c, 1]))
        critic = critic_scores(opinions_of_rows(opinion, self.window_, self.opinion), level, self.smooth_)
        rows, sure = (spread(kind.astype(np.float64), n, self.window_, rule="mean") for kind in (error, certainty))
        return rows, sure, critic

    def _column(self, values: FloatArray, c: int) -> FloatArray:
        column = (values[:, c].astype(np.float64) - self.centre_[c]) / self.half_[c]
        return np.asarray(np.clip(column, -FAR, FAR))

    # ---------------------------------------------------------- explanation

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """The channels with the highest scores inside; for each, error, certainty and critic apart."""
        if scores.parts is None or not isinstance(anomaly.where, Interval):
            return None
        rows = slice(anomaly.where.start, anomaly.where.stop)
        inside = np.nan_to_num(scores.parts[rows], nan=0.0)
        peaks = inside.max(axis=0).astype(np.float64)
        total = float(peaks.sum()) or 1.0
        found: list[Evidence] = []
        for c in np.argsort(-peaks, kind="stable")[:8]:
            share = float(peaks[c]) / total
            if found and share < LEAST_SHARE:
                break
            row = rows.start + int(inside[:, c].argmax())
            found.append(self._told(sample, int(c), row, share))
        return found

    def _told(self, sample: Series, c: int, row: int, share: float) -> Evidence:
        views = self.views(sample, sample.channels[c])
        error, certainty, critic = (float(column[row]) for column in views.values())
        usual = [f"usually {low:.2f} to {high:.2f}" for low, high in self.usual_[c]]
        word = "wrong" if error > self.usual_[c, 0, 1] else "not far off"
        sure = "certain" if certainty >= self.usual_[c, 1, 0] else "uncertain"
        text = f"{word} by {error:.2f}, {usual[0]}"
        if self.hyperbolic:
            text = f"{sure} ({certainty:.2f}, {usual[1]}) and {text}"
        text += f"; critic {critic:.2f}, {usual[2]}"
        low, high = (float(v) for v in self.usual_[c, 0])
        return Evidence(sample.channels[c], share, error, (low, high), text)

    # -------------------------------------------------------------- storing

    def _nets(self) -> Nets:
        torch = need("torch", "deep", "hypad")
        from tocsin.series.hypad.nets import Nets

        # Made without memory of its own: what torch would draw comes from its global seed.
        with torch.device("meta"):
            return Nets(self.window_, self.latent, self.layout, self.hyperbolic)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._check_parameters()
        need("torch", "deep", "hypad")
        from tocsin.nn.stored_weights import put_back

        if not isinstance(self.window_, int) or not 1 <= self.window_ <= MOST_WINDOW:
            raise ArtifactError(f"a window of {self.window_!r} rows cannot be")
        self.net_ = put_back(self._nets(), self.weights_)
