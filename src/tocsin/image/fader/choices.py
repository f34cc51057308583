"""What FADeR can be told, as names; free of torch, so that parameters are checked without it."""

from __future__ import annotations

# Side in pixels of the cells that are mosaicked and held back as one.
CELL = 8
SALIENCIES = ("novelty", "contrast", "median", "attention")
FORMS = ("levels", "shared", "channels")
SIGNALS = ("both", "recon")
COMPARISONS = ("gradients", "difference", "both")
