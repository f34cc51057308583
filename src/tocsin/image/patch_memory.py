"""Patch memory: a patch is strange if no patch of any normal picture looks like it.

The classical baseline of Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (PatchCore, CVPR 2022),
with what measurements added. A picture is looked at twice: once small and with its light made even, once at twice the
size as it is; each look has a memory of its own. Descriptors are smoothed over 3 x 3 cells, whitened and cut to few
dimensions; a greedy k-centre choice keeps rare normal patches that a random one loses. A distance counts as a multiple
of how far apart normal patches lie around the nearest one: where normal patches differ much, a difference means less.
The outermost cells are left out, and the picture's score is the mean of its highest cells rather than the single
highest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.registry import nearest
from tocsin.core.scores import Scores
from tocsin.image import _maps
from tocsin.image._descriptors import described
from tocsin.image._even_light import even_light
from tocsin.image._patch_bank import PatchBank
from tocsin.image._preparation import Mosaic, Tile, fitting, half, prepare, tiles

if TYPE_CHECKING:
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import BoolArray, FloatArray, IntArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

FOR_CHOICE = 40_000
HIGHEST = 0.1
# How much each look counts in the map: the one at twice the size says better where.
IN_MAP = {"even": 1.0, "plain": 1.0, "fine": 2.0}


@dataclass(frozen=True)
class _Look:
    """What one look sees of a picture, or of a tile of it: a grid of descriptors."""

    name: str
    cells: FloatArray
    border: int


@dataclass(frozen=True)
class _Part:
    """A picture, or a tile of it, and where it lies in the picture's pixels: top, left, bottom, right."""

    looks: tuple[_Look, ...]
    window: tuple[int, int, int, int]
    tile: Tile | None = None


