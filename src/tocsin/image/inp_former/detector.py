"""INP-Former: a picture is rebuilt from what is usual in that same picture; what cannot be rebuilt is strange.

A frozen encoder describes the patches of a picture. A few learned questions draw prototypes out of them, which stand
for what the picture mostly consists of, and a decoder that sees nothing else of the picture rebuilds every patch from
these prototypes. A defect is no prototype, since there is little of it, and has no way round them.

Source: Luo, Cao, Yao, Zhang, Lou, Cheng, Shen and Yu, "Exploring Intrinsic Normal Prototypes within a Single Image for
Universal Anomaly Detection", CVPR 2025, arXiv 2503.02424.

Deviations from the source. Any encoder will do: the layers of a convolutional net become one group of tokens, each
channel brought to the same spread. Pictures keep their shape and are not cropped; the outermost cells are left out, and
the score is the mean of the highest cells of the map as it is (`faithful` restores blur, size and score of the source).
Steps are few by default, each rebuilds some places of a picture only, and the weights that rebuild held-out pictures
best are kept instead of the last ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extras import need
from tocsin.core.scores import Scores
from tocsin.image._preparation import fitting, prepare

if TYPE_CHECKING:
    from torch import Tensor

    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import FloatArray
    from tocsin.image.inp_former.judge import Judge
    from tocsin.image.inp_former.net import INPNet
    from tocsin.image.inp_former.tokens import Tokeniser
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

MODES = ("auto", "full", "few-shot", "zero-shot")
FEW = 16
# Decoder blocks where the encoder is a convolutional net.
DEPTH = 2
HEAD = 64
# Every so-manieth normal picture is not trained on.
HELD_OUT, ENOUGH = 5, 10


class INPFormer(Detector):
    """Cosine distance of each patch from what prototypes of its own picture make of it.

    Parameters
    ----------
    encoder : str
        What describes patches; see `tocsin.nn.encoders.make_encoder`.
    layers : sequence of int, optional
        Which depths of a pretrained encoder. Left out: of a vision transformer the middle two thirds, eight at most,
        as published; of a convolutional net its own choice.
    mode : {'auto', 'full', 'few-shot', 'zero-shot'}
        ``full`` learns from pictures as they are, of one product or of several at once. ``few-shot`` learns from
        twenty-two views of each. ``auto`` is ``few-shot`` for up to sixteen pictures. ``zero-shot`` is fitted to normal
        pictures of other products, and scores by the distance from the nearest prototype of a picture alone.
    side : int
        Pictures are brought to about this many pixels squared, their shape kept.
    prototypes : int
        Of each picture.
    heads : int, optional
        Of attention; one for 64 channels when left out.
    depth : int, optional
        Decoder blocks. Left out: as many as layers of a vision transformer, two for a convolutional net.
    steps, batch : int
        How long to train, and pictures in a step. The source has 200 rounds through all pictures, 16 in a step.
    rate : float
        The highest learning rate.
    power : float
        How much more the places that fit worst count in training.
    places : float
        Share of the places of a picture that a training step rebuilds; 1 in the source.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        How many cells all round are not judged.
    faithful : bool
        Map and score as in the source: at 256 x 256, blurred, the mean of the highest hundredth.
    precision : {'32-true', 'bf16-mixed', 'auto'}
        While training.
    folder : str, optional
        Where training goes on after it was stopped.
    random_state : int
        For first weights and order.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range or the encoder is not there.
    ArtifactError
        From `fit`, if the folder holds another run.
    MissingExtra
        From `fit`, if torch, Lightning Fabric or opencv is not installed.

    Notes
    -----
    Scores are cosine distances, from 0 to 2. Of ten pictures or more, every fifth is held out and tells which weights
    are kept; the others, which thresholds are set by as well, score a little too low: give held-out pictures as
    `calibration`, in the mode ``zero-shot`` normal ones of the product at hand.

    Two claims of the source do not show with a small encoder. The prototypes crowd together until one is the nearest
    of all patches (`findings_` says so). And on products made up of two textures a decoder with a way round the
    prototypes found pixels better than without (AUROC .99 against .85 to .96, seeds 0 and 1, 300 steps).

    References
    ----------
    Luo et al., "Exploring Intrinsic Normal Prototypes within a Single Image for Universal Anomaly Detection", CVPR
    2025, arXiv 2503.02424.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> stripes = 128 + 60 * np.sin(np.arange(64) / 3)
    >>> noisy = [stripes + rng.normal(0, 5, (64, 64)) for _ in range(4)]
    >>> good = [Image(pixels.astype(np.uint8), id=f"good {n}") for n, pixels in enumerate(noisy)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[28:40, 28:40] = 255
    >>> detector = INPFormer(**INPFormer.example_parameters()).fit(good)
    >>> found = detector.score(Image(bad)).local
    >>> bool(found[28:40, 28:40].mean() > 1.2 * found.mean())
    True
    """

    card = Card(
        name="inp-former",
        summary="patches that cannot be rebuilt from what the picture mostly consists of",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("deep", "image"),
        cost="training: steps x batch x pixels; scoring: pixels, one pass of a small net beside the encoder",
        cite="Luo et al. 2025, Exploring Intrinsic Normal Prototypes within a Single Image, arXiv 2503.02424",
    )
    sizes_: dict[str, Any]
    statistics_: FloatArray
    weights_: dict[str, FloatArray]
    usual_: FloatArray
    net_: INPNet
    least_places: ClassVar[int] = 1
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)
    score_unit: ClassVar[str] = "cosine distance between a patch and what prototypes make of it, from 0 to 2"

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        mode: Literal["auto", "full", "few-shot", "zero-shot"] = "auto",
        side: int = 200,
        prototypes: int = 6,
        heads: int | None = None,
        depth: int | None = None,
        steps: int = 300,
        batch: int = 8,
        rate: float = 1e-3,
        power: float = 3.0,
        places: float = 0.2,
        highest: float = 0.05,
        border: int = 1,
        faithful: bool = False,
        precision: str = "32-true",
        folder: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.mode = mode
        self.side = side
        self.prototypes = prototypes
        self.heads = heads
        self.depth = depth
        self.steps = steps
        self.batch = batch
        self.rate = rate
        self.power = power
        self.places = places
        self.highest = highest
        self.border = border
        self.faithful = faithful
        self.precision = precision
        self.folder = folder
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {
            "encoder": "random:tocsin",
            "mode": "full",
            "side": 96,
            "depth": 1,
            "steps": 12,
            "batch": 2,
            "rate": 3e-3,
        }

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        torch = need("torch", "deep", "inp-former")
        self._check_parameters()
        from tocsin.image._training import stored
        from tocsin.image.inp_former.hindsight import look_back
        from tocsin.image.inp_former.lessons import Lessons
        from tocsin.image.inp_former.net import INPNet, Sizes
        from tocsin.image.inp_former.tokens import Tokeniser, is_grouped
        from tocsin.image.inp_former.training import Schedule, train

        encoder = self._encoder()
        self.encoder_hash_ = encoder.fingerprint
        few = self.mode == "few-shot" or (self.mode == "auto" and len(samples) <= FEW)
        held = range(HELD_OUT - 1, len(samples), HELD_OUT) if len(samples) >= ENOUGH and not few else ()
        kept = [sample for number, sample in enumerate(samples) if number not in held]
        lessons = Lessons(kept, self.side, Tokeniser(encoder), few)
        # How the channels of a convolutional net are; those of a transformer are taken as they are.
        grouped, width = is_grouped(encoder), lessons.tokens(0).shape[2]
        self.statistics_ = np.zeros((2, width)) if grouped else np.array([v.numpy() for v in lessons.standardise()])
        held_out = Lessons([samples[number] for number in held], self.side, self._tokeniser()) if held else None
        self.sizes_ = self._sizes()
        seed = int(rng.integers(1 << 31))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net_ = INPNet(Sizes(**self.sizes_))
        schedule = Schedule(self.steps, self.batch, self.rate, self.power, self.places, seed)
        notes = {"encoder": self.encoder_hash_, "sizes": self.sizes_, "side": self.side, "pictures": len(lessons)}
        train(self.net_, lessons, held_out, schedule, folder=self.folder, precision=self.precision, notes=notes)
        self.weights_ = stored(self.net_)
        self._ready()
        back = look_back(self.net_, lessons, held_out)
        self.usual_ = np.array([back.rebuilt, back.nearest])
        self.findings_ = (f"trained for {self.steps} steps on {lessons.described}", *back.findings)

    def _check_parameters(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"mode={self.mode!r} is not known: choose among {', '.join(MODES)}")
        for name, least, most in (
            ("side", 32, 8192), ("prototypes", 1, 1024), ("steps", 1, 10**8), ("batch", 1, 4096), ("border", 0, 100),
        ):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise InputError(f"{name}={getattr(self, name)} is out of range: from {least} to {most}")
        for name in ("highest", "places"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)} is no share: give more than 0, at most 1")
        if self.depth is not None and not 1 <= self.depth <= 64:
            raise InputError(f"depth={self.depth} is no number of decoder blocks: from 1 to 64")
        if not self.rate > 0 or not 0 <= self.power <= 10:
            raise InputError(f"rate is above 0 and power from 0 to 10, not {self.rate} and {self.power}")

    def _sizes(self) -> dict[str, Any]:
        """Sizes of the net, which its encoder decides as well as the parameters."""
        from tocsin.image.inp_former.tokens import group_sizes, is_grouped

        width, encoder = self.statistics_.shape[1], self._encoder()
        heads = self.heads
        if heads is None:
            heads = next(h for h in range(max(1, width // HEAD), 0, -1) if width % h == 0)
        if heads < 1 or width % heads:
            raise InputError(f"heads={heads} does not divide the {width} channels of {self.encoder}")
        layers = len(getattr(encoder, "taken", ())) if is_grouped(encoder) else 1
        groups = group_sizes(layers)
        depth = self.depth or (layers if is_grouped(encoder) else DEPTH)
        if depth < len(groups):
            raise InputError(f"depth={depth} is too small for {len(groups)} groups of layers: give at least as many")
        shares = [size / layers for size in groups]
        return {"width": width, "heads": heads, "prototypes": self.prototypes, "depth": depth, "shares": shares}

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        import torch

        with torch.inference_mode():
            local, overall = self._judge()(self._prepared(sample), (sample.grid[0], sample.grid[1]))
        return Scores(local[0, 0].numpy(), float(overall[0]))

    def _prepared(self, sample: Image) -> Tensor:
        import torch

        size = fitting((sample.grid[0], sample.grid[1]), self.side, self._encoder().multiple)
        return torch.from_numpy(prepare(sample, size))[None]

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say how the strangest place is rebuilt, and how near it comes to a prototype."""
        import torch

        from tocsin.image.inp_former.hindsight import usage
        from tocsin.image.inp_former.losses import cosine_distances

        assert scores.local is not None
        row, column = (int(i) for i in np.unravel_index(int(scores.local.argmax()), scores.local.shape))
        with torch.inference_mode():
            tokens = self._tokeniser()(self._prepared(sample))
            rows, columns = int(tokens.shape[2]), int(tokens.shape[3])
            out = self.net_(tokens.flatten(2, 3))
            place = row * rows // sample.grid[0] * columns + column * columns // sample.grid[1]
            apart = float(cosine_distances(tokens.flatten(2, 3), out.groups)[0, :, place].mean())
        distances = out.distances[0, place]
        number = int(distances.argmin())
        share, near = float(usage(out.distances)[number]), float(distances[number])
        rebuilt, usual = (float(value) for value in self.usual_)
        text = (
            f"at x={column}, y={row} the patch is {apart:.2g} from what the prototypes make of it, on normal pictures "
            f"up to {rebuilt:.2g}; it is {near:.2g} from the nearest of them, which stands for {share:.0%} of the "
            f"picture, usually up to {usual:.2g}"
        )
        seen, expected = (near, usual) if self.mode == "zero-shot" else (apart, rebuilt)
        return [Evidence("not made of what is usual here", 1.0, round(seen, 4), (0.0, round(expected, 4)), text)]

    def _exportable(self, size: tuple[int, int]) -> Judge:
        """Return scoring as one module for pictures of one size.

        Raises
        ------
        InputError
            If pictures of that size would be brought to another one before they are judged.
        """
        from tocsin.image._onnx import check_size

        wanted = fitting(size, self.side, self._encoder().multiple)
        check_size(size, wanted)
        return self._judge()

    # ---------------------------------------------------------------- the nets

    def _encoder(self) -> PatchEncoder:
        from tocsin.image.inp_former.tokens import read_encoder

        encoder = read_encoder(self.encoder, self.layers)
        if getattr(self, "encoder_hash_", encoder.fingerprint) != encoder.fingerprint:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return encoder

    def _tokeniser(self) -> Tokeniser:
        import torch

        from tocsin.image.inp_former.tokens import Tokeniser, is_grouped

        encoder = self._encoder()
        if is_grouped(encoder):
            return Tokeniser(encoder)
        mean, spread = torch.from_numpy(np.array(self.statistics_))
        return Tokeniser(encoder, (mean, spread))

    def _judge(self) -> Judge:
        from tocsin.image.inp_former.judge import Judge

        zero = self.mode == "zero-shot"
        return Judge(self._tokeniser(), self.net_, zero, self.highest, self.border, self.faithful).eval()

    def _ready(self) -> None:
        """Build the net from the stored weights."""
        import torch

        from tocsin.image.inp_former.net import INPNet, Sizes
        from tocsin.nn.stored_weights import put_back

        # Made without memory of its own: what torch would draw comes from its global seed.
        with torch.device("meta"):
            net = INPNet(Sizes(**self.sizes_))
        self.net_ = put_back(net, self.weights_)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        need("torch", "deep", "inp-former")
        self._check_parameters()
        # A stored size must not make a net that eats the memory.
        if self.sizes_ != self._sizes() or self.usual_.shape != (2,) or self.statistics_.ndim != 2:
            raise ArtifactError("its sizes do not fit its parameters and its encoder")
        self._ready()
