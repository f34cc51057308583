"""EfficientAD: where a student that saw normal pictures alone fails to say what its teacher says.

A frozen teacher describes every patch of a picture. A student that sees 33 x 33 pixels at a time learns to imitate it
on normal pictures, so that its error marks patches of a kind it never saw. An autoencoder learns to say the same from
the picture as a whole, through 64 numbers, and the student learns to imitate that one too: where the two disagree,
every patch may be normal, but not the arrangement. Both maps are put on one scale by quantiles of normal pictures and
added.

Source: Batzner, Heckler and König, "EfficientAD: Accurate Visual Anomaly Detection at Millisecond-Level Latencies",
WACV 2024, arXiv 2303.14535.

Deviations from the source. The teacher is the patch descriptor that comes with tocsin, brought to the grid of a patch
description network; such a network from a file can be the teacher as well. The pictures on which the student must stay
silent are made up instead of photographs. All pictures take the shape of the training pictures' median instead of a
square; the picture's score is the mean of its highest cells instead of the highest place; the border of
the map repeats the nearest cells instead of being zero (`faithful` restores these three). Steps are few by default, at
a higher learning rate: the source's 70 000 take hours without a graphics card. After some hundred steps on textures
with a grain the student has learned next to nothing, and what is strange is what is far from the mean of the teacher's
descriptions; `findings_` says how much was learned. The map of arrangement counts a quarter instead of half.
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
from tocsin.image import _maps
from tocsin.image._preparation import fitting, prepare
from tocsin.image.efficient_ad.map_scale import TENTH, MapScale

if TYPE_CHECKING:
    from torch import nn

    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import FloatArray
    from tocsin.image.efficient_ad.judge import Judge
    from tocsin.image.efficient_ad.pupils import Pupils

MULTIPLE = 16
# Below this the grid of the student has hardly a cell, and the autoencoder nothing to halve.
NARROWEST = 48
MOST_SIDE = 4096
# Every so-manieth normal picture sets the scales of the maps and is not trained on.
HELD_OUT, ENOUGH = 5, 10
# At most so many pictures tell how the teacher's channels usually are.
FOR_STATISTICS = 200
# How many pictures tell how much was learned, and below which share that is next to nothing.
FOR_LEARNED, LITTLE = 20, 0.1
PARTS = ("local texture", "global arrangement")


class EfficientAD(Detector):
    """Difference of a student from its teacher, patch by patch, and from an autoencoder that sees the whole.

    Parameters
    ----------
    encoder : str
        What describes patches where the teacher is an encoder; see `tocsin.nn.encoders.make_encoder`.
    layers : sequence of int, optional
        Which depths of a pretrained encoder; its own choice when left out.
    teacher : str
        ``encoder``; or a safetensors file with the weights of a patch description network; or ``random``, such a
        network with orthogonal random filters.
    model : {'small', 'medium'}
        Size of the student.
    width : int, optional
        Channels of the student's first layer; 128 or 256 when left out, by its size.
    side : int
        Pictures are brought to about this many pixels squared.
    steps, rate : int, float
        How long and how fast to train. The source has 70 000 steps at 1e-4.
    hard : float
        Share of the differences that the student's loss leaves out: it learns from the largest.
    penalty : bool
        Whether the student must stay silent on made-up pictures.
    detach : bool
        Whether the student alone moves towards the autoencoder; in the source each moves towards the other.
    logical : float
        What the map of arrangement counts, from 0 to 1; the map of texture counts the rest.
    highest : float
        The share of cells whose mean is the picture's score.
    faithful : bool
        Square pictures, a border of zeros and the highest place as the score, as in the source.
    precision : {'auto', '32-true', 'bf16-mixed'}
        While training; ``auto`` is mixed, four times as fast, on processors with units for products of bfloat16
        matrices.
    folder : str, optional
        Where training goes on after it was stopped.
    random_state : int
        For first weights, order, and made-up pictures.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range or the encoder is not there.
    ArtifactError
        From `fit`, if the teacher's file is damaged or the folder holds another run.
    MissingExtra
        From `fit`, if torch or opencv is not installed.

    Notes
    -----
    Of ten normal pictures or more, every fifth is held out and sets the scales of the maps; the others are scored a
    little too low when thresholds are set, since they were trained on: give held-out pictures as `calibration`.
    After few steps look at `findings_`: it tells how much student and autoencoder have learned of what the teacher
    says. A quantity of 0.1 in either map is the 99.5 % quantile of normal cells. Batches of one picture are part of
    the method: the quantile of the student's loss is taken in one picture.

    References
    ----------
    Batzner et al., "EfficientAD", WACV 2024, arXiv 2303.14535.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (64, 64), dtype=np.uint8), id=f"good {n}") for n in range(4)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[28:40, 28:40] = 255
    >>> detector = EfficientAD(**EfficientAD.example_parameters()).fit(good)
    >>> found = detector.score(Image(bad)).local
    >>> bool(found[28:40, 28:40].mean() > found.mean() + 0.1)
    True
    """

    card = Card(
        name="efficient-ad",
        summary="patches that a student cannot describe as its teacher does, and arrangements that an autoencoder "
        "did not expect",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("deep", "image"),
        cost="training: steps; scoring: pixels, 40 billion operations at 256 x 256 with the small student",
        cite="Batzner et al. 2024, EfficientAD, arXiv 2303.14535",
    )
    size_: tuple[int, int]
    outputs_: int
    mean_: FloatArray
    spread_: FloatArray
    scales_: FloatArray
    weights_: dict[str, FloatArray]
    teacher_: dict[str, FloatArray]
    pupils_: Pupils
    teacher_net_: nn.Module
    least_places: ClassVar[int] = 1
    not_stored: ClassVar[tuple[str, ...]] = ("pupils_", "teacher_net_")
    score_unit: ClassVar[str] = "squared difference of descriptions; 0.1 is the 99.5 % quantile of normal cells"

    def __init__(
        self,
        encoder: str = "tocsin",
        layers: Sequence[int] | None = None,
        teacher: str = "encoder",
        model: Literal["small", "medium"] = "small",
        width: int | None = None,
        side: int = 256,
        steps: int = 1000,
        rate: float = 1e-3,
        hard: float = 0.999,
        penalty: bool = True,
        detach: bool = False,
        logical: float = 0.25,
        highest: float = 0.01,
        faithful: bool = False,
        precision: str = "auto",
        folder: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.teacher = teacher
        self.model = model
        self.width = width
        self.side = side
        self.steps = steps
        self.rate = rate
        self.hard = hard
        self.penalty = penalty
        self.detach = detach
        self.logical = logical
        self.highest = highest
        self.faithful = faithful
        self.precision = precision
        self.folder = folder
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        small = {"encoder": "random:tocsin", "side": 64, "width": 8, "steps": 16, "rate": 5e-3, "penalty": False}
        return {**small, "precision": "32-true"}

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        need("torch", "deep", "efficient-ad")
        self._check_parameters()
        from tocsin.image._training import stored
        from tocsin.image.efficient_ad.lessons import Lessons
        from tocsin.image.efficient_ad.training import Schedule, train

        schedule = Schedule(self.steps, self.rate, self.hard, self.penalty, self.detach)
        self.size_ = self._size_for(samples)
        held_out = [s for n, s in enumerate(samples) if n % HELD_OUT == HELD_OUT - 1] if len(samples) >= ENOUGH else []
        kept = [s for n, s in enumerate(samples) if n % HELD_OUT != HELD_OUT - 1] if held_out else list(samples)
        lessons = Lessons(kept, self.size_, int(rng.integers(1 << 62)))
        self._choose_teacher(int(rng.integers(1 << 31)))
        self._learn_statistics(lessons)
        self._start_pupils(int(rng.integers(1 << 62)))
        last = train(self._judge(), lessons, schedule, folder=self.folder, precision=self.precision)
        self.weights_ = stored(self.pupils_)
        self._ready()
        self._learn_scales(held_out or kept)
        rows, columns = self.size_
        told = f"trained for {self.steps} steps on {len(kept)} pictures at {columns} x {rows} pixels, loss {last:.3g}"
        if held_out:
            doubt = f"{len(held_out)} held-out pictures set the scales of the maps; the others are scored a little low"
        else:
            doubt = f"{len(kept)} pictures are too few to hold any out: their own scores are too low for thresholds"
        self.findings_ = (told, doubt, self._learned(held_out or kept))

    def _check_parameters(self) -> None:
        if not NARROWEST <= self.side <= MOST_SIDE:
            raise InputError(f"side={self.side} is out of range: from {NARROWEST} to {MOST_SIDE} pixels")
        if self.width is not None and not 1 <= self.width <= 4096:
            raise InputError(f"width={self.width} is no number of channels: from 1 to 4096")
        if not 0 <= self.logical <= 1:
            raise InputError(f"logical={self.logical} is no share of the score: from 0 to 1")
        if not 0 < self.highest <= 1:
            raise InputError(f"highest={self.highest} is no share of the cells: give more than 0, at most 1")
        if self.teacher not in ("encoder", "random") and not str(self.teacher).endswith(".safetensors"):
            raise InputError(f"teacher is 'encoder', 'random' or a .safetensors file, not {self.teacher!r}")

    def _size_for(self, samples: Sequence[Image]) -> tuple[int, int]:
        """All pictures are brought to one size, since the autoencoder knows one alone."""
        by_shape = sorted(samples, key=lambda s: s.grid[0] / s.grid[1])
        rows, columns = by_shape[len(by_shape) // 2].grid
        grid = (self.side, self.side) if self.faithful else (rows, columns)
        high, wide = fitting(grid, self.side, MULTIPLE)
        return max(NARROWEST, high), max(NARROWEST, wide)

    def _choose_teacher(self, seed: int) -> None:
        if self.teacher == "encoder":
            self.teacher_ = {}
            self.encoder_hash_ = self._encoder().fingerprint
            return
        from tocsin.image.efficient_ad.teachers import PDNTeacher, untrained
        from tocsin.nn.pdn import read_pdn

        net = untrained(96, "small", self.width, seed) if self.teacher == "random" else read_pdn(self.teacher)
        self.teacher_ = {name: np.array(value.numpy()) for name, value in net.state_dict().items()}
        self.teacher_net_ = PDNTeacher(net)

    def _learn_statistics(self, lessons: Any) -> None:
        import torch

        from tocsin.image.efficient_ad.judge import statistics

        step = -(-len(lessons.samples) // FOR_STATISTICS)
        teacher = self._teacher()
        with torch.inference_mode():
            described = [teacher(lessons.at(n)) for n in range(0, len(lessons.samples), step)]
            mean, spread = statistics(described)
        self.mean_, self.spread_ = np.array(mean.numpy()), np.array(spread.numpy())
        self.outputs_ = len(self.mean_)

    def _start_pupils(self, seed: int) -> None:
        import torch

        from tocsin.image.efficient_ad.pupils import Pupils

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            pupils = Pupils(self.size_, self.outputs_, self.model, self.width)
        self.pupils_ = pupils.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _learn_scales(self, samples: Sequence[Image]) -> None:
        self.scales_ = np.array([[0.0, TENTH]] * 2)
        found = [self._raw(sample) for sample in samples]
        scales = [MapScale.of([maps[k] for maps in found]) for k in range(2)]
        self.scales_ = np.array([[scale.low, scale.high] for scale in scales])

    def _learned(self, samples: Sequence[Image]) -> str:
        """Say how much of the teacher's descriptions comes out of the others: without that, it judges alone."""
        import torch

        judge, step = self._judge(), -(-len(samples) // FOR_LEARNED)
        with torch.inference_mode():
            found = [judge.unexplained(torch.from_numpy(prepare(s, self.size_))[None]) for s in samples[::step]]
        whole, missed, unexpected = np.mean(found, axis=0)
        student, expected = (max(0.0, 1 - float(error) / max(float(whole), 1e-12)) for error in (missed, unexpected))
        told = f"the student says {student:.0%} of what its teacher says of normal pictures, the autoencoder "
        told += f"{expected:.0%}"
        if student < LITTLE:
            told += ": so far strange is what is far from the mean of the teacher's descriptions; more steps would help"
        elif expected < LITTLE and self.logical > 0:
            told += ": arrangement is not judged yet; more steps would help, or a lower rate if the share is zero"
        return told

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        structural, logical = (s.applied(m) for s, m in zip(self._scales(), self._raw(sample), strict=True))
        weighed = ((1 - self.logical) * structural, self.logical * logical)
        parts = np.stack([self._on_picture(one, sample) for one in weighed], axis=2)
        local = parts.sum(axis=2)
        overall = float(local.max())
        if not self.faithful:
            overall = _maps.picture_score(weighed[0] + weighed[1], self.highest, border=0)
        return Scores(local, overall, parts=parts, part_names=PARTS)

    def _raw(self, sample: Image) -> tuple[FloatArray, FloatArray]:
        """Both maps of differences as they are, shape (rows, columns)."""
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(prepare(sample, self.size_))[None]
            structural, logical = self._judge()(given.to(memory_format=torch.channels_last))
        return structural[0].numpy(), logical[0].numpy()

    def _on_picture(self, cells: FloatArray, sample: Image) -> FloatArray:
        from tocsin.nn.pdn import MISSING

        framed = np.pad(cells, MISSING) if self.faithful else np.pad(cells, MISSING, mode="edge")
        return _maps.to_picture(framed, (sample.grid[0], sample.grid[1]))

    def _scales(self) -> tuple[MapScale, MapScale]:
        (a, b), (c, d) = self.scales_.tolist()
        return MapScale(a, b), MapScale(c, d)

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say which of the two maps is high at the strangest place, and how high it is on normal pictures."""
        assert scores.local is not None
        assert scores.parts is not None
        row, column = (int(i) for i in np.unravel_index(int(scores.local.argmax()), scores.local.shape))
        texts = ("the student describes the patch otherwise than its teacher", "another patch was expected here")
        weights = (1 - self.logical, self.logical)
        found: list[Evidence] = []
        for name, share in scores.shares((row, column)):
            k = PARTS.index(name)
            if share <= 0 or weights[k] == 0:
                continue
            scale, scaled = self._scales()[k], float(scores.parts[row, column, k]) / weights[k]
            seen = scale.low + scaled * (scale.high - scale.low) / TENTH
            text = f"at x={column}, y={row} {texts[k]}: {seen:.3g} apart, on normal pictures up to {scale.high:.3g}"
            found.append(Evidence(name, share, round(seen, 6), (0.0, round(scale.high, 6)), text))
        return found

    def _exportable(self, size: tuple[int, int]) -> nn.Module:
        """Return scoring as one module for pictures of the size that was learned.

        Raises
        ------
        InputError
            If another size is asked for.
        """
        from tocsin.image.efficient_ad.graph import Graph

        if tuple(size) != tuple(self.size_):
            rows, columns = self.size_
            raise InputError(
                f"this efficient-ad takes pictures of {rows} x {columns} (rows x columns) only, not "
                f"{size[0]} x {size[1]}: its autoencoder knows one size"
            )
        return Graph(self._judge(), self._scales(), self.logical, self.highest, self.faithful).eval()

    # ---------------------------------------------------------------- the nets

    def _judge(self) -> Judge:
        import torch

        from tocsin.image.efficient_ad.judge import Judge

        return Judge(self._teacher(), self.pupils_, torch.from_numpy(self.mean_), torch.from_numpy(self.spread_))

    def _teacher(self) -> nn.Module:
        if self.teacher != "encoder":
            return self.teacher_net_
        from tocsin.image.efficient_ad.teachers import EncoderTeacher

        return EncoderTeacher(self._encoder())

    def _encoder(self) -> Any:
        from tocsin.nn.encoders import shared_encoder

        net = shared_encoder(self.encoder, None if self.layers is None else tuple(self.layers))
        if getattr(self, "encoder_hash_", net.fingerprint) != net.fingerprint:
            raise ArtifactError(
                f"this model was fitted with other weights of {self.encoder}: use those, or fit it again"
            )
        return net

    def _ready(self) -> None:
        """Build the nets from the stored weights, laid out as convolutions on a processor like it."""
        import torch

        from tocsin.image.efficient_ad.pupils import Pupils
        from tocsin.image.efficient_ad.teachers import PDNTeacher
        from tocsin.nn.pdn import from_state
        from tocsin.nn.stored_weights import put_back

        # Made without memory of their own: what torch would draw comes from its global seed.
        with torch.device("meta"):
            pupils = Pupils(self.size_, self.outputs_, self.model, self.width)
        self.pupils_ = put_back(pupils, self.weights_).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.teacher_:
            arrays = {name: torch.from_numpy(np.array(value)) for name, value in self.teacher_.items()}
            self.teacher_net_ = PDNTeacher(from_state(arrays, "the teacher of this model"))

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        need("torch", "deep", "efficient-ad")
        self._check_parameters()
        sound = len(self.size_) == 2 and all(isinstance(n, int) and NARROWEST <= n <= 65_536 for n in self.size_)
        if not sound or not isinstance(self.outputs_, int) or self.outputs_ != len(self.mean_):
            raise ArtifactError("its sizes do not fit its networks")
        if self.scales_.shape != (2, 2) or self.spread_.shape != self.mean_.shape:
            raise ArtifactError("its scales do not fit its networks")
        self._ready()
