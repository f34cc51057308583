"""OneNIP: a picture is strange where it cannot be rebuilt out of one normal picture.

A transformer rebuilds the descriptors of a picture, but starts from those of a prompt, one normal picture of the same
kind, and takes in the picture itself through attention alone, whose closest places are barred. It learns to rebuild
normal pictures and to restore what was there before a made defect; a small net beside it is shown the masks of those
defects and turns what could not be rebuilt into a sharp map. One model holds for all kinds of objects that it has seen.

Source: Gao, "Learning to Detect Multi-class Anomalies with Just One Normal Image Prompt", ECCV 2024, arXiv 2505.09264;
built on You et al., UniAD, NeurIPS 2022.

Deviations from the source. The constants that bring both maps into one unit come from held-out normal pictures and
defects made in them, where the source takes the extremes of all test pictures. The weights that are kept are chosen
on these too, not on test pictures. A picture's prompt is the one that it resembles most among a few of its kind,
instead of a random training picture each time, and the kind need not be known. Pictures keep the shape that is usual
in training instead of being made square. Descriptors are brought to mean 0 and spread 1 (``standardised=False`` leaves
them). The outermost cells are not judged by the error of rebuilding. When maps are enlarged, values stay at the centres
of their cells, where the source stretches grids from corner to corner and so moves them by up to half a cell. The net
is half as wide and is trained for few steps at a higher rate, as suits a processor; the published sizes are
``width=256, rate=1e-4`` and a thousand epochs.
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
from tocsin.image.onenip import prompts as choice

if TYPE_CHECKING:
    from torch.nn import Module

    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.image.onenip.maps import Cells
    from tocsin.image.onenip.net import NetConfig, PromptedNet
    from tocsin.image.onenip.pictures import Pictures
    from tocsin.image.onenip.scoring import Scoring
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

#: In training, a prompt is drawn among so many pictures that resemble a picture most.
CANDIDATES = 8
#: A share of so many steps lies between two validations.
VALIDATIONS = 5
#: Pictures from which is learned how large errors usually are.
USUAL = 10
MOST_WIDTH, MOST_CELLS = 4096, 1 << 16


class OneNIP(Detector):
    """Rebuilds a picture out of one normal picture and looks where that fails.

    Parameters
    ----------
    encoder : str
        What describes patches; see `tocsin.nn.encoders.make_encoder` (published: blocks 1, 5, 9 and 21 of
        EfficientNet-B4, counted from 0).
    layers : sequence of int, optional
        Which depths of a pretrained encoder; its own choice when left out.
    side : int
        Pictures are brought to about this many pixels squared, in the shape that is usual in training.
    cells : {'coarse', 'fine'}
        Whether places are those of the encoder's deepest depth, as published, or of its finest.
    kinds : str, optional
        The entry of a picture's `meta` that says what kind of object it shows, such as ``folder``: prompts are then of
        the same kind. Left out, prompts are those that a picture resembles.
    prompts : int
        Normal pictures of each kind that are kept as prompts; with 1 the middle one alone.
    averaged : int
        Over so many prompts a rebuilt picture is averaged.
    width, heads, encoder_layers, decoder_layers : int
        Of the transformer.
    window : int
        Side of the square of cells that a cell must not look at; odd, 0 for none.
    mask_final : bool
        Whether the last attention is barred from it too; as published it is not.
    refiner : int
        Channels of the refiner.
    steps, batch, rate
        Of training: how many steps, pictures a step (each rebuilt and restored), learning rate.
    jitter : float
        Strength of the noise on descriptors in training.
    share : float
        What the refiner counts in the map; 0 for the error of rebuilding alone.
    standardised : bool
        Whether each number of a descriptor is brought to mean 0 and spread 1 over the training pictures.
    border : int
        How many cells all round are not judged by the error of rebuilding.
    folder : str, optional
        Where training is stored as it goes: a stopped one goes on, a finished one is used again.
    random_state : int
        For weights, defects and the order of pictures.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range or the encoder is not there; from `score`, if a picture is of a kind
        that was not learned.
    MissingExtra
        From `fit`, if torch or Lightning Fabric is not installed.

    Notes
    -----
    Of ten pictures or more every fifth is held out of training: the weights kept are those with which defects made in
    them are found best. Scores of the others are those of pictures trained on, a little lower than those of new
    ones: pass `calibration` to `fit` where thresholds matter.

    References
    ----------
    Gao, "Learning to Detect Multi-class Anomalies with Just One Normal Image Prompt", ECCV 2024, arXiv 2505.09264.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (48, 48), dtype=np.uint8), id=f"good {n}") for n in range(4)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[20:30, 20:30] = 255
    >>> detector = OneNIP(**OneNIP.example_parameters()).fit(good)
    >>> detector.score(Image(bad)).overall > detector.score(good[0]).overall
    True
    """

    card: ClassVar[Card] = Card(
        name="onenip",
        summary="places that cannot be rebuilt out of a normal picture of the same kind",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("deep", "image"),
        cost="training: steps x batch; scoring: a transformer over the cells of a picture",
        cite="Gao 2024, OneNIP, arXiv 2505.09264",
    )
    least_places: ClassVar[int] = 1
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)

    weights_: dict[str, FloatArray]
    prompts_: FloatArray
    directions_: FloatArray
    prompt_kinds_: tuple[str, ...]
    prompt_names_: tuple[str, ...]
    prompt_numbers_: tuple[int, ...]
    levels_: FloatArray
    usual_: tuple[float, ...]
    extremes_: tuple[float, ...]
    size_: tuple[int, ...]
    encoder_hash_: str
    net_: PromptedNet

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        side: int = 224,
        cells: Cells = "coarse",
        kinds: str | None = None,
        prompts: int = 8,
        averaged: int = 1,
        width: int = 128,
        heads: int = 8,
        encoder_layers: int = 4,
        decoder_layers: int = 4,
        window: int = 7,
        mask_final: bool = False,
        refiner: int = 128,
        steps: int = 300,
        batch: int = 8,
        rate: float = 5e-4,
        jitter: float = 20.0,
        share: float = 0.5,
        standardised: bool = True,
        border: int = 1,
        folder: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.side = side
        self.cells = cells
        self.kinds = kinds
        self.prompts = prompts
        self.averaged = averaged
        self.width = width
        self.heads = heads
        self.encoder_layers = encoder_layers
        self.decoder_layers = decoder_layers
        self.window = window
        self.mask_final = mask_final
        self.refiner = refiner
        self.steps = steps
        self.batch = batch
        self.rate = rate
        self.jitter = jitter
        self.share = share
        self.standardised = standardised
        self.border = border
        self.folder = folder
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {
            "encoder": "random:tocsin", "side": 128, "cells": "fine", "width": 32, "heads": 4, "encoder_layers": 1,
            "decoder_layers": 1, "window": 3, "refiner": 16, "steps": 2, "batch": 2, "rate": 3e-3, "prompts": 2,
        }  # fmt: skip

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        self._check_parameters()
        need("torch", "deep", "onenip")
        from tocsin.image.onenip.pictures import Pictures

        encoder = self._encoder()
        self.encoder_hash_ = encoder.fingerprint
        kinds = [self._kind(sample) for sample in samples]
        # The shape that is usual: that of the picture in the middle, from the widest to the tallest.
        grids = sorted(((sample.grid[0], sample.grid[1]) for sample in samples), key=lambda grid: grid[0] / grid[1])
        self.size_ = fitting(grids[len(grids) // 2], self.side, encoder.multiple)
        pictures = Pictures(encoder, samples, self._size(), self.cells, self.standardised)
        self.levels_ = pictures.levels
        own = choice.directions([mean[:, None, None] for mean in pictures.means])
        chosen = choice.chosen(own, kinds, self.prompts)
        self.prompts_ = np.stack([pictures.normal(int(n)) for n in chosen])
        self.directions_ = own[chosen]
        self.prompt_kinds_ = tuple(kinds[n] for n in chosen)
        self.prompt_names_ = tuple(samples[n].id or f"picture {n}" for n in chosen)
        self.prompt_numbers_ = tuple(int(n) for n in chosen)
        self._train(pictures, kinds, own, chosen)
        errors = [self._error(pictures.normal(n), own[n], kinds[n], n).ravel() for n in range(min(USUAL, len(samples)))]
        self.usual_ = tuple(float(q) for q in np.quantile(np.concatenate(errors), [0.5, 0.95]))

    def _check_parameters(self) -> None:
        least = {
            "side": 16, "prompts": 1, "averaged": 1, "width": 2, "heads": 1, "encoder_layers": 0, "decoder_layers": 1,
            "window": 0, "refiner": 1, "steps": 1, "batch": 1, "border": 0,
        }  # fmt: skip
        for name, low in least.items():
            if not getattr(self, name) >= low:
                raise InputError(f"{name}={getattr(self, name)} is too small: at least {low}")
        if self.width % self.heads or self.width % 2 or self.width > MOST_WIDTH:
            raise InputError(
                f"width={self.width} is an even multiple of heads={self.heads}, at most {MOST_WIDTH}: change one of "
                f"the two"
            )
        if self.window and self.window % 2 == 0:
            raise InputError(f"window={self.window} has no middle: give an odd number, or 0 for none")
        if self.cells not in ("coarse", "fine"):
            raise InputError(f"cells={self.cells!r} is unknown: choose coarse or fine")
        if not self.rate > 0 or self.jitter < 0 or not 0 <= self.share <= 1:
            raise InputError(
                f"rate={self.rate} is above 0, jitter={self.jitter} at least 0 and share={self.share} from 0 to 1"
            )

    def _train(self, pictures: Pictures, kinds: list[str], own: FloatArray, chosen: IntArray) -> None:
        from tocsin.image._training import stored
        from tocsin.image.onenip.training import Schedule, parts, train_net

        count = len(kinds)
        learned, held_out = parts(count)
        trainable = np.isin(np.arange(count), learned)
        candidates, prompt_of = [], []
        for number, kind in enumerate(kinds):
            alike = np.array([k == kind for k in kinds])
            others = alike & trainable & (np.arange(count) != number)
            allowed = others if others.any() else alike
            # Where kinds are known any picture of the kind will do, as published.
            among = count if self.kinds else CANDIDATES
            candidates.append(choice.nearest(own[number], own, list(allowed), among))
            others = alike[chosen] & (chosen != number)
            allowed = others if others.any() else alike[chosen]
            prompt_of.append(int(chosen[choice.nearest(own[number], own[chosen], list(allowed), 1)[0]]))
        schedule = Schedule(
            steps=self.steps, batch=self.batch, rate=self.rate, jitter=self.jitter, share=self.share,
            every=max(self.steps // VALIDATIONS, min(self.steps, 10)), seed=self.random_state, folder=self.folder,
        )  # fmt: skip
        trained = train_net(pictures, self._config(), schedule, learned, held_out, candidates, prompt_of)
        self.net_ = trained.net
        self.weights_ = stored(trained.net)
        self.extremes_ = (trained.highest, trained.lowest)
        best = trained.report.best
        assert best is not None
        where = "held-out pictures" if len(learned) < count else "the training pictures"
        self.findings_ += (
            f"defects made in {where} are found with an average precision of {1 - best:.2f}, after "
            f"{trained.report.best_step} steps",
            "scores of pictures trained on are a little lower than those of new ones",
        )

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        return self._judged(sample, None)

    def _score_own(self, sample: Image, index: int) -> Scores:
        return self._judged(sample, index)

    def _judged(self, sample: Image, without: int | None) -> Scores:
        import torch

        rebuilt, given, _ = self._seen(sample, without)
        with torch.inference_mode():
            local, overall = self._scoring()(rebuilt, given)
        grid = (sample.grid[0], sample.grid[1])
        return Scores(_maps.to_picture(local[0].numpy(), grid), float(overall[0]))

    def _error(self, given: FloatArray, direction: FloatArray, kind: str, number: int) -> FloatArray:
        """How far the cells of a picture learned from are off, shape (rows, columns)."""
        import torch

        rebuilt, _ = self._found(given, direction, kind, number)
        with torch.inference_mode():
            return np.asarray(self._scoring().error(rebuilt, torch.from_numpy(given[None]))[0].numpy())

    def _scoring(self) -> Scoring:
        from tocsin.image.onenip.scoring import Scoring

        return Scoring(self.net_.refiner, self._size(), self.extremes_, self.share, self.border)

    def _seen(self, sample: Image, without: int | None = None) -> tuple[Any, Any, IntArray]:
        """The rebuilt and the given descriptors of a picture as tensors, and its prompts."""
        import torch

        from tocsin.image.onenip.pictures import described, leveled

        found = leveled(described(self._encoder(), prepare(sample, self._size())[None], self.cells), self.levels_)[0]
        rebuilt, prompts = self._found(found, choice.directions([found])[0], self._kind(sample), without)
        return rebuilt, torch.from_numpy(found[None]), prompts

    def _found(self, given: FloatArray, direction: FloatArray, kind: str, without: int | None) -> Any:
        """What becomes of a picture's descriptors, and out of which prompts."""
        import torch

        allowed = np.array([k == kind for k in self.prompt_kinds_])
        if not allowed.any():
            known = ", ".join(sorted(set(self.prompt_kinds_))[:8])
            raise InputError(f"no picture of the kind {kind!r} was learned from; there were {known}")
        others = allowed & (np.array(self.prompt_numbers_) != without)
        allowed = others if others.any() else allowed
        prompts = choice.nearest(direction, self.directions_, list(allowed), self.averaged)
        with torch.inference_mode():
            picture = torch.from_numpy(given[None]).repeat(len(prompts), 1, 1, 1)
            rebuilt = self.net_(picture, torch.from_numpy(self.prompts_[prompts]))
            return rebuilt.mean(dim=0, keepdim=True), prompts

    def _kind(self, sample: Image) -> str:
        if self.kinds is None:
            return ""
        if self.kinds not in sample.meta:
            raise InputError(
                f"{sample.id or 'the picture'} does not say in meta[{self.kinds!r}] what kind it is of: add it, or "
                f"leave kinds out"
            )
        return str(sample.meta[self.kinds])

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say where the picture is least like what was rebuilt, out of which prompt, and what the refiner says."""
        import torch

        rebuilt, given, prompts = self._seen(sample)
        assert scores.local is not None
        row, column = np.unravel_index(int(scores.local.argmax()), scores.local.shape)
        with torch.inference_mode():
            scoring = self._scoring()
            error = scoring.error(rebuilt, given)[0].numpy()
            probability = self.net_.refiner(rebuilt, given).sigmoid()[0].numpy()
        off, sure = (
            float(
                cells[
                    int(row * cells.shape[0] / scores.local.shape[0]),
                    int(column * cells.shape[1] / scores.local.shape[1]),
                ]
            )
            for cells in (error, probability)
        )
        middle, upper = self.usual_
        text = (
            f"at x={column}, y={row} it is {off:.3g} off what was rebuilt out of {self.prompt_names_[prompts[0]]} "
            f"(usually {middle:.2g}, seldom above {upper:.2g}), and looks like a made defect by {sure:.0%}"
        )
        return [Evidence("cannot be rebuilt from a normal picture", 1.0, round(off, 4), (0.0, round(upper, 4)), text)]

    # ----------------------------------------------------------------- storing

    def _exportable(self, size: tuple[int, int]) -> Module:
        """The whole way from a picture of a size to its map and score as one module, for `tocsin.image._onnx`."""
        from tocsin.image._onnx import check_size
        from tocsin.image.onenip.exported import Exported

        check_size(size, self._size())
        if len(set(self.prompt_kinds_)) > 1:
            raise InputError(
                "this model chooses prompts by the kind that a picture's meta names, which an exported one cannot see: "
                "fit it with kinds=None"
            )
        return Exported(
            self._encoder(), self.net_, self._scoring(), self.levels_, self.prompts_, self.directions_,
            cells=self.cells, averaged=self.averaged,
        )  # fmt: skip

    def _encoder(self) -> PatchEncoder:
        from tocsin.nn.encoders import shared_encoder

        net = shared_encoder(self.encoder, None if self.layers is None else tuple(self.layers))
        if getattr(self, "encoder_hash_", net.fingerprint) != net.fingerprint:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return net

    def _size(self) -> tuple[int, int]:
        return int(self.size_[0]), int(self.size_[1])

    def _config(self) -> NetConfig:
        from tocsin.image.onenip.net import NetConfig

        _, channels, rows, columns = self.prompts_.shape
        return NetConfig(
            channels=channels, grid=(rows, columns), width=self.width, heads=self.heads, inner=4 * self.width,
            encoder_layers=self.encoder_layers, decoder_layers=self.decoder_layers, window=self.window,
            mask_final=self.mask_final, refiner=self.refiner,
        )  # fmt: skip

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._check_parameters()
        torch = need("torch", "deep", "onenip")
        from tocsin.image.onenip.net import PromptedNet
        from tocsin.nn.stored_weights import put_back

        if self.prompts_.ndim != 4 or len(self.size_) != 2 or not 0 < self.prompts_[0, 0].size <= MOST_CELLS:
            raise ArtifactError(f"prompts of shape {self.prompts_.shape} cannot be")
        # Made without memory of its own: what torch would draw comes from its global seed.
        with torch.device("meta"):
            net = PromptedNet(self._config())
        self.net_ = put_back(net, self.weights_)
