"""AutoencoderFleet: what a machine's sensors say is strange where they no longer fit each other as they used to.

Each machine has a small over-complete autoencoder: its sensors, ten times as many hidden units, its sensors again. It
learns to rebuild rows of healthy operation, and rebuilds badly what breaks the relations between sensors, even where
every single value is usual. Rows are judged one by one, without their past. All machines are trained in one batched
program, starting from one network that was trained on rows of all of them; that network also judges machines that
nobody has seen yet, and is where they start to learn from.

Source: Borghesi, Bartolini, Lombardi, Milano and Benini, Anomaly Detection using Autoencoders in High Performance
Computing Systems, AAAI 2019, arXiv 1811.05269, and its published code.

Deviations from the source, all undone by `faithful`, where the network starts at random, sees the range from minimum to
maximum, holds out random rows, takes two passes, and scores the largest error as it is. Here channels are brought to
their 1 % and 99 % quantiles, so that one glitch does not flatten a channel, and cut half that range beyond. Three
tenths of the rows are held out in blocks and say when to stop. Errors are divided by what is usual for the channel on
those rows, so that one noisy sensor does not drown the others, and joined by the rule that all detectors share; scores
are divided by what 97 % of those rows stay below, so that machines can share a threshold. Passes, cut and joining were
chosen on one half of the runs of a computing node with injected faults.

The source chooses the percentile of its threshold with labels and counts trained rows among healthy ones; here no label
is used, and rows that were trained on count as much higher as held-out rows came out above them. Its scaler saw the
anomalies; ours sees nothing but what it is given to learn from, also with `faithful`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core import gaps
from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.card import Card
from tocsin.core.channels import join
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.series.autoencoder import scaling
from tocsin.series.autoencoder.networks import Networks
from tocsin.series.autoencoder.training import Recipe, library, train

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

FLEET = 0
FAITHFUL_EPOCHS = 2
LEVELS = 201
MEASURES = ("low_", "span_", "usual_", "ratio_", "height_", "levels_")
MOST_ROWS, MOST_SHARED_ROWS = 20_000, 10_000
# So many at a time stay near the processor; more of them train no faster each.
TOGETHER = 32
OWN_SCALE_ROWS = 50
LEAST_ERROR = 0.01
SEEN = (-0.5, 1.5)
# The share of held-out healthy rows whose score is below one.
ONE = 0.97
HIGHEST_RATIO = 3.0
LEAST_SHARE = 0.02
MOST_REASONS = 8


class AutoencoderFleet(Detector):
    """Rows that a machine's own autoencoder cannot rebuild.

    A sample's `id` names the machine; samples of one id are one machine. Fitted on one machine it is a fleet of one. A
    machine that was not learned is judged by the network of the whole fleet, and `update` with its first rows gives it
    one of its own, trained from there; `update` of a known machine trains on.

    Parameters
    ----------
    hidden : int
        Hidden units per channel.
    l1 : float
        Price of hidden activity; it keeps an over-complete network from passing everything through.
    epochs : int
        Passes over the rows, at most.
    patience : int
        Passes without improvement on held-out rows after which a machine's training ends; 0 for never.
    batch : int
        Rows per step and machine.
    rate : float
        Learning rate of Adam.
    pool : {'join', 'max', 'mean'}
        How the errors of channels become one score: the root mean square of their logs, the largest, or the mean. The
        largest is best where one sensor breaks at a time, and worst where machines drift; always so if `faithful`.
    faithful : bool
        Follow the source's protocol: see the module's text. Rows of machines at rest (channels with "util" in their
        name sum up to less than 10) are not learned from; epochs and patience are ignored.
    device : str
        Where torch trains. Scores are always computed by NumPy.
    random_state : int
        Seed.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, or nothing is left to learn from.
    MissingExtra
        From `fit`, if torch is not installed; scoring does not need it.

    Notes
    -----
    Training data should be healthy: a state that is in them often enough is rebuilt well, whatever it means.

    Examples
    --------
    >>> import numpy as np
    >>> load = np.sin(np.arange(600.0) / 20)
    >>> node = np.outer(load, [1.0, 2.0, -1.0, 0.5, 3.0, -2.0])
    >>> node[400:405, 1] = -node[400:405, 1]
    >>> found = AutoencoderFleet(epochs=10).fit_detect(node, false_alarms="top 1")
    >>> found.anomalies[0].start in range(400, 405), found.anomalies[0].because[0].name
    (True, 'channel 1')
    """

    card: ClassVar[Card] = Card(
        name="autoencoder",
        summary="rows whose channels do not fit each other as they do in the same machine's healthy operation",
        modality=("series",),
        learns_from="normal",
        localises="time steps",
        online=True,
        handles_missing=True,
        needs=("deep",),
        cost="training: rows x channels squared x epochs, all machines at once; scoring: rows x channels squared",
        cite="Borghesi et al. 2019, arXiv 1811.05269",
    )

    ids_: tuple[str, ...]
    networks_: Networks
    low_: FloatArray
    span_: FloatArray
    usual_: FloatArray
    ratio_: FloatArray
    height_: FloatArray
    levels_: FloatArray
    epochs_: IntArray
    updates_: int

    def __init__(
        self,
        hidden: int = 10,
        *,
        l1: float = 1e-5,
        epochs: int = 10,
        patience: int = 5,
        batch: int = 64,
        rate: float = 1e-3,
        pool: Literal["join", "max", "mean"] = "join",
        faithful: bool = False,
        device: str = "cpu",
        random_state: int = 0,
    ) -> None:
        self.hidden = hidden
        self.l1 = l1
        self.epochs = epochs
        self.patience = patience
        self.batch = batch
        self.rate = rate
        self.pool = pool
        self.faithful = faithful
        self.device = device
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"epochs": 15, "rate": 3e-3}

    # ------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Series], rng: np.random.Generator) -> None:
        library()
        recipe = self._recipe()
        self.ids_ = tuple(dict.fromkeys(s.id for s in samples))
        self.updates_ = 0
        machines = [self._material([s for s in samples if s.id == id], rng) for id in self.ids_]
        rows = [r for r, _ in machines]
        shared = np.concatenate([r[:: max(1, len(rows) * len(r) // MOST_SHARED_ROWS)] for r in rows])
        shared_held = np.concatenate([r[h][:: max(1, len(rows) * len(r) // MOST_SHARED_ROWS)] for r, h in machines])
        count, channels = len(self.ids_), len(self.channels_)
        fleet_low, fleet_span = self._range(shared)
        fleet_span = scaling.usable_spans(fleet_span, np.ones(channels), fleet_low)
        ranges = [self._range(r) for r in rows]
        self.low_ = np.stack([fleet_low, *(low for low, _ in ranges)])
        self.span_ = np.stack([fleet_span, *(scaling.usable_spans(s, fleet_span, low) for low, s in ranges)])
        self.usual_ = np.ones((count + 1, channels))
        self.ratio_, self.height_ = np.ones(count + 1), np.ones(count + 1)
        self.levels_ = np.zeros((count + 1, LEVELS))
        seeds = rng.integers(2**31 - 1, size=2 + count // TOGETHER + 1)
        start = Networks.draw(1, channels, self._width(), rng)
        # A fleet of one needs no second network: its machine is the fleet.
        together = (shared, shared_held) if count > 1 else (rows[0][~machines[0][1]], rows[0][machines[0][1]])
        scaled = tuple(self._to_unit(r, FLEET if count > 1 else 1) for r in together)
        networks, epochs = train(start, [scaled[0]], [scaled[1]], recipe, int(seeds[0]))
        self.networks_, self.epochs_ = networks, epochs
        self._take_measure(FLEET, *scaled)
        if count == 1:
            self.networks_, self.epochs_ = networks.take([0, 0]), np.repeat(epochs, 2)
            self._copy_measure(FLEET, 1)
            self.low_[FLEET], self.span_[FLEET] = self.low_[1], self.span_[1]
            return
        for group in range(0, count, TOGETHER):
            places = range(group, min(group + TOGETHER, count))
            first = networks.take([0] * len(places))
            if self.faithful:
                first = Networks.draw(len(places), channels, self._width(), rng)
            learn = [self._to_unit(rows[i][~machines[i][1]], i + 1) for i in places]
            watch = [self._to_unit(rows[i][machines[i][1]], i + 1) for i in places]
            trained, epochs = train(first, learn, watch, recipe, int(seeds[1 + group // TOGETHER]))
            self.networks_, self.epochs_ = self.networks_.joined(trained), np.concatenate((self.epochs_, epochs))
            for i, mine, held in zip(places, learn, watch, strict=True):
                self._take_measure(i + 1, mine, held)

    def _recipe(self) -> Recipe:
        for name, least in (("hidden", 1), ("epochs", 1), ("batch", 1), ("patience", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise InputError(f"{name} is a whole number of at least {least}, not {value!r}")
        if not self.rate > 0 or not self.l1 >= 0:
            raise InputError(f"rate is above 0 and l1 not below, unlike {self.rate!r} and {self.l1!r}")
        if self.pool not in ("join", "max", "mean"):
            raise InputError(f"pool is 'join', 'max' or 'mean', not {self.pool!r}")
        epochs, patience = (FAITHFUL_EPOCHS, 0) if self.faithful else (self.epochs, self.patience)
        return Recipe(
            epochs=epochs, patience=patience, batch=self.batch, rate=self.rate, l1=self.l1, device=self.device
        )

    def _width(self) -> int:
        return self.hidden * len(self.channels_)

    def _material(self, samples: Sequence[Series], rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
        """The rows of one machine that may be learned from, and which of them are held out."""
        rows, held = [], []
        for sample in samples:
            values = gaps.bridge(sample.values).astype(np.float64)
            kept = sample.observed.copy()
            if self.faithful:
                kept &= ~scaling.idle_rows(values, self.channels_)
            mine = scaling.drawn_rows(len(values), rng) if self.faithful else scaling.held_out_rows(len(values))
            rows.append(values[kept])
            held.append(mine[kept])
        values, out = np.concatenate(rows), np.concatenate(held)
        if not len(values):
            raise InputError(f"{samples[0].id or 'the machine'} is idle in every row: there is nothing to learn from")
        stride = max(1, len(values) // MOST_ROWS)
        values, out = values[::stride], out[::stride]
        if out.all() or not out.any():
            # Too few rows to hold any out: they are watched as well as learned from.
            return np.concatenate((values, values)), np.repeat([False, True], len(values))
        return values, out

    def _range(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        return scaling.whole_range(rows) if self.faithful else scaling.robust_range(rows)

    def _to_unit(self, values: FloatArray, place: int) -> FloatArray:
        rows = (values - self.low_[place]) / self.span_[place]
        # Networks extrapolate wildly, and a level far outside says no more than one outside.
        return np.asarray(rows if self.faithful else np.clip(rows, *SEEN), dtype=np.float32)

    def _take_measure(self, place: int, learned: FloatArray, held: FloatArray) -> None:
        """Find out what errors are usual on held-out rows, and how much lower they are on trained ones."""
        error = np.abs(self.networks_.rebuild(place, held) - held).astype(np.float64)
        if not self.faithful:
            self.usual_[place] = np.maximum(1.4826 * np.median(error, axis=0), LEAST_ERROR)
            mine = np.abs(self.networks_.rebuild(place, learned) - learned).astype(np.float64)
            pooled = [self._pooled(e / self.usual_[place]) for e in (error, mine)]
            mean = [float(p.mean()) for p in pooled]
            self.ratio_[place] = np.clip(mean[0] / mean[1], 1.0, HIGHEST_RATIO) if mean[1] > 0 else 1.0
            self.height_[place] = max(float(np.quantile(pooled[0], ONE)), LEAST_ERROR)
        scores = self._pooled(error / self.usual_[place]) / self.height_[place]
        self.levels_[place] = np.quantile(scores, np.linspace(0, 1, LEVELS))

    def _copy_measure(self, source: int, target: int) -> None:
        for kept in (self.usual_, self.ratio_, self.height_, self.levels_):
            kept[target] = kept[source]

    def _update(self, samples: Sequence[Series]) -> None:
        """Train the networks of these machines on, or give a new machine one that starts from the fleet's."""
        recipe = self._recipe()
        for id in dict.fromkeys(s.id for s in samples):
            self.updates_ += 1
            rng = np.random.default_rng((self.random_state, self.updates_))
            rows, out = self._material([s for s in samples if s.id == id], rng)
            place = self._place(id)
            if place == FLEET:
                place = self._add(id, rows)
            learn, watch = self._to_unit(rows[~out], place), self._to_unit(rows[out], place)
            trained, epochs = train(
                self.networks_.take([place]), [learn], [watch], recipe, int(rng.integers(2**31 - 1))
            )
            self.networks_ = self.networks_.replaced(place, trained)
            self.epochs_[place] += epochs[0]
            self._take_measure(place, learn, watch)

    def _add(self, id: str, rows: FloatArray) -> int:
        """Make room for a new machine, which starts as a copy of the fleet."""
        low, span = self.low_[FLEET], self.span_[FLEET]
        if len(rows) >= OWN_SCALE_ROWS:
            low, own = self._range(rows)
            span = scaling.usable_spans(own, span, low)
        self.ids_ = (*self.ids_, id)
        self.low_, self.span_ = np.vstack((self.low_, low)), np.vstack((self.span_, span))
        self.usual_ = np.vstack((self.usual_, self.usual_[FLEET]))
        self.levels_ = np.vstack((self.levels_, self.levels_[FLEET]))
        self.ratio_ = np.append(self.ratio_, self.ratio_[FLEET])
        self.height_ = np.append(self.height_, self.height_[FLEET])
        self.epochs_ = np.append(self.epochs_, 0)
        self.networks_ = self.networks_.joined(self.networks_.take([FLEET]))
        return len(self.ids_)

    # -------------------------------------------------------------- scoring

    def _score(self, sample: Series) -> Scores:
        place = self._place(sample.id)
        parts = self._errors(sample, place)
        local = self._pooled(parts) / self.height_[place]
        judged_by = sample.id if place != FLEET else "the fleet"
        return Scores(local, parts=parts, part_names=sample.channels, notes={"judged by": judged_by})

    def _score_own(self, sample: Series, index: int) -> Scores:
        """Scores of rows that were trained on, raised to where held-out rows are."""
        place, scores = self._place(sample.id), self._score(sample)
        assert scores.local is not None
        factor = np.where(scaling.held_out_rows(len(sample)), 1.0, self.ratio_[place])
        return Scores(scores.local * factor, parts=scores.parts, part_names=sample.channels, notes=scores.notes)

    def _place(self, id: str) -> int:
        """The row of a machine in the arrays; the fleet's for one that is not known."""
        return self.ids_.index(id) + 1 if id in self.ids_ else FLEET

    def _errors(self, sample: Series, place: int) -> FloatArray:
        """Errors of channels, in what is usual for them; NaN where a channel has no data."""
        rows = self._to_unit(gaps.bridge(sample.values), place)
        error = np.abs(self.networks_.rebuild(place, rows) - rows) / self.usual_[place]
        return np.where(np.isfinite(sample.values), error, np.nan)

    def _pooled(self, errors: FloatArray) -> FloatArray:
        if self.pool == "join" and not self.faithful:
            return join(errors)
        known = np.isfinite(errors)
        if self.pool == "mean" and not self.faithful:
            found = np.where(known, errors, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        else:
            found = np.where(known, errors, -np.inf).max(axis=1)
        return np.asarray(np.where(known.any(axis=1), found, np.nan))

    def _expected(self, sample: Series) -> FloatArray:
        place = self._place(sample.id)
        rows = self._to_unit(gaps.bridge(sample.values), place)
        return np.asarray(self.networks_.rebuild(place, rows) * self.span_[place] + self.low_[place])

    def threshold(self, id: str, percentile: float = 97.0) -> float:
        """Return the score that so many per cent of a machine's held-out healthy rows stay below.

        Parameters
        ----------
        id : str
            A machine; one that is not known gets the fleet's.
        percentile : float
            Between 0 and 100.

        Raises
        ------
        InputError
            If the percentile is out of range.
        """
        self._check_fitted()
        if not 0 <= percentile <= 100:
            raise InputError(f"a percentile lies between 0 and 100, unlike {percentile!r}")
        return float(np.interp(percentile, np.linspace(0, 100, LEVELS), self.levels_[self._place(id)]))

    # ----------------------------------------------------------- explaining

    def _explain(self, sample: Series, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """Sensors by their mean error inside, with what the others make of them at the worst row."""
        if scores.parts is None or not isinstance(anomaly.where, Interval):
            return None
        start, stop = anomaly.where.start, anomaly.where.stop
        inside = np.nan_to_num(scores.parts[start:stop], nan=0.0)
        strength = inside.mean(axis=0)
        expected = self._expected(sample)[start:stop]
        total = float(strength.sum()) or 1.0
        found: list[Evidence] = []
        for c in np.argsort(-strength, kind="stable")[:MOST_REASONS]:
            share = float(strength[c]) / total
            if found and share < LEAST_SHARE:
                break
            row = int(inside[:, c].argmax())
            seen, wanted = float(sample.values[start + row, c]), float(expected[row, c])
            text = f"{seen:.4g}, where all sensors together suggest {wanted:.4g}"
            found.append(Evidence(sample.channels[c], share, seen, (wanted,), text))
        return found

    # -------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "networks_": self.networks_.to_state()}

    def _restore(self, state: dict[str, Any]) -> None:
        state = dict(state)
        networks = state.pop("networks_")
        super()._restore(state)
        count, channels = len(self.ids_) + 1, len(self.channels_)
        self.networks_ = Networks.from_state(networks, count, channels)
        sound = (
            len(set(self.ids_)) == count - 1
            and all(isinstance(id, str) for id in self.ids_)
            and self.low_.shape == self.span_.shape == self.usual_.shape == (count, channels)
            and self.levels_.shape == (count, LEVELS)
            and self.ratio_.shape == self.height_.shape == self.epochs_.shape == (count,)
            and all((a > 0).all() for a in (self.span_, self.usual_, self.ratio_, self.height_))
            and all(np.isfinite(getattr(self, name)).all() for name in MEASURES)
            and type(self.updates_) is int
            and self.updates_ >= 0
        )
        if not sound:
            raise InputError("its parts do not fit together")
