"""Episode: how one batch of training pairs is judged by a dictionary, and the loss of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tocsin.image.dictas.descriptors import tokens
from tocsin.image.dictas.dictionary import Dictionary
from tocsin.image.dictas.lookup import pooled, retrieve, unlikeness
from tocsin.image.dictas.losses import contrast_loss, query_loss, text_loss
from tocsin.image.dictas.text_head import TextHead

#: What the contrast and the words count, beside the query loss.
CONTRAST, WORDS = 0.1, 0.1


class Episode(nn.Module):
    """A dictionary in training.

    Parameters
    ----------
    dictionary : Dictionary
    head : TextHead, optional
        Where there are words to agree with.
    scales : sequence of int
    zeros : bool
        See `tocsin.image.dictas.lookup.pooled`.
    """

    def __init__(
        self, dictionary: Dictionary, head: TextHead | None = None, scales: Sequence[int] = (1, 3), zeros: bool = False
    ) -> None:
        super().__init__()
        self.dictionary = dictionary
        self.head = head
        self.scales = tuple(scales)
        self.zeros = zeros
        #: From the second phase on, patches pass through the values' generator before they are looked up.
        self.second = False

    def unlike(self, query: Sequence[Tensor], reference: Sequence[Tensor]) -> tuple[list[Tensor], Tensor | None]:
        """Return the unlikeness of all patches, shape (n, patches), for each depth and scale.

        Parameters
        ----------
        query, reference : sequence of Tensor, each of shape (n, c, rows, columns)
            Descriptors at each depth.

        Returns
        -------
        list of Tensor
        Tensor or None
            With a text head: vectors of what was seen and of what was found, shape (2, n, e).
        """
        found, seen, had = [], [], []
        for grid, other in zip(query, reference, strict=True):
            given = tokens(grid)
            if self.second:
                given = self.dictionary.values(given)
            for scale in self.scales:
                patches = tokens(pooled(given.transpose(1, 2).reshape(grid.shape), scale, self.zeros))
                entries = tokens(pooled(other, scale, self.zeros))
                near = retrieve(
                    self.dictionary.queries(patches), self.dictionary.keys(entries), self.dictionary.values(entries)
                )
                found.append(unlikeness(patches, near))
                if scale == self.scales[0]:
                    seen.append(patches)
                    had.append(near)
        if self.head is None:
            return found, None
        return found, torch.stack([self.head(seen), self.head(had)])

    def loss(
        self, query: Sequence[Tensor], reference: Sequence[Tensor], masks: Tensor, words: Tensor | None = None
    ) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        query, reference : sequence of Tensor, each of shape (n, c, rows, columns)
        masks : Tensor of float, shape (n, h, w)
            1 where a defect was made.
        words : Tensor, shape (n, 2, e), optional
            See `tocsin.image.dictas.losses.text_loss`.
        """
        size = query[0].shape[2:]
        small = nn.functional.interpolate(masks[:, None], size, mode="bilinear", align_corners=False)
        strange = small.flatten(1) > 0.5
        found, vectors = self.unlike(query, reference)
        total = torch.stack([query_loss(d, strange) + CONTRAST * contrast_loss(d, strange) for d in found]).sum()
        if vectors is not None and words is not None:
            total = total + WORDS * text_loss(vectors[0], vectors[1], words, masks.flatten(1).any(dim=1))
        return total
