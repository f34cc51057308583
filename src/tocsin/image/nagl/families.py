"""Families of made-up defects: those of one family look alike, as defects of one cause do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

KINDS = ("blob", "stripe", "dropout")
SMALLEST, LARGEST = 0.05, 0.16


@dataclass(frozen=True, eq=False)
class Family:
    """What the defects of one cause have in common.

    Parameters
    ----------
    kind : {'blob', 'stripe', 'dropout'}
        Foreign material in a spot, a scratch, or a spot where the texture is gone.
    material : ndarray of float32, shape (h, w, 3)
        What blobs and stripes show, RGB from 0 to 1; at least as large as the pictures.
    strength : float
        How opaque it is, 0 to 1.
    size : float
        Diameter of spots, or a third of the length of stripes, as a share of the picture's side.
    """

    kind: str
    material: FloatArray
    strength: float
    size: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, side: int, kind: str | None = None) -> Family:
        """Draw a family for pictures of up to so many pixels on a side."""
        from tocsin.synthesis.image.procedural import texture

        material = texture(int(rng.integers(1 << 30)), side).astype(np.float32) / 255
        # Half way to one colour: materials that differ in colour as well as in grain.
        tinted = 0.5 * material + 0.5 * rng.random(3).astype(np.float32)
        return cls(
            kind or str(rng.choice(KINDS)),
            tinted,
            float(rng.uniform(0.45, 0.95)),
            float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))),
        )

    def applied(self, pixels: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
        """Put one defect of the family somewhere into a picture.

        Parameters
        ----------
        pixels : ndarray of float32, shape (h, w, 3)
            From 0 to 1; not changed.
        rng : Generator

        Returns
        -------
        (ndarray of float32, ndarray of bool)
            The picture, and where the defect is; never empty.
        """
        cv2 = opencv()
        height, width = pixels.shape[:2]
        side = (height * width) ** 0.5
        drawn = np.zeros((height, width), dtype=np.uint8)
        centre = (
            int(rng.integers(width // 8, width - width // 8)),
            int(rng.integers(height // 8, height - height // 8)),
        )
        angle = float(rng.uniform(0, 180))
        long = max(2, round(self.size * side * float(rng.uniform(0.8, 1.25)) / 2))
        if self.kind == "stripe":
            reach = 3 * long * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
            ends = [tuple(int(v) for v in np.round(np.array(centre) + s * reach)) for s in (-1, 1)]
            cv2.line(drawn, ends[0], ends[1], 255, max(2, round(0.02 * side)))
        else:
            cv2.ellipse(drawn, centre, (long, max(2, int(long * rng.uniform(0.5, 1)))), angle, 0, 360, 255, -1)
        shown = (
            cv2.GaussianBlur(pixels, (0, 0), max(1.0, 0.04 * side))
            if self.kind == "dropout"
            else self._piece(rng, height, width)
        )
        alpha = cv2.GaussianBlur(drawn, (0, 0), 0.7).astype(np.float32)[..., None] / 255
        alpha = alpha if self.kind == "dropout" else alpha * np.float32(self.strength)
        return (1 - alpha) * pixels + alpha * shown, drawn > 0

    def _piece(self, rng: np.random.Generator, height: int, width: int) -> FloatArray:
        high, wide = self.material.shape[:2]
        top, left = int(rng.integers(max(1, high - height + 1))), int(rng.integers(max(1, wide - width + 1)))
        piece = self.material[top : top + height, left : left + width]
        if piece.shape[:2] != (height, width):
            piece = np.tile(piece, (-(-height // len(piece)), -(-width // piece.shape[1]), 1))[:height, :width]
        return piece
