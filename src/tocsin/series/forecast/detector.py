"""Forecast: a value is strange that the channel's own past did not lead one to expect; other channels may say why.

For each target, boosted trees forecast the value from the same channel some time before (15 minutes and an hour, when
rows come every one to fifteen minutes). Between the shortest lag and now nothing is known to them, so slow changes stay
visible. The miss, in robust standard deviations of usual misses, is the score. Every row that was learned from is
judged by trees that saw neither its block of time nor the embargo around it.

A second set of trees forecasts those scores from the covariates; exact TreeSHAP values, summed over the lags of a
covariate, say what goes with a miss, and the share of variance forecast on unseen rows says whether that means
anything.

Source: Gómez, Vavrek, Buenadicha, Hoar, Kruk and Reerink, Machine learning-driven Anomaly Detection and Forecasting
for Euclid Space Telescope Operations, IAC-24-B6.2, arXiv 2411.05596 (2024). It names the lags, the covariates, TreeSHAP
and the three strongest anomalies per parameter, and gives no settings of the trees, no split and no scale of scores:
those are ours.

Deviations from the source: rows are not resampled to ten minutes, since every row gets a score (resample when reading).
Channels that leave the range they had before are forecast as a change from the shortest lag, because trees cannot
extrapolate. A row without enough past is compared with the channel's median. The second model learns from all striking
rows and a part of the others, weighted to stand for all of them, with scores cut at 30.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.errors import InputError
from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.series.forecast.alike import alike, correlated
from tocsin.series.forecast.blocks import block_of_rows, free_rows
from tocsin.series.forecast.boosted import library, settings
from tocsin.series.forecast.circumstances import Circumstances
from tocsin.series.forecast.clock import digest
from tocsin.series.forecast.fitted import FittedForecasts
from tocsin.series.forecast.forecaster import Forecaster, leaves_its_range
from tocsin.series.forecast.lags import Lags, has_past
from tocsin.series.forecast.roles import covariates_of, may_explain, targets_of
from tocsin.series.forecast.side_by_side import side_by_side

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly, Evidence
    from tocsin.core.types import BoolArray, FloatArray, IntArray

TIMES, TIMES_AROUND = ("15min", "1h"), ("10min", "30min", "1h", "3h")
ROWS, ROWS_AROUND = (2, 6), (1, 3, 6, 18)
STEPS_FOR_TIMES = (60.0, 900.0)
BINS = 256
CORRELATED_ROWS = 20_000


class Forecast(FittedForecasts):
    """Misses of a forecast from each channel's own past, with the covariates that go with them.

    Parameters
    ----------
    targets : sequence of str, optional
        Channels to forecast and score, names or patterns; all but the covariates when left out.
    covariates : sequence of str, optional
        Channels that may explain a miss and are not scored; when left out, all that are no targets. Where every
        channel is a target, each is explained by the others.
    lags : sequence, optional
        How far back a forecast looks: times such as ``("15min", "1h")``, timedeltas, or rows. When left out, 15 minutes
        and 1 hour for rows one to fifteen minutes apart, else 2 and 6 rows.
    covariate_lags : sequence, optional
        How long before a miss covariates are looked at, besides the same moment; 10 and 30 minutes, 1 and 3 hours, or
        1, 3, 6 and 18 rows when left out.
    form : {'auto', 'level', 'change'}
        Forecast the value or its change since the shortest lag. ``auto`` takes the change for channels of which much
        of one fifth of the time lies outside what the other four fifths hold.
    trees, depth, rate
        Of the forecasting trees: at most so many, so deep, each with so much weight. They stop where more no longer
        help on a block that was left out.
    folds : int
        Blocks of time, each judged by trees that did not see it.
    reasons : bool
        Whether to learn what covariates go with misses.
    jobs : int, optional
        Targets done side by side; as many as there are processors when left out. Scores do not depend on it.
    random_state : int
        Seed.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, a channel is unknown, there are too few rows for the lags, or lags
        are times and the series has no time stamps.
    MissingExtra
        From `fit`, if xgboost is not installed.

    Notes
    -----
    What goes with a miss need not be its cause. While an anomaly lasts longer than the shortest lag, forecasts follow
    it: onset and end stand out.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(1200.0) / 9)
    >>> load[800:804] += 1.5
    >>> found = Forecast(lags=(2, 6), trees=50).fit_detect(load, false_alarms="top 1")
    >>> 798 <= found.anomalies[0].start <= 804
    True
    """

    card: ClassVar[Card] = Card(
        name="forecast",
        summary="values that boosted trees did not foresee from the channel's past; covariates say what goes with it",
        modality=("series",),
        learns_from="unlabelled",
        localises="time steps",
        needs=("boost",),
        cost="linear: rows x targets x trees; explanations grow with targets x covariates",
        cite="Gómez et al. 2024, arXiv 2411.05596",
    )

    def __init__(
        self,
        targets: Sequence[str] | None = None,
        covariates: Sequence[str] | None = None,
        *,
        lags: Sequence[Any] | None = None,
        covariate_lags: Sequence[Any] | None = None,
        form: Literal["auto", "level", "change"] = "auto",
        trees: int = 150,
        depth: int = 4,
        rate: float = 0.1,
        folds: int = 5,
        reasons: bool = True,
        jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.targets = targets
        self.covariates = covariates
        self.lags = lags
        self.covariate_lags = covariate_lags
        self.form = form
        self.trees = trees
        self.depth = depth
        self.rate = rate
        self.folds = folds
        self.reasons = reasons
        self.jobs = jobs
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"lags": (2, 6), "covariate_lags": (1, 6), "trees": 40, "rate": 0.2, "folds": 3}

    @property
    def reach(self) -> int:
        """Twice the longest lag and the row itself: gaps are counted half a reach around a place, lags look back."""
        return 2 * self.rows_ + 1

    @property
    def blur(self) -> int:
        """An anomaly is met again when it has become the past."""
        return self.rows_ + 1

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        library()
        self._check_parameters()
        self.targets_ = targets_of(samples[0], self.targets, self.covariates)
        beside = self._choose_lags(samples)
        self.lengths_ = tuple(len(s) for s in samples)
        self.digests_ = tuple(digest(s) for s in samples)
        scaled = [self._scaled(s) for s in samples]
        backs = [self.lags_.look_back(s) for s in samples]
        self.rows_ = max(self.lags_.rows(back) for back in backs)
        known = np.concatenate([has_past(back) for back in backs])
        free = free_rows(known, self.lengths_, self.folds, 2 * self.rows_, self.lags_)
        scores = self._learn_forecasts(scaled, backs, free, rng)
        self.circumstances_ = None
        if self.reasons and len(self.channels_) > 1:
            around = [beside.look_back(s) for s in samples]
            self.circumstances_ = self._learn_reasons(samples[0], scaled, beside, around, scores, known, free, rng)

    def _check_parameters(self) -> None:
        if self.form not in ("auto", "level", "change"):
            raise InputError(f"form is 'auto', 'level' or 'change', not {self.form!r}")
        for name, least in (("trees", 1), ("depth", 1), ("folds", 2)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise InputError(f"{name} is a whole number of at least {least}, not {value!r}")
        if not 0 < self.rate <= 1:
            raise InputError(f"rate lies above 0 and is 1 at most, not {self.rate!r}")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"at least one target is done at a time, not {self.jobs!r}")

    def _choose_lags(self, samples: Sequence[Series]) -> Lags:
        """Set the lags of forecasts, and return those of covariates."""
        step = samples[0].step
        clocked = step is not None and STEPS_FOR_TIMES[0] <= step <= STEPS_FOR_TIMES[1]
        self.lags_ = Lags.parse(self.lags or (TIMES if clocked else ROWS), step)
        names = " and ".join(self.lags_.name(k) for k in range(len(self.lags_.steps)))
        self.findings_ += (f"forecasts look back {names}",)
        usual = TIMES_AROUND if clocked and self.lags_.timed else ROWS_AROUND
        return Lags.parse(self.covariate_lags or usual, step)

    def _learn_forecasts(
        self, scaled: list[FloatArray], backs: list[IntArray], free: list[BoolArray], rng: np.random.Generator
    ) -> FloatArray:
        """Grow the trees of every target; return the scores of all rows by trees that did not see them."""
        blocks = block_of_rows(self.lengths_, self.folds)
        seeds = rng.integers(2**31 - 1, size=len(self.targets_))

        def learn(j: int) -> tuple[Forecaster, FloatArray]:
            columns = [z[:, self.targets_[j]] for z in scaled]
            relative = self.form == "change"
            if self.form == "auto":
                relative = leaves_its_range(np.concatenate(columns), blocks)
            parameters = settings(self.depth, self.rate, int(seeds[j]), BINS)
            return Forecaster.learn(columns, backs, blocks, free, relative, parameters, self.trees)

        done = side_by_side(learn, range(len(self.targets_)), "forecasting", self.jobs)
        self.forecasters_ = [forecaster for forecaster, _ in done]
        drifting = [self.channels_[c] for c, f in zip(self.targets_, self.forecasters_, strict=True) if f.relative]
        if drifting and self.form == "auto":
            more = f" and {len(drifting) - 3} more" if len(drifting) > 3 else ""
            self.findings_ += (f"leaving its earlier range, so forecast as a change: {', '.join(drifting[:3])}{more}",)
        return np.stack([scores for _, scores in done], axis=1)

    def _learn_reasons(
        self,
        sample: Series,
        scaled: list[FloatArray],
        lags: Lags,
        backs: list[IntArray],
        scores: FloatArray,
        known: BoolArray,
        free: list[BoolArray],
        rng: np.random.Generator,
    ) -> Circumstances | None:
        columns = covariates_of(sample, self.targets_, self.covariates)
        some = np.concatenate(scaled)[:: max(1, sum(self.lengths_) // CORRELATED_ROWS)]
        copies = correlated(some)
        allowed = may_explain(self.targets_, columns, copies)
        twins = [
            (self.channels_[t], self.channels_[c]) for t in self.targets_ for c in columns if c != t and copies[t, c]
        ]
        if twins:
            more = f", and {len(twins) - 1} more pairs like that" if len(twins) > 1 else ""
            self.findings_ += (f"{twins[0][1]} runs along with {twins[0][0]} and is not used to explain it{more}",)
        if not allowed.any(axis=1).all():
            self.findings_ += ("some channels have no others that could explain them, so none is explained",)
            return None
        blocks = block_of_rows(self.lengths_, self.folds)
        groups = alike(copies, columns)
        return Circumstances.learn(
            lags, scaled, backs, scores, known, blocks, free, groups, allowed, self.depth, rng, self.jobs
        )

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        parts = np.full(sample.values.shape, np.nan)
        parts[:, self.targets_] = np.abs(self.deviations(sample))
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def _expected(self, sample: Series) -> FloatArray:
        return self.expected(sample)

    # ----------------------------------------------------------- explaining

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        from tocsin.series.forecast.explanation import explanation

        if scores.parts is None or not isinstance(anomaly.where, Interval):
            return None
        return explanation(self, sample, scores.parts, anomaly.where)

    # ------------------------------------------------------------- plumbing

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            "lags_": self.lags_.to_state(),
            "forecasters_": [f.to_state() for f in self.forecasters_],
            "circumstances_": None if self.circumstances_ is None else self.circumstances_.to_state(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        state = dict(state)
        lags, forecasters, beside = (state.pop(k) for k in ("lags_", "forecasters_", "circumstances_"))
        super()._restore(state)
        self._check_parameters()
        count, channels = len(self.targets_), len(self.channels_)
        sound = (
            self.targets_.dtype.kind == "i"
            and self.targets_.shape == (len(forecasters),)
            and count > 0
            and bool(((self.targets_ >= 0) & (self.targets_ < channels)).all())
            and len(self.digests_) == len(self.lengths_)
            and all(type(n) is int and n > 0 for n in (*self.lengths_, self.rows_))
        )
        if not sound:
            raise InputError("its parts do not fit together")
        self.lags_ = Lags.from_state(lags)
        self.forecasters_ = [Forecaster.from_state(f, len(self.lags_.steps), self.folds) for f in forecasters]
        self.circumstances_ = None
        if beside is not None:
            self.circumstances_ = Circumstances.from_state(beside, count, channels, self.folds)
