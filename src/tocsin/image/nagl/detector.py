"""NAGL: a patch is strange if it is like no normal patch, and more so if it is like what marked defects have in common.

Wang et al., "Normal-Abnormal Guided Generalist Anomaly Detection", NeurIPS 2025. From a few references whose defects
are marked, proxies are mined of how defects differ from the most similar normal patch (residual mining). In each
picture to be judged the proxies then gather the patches that differ alike (anomaly feature learning), and every patch
is compared with these as well as with normal ones. Neither needs to have been trained on the class at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extras import need
from tocsin.core.samples import Bundle, Image
from tocsin.core.scores import Scores
from tocsin.core.words import plural
from tocsin.image import _maps
from tocsin.image._preparation import fitting, prepare
from tocsin.image._references import References, split
from tocsin.image.nagl.explaining import PARTS, reasons
from tocsin.image.nagl.reference_patches import Reference, chosen, half
from tocsin.image.nagl.settings import check

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tocsin.core.anomalies import Anomaly, Evidence
    from tocsin.core.samples import Sample
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.image.nagl.describing import Describer
    from tocsin.image.nagl.graph import Judge
    from tocsin.image.nagl.net import NAGLNet

FAITHFUL_HIGHEST = 0.01


class NAGL(Detector):
    """Patches compared with normal references and with a few marked defects.

    `fit` takes normal pictures as `Image` and marked defects as ``Bundle({"picture": image, "mask": image},
    primary="picture")``. With normal pictures alone it is a comparison with the nearest normal patch; with defects
    alone, their unmarked parts are taken for normal.

    Parameters
    ----------
    encoder : str
        What describes patches; see `tocsin.nn.encoders.make_encoder`. The source takes the last layer of
        ``facebook/dinov2-small``: then ``layers=(11,)``, ``smooth=1`` and ``side=448``.
    layers : sequence of int, optional
        Which depths of a pretrained encoder; its own choice when left out.
    side : int
        Pictures are brought to about this many pixels squared, their shape kept.
    smooth : int
        Descriptors are averaged over so many cells squared; odd.
    patches : int
        The largest number of normal patches to compare with, chosen so that rare ones stay.
    groups : int
        Into how many groups of a kind marked defects are put at most: by ``meta["kind"]`` of their pictures where all
        have one, else by how they differ from normal, at least three to a group on average. A patch need resemble one
        group only.
    proxies, heads : int
        Of the attention layers.
    weights : str, optional
        A net trained by `tocsin.image.nagl.pretraining.pretrain` on other classes.
    steps : int
        Without `weights`: steps of training on made-up classes and on made-up defects in the normal pictures. With 0
        the layers stay plain attention, which needs no training.
    rate : float
        The learning rate of such training.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        How many cells all round are not judged.
    faithful : bool
        As published: a random start, the nearest normal patch by the raw product, masks one pixel off, the published
        losses, one group, similarities added as they are, no border, and the highest hundredth of patches.
    folder : str, optional
        Where training is stored as it goes, to go on after an interruption.
    random_state : int

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, or a defect is marked by no mask of its size.
    ArtifactError
        If the weights are damaged or belong to another encoder.

    Notes
    -----
    Scores lie between 0 and 1: half of them is how unlike normal a patch is, half how much more it is like a marked
    defect than patches of normal pictures are. Marked references can only add to a score: a harmless patch that no
    normal reference shows stays strange. They set no threshold. A training picture is judged without its own patches;
    a single one half by half, which says little about other pictures.

    On made-up products (five seeds, four marked defects, untrained) AUROC rose from .868 to .948, and was .873 with
    marked defects of another cause. On textures that vary as much from picture to picture as defects do, it did not
    rise (.721, .713).

    Differs from the source: channels are standardised; layers begin as plain attention and need no training; likeness
    to defects is brought to the spread that unlikeness to normal has on normal pictures, without which a reference of
    another kind of defect does harm; several kinds of defect are mined apart; positions are plain rows and columns of
    each picture; the attention of one reference never meets the mask of another, which the published code mixes up in
    batches; with defects alone the distance from their unmarked parts is still half of the score, where the published
    code drops it. Even with `faithful`, channels are standardised, the map is not blurred, and pictures keep their
    shape.

    References
    ----------
    Wang et al., "Normal-Abnormal Guided Generalist Anomaly Detection", NeurIPS 2025, arXiv 2510.00495.

    Examples
    --------
    >>> from tocsin import Bundle, Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (48, 48), dtype=np.uint8), id=f"good {n}") for n in range(3)]
    >>> spoiled, mask = np.array(good[0].pixels), np.zeros((48, 48))
    >>> spoiled[8:18, 8:18] = 255
    >>> mask[8:18, 8:18] = 1
    >>> known = Bundle({"picture": Image(spoiled), "mask": Image(mask)}, primary="picture")
    >>> detector = NAGL(encoder="random:tocsin", side=96).fit([*good, known])
    >>> new = np.array(good[1].pixels)
    >>> new[28:38, 28:38] = 255
    >>> found = detector.score(Image(new)).local
    >>> bool(found[28:38, 28:38].mean() > 3 * found.mean())
    True
    """

    card = Card(
        name="nagl",
        summary="a patch unlike any normal one, or like what a few marked defects have in common",
        modality=("image", "bundle"),
        learns_from="few anomalies",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("deep", "image"),
        cost="patches of a picture x normal patches kept",
        cite="Wang et al. 2025, Normal-Abnormal Guided Generalist Anomaly Detection, arXiv 2510.00495",
    )
    bank_: FloatArray
    owners_: IntArray
    mean_: FloatArray
    spread_: FloatArray
    mined_: FloatArray
    level_: FloatArray
    weight_: FloatArray
    groups_: tuple[str, ...]
    weights_: dict[str, FloatArray]
    sizes_: dict[str, int]
    net_: NAGLNet | None
    least_places: ClassVar[int] = 1
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)
    score_unit: ClassVar[str] = "0 to 1, half how unlike normal, half how like a marked defect"

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        side: int = 200,
        smooth: int = 3,
        patches: int = 4000,
        groups: int = 6,
        proxies: int = 25,
        heads: int = 4,
        weights: str | None = None,
        steps: int = 0,
        rate: float = 3e-4,
        highest: float = _maps.HIGHEST,
        border: int = 1,
        faithful: bool = False,
        folder: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.side = side
        self.smooth = smooth
        self.patches = patches
        self.groups = groups
        self.proxies = proxies
        self.heads = heads
        self.weights = weights
        self.steps = steps
        self.rate = rate
        self.highest = highest
        self.border = border
        self.faithful = faithful
        self.folder = folder
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"side": 96, "patches": 300, "proxies": 4}

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Sample], rng: np.random.Generator) -> None:
        need("torch", "deep", "nagl")
        check(self.get_params())
        from tocsin.image.nagl.describing import usual

        given = split(samples)
        self.mean_, self.spread_ = usual(self.encoder, self._layers, self.smooth)
        self.encoder_hash_ = self._describer().encoder.fingerprint
        self.only_marked_ = not given.normals
        references = self._references(samples, given)
        pictures = len(references)
        if pictures == 1:
            references = references[0].halves(self._border)
        self.halved_ = len(references) > pictures
        self.bank_, self.owners_ = chosen(references, self.patches, self._border, rng)
        self._learn_defects(given)
        self._balance(references)
        told = f"{len(self.bank_)} patches of {pictures} picture{'s' * (pictures > 1)} stand for what is normal"
        if given.defects:
            told += f"; {plural(len(given.defects), 'marked defect')} in {plural(len(self.groups_), 'group')} "
            told += f"{'says' if len(given.defects) == 1 else 'say'} what is not"
        self.findings_ = (told, *self.findings_)
        if pictures == 1:
            self.findings_ += (
                "thresholds rest on one normal picture, whose halves are compared with each other: give held-out "
                "normal pictures as calibration",
            )

    def _references(self, samples: Sequence[Sample], given: References) -> list[Reference]:
        """What shows what is normal, each with its place among all samples."""
        if given.normals:
            places = [n for n, sample in enumerate(samples) if isinstance(sample, Image)]
            return [Reference(self._grid(image).numpy(), n) for image, n in zip(given.normals, places, strict=True)]
        return [Reference(self._grid(image).numpy(), n, mask) for n, (image, mask) in enumerate(given.defects)]

    def _learn_defects(self, given: References) -> None:
        """Mine proxies from the marked references, those of a kind together."""
        self.weights_, self.sizes_, self.groups_, self.net_ = {}, {}, (), None
        self.mined_ = np.empty((0, self.proxies, self.bank_.shape[1]), dtype=np.float32)
        if not given.defects:
            return
        import torch

        from tocsin.image._training import stored
        from tocsin.image.nagl.beginning import begun
        from tocsin.image.nagl.mining import mined_groups

        net, told = begun(self.get_params(), self._describer(), int(self.bank_.shape[1]), given.normals)
        self.findings_ = told
        self.weights_, self.sizes_, self.net_ = stored(net), dict(net.sizes), net.eval().requires_grad_(False)
        grids = [self._grid(image) for image, _ in given.defects]
        bank = torch.from_numpy(self.bank_)
        self.groups_, self.mined_ = mined_groups(net, given.defects, grids, bank, self.groups, self.faithful)

    def _balance(self, references: Sequence[Reference]) -> None:
        """Bring both halves of the score to one spread over normal pictures, each judged without its own patches."""
        import torch

        from tocsin.image.nagl.balance import PICTURES, balanced

        count = len(self.groups_)
        self.level_, self.weight_ = np.zeros(count, dtype=np.float32), np.ones(count, dtype=np.float32)
        if not count or self.faithful:
            return
        unlike, like = [], []
        for reference in references[:: -(-len(references) // PICTURES)]:
            # With a level of -1 nothing is cut off at 0.
            judge = self._judge(self._without(reference.owner), level=-1.0)
            with torch.inference_mode():
                normal, anomalous = judge(torch.from_numpy(reference.cells))
            unlike.append(1 - reference.kept(normal.numpy(), self._border))
            like.append(reference.kept(anomalous.numpy().transpose(1, 2, 0), self._border) - 1)
        self.level_, self.weight_ = balanced(np.concatenate(unlike), np.concatenate(like))

    def _without(self, owner: int) -> FloatArray:
        """The normal patches of other references; all of them where there is no other."""
        others = self.owners_ != owner
        return self.bank_[others] if others.any() else self.bank_

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Sample) -> Scores:
        return self._judged(_picture(sample))

    def _score_own(self, sample: Sample, index: int) -> Scores:
        image = _picture(sample)
        if isinstance(sample, Image):
            return self._judged(image, index)
        if not self.only_marked_:
            # A marked defect says nothing about how high normal pictures score.
            return Scores(np.full(image.grid, np.nan))
        normal, anomalous = self._resemblance(image, index)
        reference = Reference(self._grid(image).numpy(), index, split([sample]).defects[0][1])
        judged = reference.kept((anomalous.max(axis=0) + 1 - normal) / 2, self._border)
        return Scores(None, _maps.picture_score(judged[:, None], self._highest, border=0))

    def _judged(self, image: Image, own: int | None = None) -> Scores:
        normal, anomalous = self._resemblance(image, own)
        likest = anomalous.max(axis=0)
        grid = (image.grid[0], image.grid[1])
        cells = (likest + 1 - normal) / 2
        # The score of the border is the median of the whole, not of each of its parts.
        local = _maps.to_picture(_maps.without_border(cells, self._border), grid)
        overall = _maps.picture_score(cells, self._highest, self._border)
        if not self.groups_:
            return Scores(local, overall)
        like = np.minimum(_maps.to_picture(_maps.without_border(likest / 2, self._border), grid), local)
        return Scores(local, overall, parts=np.stack([local - like, like], axis=2), part_names=PARTS)

    def _resemblance(self, image: Image, own: int | None = None) -> tuple[FloatArray, FloatArray]:
        """Similarity of every cell with normal patches, and how much it is like each group of defects.

        A reference is judged without its own patches; the only one half by half, each by the patches of the other.
        """
        import torch

        grid = self._grid(image)
        if own is None:
            judged = [(grid, self.bank_)]
        elif self.halved_:
            middle = half(grid.shape[1])
            judged = [(grid[:, :middle], self._without(0)), (grid[:, middle:], self._without(1))]
        else:
            judged = [(grid, self._without(own))]
        with torch.inference_mode():
            found = [self._judge(bank)(part) for part, bank in judged]
        normal, anomalous = (torch.cat(parts, dim=-1).numpy() for parts in zip(*found, strict=True))
        return normal, anomalous

    def _explain(self, sample: Sample, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say how unlike normal the strangest cell is, and which marked references it resembles most."""
        image = _picture(sample)
        return reasons(*self._resemblance(image), self.groups_, image.grid[:2], self._border)

    def _exportable(self, size: tuple[int, int]) -> nn.Module:
        """Return scoring as one module for pictures of one size.

        Raises
        ------
        InputError
            If pictures of that size would be brought to another one before they are judged.
        """
        from tocsin.image._onnx import check_size
        from tocsin.image.nagl.graph import Graph

        describer = self._describer()
        wanted = fitting(size, self.side, describer.encoder.multiple)
        check_size(size, wanted)
        return Graph(describer, self._judge(), self._highest, self._border).eval()

    # ---------------------------------------------------------------- the nets

    @property
    def _layers(self) -> tuple[int, ...] | None:
        return None if self.layers is None else tuple(self.layers)

    @property
    def _border(self) -> int:
        return 0 if self.faithful else self.border

    @property
    def _highest(self) -> float:
        return FAITHFUL_HIGHEST if self.faithful else self.highest

    def _grid(self, image: Image) -> Tensor:
        describer = self._describer()
        size = fitting((image.grid[0], image.grid[1]), self.side, describer.encoder.multiple)
        return describer.grid(prepare(image, size))

    def _describer(self) -> Describer:
        from tocsin.image.nagl.describing import describing

        describer = describing(self.encoder, self._layers, self.smooth, (self.mean_, self.spread_))
        found = describer.encoder.fingerprint
        if getattr(self, "encoder_hash_", found) != found:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return describer

    def _judge(self, bank: FloatArray | None = None, level: float | None = None) -> Judge:
        import torch

        from tocsin.image.nagl.graph import Judge

        compared = torch.from_numpy(self.bank_ if bank is None else bank)
        levels = self.level_ if level is None else np.full_like(self.level_, level)
        mined, subtracted, weight = (torch.from_numpy(values) for values in (self.mined_, levels, self.weight_))
        return Judge(self.net_, compared, mined, subtracted, weight, "dot" if self.faithful else "cosine")

    def _restore(self, state: dict[str, Any]) -> None:
        from tocsin.image.nagl.net import built
        from tocsin.nn.stored_weights import put_back

        super()._restore(state)
        self.groups_ = tuple(self.groups_)
        self.net_ = put_back(built(self.sizes_, 0), self.weights_) if self.weights_ else None


def _picture(sample: Sample) -> Image:
    """The picture to be judged: an image, or that of a bundle.

    Raises
    ------
    InputError
        If a bundle holds none.
    """
    if isinstance(sample, Image):
        return sample
    image = sample.main if isinstance(sample, Bundle) else None
    if not isinstance(image, Image):
        raise InputError(f"{sample.id or 'the bundle'} holds no picture to judge: its primary member must be one")
    return image
