"""UniCon-HA: a net learns that all normal pictures are alike and that each changed copy of one is something else.

Wang et al., "Unilaterally Aggregated Contrastive Learning with Hierarchical Augmentation for Anomaly Detection" (ICCV
2023). Normal pictures, or patches of them, attract each other, whichever picture they come from; virtual outliers,
copies that are turned or otherwise changed, are pushed away from everything. Those that look most normal count more,
and earlier stages of the net learn from gentler views than later ones. The net starts from nothing: no pretrained
weights. A picture is then as strange as its nearest normal neighbour is far, in the angle between features.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.anomalies import Evidence
from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError, TocsinWarning
from tocsin.core.extras import need
from tocsin.core.scores import Scores
from tocsin.image import _maps
from tocsin.image._preparation import fitting, prepare
from tocsin.image.unicon_ha.settings import check
from tocsin.nn.coreset import k_centre
from tocsin.nn.cosine_neighbours import nearest_by_cosine

if TYPE_CHECKING:
    import torch

    from tocsin.core.anomalies import Anomaly
    from tocsin.core.samples import Image
    from tocsin.core.types import BoolArray, FloatArray, IntArray
    from tocsin.image.unicon_ha.judge import Judge
    from tocsin.image.unicon_ha.losses import Soft
    from tocsin.image.unicon_ha.net import StageNet
    from tocsin.image.unicon_ha.pool import Pool

FOR_CHOICE = 40_000
# Sides of whole pictures, and of a square with as many pixels as pictures that are judged by patches.
WHOLE, PARTS = 64, 200
LEARNED_FROM = 500
# From so many pictures on, every fifth is held out of training.
ENOUGH, EVERY = 10, 5
# Below this AUROC, changed copies are hardly told from normal pictures.
ALIKE = 0.6


class UniConHA(Detector):
    """How far a picture, or each part of it, is from everything normal in a space that contrast has taught.

    Parameters
    ----------
    whole : bool
        Whether the net learns and judges whole pictures, squeezed into a square, rather than patches. Whole pictures
        where they show one thing each; patches where a defect is small.
    side : int, optional
        Whole pictures become squares of this many pixels; otherwise pictures are brought to about this many squared,
        their shape kept. 64 and 200 when left out.
    patch : int
        Side of the patches, in pixels of the prepared picture.
    outliers : sequence of str, optional
        How virtual outliers are made: ``rotation``, ``permutation`` (of halves), ``noise``, ``edges``, ``blur``,
        ``paste`` (cut and paste, scars), or several of these. When left out ``rotation``, as published, for whole
        pictures and ``paste`` for patches. Where a turned copy may itself be a normal picture (textures, discs, cells,
        what is seen from above), rotation is the wrong lesson.
    width, depth : int
        Channels of the first of four stages and blocks per stage; 64 and 2 are ResNet-18, for which a graphics card is
        needed.
    stem : {'small', 'large'}
        A cell of the last stage is 8 or 32 pixels wide; ``large`` is for pictures of 224 pixels.
    aggregate : bool
        Whether normal pictures attract each other; otherwise they are contrasted one by one, as DROC does.
    soft : {'text', 'text_no_anchor', 'literal'}, optional
        How soft aggregation weighs normal views at the last stage; see `tocsin.image.unicon_ha.losses.unilateral`.
    stages : sequence of float
        Weight of the loss at each of the four stages.
    strength : float
        How far the views of training may go, as a share of the published kind: 1 for what is seen from near and far,
        in any light; less where sizes or colours say what is wrong.
    temperature : float
        By which similarities are divided, in the loss and in the soft weights.
    steps, batch : int
        Of training; each step has `batch` normal pictures or patches. The default takes some four minutes of one
        processor; with half as many steps, results depend much on `random_state`.
    rate : float
        The learning rate at first.
    crops : int
        Over how many random crops the feature of a whole picture is averaged; 0 for the picture as it is.
    windows : int, optional
        Windows of the size of a patch, so many pixels apart, are judged each alone, exactly as in training; a divisor
        of `patch`. With None the net runs over the picture once, which is faster, but each cell then sees far more
        than a patch, and what is found is blurred accordingly. Not used with `whole`.
    patches : int
        The largest number of parts that are kept to compare with.
    highest, border : float, int
        Share of the cells whose mean is the picture's score (of patches), and how many cells all round are not judged.
    smooth : float
        Deviation of the Gaussian over the map, as a share of a patch. A patch that a defect only touches may be as
        strange as one in its middle, or stranger; so each place is as strange as the patches that show it are on
        average, the nearer ones counting more.
    labelled : bool
        Whether ``meta["class"]`` of the pictures says which are alike; all are when False.
    exposure : path, optional
        A folder of pictures that are known not to be normal; each step as many as the batch join the virtual outliers.
    folder : path, optional
        Where training is stored, to go on after an interruption.
    random_state : int
        For the weights at first, what training draws, the crops, and the choice of parts.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, a class is missing, or a picture has fewer than 8 pixels on a side.
    MissingExtra
        If torch, Lightning Fabric or opencv is not installed.

    Warns
    -----
    TocsinWarning
        If virtual outliers look like normal pictures, as turned discs do: choose others.

    Notes
    -----
    At most 500 pictures are learned from, spread evenly over those given; what is normal is remembered from all. Every
    fifth of ten or more is held out of training, to keep the weights that tell it from its virtual outliers best (of
    equal ones the latest). Scores of the others are a little too low, since the net has learned from them: give
    `calibration` for thresholds that hold. The AUROC that `findings_` reports is that of the end of training, not of
    the weights kept, which would be too high by their choice. It says whether the net has learned its lesson, not
    whether the lesson is the right one: turned patches of a texture can be told apart although defects are not.

    Where the paper is silent: heads as in `tocsin.image.unicon_ha.heads`, strengths of views as in
    `tocsin.image.unicon_ha.augment`, momentum .9 and weight decay 5e-4, crops of at least .54 of the area when a
    picture is judged, windows half a patch apart.

    Differs from the paper: by default a smaller net, 800 steps at a rate of .1 instead of 2048 epochs at .01,
    and gentler views, since so few steps do not suffice for the full ones; cut and paste for patches, which the paper
    does not try; soft weights follow the text, not equation 6 as printed; pixels are scaled by the mean and deviation
    of all training pixels; the score of a picture that is judged by patches is the mean of the highest of them. Where
    whole pictures are judged, their score is as published, and the map, which is not in the paper, compares means of
    3 x 3 cells of the last stage. Numbers of the paper are those of its own training, not of these few steps.

    References
    ----------
    Wang et al., "Unilaterally Aggregated Contrastive Learning with Hierarchical Augmentation for Anomaly Detection",
    ICCV 2023. Sohn et al., "Learning and Evaluating Representations for Deep One-Class Classification", ICLR 2021.

    Examples
    --------
    >>> from tocsin import Image
    >>> rng = np.random.default_rng(0)
    >>> good = [Image(rng.integers(90, 110, (48, 48), dtype=np.uint8), id=f"good {n}") for n in range(4)]
    >>> bad = np.array(good[0].pixels)
    >>> bad[20:30, 20:30] = 255
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     detector = UniConHA(side=64, patch=16, windows=8, width=4, steps=4, batch=4).fit(good)
    >>> found = detector.score(Image(bad)).local
    >>> bool(found[20:30, 20:30].mean() > 2 * found.mean())
    True
    """

    card: ClassVar[Card] = Card(
        name="unicon-ha",
        summary="a picture or patch far from all normal ones, which a net has learned to see as one",
        modality=("image",),
        learns_from="normal",
        localises="pixels",
        decides="sample",
        streams=False,
        needs=("deep", "image"),
        cost="training: steps x batch x copies through a small net; a picture: its windows, and these x parts kept",
        cite="Wang et al. 2023, arXiv 2308.10155",
    )
    least_places: ClassVar[int] = 1
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)

    weights_: dict[str, FloatArray]
    net_: StageNet
    bank_: FloatArray
    owners_: IntArray
    places_: FloatArray
    pictures_: FloatArray
    names_: tuple[str, ...]

    def __init__(
        self,
        whole: bool = False,
        side: int | None = None,
        patch: int = 32,
        *,
        outliers: Sequence[str] | None = None,
        width: int = 16,
        depth: int = 1,
        stem: Literal["small", "large"] = "small",
        aggregate: bool = True,
        soft: Soft | None = "text",
        stages: Sequence[float] = (0.0, 1.0, 1.0, 1.0),
        strength: float = 0.3,
        temperature: float = 0.5,
        steps: int = 800,
        batch: int = 16,
        rate: float = 0.1,
        crops: int = 10,
        windows: int | None = 16,
        patches: int = 4000,
        highest: float = _maps.HIGHEST,
        border: int = 1,
        smooth: float = 0.25,
        labelled: bool = False,
        exposure: str | None = None,
        folder: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.whole = whole
        self.side = side
        self.patch = patch
        self.outliers = outliers
        self.width = width
        self.depth = depth
        self.stem = stem
        self.aggregate = aggregate
        self.soft = soft
        self.stages = stages
        self.strength = strength
        self.temperature = temperature
        self.steps = steps
        self.batch = batch
        self.rate = rate
        self.crops = crops
        self.windows = windows
        self.patches = patches
        self.highest = highest
        self.border = border
        self.smooth = smooth
        self.labelled = labelled
        self.exposure = exposure
        self.folder = folder
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"width": 4, "depth": 1, "steps": 4, "batch": 4, "stages": (0.0, 0.0, 1.0, 1.0)}

    # ---------------------------------------------------------------- learning

    def _fit(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        torch = need("torch", "deep", "unicon-ha")
        check(self)
        seed = int(rng.integers(1 << 62))
        self.names_ = tuple(sample.id or f"picture {n}" for n, sample in enumerate(samples))
        spread = np.arange(len(samples))
        chosen = spread[np.unique(np.linspace(0, len(samples) - 1, min(len(samples), LEARNED_FROM)).astype(int))]
        held = chosen[EVERY - 1 :: EVERY] if len(chosen) >= ENOUGH else chosen[:0]
        pool = self._pool([samples[n] for n in chosen if n not in held], self._classes(samples, chosen, held))
        pixels = torch.cat([picture.float().flatten()[::7] for picture in pool.pictures])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed % (1 << 31))
            self._train(pool, self._pool([samples[n] for n in held], None) if len(held) else None, pixels, seed)
        self._remember(samples, rng)

    def _kinds(self) -> tuple[str, ...]:
        return (("rotation",) if self.whole else ("paste",)) if self.outliers is None else tuple(self.outliers)

    def _classes(self, samples: Sequence[Image], chosen: IntArray, held: IntArray) -> list[int] | None:
        if not self.labelled:
            return None
        given = [samples[n].meta.get("class") for n in chosen if n not in held]
        if any(kind is None for kind in given):
            raise InputError("labelled=True needs meta['class'] on every picture: give it, or leave labelled out")
        order = sorted({str(kind) for kind in given})
        return [order.index(str(kind)) for kind in given]

    def _pool(self, samples: Sequence[Image], kinds: list[int] | None) -> Pool:
        from tocsin.image.unicon_ha.pool import Pool

        return Pool([self._prepared(sample) for sample in samples], None if self.whole else self.patch, kinds)

    def _prepared(self, sample: Image) -> FloatArray:
        return prepare(sample, self._brought((sample.grid[0], sample.grid[1])))

    def _brought(self, grid: tuple[int, int]) -> tuple[int, int]:
        """The size to which pictures of a size are brought."""
        if self.whole:
            return (self.side or WHOLE,) * 2
        # Sides of multiples of a patch, so that there is at least one.
        return fitting(grid, self.side or PARTS, self.patch)

    def _train(self, pool: Pool, held: Pool | None, pixels: torch.Tensor, seed: int) -> None:
        from tocsin.image._training import stored
        from tocsin.image.unicon_ha.net import StageNet
        from tocsin.image.unicon_ha.schedule import Schedule
        from tocsin.image.unicon_ha.training import Lesson, learn, told_at_the_end
        from tocsin.io.images.reading import read_images

        centre, spread = float(pixels.mean()), max(float(pixels.std()), 1e-3)
        net = StageNet(self.width, self.depth, self.stem, centre, spread)
        kinds, stages = self._kinds(), tuple(float(share) for share in self.stages)
        schedule = Schedule(
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            temperature=self.temperature,
            outliers=kinds,
            stages=stages,
            soft=self.soft,
            aggregate=self.aggregate,
            strength=self.strength,
            seed=seed,
        )
        exposed = None if self.exposure is None else self._pool(list(read_images(self.exposure)), None)
        report = learn(Lesson(net, schedule, pool, exposed), held, self.folder)
        self.weights_ = stored(net)
        self.net_ = self._rebuilt()
        self.findings_ += (f"the weights after {report.best_step} of {report.steps} steps are kept",)
        if held is None:
            self.findings_ += (f"fewer than {ENOUGH} pictures: none is held out, the net has learned from all",)
            return
        self.findings_ += ("four fifths of the pictures were learned from: their scores are a little too low",)
        apart = told_at_the_end(report)
        self.findings_ += (f"changed copies of held-out pictures are told from normal ones with AUROC {apart:.2f}",)
        if apart < ALIKE:
            said = (
                f"{' and '.join(kinds)} makes copies that look as normal as the pictures (AUROC {apart:.2f}): the net "
                f"can learn little from them; choose other outliers"
            )
            warnings.warn(said, TocsinWarning, stacklevel=2)

    def _remember(self, samples: Sequence[Image], rng: np.random.Generator) -> None:
        """Keep the features of all pictures, and of those parts of them that cover the rest best."""
        each = max(1, FOR_CHOICE // len(samples))
        kept: list[tuple[FloatArray, IntArray, FloatArray]] = []
        wholes = []
        judge = self._judge()
        for number, sample in enumerate(samples):
            pixels = self._prepared(sample)
            cells = judge.cells(pixels)
            edge = self._edge(cells)
            rows, columns = np.indices(cells.shape[:2])[:, edge : cells.shape[0] - edge, edge : cells.shape[1] - edge]
            some = np.sort(rng.permutation(rows.size)[:each])
            rows, columns = rows.ravel()[some], columns.ravel()[some]
            at = np.stack([(rows + 0.5) / cells.shape[0], (columns + 0.5) / cells.shape[1]], axis=1) * sample.grid
            kept.append((cells[rows, columns], np.full(len(some), number), at.astype(np.float32)))
            if self.whole:
                wholes.append(judge.feature(pixels))
        bank, owners, places = (np.concatenate(parts) for parts in zip(*kept, strict=True))
        chosen = k_centre(bank, self.patches, int(rng.integers(len(bank))))
        self.bank_, self.owners_, self.places_ = bank[chosen], owners[chosen], places[chosen]
        self.pictures_ = np.stack(wholes) if wholes else np.zeros((0, bank.shape[1]), dtype=np.float32)
        self.findings_ += (f"{len(chosen)} of {len(bank)} parts of {len(samples)} pictures stand for all of them",)

    # ----------------------------------------------------------------- scoring

    def _score(self, sample: Image) -> Scores:
        return self._judged(sample, None)

    def _score_own(self, sample: Image, index: int) -> Scores:
        return self._judged(sample, index)

    def _judged(self, sample: Image, without: int | None) -> Scores:
        pixels, judge = self._prepared(sample), self._judge()
        strange, _ = self._strange(judge.cells(pixels), without)
        edge = self._edge(strange)
        if self.whole:
            others: BoolArray = np.arange(len(self.pictures_)) != without
            known = self.pictures_[others] if others.any() else self.pictures_
            overall = float(1 - nearest_by_cosine(judge.feature(pixels)[None], known)[0][0, 0])
        else:
            overall = _maps.picture_score(strange, self.highest, border=edge)
        grid = sample.grid[0], sample.grid[1]
        # Of the prepared picture's pixels, and then of the picture's own.
        blur = self.smooth * judge.reach * grid[0] / pixels.shape[1]
        return Scores(_maps.to_picture(_maps.without_border(strange, edge), grid, blur), overall)

    def _strange(self, cells: FloatArray, without: int | None = None) -> tuple[FloatArray, IntArray]:
        """Distance of each cell from the nearest normal part, from 0 to 2, and which part that is."""
        others = np.flatnonzero(self.owners_ != without)
        others = others if len(others) else np.arange(len(self.owners_))
        similar, which = nearest_by_cosine(cells.reshape(-1, cells.shape[2]), self.bank_[others])
        return 1 - similar.reshape(cells.shape[:2]), others[which.reshape(cells.shape[:2])]

    def _edge(self, cells: FloatArray) -> int:
        return self.border if min(cells.shape[:2]) >= 2 * self.border + 2 else 0

    def _judge(self) -> Judge:
        from tocsin.image.unicon_ha.judge import Judge

        step = None if self.whole else self.windows
        return Judge(self.net_, self.patch, step, self.crops, self.random_state or 0)

    def _explain(self, sample: Image, scores: Scores, anomaly: Anomaly) -> Sequence[Evidence]:
        """Say which normal part comes nearest to the strangest place, and which picture to the whole."""
        pixels, judge = self._prepared(sample), self._judge()
        strange, which = self._strange(judge.cells(pixels))
        calm = _maps.without_border(strange, self._edge(strange))
        row, column = (int(n) for n in np.unravel_index(int(calm.argmax()), calm.shape))
        y, x = ((at + 0.5) / n * side for at, n, side in zip((row, column), calm.shape, sample.grid, strict=True))
        part = int(which[row, column])
        top, left = self.places_[part]
        text = (
            f"at x={x:.0f}, y={y:.0f}, {calm[row, column]:.3g} from the nearest normal part "
            f"({self.names_[int(self.owners_[part])]}, x={left:.0f}, y={top:.0f}); half of this picture is within "
            f"{np.median(strange):.2g}"
        )
        seen = round(float(calm[row, column]), 4)
        found = Evidence("unlike any normal part", 1.0, seen, (0.0, round(float(np.median(strange)), 4)), text)
        if not self.whole:
            return [found]
        similar, nearest = nearest_by_cosine(judge.feature(pixels)[None], self.pictures_)
        far = round(float(1 - similar[0, 0]), 4)
        whole = f"the picture as a whole is {far:.3g} from the nearest normal one ({self.names_[int(nearest[0, 0])]})"
        return [Evidence("unlike any normal picture", 0.5, far, (), whole), replace(found, share=0.5)]

    # --------------------------------------------------------- storing, export

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        check(self)
        self.net_ = self._rebuilt()

    def _rebuilt(self) -> StageNet:
        need("torch", "deep", "unicon-ha")
        from tocsin.image.unicon_ha.judge import rebuilt

        return rebuilt(self.weights_, self.width, self.depth, self.stem)

    def _graph_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        """Return the size at which pictures of a size are judged, or those of the usual one."""
        from tocsin.image._onnx import settled

        return settled(size or (self.side or PARTS,) * 2, self._brought)

    def _exportable(self, size: tuple[int, int]) -> torch.nn.Module:
        """Return the scoring as one module.

        Raises
        ------
        InputError
            If pictures of that size would be resized first.
        """
        from tocsin.image._onnx import check_size
        from tocsin.image.unicon_ha.export import Scoring

        wanted = self._brought(size)
        check_size(size, wanted)
        return Scoring(self, size)