class PatchMemory(Detector):
    """Distance of each patch from the nearest one of a memory of normal patches, in the spacing of these.

    Parameters
    ----------
    encoder : str
        What describes patches; see `tocsin.nn.encoders.make_encoder`.
    layers : sequence of int, optional
        Which depths of a pretrained encoder; its own choice when left out.
    side : int
        Pictures are brought to about this many pixels squared, their shape kept; long narrow ones to more.
    views : sequence of str
        How pictures are looked at: ``even`` (at `side`, light made even), ``plain`` (at `side`, as they are), ``fine``
        (at twice `side`, as they are). Each has a memory of its own; their scores are averaged.
    patches : int
        The largest number of patches in each memory.
    dimensions : int
        Of the whitened descriptors.
    spacing : float in [0, 1]
        How far a distance is measured by the spacing of normal patches around the nearest one; 0 is the plain distance,
        divided by one number for the whole memory.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        How many cells all round are not judged.
    doubted : float
        For training pictures among which some are defective without anybody saying so: the share of patches that is
        left out of the memories, those which the fewest other pictures show. It costs accuracy where all are good.
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
    Differs from the source: whitening instead of plain descriptors; distances measured by the spacing of the memory
    instead of re-weighted by the neighbourhood of the highest patch only; two looks, border and share of highest cells
    as above. ``views=["plain"], dimensions=128, spacing=0, highest=0.05`` is the plain method with whitening. A
    training picture is scored without its own patches.

    References
    ----------
    Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022.
    Breunig et al., "LOF: Identifying Density-Based Local Outliers", SIGMOD 2000, for distances in local spacing.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (48, 48), dtype=np.uint8), id=f"good {n}") for n in range(4)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[20:30, 20:30] = 255
    >>> detector = PatchMemory(encoder="random:tocsin", side=96, patches=200).fit(good)
    >>> found = detector.score(Image(bad)).local
    >>> bool(found[20:30, 20:30].mean() > 1.5 * found.mean())
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
    banks_: dict[str, dict[str, Any]]
    least_places: ClassVar[int] = 1

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        side: int = 200,
        views: Sequence[str] = ("even", "fine"),
        patches: int = 4000,
        dimensions: int = 64,
        spacing: float = 0.85,
        highest: float = HIGHEST,
        border: int = 1,
        doubted: float = 0.0,
        tile: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.side = side
        self.views = views
        self.patches = patches
        self.dimensions = dimensions
        self.spacing = spacing
        self.highest = highest
        self.border = border
        self.doubted = doubted
        self.tile = tile
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"encoder": "random:tocsin", "side": 64, "patches": 300, "dimensions": 24}

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        self._check_parameters()
        self.encoder_hash_ = self._net().fingerprint
        self.names_ = tuple(sample.id or f"picture {n}" for n, sample in enumerate(samples))
        self.banks_ = {}
        told = []
        for name, (cells, owners, places) in self._sampled(samples, rng).items():
            bank = PatchBank.learn(cells, owners, places, self.patches, self.dimensions, rng, self.doubted)
            self.banks_[name] = bank.to_dict()
            told.append(f"{len(bank)} of {len(cells)} patches ({name})")
        self.findings_ = (f"{' and '.join(told)} of {len(samples)} pictures stand for all of them",)

    def _check_parameters(self) -> None:
        for name, least in (("side", 16), ("patches", 1), ("dimensions", 1)):
            if getattr(self, name) < least:
                raise InputError(f"{name}={getattr(self, name)} is too small: at least {least}")
        if not 0 < self.highest <= 1:
            raise InputError(f"highest={self.highest} is no share of the cells: give more than 0, at most 1")
        if not 0 <= self.spacing <= 1:
            raise InputError(f"spacing={self.spacing} is out of range: give 0 to 1")
        if not 0 <= self.doubted < 1:
            raise InputError(f"doubted={self.doubted} is no share of the patches: give 0 or more, less than 1")
        unknown = [view for view in self.views if view not in IN_MAP]
        if unknown:
            raise InputError(f"there is no look {unknown[0]!r}{nearest(str(unknown[0]), IN_MAP)}")
        if not self.views or len(set(self.views)) < len(self.views):
            raise InputError(f"views={list(self.views)}: give at least one, each once")

    def _sampled(
        self, samples: Sequence[Image], rng: np.random.Generator
    ) -> dict[str, tuple[FloatArray, IntArray, FloatArray]]:
        """Descriptors of some patches of every picture, whose they are, and where they lie, for each look."""
        each = max(1, FOR_CHOICE // len(samples))
        kept: dict[str, list[tuple[FloatArray, IntArray, FloatArray]]] = {name: [] for name in self.views}
        for number, sample in enumerate(samples):
            for part in self._parts(sample):
                top, left, bottom, right = part.window
                for look in part.looks:
                    rows, columns = look.cells.shape[:2]
                    inner = np.zeros((rows, columns), dtype=bool)
                    inner[look.border : rows - look.border, look.border : columns - look.border] = True
                    y, x = np.nonzero(inner)
                    chosen = np.sort(rng.permutation(len(y))[:each])
                    y, x = y[chosen], x[chosen]
                    at = [(y + 0.5) / rows * (bottom - top) + top, (x + 0.5) / columns * (right - left) + left]
                    places = np.stack(at, axis=1).astype(np.float32)
                    kept[look.name].append((look.cells[y, x], np.full(len(y), number), places))
        found = {}
        for name, parts in kept.items():
            cells, owners, places = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            some = np.sort(rng.permutation(len(cells))[:FOR_CHOICE])
            found[name] = (cells[some], owners[some], places[some])
        return found

    def _update(self, samples: Sequence[Image]) -> None:
        """Take in the patches of new normal pictures that lie farther out than the memory is coarse."""
        known = len(self.names_)
        for name, (cells, owners, places) in self._sampled(samples, np.random.default_rng(self.random_state)).items():
            bank = PatchBank.from_dict(self.banks_[name]).extended(cells, owners + known, places, self.patches)
            self.banks_[name] = bank.to_dict()
        self.names_ += tuple(s.id or f"picture {known + n}" for n, s in enumerate(samples))

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        return self._judged(sample, None)

    def _score_own(self, sample: Image, index: int) -> Scores:
        return self._judged(sample, index)

    def _judged(self, sample: Image, own: int | None) -> Scores:
        grid = (sample.grid[0], sample.grid[1])
        mosaic = Mosaic(grid) if self._tiled(sample) else None
        highest: list[FloatArray] = []
        for part in self._parts(sample):
            top, left, bottom, right = part.window
            cells, border, for_map = self._mixed(part, own)
            highest.append(cells[border : len(cells) - border, border : cells.shape[1] - border].ravel())
            local = _maps.to_picture(for_map, (bottom - top, right - left))
            if mosaic is not None and part.tile is not None:
                mosaic.add(part.tile, local)
        overall = _maps.picture_score(np.concatenate(highest)[:, None], self.highest, border=0)
        return Scores(local if mosaic is None else mosaic.map(), overall)

    def _mixed(self, part: _Part, own: int | None) -> tuple[FloatArray, int, FloatArray]:
        """The cells of all looks on the finest grid: their mean, how wide its border is, and what the map shows."""
        judged = [(look, self._ratios(look, own)) for look in part.looks]
        rows, columns = max((look.cells.shape[:2] for look, _ in judged), key=lambda shape: shape[0] * shape[1])
        border = max(look.border * round(rows / len(look.cells)) for look, _ in judged)
        calm = [_maps.to_picture(_maps.without_border(r, look.border), (rows, columns)) for look, r in judged]
        weights = [IN_MAP[look.name] for look, _ in judged]
        mean = np.asarray(np.mean(calm, axis=0))
        return mean, border, np.asarray(np.average(calm, axis=0, weights=weights), dtype=np.float32)

    def _ratios(self, look: _Look, own: int | None) -> FloatArray:
        bank = PatchBank.from_dict(self.banks_[look.name])
        return self._compared(bank, look, own)[0].reshape(look.cells.shape[:2])

    def _compared(self, bank: PatchBank, look: _Look, own: int | None) -> tuple[FloatArray, Any]:
        allowed: BoolArray | None = None if own is None else bank.owners != own
        if allowed is not None and not allowed.any():
            allowed = None
        return bank.strangeness(look.cells.reshape(-1, look.cells.shape[2]), self.spacing, allowed)

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say which normal patch comes nearest to the strangest place, and where that one is."""
        best: tuple[float, str, str] | None = None
        for part in self._parts(sample):
            top, left, bottom, right = part.window
            for look in part.looks:
                bank = PatchBank.from_dict(self.banks_[look.name])
                ratios, which = self._compared(bank, look, None)
                cells = _maps.without_border(ratios.reshape(look.cells.shape[:2]), look.border)
                row, column = np.unravel_index(int(cells.argmax()), cells.shape)
                if best is None or cells[row, column] > best[0]:
                    y = top + (row + 0.5) / cells.shape[0] * (bottom - top)
                    x = left + (column + 0.5) / cells.shape[1] * (right - left)
                    patch = int(which[row * cells.shape[1] + column])
                    there, across = bank.places[patch]
                    owner = f"{self.names_[int(bank.owners[patch])]}, x={across:.0f}, y={there:.0f}"
                    best = (float(cells[row, column]), f"x={x:.0f}, y={y:.0f}", owner)
        assert best is not None
        ratio, at, owner = best
        text = f"at {at}, {ratio:.3g} times as far from the nearest normal patch ({owner}) as normal ones lie apart"
        return [Evidence("unlike any normal patch", 1.0, round(ratio, 4), (0.0, 1.0), text)]

    # ------------------------------------------------------------- descriptors

    def _parts(self, sample: Image) -> Iterator[_Part]:
        """Yield what is seen of a picture, or of each of its tiles."""
        multiple, scale = self._net().multiple, 2 if "fine" in self.views else 1
        if not self._tiled(sample):
            size = fitting((sample.grid[0], sample.grid[1]), self.side, multiple)
            pixels = prepare(sample, (scale * size[0], scale * size[1]))
            yield _Part(self._looks(pixels), (0, 0, sample.grid[0], sample.grid[1]))
            return
        assert self.tile is not None
        size = fitting((self.tile, self.tile), self.side, multiple)
        for tile in tiles(sample, self.tile, (scale * size[0], scale * size[1])):
            yield _Part(self._looks(tile.pixels), (tile.top, tile.left, tile.bottom, tile.right), tile)

    def _looks(self, pixels: FloatArray) -> tuple[_Look, ...]:
        small = half(pixels) if "fine" in self.views else pixels
        looks = []
        for name in self.views:
            seen = pixels if name == "fine" else even_light(small) if name == "even" else small
            cells = described(self._net(), seen)
            border = self.border if min(cells.shape[:2]) >= 2 * self.border + 2 else 0
            looks.append(_Look(name, cells, border))
        return tuple(looks)

    def _tiled(self, sample: Image) -> bool:
        return self.tile is not None and max(sample.grid) > self.tile

    def _net(self) -> PatchEncoder:
        from tocsin.nn.encoders import shared_encoder

        net = shared_encoder(self.encoder, None if self.layers is None else tuple(self.layers))
        if getattr(self, "encoder_hash_", net.fingerprint) != net.fingerprint:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return net

    def _exportable(self, size: tuple[int, int]) -> Any:
        """The scoring of pictures of one size as one module, for `tocsin export`."""
        from tocsin.image._patch_memory_graph import graph

        return graph(self, size)
