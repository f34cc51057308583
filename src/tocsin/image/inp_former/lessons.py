"""Lessons: tokens of the pictures that are learned from, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tocsin.image._preparation import fitting, prepare
from tocsin.image.inp_former.augmentation import VIEWS, view
from tocsin.image.inp_former.tokens import Tokeniser

if TYPE_CHECKING:
    from tocsin.core.samples import Image

# Tokens of so many bytes are kept; of further pictures they are made anew each time.
KEPT = 1 << 30


class Batch(NamedTuple):
    """Tokens of some pictures, filled up to the same number of places.

    Parameters
    ----------
    groups : Tensor, shape (n, groups, places, width)
    absent : Tensor of bool, shape (n, places)
        Places that only fill up.
    """

    groups: Tensor
    absent: Tensor


class Lessons:
    """Pictures, brought to about the same area in their own shape, as tokens.

    Parameters
    ----------
    samples : sequence of Image
    side : int
        Pictures have about this many pixels squared.
    tokeniser : Tokeniser
    views : bool
        Whether each picture comes in twenty-two views; see `tocsin.image.inp_former.augmentation`.
    """

    def __init__(self, samples: Sequence[Image], side: int, tokeniser: Tokeniser, views: bool = False) -> None:
        self.samples, self.side, self.tokeniser = list(samples), side, tokeniser
        self.views = VIEWS if views else 1
        self._kept: dict[int, Tensor] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.samples) * self.views

    @property
    def described(self) -> str:
        """How many there are, for a person."""
        views = f" in {self.views} views each" if self.views > 1 else ""
        return f"{len(self.samples)} picture{'s' if len(self.samples) > 1 else ''}{views}"

    def tokens(self, number: int) -> Tensor:
        """Return the tokens of one view, shape (groups, places, width)."""
        if number in self._kept:
            return self._kept[number]
        sample = self.samples[number // self.views]
        size = fitting((sample.grid[0], sample.grid[1]), self.side, self.tokeniser.encoder.multiple)
        with torch.no_grad():
            picture = view(torch.from_numpy(prepare(sample, size)), number % self.views)
            found: Tensor = self.tokeniser(picture[None])[0].flatten(1, 2).contiguous()
        if self._bytes + found.nbytes <= KEPT:
            self._kept[number] = found
            self._bytes += found.nbytes
        return found

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Return the tokens of some views."""
        found = [self.tokens(int(number)) for number in numbers]
        most = max(tokens.shape[1] for tokens in found)
        groups = found[0].new_zeros(len(found), found[0].shape[0], most, found[0].shape[2])
        absent = torch.ones(len(found), most, dtype=torch.bool)
        for row, tokens in enumerate(found):
            groups[row, :, : tokens.shape[1]] = tokens
            absent[row, : tokens.shape[1]] = False
        return Batch(groups, absent)

    def drawn(self, size: int, share: float, rng: np.random.Generator) -> tuple[Batch, Tensor | None]:
        """Return a batch of random views, each at most once, and which places of each are to be rebuilt."""
        batch = self.batch(rng.permutation(len(self))[:size].tolist())
        if share >= 1:
            return batch, None
        there = (~batch.absent).sum(dim=1)
        count = max(1, round(share * int(there.min())))
        order = rng.random(batch.absent.shape)
        order[batch.absent.numpy()] = 2.0
        places = np.argpartition(order, count - 1, axis=1)[:, :count]
        return batch, torch.from_numpy(places)

    def standardise(self) -> tuple[Tensor, Tensor]:
        """Place tokens by their statistics from now on; return these: mean and spread of each channel.

        They are those of the pictures themselves, not of further views. The spread of a channel that hardly varies is
        a tenth of the usual one.
        """
        found = self._statistics()
        self.tokeniser = Tokeniser(self.tokeniser.encoder, found)
        self._kept = {number: self.tokeniser.placed(tokens) for number, tokens in self._kept.items()}
        return found

    def _statistics(self) -> tuple[Tensor, Tensor]:
        first, second, count = torch.zeros(1), torch.zeros(1), 0
        for number in range(0, len(self), self.views):
            tokens = self.tokens(number).flatten(0, 1).double()
            first, second = first + tokens.sum(dim=0), second + tokens.square().sum(dim=0)
            count += len(tokens)
        mean = first / count
        spread = (second / count - mean.square()).clamp_min(0).sqrt()
        return mean.float(), spread.clamp_min(0.1 * (float(spread.median()) or 1.0)).float()
