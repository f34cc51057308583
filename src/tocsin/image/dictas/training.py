"""Training of a dictionary on auxiliary pictures, without a single real defect.

A pair is a picture and another view of it; some pictures get a made defect. First all three generators learn, with
patches compared as they are. Once that no longer helps on held-out pairs, the generator of values is frozen and patches
pass through it too before they are looked up: were it still learning then, sending everything to one place would be
the easiest way to find everything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.image._training import TrainingReport, device_of, step_rng, train
from tocsin.image.dictas.auxiliary import Auxiliary
from tocsin.image.dictas.descriptors import depths, usual_levels
from tocsin.image.dictas.dictionary import Dictionary
from tocsin.image.dictas.episode import Episode
from tocsin.image.dictas.pairs import training_pair
from tocsin.image.dictas.text_head import TextHead
from tocsin.image.dictas.words import text_vectors
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

#: The first phase takes at most this share of the steps.
FIRST = 0.5
#: Where the learning rate ends, as a share of where it begins.
LAST_RATE = 0.05
BETAS = (0.5, 0.999)
#: Numbers of pictures are far apart, so that validation never sees a picture that a step has seen.
VALIDATION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a dictionary is trained.

    Parameters
    ----------
    steps, batch : int
    side : int
        Of the training pictures, in pixels.
    rate : float
        Learning rate at the beginning.
    anomalies : float
        Share of pictures that get a defect.
    every : int
        Steps between validations.
    held_out : int
        Pairs validated on, all with a defect.
    scales : tuple of int
    heads : int
    standardised : bool
        Whether descriptors are brought to mean 0 and spread 1, see `usual_levels`.
    zeros : bool
        See `tocsin.image.dictas.lookup.pooled`.
    seed : int
    """

    steps: int
    batch: int = 8
    side: int = 160
    rate: float = 5e-4
    anomalies: float = 0.3
    every: int = 50
    held_out: int = 16
    scales: tuple[int, ...] = (1, 3)
    heads: int = 4
    standardised: bool = True
    zeros: bool = False
    seed: int = 0


def train_dictionary(
    encoder: PatchEncoder, source: str, schedule: Schedule, *, text: str | None = None, folder: str | None = None
) -> tuple[Dictionary, tuple[TrainingReport, TrainingReport]]:
    """Return a trained dictionary, and what became of both phases.

    Parameters
    ----------
    encoder : PatchEncoder
        Stays as it is.
    source : str
        See `Auxiliary`.
    schedule : Schedule
    text : str, optional
        A CLIP model whose text encoder says what normal and damaged look like; without it there is no text loss.
    folder : str, optional
        Where the run is stored as it goes, to go on after an interruption.

    Raises
    ------
    InputError
        If the auxiliary pictures or the text model are not there, or the heads do not divide the descriptors.
    """
    pictures = Auxiliary(source, schedule.side - schedule.side % encoder.multiple)
    pairs = _Pairs(encoder, pictures, schedule)
    width, count = pairs.sizes()
    words = None if text is None else torch.from_numpy(text_vectors(text, pictures.kinds))
    dictionary = Dictionary(width, schedule.heads).start(torch.Generator().manual_seed(schedule.seed))
    head = None
    if words is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            head = TextHead(width, count, words.shape[2])
    episode = Episode(dictionary, head, schedule.scales, schedule.zeros).train()
    held_out = [pairs.validation(n) for n in range(schedule.held_out)]

    def loss_of(step: int) -> Tensor:
        query, reference, masks, kinds = pairs.batch(step, device_of(episode))
        return episode.loss(query, reference, masks, None if words is None else words[kinds].to(masks.device))

    def validate() -> float:
        return 1 - found_where_made(episode, held_out)

    def phase(number: int, steps: int, patience: int | None) -> TrainingReport:
        return train(
            episode,
            loss_of,
            steps=steps,
            rate=lambda _step, share: schedule.rate * (1 - (1 - LAST_RATE) * share),
            seed=schedule.seed + number,
            folder=None if folder is None else Path(folder) / f"phase-{number}",
            validate=validate,
            every=schedule.every,
            patience=patience,
            optimiser="adam",
            betas=BETAS,
            notes={"encoder": encoder.fingerprint, "source": source, "text": text, **_plain(schedule)},
        )

    first = phase(1, max(1, round(FIRST * schedule.steps)), patience=1)
    episode.second = True
    dictionary.value.requires_grad_(False)
    dictionary.value.dropout.eval()
    second = phase(2, max(1, schedule.steps - first.steps), patience=None)
    return dictionary.eval().requires_grad_(False), (first, second)


