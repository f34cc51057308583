"""Dictionary: the three generators of queries, keys and values, shared by all depths and scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tocsin.image.dictas.attention_block import AttentionBlock


class Dictionary(nn.Module):
    """From descriptors of patches to queries, keys and values.

    Parameters
    ----------
    width : int
        Numbers of a descriptor.
    heads : int
    dropout : float

    Examples
    --------
    >>> dictionary = Dictionary(1024)
    >>> sum(p.numel() for p in dictionary.parameters())
    18892800
    """

    def __init__(self, width: int, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.query = AttentionBlock(width, heads, dropout)
        self.key = AttentionBlock(width, heads, dropout)
        self.value = AttentionBlock(width, heads, dropout)

    def queries(self, tokens: Tensor) -> Tensor:
        """Return what is looked for, shape (n, patches, width)."""
        return self.query(tokens)  # type: ignore[no-any-return]

    def keys(self, tokens: Tensor) -> Tensor:
        """Return what entries are found by; entries of all pictures are one sequence."""
        return self.key(tokens)  # type: ignore[no-any-return]

    def values(self, tokens: Tensor) -> Tensor:
        """Return what entries hold; patches are compared with these after passing through here themselves."""
        return tokens + self.value(tokens)  # type: ignore[no-any-return]

    def start(self, generator: torch.Generator) -> Dictionary:
        """Draw the weights anew and return the net."""
        for block in (self.query, self.key, self.value):
            block.start(generator)
        return self


class PlainDictionary(nn.Module):
    """The dictionary without anything learned: normalised descriptors are queries and keys, descriptors are values."""

    def queries(self, tokens: Tensor) -> Tensor:
        """Return descriptors of mean 0 and variance 1 each."""
        return nn.functional.layer_norm(tokens, tokens.shape[-1:])

    def keys(self, tokens: Tensor) -> Tensor:
        """Return descriptors of mean 0 and variance 1 each."""
        return nn.functional.layer_norm(tokens, tokens.shape[-1:])

    def values(self, tokens: Tensor) -> Tensor:
        """Return the descriptors themselves."""
        return tokens
