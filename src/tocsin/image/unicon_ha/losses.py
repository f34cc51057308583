"""Unilaterally aggregated contrast: normal views are pulled together, virtual outliers are pushed apart one by one.

Every view has a kind. All views of normal pictures are of one kind (or of one kind per class where classes are known);
the two views of one virtual outlier are a kind of their own. What is of the same kind attracts, everything else
repels: that is the whole of equations 1, 4 and 5 of the paper, since the denominator always runs over all other views.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

Soft: TypeAlias = Literal["text", "text_no_anchor", "literal"]
SOFT: tuple[Soft, ...] = ("text", "text_no_anchor", "literal")


def log_shares(z: Tensor, temperature: float = 0.5) -> Tensor:
    """Return the logarithm of each other view's share in the similarities of a view.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Views of length 1.
    temperature : float
        By which similarities are divided.

    Returns
    -------
    Tensor, shape (n, n)
        Each row, exponentiated, adds up to 1 apart from the diagonal, which is 0 and means nothing.
    """
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    similar = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    return (similar - similar.logsumexp(dim=1, keepdim=True)).masked_fill(itself, 0.0)


def soft_weights(z: Tensor, kinds: Tensor | None = None, temperature: float = 0.5) -> Tensor:
    """Return how central each normal view lies among the others of its kind (equation 7).

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Normal views of length 1.
    kinds : Tensor of int, shape (n,), optional
        Classes of the views, where they are known.
    temperature : float

    Returns
    -------
    Tensor, shape (n,)
        Positive, adding up to 1 within each kind; no gradient goes through them. A view alone of its kind has weight 1.

    Notes
    -----
    The paper defines weights for one class only; with classes known, centrality is taken within the class here.

    Examples
    --------
    >>> z = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), dim=1)
    >>> [round(float(w), 2) for w in soft_weights(z)]
    [0.44, 0.45, 0.12]
    """
    kinds = torch.zeros(len(z), dtype=torch.long, device=z.device) if kinds is None else kinds
    same = kinds[:, None] == kinds[None]
    others = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    with torch.no_grad():
        raw = torch.where(others, (z @ z.T / temperature).exp(), 0.0).sum(dim=1)
        raw = torch.where(others.any(dim=1), raw, 1.0)
        return raw / (same * raw[None]).sum(dim=1)


def contrast(
    z: Tensor, kinds: Tensor, temperature: float = 0.5, weights: Tensor | None = None, soft: Soft = "text"
) -> Tensor:
    """Return the contrastive term of each view (equation 1, weighted as in equation 6).

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Views of length 1.
    kinds : Tensor of int, shape (n,)
        Views of the same kind attract each other; every view has another one of its kind.
    temperature : float
    weights : Tensor, shape (n,), optional
        Positive weights of the views as partners; equal when left out.
    soft : {'text', 'text_no_anchor', 'literal'}
        ``literal`` puts the weights inside the logarithm, as equation 6 is printed; the others outside.

    Returns
    -------
    Tensor, shape (n,)

    Notes
    -----
    As printed, the weights of equation 6 stand inside the logarithm. There they only add a constant and divide the
    gradient of a view by its own weight, so that the views that lie farthest out pull hardest, the opposite of what
    the text says. Outside, they weigh the partners: ``sum(w' * -log p) / sum(w')``.
    """
    shares = log_shares(z, temperature)
    partners = (kinds[:, None] == kinds[None]) & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    if weights is None:
        return -(shares * partners).sum(dim=1) / partners.sum(dim=1)
    pairs = weights[:, None] * weights[None] * partners
    if soft == "literal":
        shares = shares + torch.where(partners, pairs, 1.0).log()
        return -(shares * partners).sum(dim=1) / pairs.sum(dim=1)
    return -(shares * pairs).sum(dim=1) / pairs.sum(dim=1)


def unilateral(
    normal: Tensor,
    outliers: Tensor,
    temperature: float = 0.5,
    *,
    soft: Soft | None = None,
    weight_temperature: float = 0.5,
    kinds: Tensor | None = None,
    aggregate: bool = True,
) -> Tensor:
    """Return the loss of a batch of views (equations 4 to 7).

    Parameters
    ----------
    normal : Tensor, shape (2, n, d)
        First and second views of normal pictures, of length 1.
    outliers : Tensor, shape (2, m, d)
        First and second views of virtual outliers.
    temperature, weight_temperature : float
    soft : {'text', 'text_no_anchor', 'literal'}, optional
        How soft aggregation weighs normal views; not at all when left out. ``text`` weighs a pair by both of its views,
        as the text of the paper asks for; ``text_no_anchor`` by the partner only; ``literal`` as printed.
    kinds : Tensor of int, shape (n,), optional
        Classes of the normal pictures, from 0, where they are known.
    aggregate : bool
        Otherwise a normal picture attracts its own second view only: contrastive learning of single pictures with
        shifted copies as negatives, the baseline of Sohn et al. (DROC).

    Returns
    -------
    Tensor
        One number, the mean over all views.

    Examples
    --------
    >>> normal, outliers = torch.eye(4)[None, :2].repeat(2, 1, 1), torch.eye(4)[None, 2:].repeat(2, 1, 1)
    >>> together = torch.eye(4)[None, :1].repeat(2, 2, 1)
    >>> bool(unilateral(together, outliers) < unilateral(normal, outliers))
    True
    """
    n, m = normal.shape[1], outliers.shape[1]
    if not aggregate:
        own = torch.arange(n, device=normal.device)
    else:
        own = torch.zeros(n, dtype=torch.long, device=normal.device) if kinds is None else kinds
    first = int(own.max()) + 1
    apart = torch.arange(first, first + m, device=normal.device)
    every = torch.cat([own, own, apart, apart])
    z = torch.cat([normal.flatten(0, 1), outliers.flatten(0, 1)])
    if soft is None or not aggregate:
        return contrast(z, every, temperature).mean()
    weights = torch.ones(len(z), device=z.device)
    weights[: 2 * n] = soft_weights(normal.flatten(0, 1), every[: 2 * n], weight_temperature)
    terms = contrast(z, every, temperature, weights, soft)
    if soft == "text":
        sizes = (every[: 2 * n, None] == every[None, : 2 * n]).sum(dim=1)
        terms = torch.cat([terms[: 2 * n] * weights[: 2 * n] * sizes, terms[2 * n :]])
    return terms.mean()
