"""MixedTable: rows of many numbers and a few categories that break the rules of the table, or have no like.

Two looks at a row that miss different things. The residual of principal components, on ranks, sees numbers that do not
go together as they always did, however usual each is. The distance to the nearest learned rows, on logarithms, sees
amounts and combinations that have no precedent. Each becomes how rare it is among scores of learned rows that were
left out (tocsin.core.tails), and the two are added.

References: Shyu, Chen, Sarinnapakorn and Chang, A Novel Anomaly Detection Scheme Based on Principal Component
Classifier, 2003; Ramaswamy, Rastogi and Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, 2000.

Deviations: components are taken on ranks instead of standardised values, whose share of variance hangs on a few wild
columns; minor components count equally instead of by their variance; what is joined are rarities, not distances.
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
from tocsin.core.neighbours import nearest
from tocsin.core.samples import Events
from tocsin.core.scores import Scores
from tocsin.core.tails import tail, tail_scale
from tocsin.events._features import MixedFeatures
from tocsin.events._residual import Residual
from tocsin.events._vocabulary import MISSING_WORD

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.types import FloatArray, IntArray

FOLDS = 5
CHUNK = 4096
MOST_PARTS = 20_000_000
MOST_REASONS, LEAST_SHARE = 8, 0.02


class MixedTable(Detector):
    """Residual of principal components on ranks, joined with the distance to nearest learned rows.

    Parameters
    ----------
    variance : float
        Share of the variance that components hold; a row is judged by what is left.
    neighbours : int
        Over how many nearest rows distances are averaged.
    references : int
        How many learned rows, drawn at random where there are more, distances go to.
    categories : int
        How many frequent words of an entity column are told apart; all others count as one.
    random_state : int
        Which rows are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> size = rng.lognormal(size=500)
    >>> table = Events({"kind": ["get"] * 500}, {"size": size, "time": 2 * size + 0.01 * rng.normal(size=500)})
    >>> odd = Events({"kind": ["get", "get"]}, {"size": [1.0, 1.0], "time": [2.0, 0.5]})
    >>> scores = MixedTable().fit(table).score(odd).local
    >>> bool(scores[1] > scores[0] + 2)
    True
    """

    card: ClassVar[Card] = Card(
        name="mixed-table",
        summary="rows whose numbers and categories do not go together as they did, or that have no like",
        modality=("events",),
        learns_from="normal",
        localises="events",
        handles_missing=True,
        cost="learning and scoring: rows x kept rows x features multiply-adds",
        cite="Shyu, Chen, Sarinnapakorn and Chang 2003; Ramaswamy, Rastogi and Shim 2000",
    )

    def __init__(
        self,
        variance: float = 0.98,
        neighbours: int = 5,
        references: int = 20_000,
        categories: int = 100,
        random_state: int = 0,
    ) -> None:
        self.variance = variance
        self.neighbours = neighbours
        self.references = references
        self.categories = categories
        self.random_state = random_state

    # ----------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Events], rng: np.random.Generator) -> None:
        if not 0 < self.variance < 1:
            raise InputError(f"variance is a share between 0 and 1, not {self.variance}")
        if min(self.neighbours, self.references, self.categories) < 1:
            raise InputError("neighbours, references and categories are at least 1")
        self.features_ = MixedFeatures(self.categories).fit(samples)
        parts = [self.features_.transform(sample) for sample in samples]
        ranks, sizes = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
        total = len(ranks)
        self.residual_ = Residual.fit(ranks, self.variance)
        self.kept_ = np.arange(total)
        if total > self.references:
            self.kept_ = np.sort(rng.choice(total, self.references, replace=False))
        self.rows_ = np.ascontiguousarray(sizes[self.kept_])
        self.sizes_ = np.array([len(sample) for sample in samples])
        # Scales must come from rows that were left out, as new rows are.
        fold = np.arange(total) * FOLDS // total if total >= 10 * FOLDS else np.zeros(total, dtype=np.int64)
        fold = fold[rng.permutation(total)]
        left_out = np.empty(total)
        for f in range(FOLDS):
            here = fold == f
            if here.any():
                model = Residual.fit(ranks[~here], self.variance) if not here.all() else self.residual_
                left_out[here] = _norm(model.leftover(ranks[here]))
        distances = np.empty(total)
        for a in range(0, total, CHUNK):
            rows = np.arange(a, min(total, a + CHUNK))
            distances[rows] = self._near(sizes[rows], rows)[0]
        self.scale_left_, self.scale_far_ = tail_scale(left_out), tail_scale(distances)
        self.findings_ = (
            f"{len(self.features_.columns)} columns as {ranks.shape[1]} features, of which "
            f"{self.residual_.directions.shape[1]} components hold {self.variance:.0%} of the variance",
        )

    # ------------------------------------------------------------ scoring

    def _score(self, sample: Events) -> Scores:
        return self._judge(sample, None)

    def _score_own(self, sample: Events, index: int) -> Scores:
        return self._judge(sample, int(self.sizes_[:index].sum()))

    def _judge(self, sample: Events, begin: int | None) -> Scores:
        """Scores; `begin` is where the sample's rows stood among the learned ones, if it was learned from."""
        columns, owner = self.features_.columns, self.features_.owner
        by_column = np.zeros((len(owner), len(columns)), dtype=np.float32)
        by_column[np.arange(len(owner)), owner] = 1.0
        local = np.empty(len(sample))
        parts = np.empty((len(sample), len(columns)), dtype=np.float32) if self._with_parts(sample) else None
        for a in range(0, len(sample), CHUNK):
            part = sample.take(a, min(len(sample), a + CHUNK))
            rows = slice(a, a + len(part))
            ranks, sizes = self.features_.transform(part)
            leftover = self.residual_.leftover(ranks)
            places = None if begin is None else np.arange(begin + a, begin + a + len(part))
            distance, found = self._near(sizes, places)
            left, far = tail(self.scale_left_, _norm(leftover)), tail(self.scale_far_, distance)
            local[rows] = left + far
            if parts is not None:
                apart = (sizes - self.rows_[found].mean(axis=1)) ** 2
                parts[rows] = _shared(leftover**2 @ by_column, left) + _shared(apart @ by_column, far)
        if parts is None:
            return Scores(local)
        return Scores(local, parts=parts, part_names=columns)

    def _with_parts(self, sample: Events) -> bool:
        return len(sample) * len(self.features_.columns) <= MOST_PARTS

    def _near(self, sizes: FloatArray, places: IntArray | None) -> tuple[FloatArray, IntArray]:
        """Mean distance to the nearest learned rows, and which these are; a learned row is not its own neighbour."""
        if places is None:
            distances, found = nearest(sizes, self.rows_, self.neighbours)
        else:
            distances, found = nearest(
                sizes, self.rows_, self.neighbours, starts=places, reference_starts=self.kept_, exclusion=1
            )
        there = np.isfinite(distances)
        counted = np.maximum(there.sum(axis=1), 1)
        return np.where(there, distances, 0.0).sum(axis=1, dtype=np.float64) / counted, np.maximum(found, 0)

    # -------------------------------------------------------- explanation

    def _explain(self, sample: Events, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence] | None:
        rows = anomaly.where.rows if isinstance(anomaly.where, EventSet) else np.arange(len(sample))
        assert scores.local is not None
        row = int(rows[np.argmax(scores.local[rows])])
        one = scores if scores.parts is not None else self._score(sample.take(row, row + 1))
        shares = one.shares(row if scores.parts is not None else 0)
        return [self._reason(sample, row, name, share) for name, share in shares[:MOST_REASONS] if share >= LEAST_SHARE]

    def _reason(self, sample: Events, row: int, name: str, share: float) -> Evidence:
        usual = self.features_.usual(self.features_.columns.index(name))
        if name in sample.entities:
            word = str(sample.entities[name].words()[row] or MISSING_WORD)
            return Evidence(name, share, word, usual, f"{word}; mostly {', '.join(map(str, usual))}")
        value = float(sample.numbers[name][row])
        low, high = (f"{u:.4g}" for u in usual)
        seen: float | str = value if np.isfinite(value) else MISSING_WORD
        text = f"{value:.4g}, usually {low}" + (f" to {high}" if high != low else "")
        return Evidence(name, share, seen, usual, text)

    # ------------------------------------------------------------ storing

    def _state(self) -> dict[str, Any]:
        stored = super()._state()
        return stored | {"features_": self.features_.state(), "residual_": self.residual_.state()}

    def _restore(self, state: dict[str, Any]) -> None:
        features, residual = MixedFeatures.from_state(state["features_"]), Residual.from_state(state["residual_"])
        super()._restore({**state, "features_": features, "residual_": residual})
        width = len(features.owner)
        if len(residual.mean) != width or self.rows_.ndim != 2 or self.rows_.shape[1] != width:
            raise ArtifactError("the stored model is damaged: its rows do not fit its features")
        if len(self.kept_) != len(self.rows_) or not np.isfinite(self.rows_).all():
            raise ArtifactError("the stored model is damaged: its rows cannot be that")


def _norm(rows: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.einsum("nf,nf->n", rows, rows, dtype=np.float64)))


def _shared(squares: FloatArray, amount: FloatArray) -> FloatArray:
    """An amount per row, shared out among columns by their squares; evenly where there are none."""
    total = squares.sum(axis=1, keepdims=True)
    even = np.full_like(squares, 1 / squares.shape[1])
    return np.asarray(np.where(total > 0, squares / np.where(total > 0, total, 1), even) * amount[:, None])