def found_where_made(episode: Episode, pairs: list[tuple[list[Tensor], list[Tensor], Tensor]]) -> float:
    """Return the average precision, over all cells, with which made defects are found."""
    scores, truth = [], []
    device = device_of(episode)
    for query, reference, mask in pairs:
        found, _ = episode.unlike([q.to(device) for q in query], [r.to(device) for r in reference])
        scores.append(torch.stack(found).mean(dim=0)[0].cpu().numpy())
        size = query[0].shape[2:]
        truth.append(nn.functional.interpolate(mask[None, None], size, mode="area").numpy().ravel())
    covered = np.concatenate(truth)
    labels = covered > min(0.5, covered.max() / 2)  # where every defect is smaller than a cell, some remain
    return float(Ranking.from_scores(labels, np.concatenate(scores)).average_precision())


class _Pairs:
    """Training pairs as descriptors."""

    def __init__(self, encoder: PatchEncoder, pictures: Auxiliary, schedule: Schedule) -> None:
        self.encoder, self.pictures, self.schedule = encoder, pictures, schedule
        self.levels = usual_levels(encoder) if schedule.standardised else None

    def sizes(self) -> tuple[int, int]:
        """Numbers of a descriptor, and how many depths there are."""
        with torch.inference_mode():
            found = depths(self.encoder, torch.zeros(1, 3, self.pictures.side, self.pictures.side))
        return found[0].shape[1], len(found)

    def batch(self, step: int, device: torch.device) -> tuple[list[Tensor], list[Tensor], Tensor, Tensor]:
        """Descriptors of queries and references at each depth, masks, and kinds."""
        rng = step_rng(self.schedule.seed, step)
        first = step * self.schedule.batch
        made = [
            training_pair(self.pictures.picture(n), rng, self.schedule.anomalies)
            for n in range(first, first + self.schedule.batch)
        ]
        queries, masks, references = (np.stack(part) for part in zip(*made, strict=True))
        kinds = torch.tensor([self.pictures.kind(n) for n in range(first, first + self.schedule.batch)])
        mask = torch.from_numpy(masks.astype(np.float32)).to(device)
        query, reference = self._described(queries, references, device)
        return query, reference, mask, kinds

    def validation(self, number: int) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """A held-out pair with a defect."""
        rng = step_rng(self.schedule.seed, VALIDATION + number)
        query, mask, reference = training_pair(self.pictures.picture(number, held_out=True), rng, 1.0)
        device = torch.device("cpu")
        found = torch.from_numpy(mask.astype(np.float32))
        return *self._described(query[None], reference[None], device), found

    def _described(
        self, queries: AnyArray, references: AnyArray, device: torch.device
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Both at each depth."""
        query, reference = (
            depths(self.encoder, torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))), self.levels)
            for pixels in (queries, references)
        )
        return [grid.to(device) for grid in query], [grid.to(device) for grid in reference]


def _plain(schedule: Schedule) -> dict[str, object]:
    """The schedule as JSON values; how often is validated is compared by the run itself."""
    return {
        k: list(v) if isinstance(v, tuple) else v for k, v in asdict(schedule).items() if k not in ("every", "seed")
    }
