"""Layers of the transformer: one stream of tokens, and two that look at each other."""

from __future__ import annotations

from torch import Tensor, nn

from tocsin.image.onenip.attention import Attention


class EncoderLayer(nn.Module):
    """Tokens look at each other; normalised after each step.

    Parameters
    ----------
    width, heads, inner : int
    dropout : float
    """

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.steps = nn.Sequential(
            nn.Linear(width, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, width), nn.Dropout(dropout)
        )
        self.dropout = nn.Dropout(dropout)
        self.after_attention, self.after_steps = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, tokens: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """Return the tokens after the layer, shape (n, places, width)."""
        at = tokens + positions
        tokens = self.after_attention(tokens + self.dropout(self.attention(at, at, tokens, mask)))
        return self.after_steps(tokens + self.steps(tokens))  # type: ignore[no-any-return]


class TwoWayLayer(nn.Module):
    """The prompt looks at the picture, and the picture at what has become of the prompt.

    Parameters
    ----------
    width, heads, inner : int
    dropout : float
    """

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.to_picture = Attention(width, heads, dropout)
        self.steps = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))
        self.to_prompt = Attention(width, heads, dropout)
        self.after_picture, self.after_steps, self.after_prompt = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, prompt: Tensor, picture: Tensor, positions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return both streams after the layer, each of shape (n, places, width)."""
        found = self.to_picture(prompt + positions, picture + positions, picture, mask)
        prompt = self.after_picture(prompt + found)
        prompt = self.after_steps(prompt + self.steps(prompt))
        found = self.to_prompt(picture + positions, prompt + positions, prompt, mask)
        return prompt, self.after_prompt(picture + found)
