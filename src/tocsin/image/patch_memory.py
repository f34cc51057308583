"""Patch memory: a patch is strange if no patch of any normal picture looks like it.

The classical baseline of Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (PatchCore, CVPR 2022),
with what measurements added: descriptors of two depths of a small net are smoothed over 3 x 3 cells, whitened and cut
to 128 dimensions; a greedy k-centre choice keeps rare normal patches that a random one loses; the outermost cells are
left out; and the picture's score is the mean of its highest cells rather than the single highest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.scores import Scores
from tocsin.image import _maps
from tocsin.image._preparation import Mosaic, fitting, prepare, tiles
from tocsin.nn.coreset import k_centre

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

FOR_WHITENING, FOR_CHOICE = 15_000, 40_000
CHUNK = 4096
RIDGE = 0.01


class PatchMemory(Detector):
    """Distance of each patch from the nearest one of a memory of normal patches.

    Parameters
    ----------
    encoder : str
        What describes patches; see `tocsin.nn.encoders.make_encoder`.
    layers : sequence of int, optional
        Which depths of a pretrained encoder; its own choice when left out.
    side : int
        Pictures are brought to about this many pixels squared, their shape kept.
    patches : int
        The largest number of patches in the memory.
    dimensions : int
        Of the whitened descriptors.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        How many cells all round are not judged.
    tile : int, optional
        For large pictures: they are judged in overlapping squares of this many of their own pixels, each brought to
        `side`; small defects would vanish if the whole were shrunk.
    random_state : int
        For the samples of patches from which whitening and memory are made.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range or the encoder is not there.

    Notes
    -----
    Differs from the source: whitening instead of plain descriptors, distances not re-weighted by the neighbourhood in
    the memory, border and share of highest cells as above. A training picture is scored without its own patches.

    References
    ----------
    Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (48, 48), dtype=np.uint8), id=f"good {n}") for n in range(4)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[20:30, 20:30] = 255
    >>> detector = PatchMemory(encoder="random:tocsin", side=96, patches=200).fit(good)
    >>> found = detector.score(Image(bad)).local
    >>> bool(found[20:30, 20:30].mean() > 2 * found.mean())
    True
    """

    card = Card(
        name="patch-memory",
        summary="a patch that resembles no patch of any normal picture",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        online=True,
        streams=False,
        needs=("deep", "image"),
        cost="patches of a picture x patches in the memory",
        cite="Roth et al. 2022, Towards Total Recall in Industrial Anomaly Detection",
    )
    bank_: FloatArray
    owners_: IntArray
    places_: FloatArray
    least_places: ClassVar[int] = 1

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        side: int = 200,
        patches: int = 4000,
        dimensions: int = 128,
        highest: float = _maps.HIGHEST,
        border: int = 1,
        tile: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.side = side
        self.patches = patches
        self.dimensions = dimensions
        self.highest = highest
        self.border = border
        self.tile = tile
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"encoder": "random:tocsin", "side": 96, "patches": 300, "dimensions": 24}

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        for name, least in (("side", 16), ("patches", 1), ("dimensions", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} is too small: at least {least}")
        if not 0 < self.highest <= 1:
            raise InputError(f"highest={self.highest} is no share of the cells: give more than 0, at most 1")
        self.encoder_hash_ = self._net().fingerprint
        self.names_ = tuple(sample.id or f"picture {n}" for n, sample in enumerate(samples))
        cells, owners, places = self._sampled(samples, rng)
        self._learn_whitening(cells[rng.permutation(len(cells))[:FOR_WHITENING]])
        white = self._whitened(cells)
        first = int(rng.integers(len(white)))
        chosen = k_centre(white, self.patches, first)
        self.bank_, self.owners_, self.places_ = white[chosen], owners[chosen], places[chosen]
        self.findings_ = (
            f"{len(chosen)} of {len(white)} patches of {len(samples)} pictures stand for all of them",
            f"{self.bank_.shape[1]} of {cells.shape[1]} dimensions are kept",
        )

    def _sampled(self, samples: Sequence[Image], rng: np.random.Generator) -> tuple[FloatArray, IntArray, FloatArray]:
        """Descriptors of some patches of every picture, whose they are, and where they lie (shares of the sides)."""
        each = max(1, FOR_CHOICE // len(samples))
        kept: list[tuple[FloatArray, IntArray, FloatArray]] = []
        for number, sample in enumerate(samples):
            for grid, window in self._grids(sample):
                inner = grid[self.border : -self.border, self.border : -self.border] if self._has_border(grid) else grid
                rows, columns = np.indices(inner.shape[:2]).reshape(2, -1)
                chosen = np.sort(rng.permutation(rows.size)[:each])
                shift = self.border if self._has_border(grid) else 0
                at = np.stack([(rows + shift + 0.5) / grid.shape[0], (columns + shift + 0.5) / grid.shape[1]], axis=1)
                top, left, bottom, right = window
                at = at * [bottom - top, right - left] + [top, left]
                flat = inner.reshape(-1, grid.shape[2])[chosen]
                kept.append((flat, np.full(len(chosen), number), at[chosen].astype(np.float32)))
        cells, owners, places = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        if len(cells) > FOR_CHOICE:
            some = np.sort(rng.permutation(len(cells))[:FOR_CHOICE])
            cells, owners, places = cells[some], owners[some], places[some]
        return cells, owners, places

    def _learn_whitening(self, cells: FloatArray) -> None:
        """Principal axes; small ones are not blown up beyond a hundredth of the mean variance."""
        self.mean_ = cells.mean(axis=0, dtype=np.float64)
        centred = cells - self.mean_
        covariance = centred.T @ centred / max(1, len(cells) - 1)
        values, axes = np.linalg.eigh(covariance)
        kept = np.argsort(-values)[: self.dimensions]
        ridge = RIDGE * float(values.mean()) or 1.0
        self.axes_ = (axes[:, kept] / np.sqrt(np.maximum(values[kept], 0) + ridge)).astype(np.float32)

    def _whitened(self, cells: FloatArray) -> FloatArray:
        return np.asarray((cells - self.mean_).astype(np.float32) @ self.axes_)

    def _update(self, samples: Sequence[Image]) -> None:
        """Take in the patches of new normal pictures that lie farther out than the memory is coarse."""
        cells, owners, places = self._sampled(samples, np.random.default_rng(self.random_state))
        white = self._whitened(cells)
        far = self._nearest(white)[0] > self._coarseness()
        bank = np.concatenate([self.bank_, white[far]])
        # Within its limit the memory keeps everything; beyond, the choice among old and new is made again.
        chosen = k_centre(bank, self.patches) if len(bank) > self.patches else np.arange(len(bank))
        self.bank_ = bank[chosen]
        self.owners_ = np.concatenate([self.owners_, owners[far] + len(self.names_)])[chosen]
        self.places_ = np.concatenate([self.places_, places[far]])[chosen]
        self.names_ += tuple(s.id or f"picture {len(self.names_) + n}" for n, s in enumerate(samples))

    def _coarseness(self) -> float:
        """The usual distance of a patch of the memory from its nearest neighbour there."""
        some = self.bank_[:: max(1, len(self.bank_) // 500)]
        squares = _squares(some, self.bank_)
        squares[squares < 1e-6] = np.inf
        return float(np.sqrt(np.median(squares.min(axis=1)))) if len(self.bank_) > 1 else 0.0

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        return self._judged(sample, None)

    def _score_own(self, sample: Image, index: int) -> Scores:
        others = self.owners_ != index
        return self._judged(sample, others if others.any() else None)

    def _judged(self, sample: Image, allowed: Any) -> Scores:
        height, width = sample.grid
        mosaic = Mosaic((height, width)) if self._tiled(sample) else None
        highest: list[FloatArray] = []
        for grid, (top, left, bottom, right), tile in self._grids_with_tiles(sample):
            far, _ = self._nearest(self._whitened(grid.reshape(-1, grid.shape[2])), allowed)
            cells = far.reshape(grid.shape[:2])
            border = self.border if self._has_border(grid) else 0
            highest.append(cells[border : len(cells) - border, border : cells.shape[1] - border].ravel())
            calm = _maps.without_border(cells, border)
            whole = _maps.to_picture(calm, (bottom - top, right - left))
            if mosaic is None:
                local = whole
            else:
                mosaic.add(tile, whole)
        cells = np.concatenate(highest)
        overall = _maps.picture_score(cells[:, None], self.highest, border=0)
        return Scores(mosaic.map() if mosaic is not None else local, overall)

    def _nearest(self, white: FloatArray, allowed: Any = None) -> tuple[FloatArray, IntArray]:
        """Distance from the memory, and which of its patches is nearest."""
        bank = self.bank_ if allowed is None else self.bank_[allowed]
        far, which = np.empty(len(white), dtype=np.float32), np.empty(len(white), dtype=np.int64)
        for start in range(0, len(white), CHUNK):
            part = slice(start, start + CHUNK)
            squares = _squares(white[part], bank)
            which[part] = squares.argmin(axis=1)
            far[part] = np.sqrt(np.maximum(squares.min(axis=1), 0))
        return far, which

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say which normal patch comes nearest to the strangest place, and where that one is."""
        best: tuple[float, int, str] | None = None
        for grid, (top, left, bottom, right) in self._grids(sample):
            far, which = self._nearest(self._whitened(grid.reshape(-1, grid.shape[2])))
            cells = _maps.without_border(far.reshape(grid.shape[:2]), self.border)
            row, column = np.unravel_index(int(cells.argmax()), cells.shape)
            y = top + (row + 0.5) / cells.shape[0] * (bottom - top)
            x = left + (column + 0.5) / cells.shape[1] * (right - left)
            if best is None or cells[row, column] > best[0]:
                at = f"x={x:.0f}, y={y:.0f}"
                best = (float(cells[row, column]), int(which[row * cells.shape[1] + column]), at)
        assert best is not None
        far_off, patch, at = best
        y, x = self.places_[patch]
        owner = self.names_[int(self.owners_[patch])]
        usual = self._coarseness()
        text = (
            f"at {at}, {far_off:.3g} from the nearest normal patch ({owner}, x={x:.0f}, y={y:.0f}); "
            f"normal patches lie about {usual:.2g} apart"
        )
        return [Evidence("unlike any normal patch", 1.0, round(far_off, 4), (0.0, round(usual, 4)), text)]

    # ------------------------------------------------------------- descriptors

    def _grids(self, sample: Image) -> Any:
        return ((grid, window) for grid, window, _ in self._grids_with_tiles(sample))

    def _grids_with_tiles(self, sample: Image) -> Any:
        """Yield the descriptors of a picture, or of each of its tiles, and where it lies in the picture's pixels."""
        net = self._net()
        if not self._tiled(sample):
            size = fitting((sample.grid[0], sample.grid[1]), self.side, net.multiple)
            yield self._described(prepare(sample, size)), (0, 0, *sample.grid), None
            return
        assert self.tile is not None
        for tile in tiles(sample, self.tile, fitting((self.tile, self.tile), self.side, net.multiple)):
            yield self._described(tile.pixels), (tile.top, tile.left, tile.bottom, tile.right), tile

    def _described(self, pixels: FloatArray) -> FloatArray:
        """Layers smoothed over 3 x 3 cells, brought to the finest grid and put side by side: (rows, columns, c)."""
        from tocsin.image._preparation import opencv

        cv2 = opencv()
        layers = [np.ascontiguousarray(grid[0].transpose(1, 2, 0)) for grid in self._net().encode(pixels[None])]
        rows, columns = layers[0].shape[:2]
        parts = []
        for layer in layers:
            smooth = _pooled(layer)
            if smooth.shape[:2] != (rows, columns):
                smooth = np.concatenate(  # opencv resizes a few channels at a time
                    [
                        np.atleast_3d(cv2.resize(smooth[:, :, i : i + 4], (columns, rows)))
                        for i in range(0, layer.shape[2], 4)
                    ],
                    axis=2,
                )
            parts.append(smooth)
        return np.concatenate(parts, axis=2)

    def _tiled(self, sample: Image) -> bool:
        return self.tile is not None and max(sample.grid) > self.tile

    def _has_border(self, grid: FloatArray) -> bool:
        return self.border > 0 and min(grid.shape[:2]) >= 2 * self.border + 2

    def _net(self) -> PatchEncoder:
        from tocsin.nn.encoders import shared_encoder

        net = shared_encoder(self.encoder, None if self.layers is None else tuple(self.layers))
        if getattr(self, "encoder_hash_", net.fingerprint) != net.fingerprint:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return net


def _squares(left: FloatArray, right: FloatArray) -> FloatArray:
    """Squared distances of every row on the left from every row on the right."""
    product = left @ right.T
    product *= -2
    product += np.einsum("ij,ij->i", left, left)[:, None]
    product += np.einsum("ij,ij->i", right, right)[None]
    return product


def _pooled(grid: FloatArray) -> FloatArray:
    """Mean over 3 x 3 cells; at the border over those that are there."""
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)))
    weight = np.pad(np.ones(grid.shape[:2], dtype=grid.dtype), 1)

    def summed(values: FloatArray) -> FloatArray:
        rows = values[:-2] + values[1:-1] + values[2:]
        return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])

    return np.asarray(summed(padded) / summed(weight)[:, :, None])
