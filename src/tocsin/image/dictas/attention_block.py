"""AttentionBlock: what makes queries, keys and values of the dictionary from the descriptors of patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Spread of the normal distribution that weights start from.
START = 0.02


class AttentionBlock(nn.Module):
    """Attention among the patches of one sequence, followed by two linear steps; nothing in it is bent.

    Parameters
    ----------
    width : int
        Numbers of a descriptor.
    heads : int
        Must divide `width`.
    dropout : float

    Notes
    -----
    As published: the attention has no projection of its own after the heads are joined, what is added to it are the
    normalised descriptors, and there is no activation.

    Examples
    --------
    >>> block = AttentionBlock(8).eval()
    >>> tuple(block(torch.zeros(2, 5, 8)).shape)
    (2, 5, 8)
    """

    def __init__(self, width: int, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.first = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(width, width)
        self.after = nn.LayerNorm(width)
        self.last = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return new descriptors, shape (n, patches, width) as given."""
        normed = self.before(tokens)
        query, key, value = (self._split(step(normed)) for step in (self.query, self.key, self.value))
        found = nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        found = self.second(self.dropout(self.first(found)) + normed)
        return self.last(self.after(found))  # type: ignore[no-any-return]

    def _split(self, tokens: Tensor) -> Tensor:
        """Shape (n, patches, width) to (n, heads, patches, width / heads)."""
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)

    def start(self, generator: torch.Generator) -> None:
        """Draw the weights anew."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                with torch.no_grad():
                    module.weight.normal_(0, START, generator=generator)
                    if module.bias is not None:
                        module.bias.zero_()
