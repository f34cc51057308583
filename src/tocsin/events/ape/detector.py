"""APE: events whose entities do not go together.

Every word of every column has an embedding; a row's potential is the sum over pairs of columns of a learned weight,
never negative, times the inner product of the two embeddings. Embeddings and weights are learned by telling rows from
noise that is made from them: one word replaced by another of its column, drawn by frequency. A row is strange where its
words are less likely beside one another than their frequency says.

Reference: Chen, Tang, Sun, Chen and Zhang, Entity Embedding-based Anomaly Detection for Heterogeneous Categorical
Events, IJCAI 2016, arXiv 1608.07502.

Deviations:

- `noise`: in all but ``"author"``, sampler and correction of the logits agree (frequency to the power `power`), the
  true number of negatives stands in it, and the partition constant is learned. ``"per-slot"``, the default, replaces
  every column's word in every step and corrects rows by the mean over columns, as a later re-implementation does; it
  was better than ``"corrected"``, which replaces the word of one random column per step, on the half of the flow data
  where settings were chosen (docs/events.md). ``"author"`` is the published code's form: sampler to the power .75,
  correction to 1, a constant log 10 and no partition constant.
- `scoring`: besides -S there is ``"lift"``, how much less likely each word is beside the others than by itself, summed
  over columns, by an exact softmax over each column's words. On the flows it is no better, it costs a softmax over all
  words, and it is blind where what was learned is not clean: words that occur in nothing but a few anomalies go
  together perfectly. -S calls them strange, as it falls with rarity too. ``"conditional"`` is the largest of the lifts.
- `mask_collisions` leaves out negatives that equal the word they replace. It is off: negatives must be draws from the
  noise as it is. Without collisions the optimum is the odds p / (1 - p) instead of p: in a table of two words by two
  with shares .4 and .1 the difference of potentials becomes 2 log 4 instead of log 4.
- What was never seen while learning has the embedding of the unseen word, which stands in for a share `masking` of all
  words, and so says nothing; with ``unseen="surprise"`` -log of the chance of something new in that column (Good and
  Turing: the share of words seen once) is added.
- Steps shrink to nothing over the last third, which a single seed's luck depends on otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extents import EventSet
from tocsin.core.registry import nearest
from tocsin.core.samples import Events
from tocsin.core.scores import Scores
from tocsin.core.words import number, plural
from tocsin.events._encoder import TableEncoder
from tocsin.events._vocabulary import MISSING_WORD
from tocsin.events.ape._explaining import explain_pair, short
from tocsin.events.ape._model import PairModel
from tocsin.events.ape._noise import Noise, scheme
from tocsin.events.ape._partners import Partners
from tocsin.events.ape._training import Plan, Table, split, train

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.types import BoolArray, FloatArray, IntArray

SCORINGS = ("potential", "lift", "conditional")
UNSEEN = ("surprise", "neutral")
# Larger samples get no parts with their scores: they would take more memory than the rows. `explain` has its own.
MOST_PARTS = 8_000_000
# While going on to learn, what was known moves this much slower than what is new.
INERTIA = 0.1
LEAST_SPREAD = 0.1
MOST_REASONS, LEAST_SHARE = 6, 0.02
UPDATE_PASSES, LEAST_UPDATE, MOST_UPDATE = 20, 100, 2000


class APE(Detector):
    """Pairwise entity embeddings, learned by noise contrast.

    Parameters
    ----------
    scoring : {'potential', 'lift', 'conditional'}
        The negative potential -S; how much less likely words are together than apart, summed over columns; or the
        largest of the columns' lifts.
    dimension : int
        Length of the embeddings.
    noise : {'per-slot', 'corrected', 'author'}
        How noise contrast is set up; see the module.
    negatives : int, optional
        Replacements per replaced word. When left out 1 where every column's word is replaced, and 5 where one is.
    power : float
        Noise is drawn by frequency to this power (not ``author``).
    mask_collisions : bool
        Leave out negatives that equal the word they replace.
    batch : int
        Rows per step.
    rate : float
        Adam's step size.
    least_steps, most_steps : int
        Bounds of the number of full steps; between them learning stops when the held-out loss has not fallen for 750
        steps. Half as many shrinking steps follow.
    unseen : {'surprise', 'neutral'}
        Whether words never seen while learning add to the score.
    masking : float
        Share of words replaced by the unseen word while learning.
    weight : str, optional
        The number column that says for how many events a row stands while learning; ``meta["count"]`` of the sample
        when left out, or one each. It is never part of the table.
    bins, max_values, beyond
        How columns are encoded; see `TableEncoder`.
    random_state : int
        Seed.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> who = rng.integers(3, size=600)
    >>> did = (who + 3 * rng.integers(2, size=600)) % 6
    >>> table = {"user": [f"u{i}" for i in who], "action": [f"do{i}" for i in did]}
    >>> detector = APE(least_steps=200, most_steps=200).fit(Events(table))
    >>> odd = Events({"user": ["u0", "u0"], "action": ["do3", "do1"]})
    >>> scores = detector.score(odd).local
    >>> bool(scores[1] > scores[0] + 1)
    True
    """

    card: ClassVar[Card] = Card(
        name="ape",
        summary="events whose entities are seldom seen together, though each may be common",
        modality=("events",),
        learns_from="unlabelled",
        localises="events",
        online=True,
        cost="learning: a fixed number of steps, linear in columns; scoring: linear in rows, and by lift in words too",
        cite="Chen, Tang, Sun, Chen and Zhang 2016",
    )

    def __init__(
        self,
        scoring: str = "potential",
        dimension: int = 10,
        noise: str = "per-slot",
        negatives: int | None = None,
        power: float = 1.0,
        mask_collisions: bool = False,
        batch: int = 512,
        rate: float = 0.01,
        least_steps: int = 2000,
        most_steps: int = 6000,
        unseen: str = "surprise",
        masking: float = 0.01,
        weight: str | None = None,
        bins: int = 10,
        max_values: int = 1_000_000,
        beyond: str = "kept",
        random_state: int = 0,
    ) -> None:
        self.scoring = scoring
        self.dimension = dimension
        self.noise = noise
        self.negatives = negatives
        self.power = power
        self.mask_collisions = mask_collisions
        self.batch = batch
        self.rate = rate
        self.least_steps = least_steps
        self.most_steps = most_steps
        self.unseen = unseen
        self.masking = masking
        self.weight = weight
        self.bins = bins
        self.max_values = max_values
        self.beyond = beyond
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Fewer steps."""
        return {"least_steps": 250, "most_steps": 250, "batch": 256}

    # ----------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Events], rng: np.random.Generator) -> None:
        plan = self._plan()
        weights = self._weights(samples)
        exclude = () if self.weight is None else (self.weight,)
        self.encoder_ = TableEncoder(self.bins, self.max_values, self.beyond, exclude).fit(samples, weights)
        sizes = self.encoder_.sizes
        if len(sizes) < 2:
            raise InputError(
                f"ape looks at how columns go together, and there is only {self.encoder_.columns[0]!r}: add columns"
            )
        codes = np.concatenate([self.encoder_.encode(sample) for sample in samples])
        events = None if weights is None else np.concatenate(weights)
        self.counts_ = _count(codes, events, sizes)
        self.partners_ = Partners.of(codes, events)
        model = PairModel.start(sizes, self.dimension, rng)
        learned, held_out = split(codes, events, rng)
        steps, loss = train(model, learned, held_out, self._noise(plan), plan, rng)
        self.updates_ = 0
        self._keep(model)
        total = len(codes) if events is None else float(events.sum())
        words = number(int(sizes.sum()) - len(sizes))
        self.findings_ = (
            f"learned from {plural(total, 'event')} in {len(sizes)} columns with {words} different values; "
            f"{number(steps)} steps, held-out loss {loss:.3f}",
            *self._strongest_pairs(),
        )

    def _update(self, samples: Sequence[Events]) -> None:
        """Go on with new rows: new words get embeddings of their own, known ones move a tenth as fast."""
        plan = self._plan()
        weights = self._weights(samples)
        model, before = self._model(), self.encoder_.sizes
        self.encoder_.grow(samples)
        sizes = self.encoder_.sizes
        rng = np.random.default_rng([self.random_state, 1 + self.updates_])
        model, fresh = _grown(model, before, sizes, rng)
        codes = np.concatenate([self.encoder_.encode(sample) for sample in samples])
        events = None if weights is None else np.concatenate(weights)
        counts = np.zeros(len(fresh))
        counts[~fresh] = self.counts_
        self.counts_ = counts + _count(codes, events, sizes)
        self.partners_.add(codes, events)
        rows = len(codes) if events is None else int(min(events.sum(), 1e9))
        steps = int(np.clip(UPDATE_PASSES * rows // plan.batch, LEAST_UPDATE, MOST_UPDATE))
        pace = np.where(fresh, 1.0, INERTIA).astype(np.float32)[:, None]
        learned = Table(codes, events)
        plan = self._plan(steps)
        train(model, learned, learned, self._noise(plan), plan, rng, pace)
        self.updates_ += 1
        self._keep(model)

    def _plan(self, steps: int | None = None) -> Plan:
        if self.scoring not in SCORINGS:
            raise InputError(f"there is no scoring {self.scoring!r}{nearest(self.scoring, SCORINGS)}")
        if self.unseen not in UNSEEN:
            raise InputError(f"unseen is {self.unseen!r}{nearest(self.unseen, UNSEEN)}")
        if not 0 <= self.masking < 1:
            raise InputError(f"masking is a share from 0 up to 1, not {self.masking}")
        for name in ("dimension", "batch", "most_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: it must be at least 1")
        chosen = scheme(self.noise, self.power)
        k = self.negatives or (1 if chosen.every_slot else 5)
        least, most = (self.least_steps, self.most_steps) if steps is None else (steps, steps)
        return Plan(chosen, k, self.batch, self.rate, least, most, self.masking, self.mask_collisions)

    def _weights(self, samples: Sequence[Events]) -> list[FloatArray] | None:
        """For how many events each row stands, where anything says so."""
        if self.weight is None and not any("count" in sample.meta for sample in samples):
            return None
        found: list[FloatArray] = []
        for sample in samples:
            given = sample.meta.get("count") if self.weight is None else sample.numbers.get(self.weight)
            if given is None and self.weight is not None:
                raise InputError(
                    f"{sample.id or 'a sample'} has no number column {self.weight!r} to weigh rows by"
                    f"{nearest(self.weight, sample.numbers)}"
                )
            values = np.ones(len(sample)) if given is None else np.asarray(given, dtype=np.float64)
            called = sample.id or "a sample"
            if values.shape != (len(sample),):
                raise InputError(f"{values.size} counts were given for the {len(sample)} rows of {called}")
            wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
            if wrong.size:
                row = int(wrong[0])
                raise InputError(f"row {row} of {called} stands for {values[row]} events: that must be more than none")
            found.append(values)
        return found

    def _noise(self, plan: Plan) -> list[Noise]:
        """Frequencies of each column's words, the unseen word standing in for a share of all."""
        found = []
        for counts in self._by_column(self.counts_):
            masked = counts.copy()
            masked[0] += plan.masking * counts.sum() / (1 - plan.masking)
            found.append(Noise(masked, plan.scheme))
        return found

    def _keep(self, model: PairModel) -> None:
        self.vectors_, self.pair_weights_, self.constant_ = model.vectors, model.weights, model.constant
        self.usual_, _ = self.partners_.moments(self._model())
        if not self.masking:
            for vectors, counts in zip(self._by_column(self.vectors_), self._by_column(self.counts_), strict=True):
                vectors[0] = (counts @ vectors) / counts.sum()

    def _model(self) -> PairModel:
        offsets = np.concatenate(([0], np.cumsum(self.encoder_.sizes)))
        return PairModel(self.vectors_, self.pair_weights_, offsets, self.constant_)

    def _by_column(self, array: Any) -> list[Any]:
        return list(np.split(array, np.cumsum(self.encoder_.sizes)[:-1]))

    # ------------------------------------------------------------ scoring

    def _score(self, sample: Events) -> Scores:
        codes = self.encoder_.encode(sample)
        model, new = self._model(), self._newness() * (codes == 0)
        if self.scoring == "potential":
            local = new.sum(axis=1) - model.potential(codes)
        else:
            # Rows of a log repeat themselves, and a softmax over all words is dear.
            different, place = np.unique(codes, axis=0, return_inverse=True)
            lifts = model.lifts(different, self._log_shares())[place] + new
            local = lifts.sum(axis=1) if self.scoring == "lift" else lifts.max(axis=1)
        unseen = codes == 0
        columns = self.encoder_.columns
        notes = {
            "n_unseen": unseen.sum(axis=1),
            "unseen": {name: int(n) for name, n in zip(columns, unseen.sum(axis=0), strict=True) if n},
        }
        left, right = np.triu_indices(len(columns), 1)
        names = (*(f"{columns[i]} x {columns[j]}" for i, j in zip(left, right, strict=True)), *columns)
        if len(codes) * len(names) > MOST_PARTS:
            return Scores(local, notes=notes)
        parts = np.concatenate((self.usual_ - model.pairs(codes), new), axis=1)
        return Scores(local, parts=parts, part_names=names, notes=notes)

    def _newness(self) -> FloatArray:
        """-log of the chance of a new word in each column: the share of events whose word was seen once."""
        if self.unseen == "neutral":
            return np.zeros(len(self.encoder_.sizes))
        columns = self._by_column(self.counts_)
        found = [-np.log((np.count_nonzero(counts == 1) + 1) / (counts.sum() + 1)) for counts in columns]
        return np.maximum(found, 0.0)

    def _log_shares(self) -> list[FloatArray]:
        with np.errstate(divide="ignore"):
            return [np.log(counts / counts.sum()).astype(np.float32) for counts in self._by_column(self.counts_)]

    # -------------------------------------------------------- explanation

    def _explain(self, sample: Events, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        """Say which pairs of the strangest row do not go together, and what is new in it.

        Pairs are ranked by how much rarer they were than by chance, which is counted, and not by their part of the
        potential, in which pairs that always go together stand above all others even where they are not to blame.
        """
        rows = anomaly.where.rows if isinstance(anomaly.where, EventSet) else np.arange(len(sample))
        assert scores.local is not None
        row = int(rows[np.argmax(scores.local[rows])])
        codes = self.encoder_.encode(sample.take(row, row + 1))
        misfits = np.maximum(self.partners_.shortfall(codes[0], self._by_column(self.counts_)), 0.0)
        if not misfits.any():
            misfits = np.maximum(self.usual_ - self._model().pairs(codes)[0], 0.0)
        new = self._newness() * (codes[0] == 0)
        left, right = np.triu_indices(codes.shape[1], 1)
        # Two words of which one is new have never met, which says nothing that its being new does not.
        misfits[(codes[0, left] == 0) | (codes[0, right] == 0)] = 0.0
        total = float(misfits.sum() + new.sum()) or 1.0
        found = [self._new_word(sample, row, j, float(new[j]) / total) for j in np.flatnonzero(codes[0] == 0).tolist()]
        found += [
            explain_pair(self.encoder_, self.partners_, p, codes[0], float(misfits[p]) / total)
            for p in np.flatnonzero(misfits).tolist()
        ]
        found.sort(key=lambda e: -e.share)
        return [e for i, e in enumerate(found) if i < MOST_REASONS and (e.share >= LEAST_SHARE or not i)]

    def _new_word(self, sample: Events, row: int, j: int, share: float) -> Evidence:
        name = self.encoder_.columns[j]
        counts = self._by_column(self.counts_)[j]
        usual = tuple(self.encoder_.words(j, int(c)) for c in np.argsort(-counts, kind="stable")[:3] if counts[c])
        if name in sample.entities:
            seen = str(sample.entities[name].words()[row] or MISSING_WORD)
        else:
            seen = f"{sample.numbers[name][row]:.6g}"
        return Evidence(name, share, seen, usual, f"{name} {short(seen)} was never seen before")

    def _strongest_pairs(self) -> tuple[str, ...]:
        """Which columns tell most about each other: how far pairs' potentials go from usual, over learned rows."""
        _, spread = self.partners_.moments(self._model())
        columns = self.encoder_.columns
        left, right = np.triu_indices(len(columns), 1)
        strongest = [p for p in np.argsort(-spread, kind="stable")[:3] if spread[p] > LEAST_SPREAD]
        told = [f"{columns[left[p]]} x {columns[right[p]]}" for p in strongest]
        return (f"columns that go together most: {', '.join(told)}",) if told else ()

    # ------------------------------------------------------------ storing

    def _state(self) -> dict[str, Any]:
        stored = super()._state()
        return stored | {"encoder_": self.encoder_.state(), "partners_": self.partners_.state()}

    def _restore(self, state: dict[str, Any]) -> None:
        encoder, partners = TableEncoder.from_state(state["encoder_"]), Partners.from_state(state["partners_"])
        super()._restore({**state, "encoder_": encoder, "partners_": partners})
        words, m = int(encoder.sizes.sum()), len(encoder.sizes)
        arrays = {"vectors_": (words, self.vectors_.shape[-1]), "pair_weights_": (m, m), "counts_": (words,)}
        arrays["usual_"] = (m * (m - 1) // 2,)
        for name, shape in arrays.items():
            array = getattr(self, name)
            if array.dtype.kind != "f" or array.shape != shape or not np.isfinite(array).all():
                raise ArtifactError(f"the stored model is damaged: {name} cannot be that")
        if partners.columns != m or not np.isfinite(self.constant_):
            raise ArtifactError("the stored model is damaged: its columns do not fit")


def _count(codes: IntArray, weights: FloatArray | None, sizes: IntArray) -> FloatArray:
    """How often each word of each column occurs, one column after the other."""
    return np.concatenate(
        [np.bincount(codes[:, j], weights=weights, minlength=size).astype(np.float64) for j, size in enumerate(sizes)]
    )


def _grown(
    model: PairModel, before: IntArray, sizes: IntArray, rng: np.random.Generator
) -> tuple[PairModel, BoolArray]:
    """Make room for new words, which begin as the unseen word of their column; also tell which rows are new."""
    vectors, fresh = [], []
    for j, (old, size) in enumerate(zip(before, sizes, strict=True)):
        known = model.column(j)
        begin = known[0] + rng.normal(scale=0.01, size=(size - old, known.shape[1])).astype(np.float32)
        vectors.append(np.concatenate((known, begin)))
        fresh.append(np.arange(size) >= old)
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    grown = PairModel(np.concatenate(vectors), model.weights.copy(), offsets, model.constant)
    return grown, np.concatenate(fresh)
