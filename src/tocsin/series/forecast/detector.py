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

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np

from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.extents import Interval
from tocsin.core.progress import track
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.series.forecast.blocks import block_of_rows, outside
from tocsin.series.forecast.boosted import library, settings
from tocsin.series.forecast.circumstances import Circumstances, alike, correlated
from tocsin.series.forecast.forecaster import LEAST_ROWS, Forecaster, leaves_its_range
from tocsin.series.forecast.influence import Influence
from tocsin.series.forecast.lags import Lags, has_past
from tocsin.series.forecast.lead import Lead, delays
from tocsin.series.forecast.peak import Peak, strongest

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

T = TypeVar("T")
R = TypeVar("R")

TIMES, TIMES_AROUND = ("15min", "1h"), ("10min", "30min", "1h", "3h")
ROWS, ROWS_AROUND = (2, 6), (1, 3, 6, 18)
STEPS_FOR_TIMES = (60.0, 900.0)
BINS = 256
FARTHEST = 1e6
CORRELATED_ROWS = 20_000
LEAST_SHARE = 0.02
MOST_TARGETS = 5


class Forecast(Detector):
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

    lags_: Lags
    rows_: int
    targets_: IntArray
    lengths_: tuple[int, ...]
    digests_: tuple[str, ...]
    forecasters_: list[Forecaster]
    circumstances_: Circumstances | None

    def __init__(
        self,
        targets: Sequence[str] | None = None,
        covariates: Sequence[str] | None = None,
        *,
        lags: Sequence[Any] | None = None,
        covariate_lags: Sequence[Any] | None = None,
        form: Literal["auto", "level", "change"] = "auto",
        trees: int = 300,
        depth: int = 4,
        rate: float = 0.05,
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
        self._choose_targets(samples[0])
        beside = self._choose_lags(samples)
        self.lengths_ = tuple(len(s) for s in samples)
        self.digests_ = tuple(_digest(s) for s in samples)
        scaled = [self._scaled(s) for s in samples]
        backs = [self.lags_.look_back(s) for s in samples]
        self.rows_ = max(self.lags_.rows(back) for back in backs)
        known = np.concatenate([has_past(back) for back in backs])
        free = self._free_rows(known)
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

    def _choose_targets(self, sample: Series) -> None:
        channels = sample.channels
        covariates = () if self.covariates is None else sample.select(list(self.covariates)).channels
        targets = tuple(c for c in channels if c not in covariates)
        if self.targets is not None:
            targets = sample.select(list(self.targets)).channels
        both = [c for c in targets if c in covariates]
        if both:
            raise InputError(f"{both[0]!r} is a target and a covariate: name it once")
        if not targets:
            raise InputError("every channel is a covariate: leave at least one to forecast")
        self.targets_ = np.array([channels.index(c) for c in targets])

    def _choose_lags(self, samples: Sequence[Series]) -> Lags:
        """Set the lags of forecasts, and return those of covariates."""
        step = samples[0].step
        clocked = step is not None and STEPS_FOR_TIMES[0] <= step <= STEPS_FOR_TIMES[1]
        self.lags_ = Lags.parse(self.lags or (TIMES if clocked else ROWS), step)
        names = " and ".join(self.lags_.name(k) for k in range(len(self.lags_.steps)))
        self.findings_ += (f"forecasts look back {names}",)
        usual = TIMES_AROUND if clocked and self.lags_.timed else ROWS_AROUND
        return Lags.parse(self.covariate_lags or usual, step)

    def _free_rows(self, known: BoolArray) -> list[BoolArray]:
        """For each block, the rows that its judge may learn from."""
        blocks = block_of_rows(self.lengths_, self.folds)
        free = [outside(k, blocks, self.lengths_, 2 * self.rows_) & known for k in range(self.folds)]
        least = min(int(f.sum()) for f in free)
        if least < LEAST_ROWS:
            longest = self.lags_.name(len(self.lags_.steps) - 1)
            raise InputError(
                f"{sum(self.lengths_)} rows are too few for lags of up to {longest}: {self.folds} blocks, with twice "
                f"that left out around each, leave {least} rows to learn from where {LEAST_ROWS} are needed; "
                f"give more rows, shorter lags or fewer folds"
            )
        return free

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

        done = self._side_by_side(learn, range(len(self.targets_)), "forecasting")
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
        if self.covariates is None:
            rest = [c for c in range(len(self.channels_)) if c not in self.targets_]
            columns = rest or list(range(len(self.channels_)))
        else:
            columns = [self.channels_.index(c) for c in sample.select(list(self.covariates)).channels]
        some = np.concatenate(scaled)[:: max(1, sum(self.lengths_) // CORRELATED_ROWS)]
        copies = correlated(some)
        allowed = np.zeros((len(self.targets_), len(self.channels_)), dtype=bool)
        allowed[:, columns] = ~copies[self.targets_][:, columns]
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
            lags, scaled, backs, scores, known, blocks, free, groups, allowed, self.depth, rng, self._side_by_side
        )

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        parts = np.full(sample.values.shape, np.nan)
        parts[:, self.targets_] = np.abs(self._deviations(sample))
        return Scores(join(parts), parts=parts, part_names=sample.channels)

    def _expected(self, sample: Series) -> FloatArray:
        """The forecasts; NaN for channels that are not forecast."""
        assert self.profile_ is not None
        found = np.full(sample.values.shape, np.nan)
        centre, scale = self.profile_.centre[self.targets_], self.profile_.scale[self.targets_]
        found[:, self.targets_] = self._forecasts(sample) * scale + centre
        return found

    def _deviations(self, sample: Series) -> FloatArray:
        """Signed misses in robust standard deviations, shape (n, targets)."""
        known = has_past(self.lags_.look_back(sample))
        misses = self._scaled(sample)[:, self.targets_] - self._forecasts(sample)
        return np.stack([f.in_deviations(m, known) for f, m in zip(self.forecasters_, misses.T, strict=True)], axis=1)

    def _forecasts(self, sample: Series) -> FloatArray:
        """Forecasts on the scale of the trees, shape (n, targets)."""
        scaled, back, own = self._scaled(sample), self.lags_.look_back(sample), self._own_blocks(sample)

        def one(j: int) -> FloatArray:
            return self.forecasters_[j].forecast(scaled[:, self.targets_[j]], back, own)

        return np.stack(self._side_by_side(one, range(len(self.targets_)), ""), axis=1)

    def _scaled(self, sample: Series) -> FloatArray:
        assert self.profile_ is not None
        values = (sample.values.astype(np.float64) - self.profile_.centre) / self.profile_.scale
        return np.asarray(np.clip(values, -FARTHEST, FARTHEST))

    def _own_blocks(self, sample: Series) -> IntArray | None:
        """The block of each row of a sample that was learned from; None for others."""
        if len(sample) not in self.lengths_:
            return None
        digest = _digest(sample)
        if digest not in self.digests_:
            return None
        start = sum(self.lengths_[: self.digests_.index(digest)])
        return block_of_rows(self.lengths_, self.folds)[start : start + len(sample)]

    # ----------------------------------------------------------- explaining

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """The targets that were missed most inside, with what goes with the first of them."""
        if scores.parts is None or not isinstance(anomaly.where, Interval):
            return None
        start, stop = anomaly.where.start, anomaly.where.stop
        inside = np.nan_to_num(scores.parts[start:stop], nan=0.0)
        peaks = inside.max(axis=0)
        total = float(peaks.sum()) or 1.0
        expected = self._expected(sample)
        found: list[Evidence] = []
        for c in [int(c) for c in np.argsort(-peaks, kind="stable") if c in self.targets_][:MOST_TARGETS]:
            share = float(peaks[c]) / total
            if found and share < LEAST_SHARE:
                break
            row = start + int(inside[:, c].argmax())
            seen, wanted = float(sample.values[row, c]), float(expected[row, c])
            text = f"{seen:.4g}, forecast {wanted:.4g}: {peaks[c]:.3g} robust deviations off"
            found.append(Evidence(sample.channels[c], share, seen, (wanted,), text))
        first, rest = found[0], found[1:]
        if self.circumstances_ is None:
            return found
        target = [self.channels_[c] for c in self.targets_].index(first.name)
        reasons = self._reasons(sample, self._deviations(sample), target, (start, stop))
        if not reasons:
            return [replace(first, text=f"{first.text}; covariates do not explain this"), *rest]
        # A covariate never counts for more than what it is to explain: half of that, times how well it does.
        held = 0.5 * float(np.clip(self.circumstances_.power[target], 0, 1)) * first.share
        first = replace(first, share=first.share - held, text=f"{first.text}; goes with {reasons[0].name}")
        rest += [replace(e, share=held * e.share) for e in reasons]
        return [first, *sorted(rest, key=lambda e: -e.share)]

    def _reasons(self, sample: Series, deviations: FloatArray, j: int, span: tuple[int, int]) -> list[Evidence]:
        """Covariates that raised the score of target `j`; none where they do not explain it."""
        if self.circumstances_ is None:
            return []
        back, own = self.circumstances_.lags.look_back(sample), self._own_blocks(sample)
        height = float(np.abs(deviations[span[0] : span[1], j]).mean())
        return self.circumstances_.reasons(
            j, self._scaled(sample), back, own, span, height, self.channels_, sample.values
        )

    def forecast(self, sample: Any) -> FloatArray:
        """Return the forecast of each row of each target, in its own units, shape (n, targets).

        A row without enough past has its channel's median.
        """
        return np.asarray(self._expected(self._ready(sample))[:, self.targets_])

    def top(self, sample: Any, count: int = 3, *, within: Any = None, least: float = 3.0) -> tuple[Peak, ...]:
        """Return the strongest misses of each target, with the covariates that go with them.

        Parameters
        ----------
        sample : Sample, array or table
        count : int
            How many per target, at most.
        within : time or rows, optional
            How far apart two of them are at least; 6 hours with a clock, else 36 rows.
        least : float
            Robust standard deviations that a miss must exceed; its stretch is where the score stays above that.

        Returns
        -------
        tuple of Peak
            Target by target, strongest first.
        """
        ready = self._ready(sample)
        clock, apart = _clock(ready, within)
        signed, expected = self._deviations(ready), self._expected(ready)
        power = np.full(len(self.targets_), np.nan) if self.circumstances_ is None else self.circumstances_.power
        found = []
        for j, c in enumerate(self.targets_):
            for row, start, stop in strongest(np.abs(signed[:, j]), clock, count, apart, least):
                found.append(
                    Peak(
                        target=self.channels_[c],
                        start=start,
                        stop=stop,
                        row=row,
                        at=ready.name(row),
                        score=float(abs(signed[row, j])),
                        seen=float(ready.values[row, c]),
                        expected=float(expected[row, c]),
                        power=float(power[j]),
                        because=tuple(self._reasons(ready, signed, j, (start, stop))),
                    )
                )
        return tuple(found)

    def follows(self, sample: Any, *, within: Any = None, least: float = 0.2) -> tuple[Lead, ...]:
        """Return which targets are missed some time after others, strongest correlation first.

        Parameters
        ----------
        sample : Sample, array or table
        within : time or rows, optional
            The longest delay; 6 hours with a clock, else 36 rows.
        least : float
            Correlation of log scores that counts.

        Notes
        -----
        Time grows with the square of the number of targets.
        """
        ready = self._ready(sample)
        _, apart = _clock(ready, within)
        step = ready.step if ready.time is not None else None
        farthest = apart if step is None else max(1, round(apart / (step * 1e9)))
        best, delay = delays(np.abs(self._deviations(ready)), farthest)
        found = []
        for i in range(len(best)):
            for j in range(i):
                a, b = (i, j) if best[i, j] > best[j, i] or (best[i, j] == best[j, i] and i < j) else (j, i)
                if best[a, b] >= least:
                    rows = int(delay[a, b])
                    first, second = (self.channels_[self.targets_[t]] for t in (a, b))
                    seconds = None if step is None else rows * step
                    found.append(Lead(first, second, rows, seconds, float(best[a, b])))
        return tuple(sorted(found, key=lambda lead: -lead.correlation))

    def influence(self, sample: Any, target: str, rows: Sequence[int]) -> Influence:
        """Return what each channel adds to the score of a target at some rows.

        Raises
        ------
        InputError
            If the channel is no target, a row is not there, or nothing was learned about covariates.
        """
        ready = self._ready(sample)
        names = [self.channels_[c] for c in self.targets_]
        if target not in names:
            raise InputError(f"{target!r} is no target: there are {', '.join(names[:8])}")
        if self.circumstances_ is None:
            raise InputError("nothing was learned about covariates: there are none, or reasons is off")
        places = np.asarray(rows, dtype=np.int64)
        if places.ndim != 1 or (places < 0).any() or (places >= len(ready)).any():
            raise InputError(f"rows lie between 0 and {len(ready) - 1}")
        back, own = self.circumstances_.lags.look_back(ready), self._own_blocks(ready)
        phi, base = self.circumstances_.contributions(names.index(target), self._scaled(ready), back, places, own)
        return Influence(self.channels_, ready.values[places], phi.sum(axis=2), base)

    def _ready(self, sample: Any) -> Series:
        from tocsin.core.samples import as_sample

        self._check_fitted()
        ready = self._bridged(self._check(as_sample(sample), first=None))
        assert isinstance(ready, Series)
        return ready

    # ------------------------------------------------------------- plumbing

    def _side_by_side(self, work: Callable[[T], R], items: Sequence[T], what: str) -> list[R]:
        """Do independent work in threads: the trees release the interpreter, and each runs on one thread."""
        jobs = self.jobs or len(os.sched_getaffinity(0))
        if jobs == 1 or len(items) == 1:
            return [work(i) for i in (track(items, what) if what else items)]
        with ThreadPoolExecutor(min(jobs, len(items))) as pool:
            waiting = [pool.submit(work, i) for i in items]
            return [w.result() for w in (track(waiting, what) if what else waiting)]

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


def _digest(sample: Series) -> str:
    return hashlib.sha256(np.ascontiguousarray(sample.values).tobytes()).hexdigest()


def _clock(sample: Series, within: Any) -> tuple[IntArray, int]:
    """Where each row is, and how far `within` is: nanoseconds with a clock, else rows."""
    asked = Lags.parse((within,), sample.step) if within is not None else None
    if asked is not None and not asked.timed:
        return np.arange(len(sample)), asked.steps[0]
    if sample.time is None or not sample.step:
        return np.arange(len(sample)), 36
    return sample.time.astype(np.int64), (asked or Lags.parse(("6h",), sample.step)).steps[0]
