"""DictAS: a patch is strange if a few normal pictures do not hold what it could be put together from.

The patches of a handful of normal pictures are a dictionary. Each patch of a new picture looks up entries by attention
whose shares are mostly exactly zero (sparsemax), and is compared with what those entries say in its place. Nothing is
learned from the pictures themselves, so that two or four are enough; how to look things up can be learned beforehand
from pictures of other kinds, with made defects alone (``steps``).

Source: Qu et al., "DictAS: A Framework for Class-Generalizable Few-Shot Anomaly Segmentation via Dictionary Lookup",
ICCV 2025, arXiv 2508.13560.

Deviations from the source. One setting holds for all data: depths, scales, smoothing and turned references, which were
chosen for each data set there, are plain parameters here. The score of a picture is the mean of its highest cells, not
its maximum brought to 0..1 by the other test pictures, and words take part in training alone. Descriptors are brought
to mean 0 and spread 1 (``standardised=False`` leaves them), and their depths, where these are of different sizes, put
side by side: the generators are shared by depths, so all must be equally wide. Means over several cells do not count
zeros beyond the edge (``zeros=True`` does, as published). The outermost cells are not judged. Training falls from a
higher learning rate along a line, and validates on held-out auxiliary pictures with made defects, never on test
pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extras import need
from tocsin.core.scores import Scores
from tocsin.image import _maps
from tocsin.image._preparation import fitting, prepare
from tocsin.image.dictas.views import turned

if TYPE_CHECKING:
    from torch.nn import Module

    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import FloatArray
    from tocsin.image.dictas.lookup import Sharing
    from tocsin.image.dictas.matcher import Matcher
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

#: How many entries an explanation names.
NAMED = 3
#: See `tocsin.image.dictas.lookup.EXPECTED`, which cannot be imported without torch.
EXPECTED = 64


class DictAS(Detector):
    """Looks the patches of a picture up in those of a few normal ones.

    Parameters
    ----------
    encoder : str
        What describes patches; see `tocsin.nn.encoders.make_encoder`.
    layers : sequence of int, optional
        Which depths of a pretrained encoder; its own choice when left out (published: blocks 6, 12, 18 and 24 of CLIP
        ViT-L/14, counted from 1, so ``(5, 11, 17, 23)``).
    side : int
        Pictures are brought to about this many pixels squared, their shape kept.
    references : int
        At most so many pictures are kept, chosen to differ as much as possible if there are more.
    turns : int
        Each reference is seen turned by so many equal steps of the circle; 1 for as it is.
    scales : sequence of int
        Patches are looked up as means over this many cells squared, and the results averaged.
    sharing : {'sparse', 'dense', 'nearest'}
        How a patch is put together: from few entries, from all, or from the one that fits best.
    standardised : bool
        Whether each number of a descriptor is brought to mean 0 and spread 1, by what the encoder says of made-up
        pictures; as published it is not.
    steps : int
        Steps of training on auxiliary pictures; 0 for the plain dictionary, in which normalised descriptors are
        queries and keys, and descriptors are values.
    auxiliary : str
        What to train on: ``procedural`` for made-up pictures, or a folder of normal pictures of other kinds.
    text : str, optional
        A CLIP model on this machine whose text encoder takes part in training.
    batch, rate, training_side, anomalies
        Of training: pairs a step, learning rate, side of the pictures in pixels, share of pictures with a defect.
    folder : str, optional
        Where training is stored as it goes: a stopped one goes on, a finished one is used again.
    smoothing : float
        Width of a Gaussian over the map, in pixels of the picture as the encoder sees it.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        How many cells all round are not judged.
    zeros : bool
        Whether zeros beyond the edge count in means over several cells, as published.
    random_state : int
        For training.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, or encoder, auxiliary pictures or text model are not there.
    MissingExtra
        From `fit`, if torch is not installed.

    Notes
    -----
    A reference is judged by the others; where there is one alone, without the patches around each place. Thresholds
    that come from few references are rough: pass `calibration` to `fit` where there are more normal pictures.

    No trained generators come along, so that the plain dictionary is the default. Training of 320 steps on made-up
    pictures raised the average precision with which made defects are found on held-out ones, whose references are
    turned, from .02 to .10; on Kolektor's commutators, which all lie the same way, it lowered the AUROC of pictures
    with four references from .907 to .873 (half A, seeds 0 and 1). Train where references are turned, or with more
    steps on real pictures of other kinds.

    Copies of a reference do change sparse shares: two of each are like fits twice as large.

    References
    ----------
    Qu et al., "DictAS", ICCV 2025, arXiv 2508.13560.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (48, 48), dtype=np.uint8), id=f"good {n}") for n in range(2)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[20:30, 20:30] = 255
    >>> detector = DictAS(encoder="random:tocsin", side=96).fit(good)
    >>> found = detector.score(Image(bad)).local
    >>> bool(found[20:30, 20:30].mean() > 1.5 * found.mean())
    True
    """

    card: ClassVar[Card] = Card(
        name="dictas",
        summary="a patch that a few normal pictures do not hold the parts for",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("deep", "image"),
        cost="patches of a picture x patches of the references; training: steps x batch",
        cite="Qu et al. 2025, DictAS, arXiv 2508.13560",
    )
    least_places: ClassVar[int] = 1

    references_: tuple[FloatArray, ...]
    names_: tuple[str, ...]
    owners_: tuple[int, ...]
    kept_: tuple[int, ...]
    weights_: dict[str, FloatArray]
    encoder_hash_: str
    levels_: FloatArray
    width_: int
    usual_: tuple[float, ...]
    matcher_: Matcher

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        side: int = 200,
        references: int = 8,
        turns: int = 1,
        scales: Sequence[int] = (1, 3),
        sharing: Sharing = "sparse",
        standardised: bool = True,
        steps: int = 0,
        auxiliary: str = "procedural",
        text: str | None = None,
        batch: int = 8,
        rate: float = 5e-4,
        training_side: int = 160,
        anomalies: float = 0.3,
        folder: str | None = None,
        smoothing: float = 0.0,
        highest: float = _maps.HIGHEST,
        border: int = 1,
        zeros: bool = False,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.side = side
        self.references = references
        self.turns = turns
        self.scales = scales
        self.sharing = sharing
        self.standardised = standardised
        self.steps = steps
        self.auxiliary = auxiliary
        self.text = text
        self.batch = batch
        self.rate = rate
        self.training_side = training_side
        self.anomalies = anomalies
        self.folder = folder
        self.smoothing = smoothing
        self.highest = highest
        self.border = border
        self.zeros = zeros
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"encoder": "random:tocsin", "side": 96, "references": 4}

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        self._check_parameters()
        need("torch", "deep", "dictas")
        from tocsin.image.dictas.descriptors import usual_levels

        net = self._net()
        self.encoder_hash_ = net.fingerprint
        self.levels_ = usual_levels(net) if self.standardised else np.empty(0, dtype=np.float32)
        self.weights_ = self._learned(net)
        self.kept_ = self._chosen(samples)
        named = [sample.id or f"picture {n}" for n, sample in enumerate(samples)]
        self.names_ = tuple(named[n] for n in self.kept_)
        views = [(owner, view) for owner, n in enumerate(self.kept_) for view in self._views(samples[n])]
        self.owners_ = tuple(owner for owner, _ in views)
        self.references_ = tuple(view for _, view in views)
        self.width_ = int(self.references_[0].shape[1])
        self.matcher_ = self._matcher(range(len(views)))
        own = np.concatenate([self._inner(self._own_cells(samples[n], n)).ravel() for n in self.kept_[:NAMED]])
        self.usual_ = tuple(float(q) for q in np.quantile(own, [0.5, 0.95]))
        if len(samples) > len(self.kept_):
            self.findings_ += (f"{len(self.kept_)} of {len(samples)} pictures are the references",)
        if len(self.kept_) == 1:
            self.findings_ += ("one reference alone: thresholds rest on how it resembles itself",)

    def _check_parameters(self) -> None:
        least = {"side": 16, "references": 1, "turns": 1, "steps": 0, "batch": 1, "training_side": 32}
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise InputError(f"{name}={getattr(self, name)} is too small: at least {low}")
        if not 0 < self.highest <= 1:
            raise InputError(f"highest={self.highest} is no share of the cells: give more than 0, at most 1")
        if not 0 < self.anomalies <= 1 or not self.rate > 0:
            raise InputError(f"anomalies={self.anomalies} is a share above 0 and rate={self.rate} is above 0")
        if not self.scales or any(scale < 1 for scale in self.scales):
            raise InputError(f"scales={self.scales} are no numbers of cells: give at least one, each at least 1")
        if self.sharing not in ("sparse", "dense", "nearest"):
            raise InputError(f"sharing={self.sharing!r} is unknown: choose sparse, dense or nearest")
        if self.smoothing < 0 or self.border < 0:
            raise InputError(f"smoothing={self.smoothing} and border={self.border} cannot be negative")

    def _learned(self, net: PatchEncoder) -> dict[str, FloatArray]:
        """Weights of the generators; none for the plain dictionary."""
        if not self.steps:
            return {}
        from tocsin.image._training import stored
        from tocsin.image.dictas.training import Schedule, train_dictionary

        schedule = Schedule(
            steps=self.steps, batch=self.batch, side=self.training_side, rate=self.rate, anomalies=self.anomalies,
            scales=tuple(self.scales), standardised=self.standardised, zeros=self.zeros, seed=self.random_state,
        )  # fmt: skip
        dictionary, reports = train_dictionary(net, self.auxiliary, schedule, text=self.text, folder=self.folder)
        for name, report in zip(("first", "second"), reports, strict=True):
            assert report.best is not None
            self.findings_ += (
                f"made defects on held-out pictures are found with an average precision of {1 - report.best:.2f} after "
                f"the {name} phase ({report.steps} steps)",
            )
        return stored(dictionary)

    def _chosen(self, samples: Sequence[Image]) -> tuple[int, ...]:
        """Which pictures become references: all, or those that differ most."""
        if len(samples) <= self.references:
            return tuple(range(len(samples)))
        from tocsin.nn.coreset import k_centre

        means = np.stack([self._described(sample).mean(axis=(2, 3)).ravel() for sample in samples])
        middle = int(((means - means.mean(axis=0)) ** 2).sum(axis=1).argmin())
        return tuple(sorted(k_centre(means, self.references, middle).tolist()))

    def _views(self, sample: Image) -> list[FloatArray]:
        """Descriptors of a reference, turned by equal steps."""
        pixels = self._prepared(sample)
        found = [self._of_pixels(pixels)]
        multiple = self._net().multiple
        for turn in range(1, self.turns):
            seen = turned(pixels.transpose(1, 2, 0), 360 * turn / self.turns).transpose(2, 0, 1)
            assert seen.shape[1] % multiple == seen.shape[2] % multiple == 0
            found.append(self._of_pixels(np.ascontiguousarray(seen)))
        return found

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        return self._judged(sample, self._cells(sample, self.matcher_))

    def _score_own(self, sample: Image, index: int) -> Scores:
        return self._judged(sample, self._own_cells(sample, index))

    def _judged(self, sample: Image, cells: FloatArray) -> Scores:
        grid = (sample.grid[0], sample.grid[1])
        overall = _maps.picture_score(self._inner(cells), self.highest, border=0)
        size = fitting(grid, self.side, self._net().multiple)
        blur = self.smoothing * (grid[0] * grid[1] / (size[0] * size[1])) ** 0.5
        return Scores(_maps.to_picture(_maps.without_border(cells, self.border), grid, blur), overall)

    def _cells(self, sample: Image, matcher: Matcher, barred: Any = None) -> FloatArray:
        import torch

        with torch.inference_mode():
            found = matcher(self._grids(self._described(sample)), barred)
        return np.asarray(found.numpy())

    def _own_cells(self, sample: Image, index: int) -> FloatArray:
        """Cells of a picture learned from, judged by the other references, or by what of it lies elsewhere."""
        if index not in self.kept_:
            return self._cells(sample, self.matcher_)
        owner = self.kept_.index(index)
        others = [n for n, o in enumerate(self.owners_) if o != owner]
        if others:
            return self._cells(sample, self._matcher(others))
        import torch

        from tocsin.image.dictas.matcher import around

        rows, columns = self.references_[0].shape[2:]
        near = around(rows, columns, max(self.scales))
        rest = sum(r.shape[2] * r.shape[3] for r in self.references_[1:])
        return self._cells(sample, self.matcher_, torch.cat([near, torch.zeros(len(near), rest, dtype=torch.bool)], 1))

    def _inner(self, cells: FloatArray) -> FloatArray:
        """Cells that are judged."""
        wide = self.border if min(cells.shape) >= 2 * self.border + 2 else 0
        return cells[wide : cells.shape[0] - wide, wide : cells.shape[1] - wide]

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say what the strangest patch was put together from."""
        import torch

        grids = self._grids(self._described(sample))
        with torch.inference_mode():
            cells = self.matcher_(grids).numpy()
            wide = (cells.shape[0] - self._inner(cells).shape[0]) // 2
            row, column = np.unravel_index(int(self._inner(cells).argmax()), self._inner(cells).shape)
            row, column = int(row) + wide, int(column) + wide
            taken = self.matcher_.taken(grids, row * cells.shape[1] + column).numpy()
        high, wide_px = sample.grid[0] / cells.shape[0], sample.grid[1] / cells.shape[1]
        at = f"x={(column + 0.5) * wide_px:.0f}, y={(row + 0.5) * high:.0f}"
        best = [f"{self._entry(int(n))} {taken[n]:.0%}" for n in np.argsort(-taken, kind="stable")[:NAMED] if taken[n]]
        far, (middle, upper) = float(cells[row, column]), self.usual_
        text = (
            f"at {at} the references have nothing closer than {far:.3g} (among themselves {middle:.2g}, seldom above "
            f"{upper:.2g}), put together from {int((taken > 0).sum())} patches: {', '.join(best)}"
        )
        return [Evidence("no parts for it in the references", 1.0, round(far, 4), (0.0, round(upper, 4)), text)]

    def _entry(self, number: int) -> str:
        """Which reference an entry is from, and where it lies there."""
        for owner, view in zip(self.owners_, self.references_, strict=True):
            rows, columns = view.shape[2:]
            if number < rows * columns:
                y, x = divmod(number, columns)
                return f"{self.names_[owner]} (row {(y + 0.5) / rows:.0%}, column {(x + 0.5) / columns:.0%})"
            number -= rows * columns
        raise AssertionError(number)

    # ------------------------------------------------------------- descriptors

    def _prepared(self, sample: Image) -> FloatArray:
        return prepare(sample, fitting((sample.grid[0], sample.grid[1]), self.side, self._net().multiple))

    def _described(self, sample: Image) -> FloatArray:
        return self._of_pixels(self._prepared(sample))

    def _of_pixels(self, pixels: FloatArray) -> FloatArray:
        """Descriptors at each depth, shape (depths, c, rows, columns)."""
        import torch

        from tocsin.image.dictas.descriptors import depths

        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(pixels[None], dtype=np.float32))
            found = depths(self._net(), given, self.levels_ if self.levels_.size else None)
            return np.asarray(torch.cat(found).numpy())

    @staticmethod
    def _grids(described: FloatArray) -> list[Any]:
        import torch

        return list(torch.from_numpy(described)[:, None])

    def _net(self) -> PatchEncoder:
        from tocsin.nn.encoders import shared_encoder

        net = shared_encoder(self.encoder, None if self.layers is None else tuple(self.layers))
        if getattr(self, "encoder_hash_", net.fingerprint) != net.fingerprint:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return net

    def _exportable(self, size: tuple[int, int]) -> Module:
        """The whole way from a picture of a size to its map and score as one module, for `tocsin.image._onnx`."""
        from tocsin.image._onnx import check_size
        from tocsin.image.dictas.exported import Exported

        wanted = fitting(size, self.side, self._net().multiple)
        check_size(size, wanted)
        return Exported(
            self._net(), self._matcher(range(len(self.references_)), expected=None), self.levels_,
            size=wanted, border=self.border, highest=self.highest, smoothing=self.smoothing,
        )  # fmt: skip

    def _matcher(self, views: Sequence[int], expected: int | None = EXPECTED) -> Matcher:
        """A dictionary filled with some of the references."""
        import torch

        from tocsin.image.dictas.dictionary import Dictionary, PlainDictionary
        from tocsin.image.dictas.matcher import Matcher
        from tocsin.nn.stored_weights import put_back

        dictionary: Dictionary | PlainDictionary = PlainDictionary()
        if self.weights_:
            with torch.device("meta"):
                learned = Dictionary(self.width_)
            dictionary = put_back(learned, self.weights_)
        given = [torch.from_numpy(np.ascontiguousarray(self.references_[n])) for n in views]
        with torch.inference_mode():
            return Matcher(
                dictionary, given, scales=self.scales, sharing=self.sharing, zeros=self.zeros, expected=expected
            ).eval()

    # ----------------------------------------------------------------- storing

    def _state(self) -> dict[str, Any]:
        return {k: v for k, v in super()._state().items() if k != "matcher_"}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._check_parameters()
        need("torch", "deep", "dictas")
        fits = [isinstance(v, np.ndarray) and v.ndim == 4 and v.shape[1] == self.width_ for v in self.references_]
        if not fits or len(fits) != len(self.owners_) or not all(fits):
            raise ArtifactError("the references of this model do not fit together")
        self.matcher_ = self._matcher(range(len(self.references_)))
