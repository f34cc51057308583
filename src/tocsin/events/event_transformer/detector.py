"""EventTransformer: a trace is strange when a net that has learned what comes next did not expect its events.

A small causal transformer reads a trace event by event and gives each word a probability of coming next. An event's
score is its surprise, -ln of its probability, or whether it is missing from the `top` most probable ones; a trace's
score is the mean. A part of the training traces is held out, with all copies of them, and training ends when the net
does not get better on these.

Sources: judging log events by the most probable next ones is DeepLog's idea: Du, Li, Zheng and Srikumar, DeepLog:
Anomaly detection and diagnosis from system logs through deep learning, CCS 2017, with a recurrent net. Blocks: Vaswani
et al., Attention is all you need, 2017, with rotary positions, root mean square norms and gated linear units.

Deviations from DeepLog: attention instead of an LSTM; a trace is judged by the mean over its events, not by its first
miss, which on long traces raises an alarm nearly always; no model of parameter values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from tocsin.core.card import Card
from tocsin.core.errors import InputError
from tocsin.core.extras import need
from tocsin.events._sequences import KNOWN, Traces, contents
from tocsin.events._trace_detector import NAMED, Judgement, TraceDetector
from tocsin.events.event_transformer.windows import Windows

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.event_transformer.net import EventNet

#: What is left to all words alike, so that no surprise is without bounds.
FLOOR = 1e-4
#: Cells of tables of probabilities in memory at a time.
CELLS = 1 << 23
LIMITS = {
    "width": (4, 4096), "heads": (1, 256), "blocks": (1, 64), "window": (4, 4096), "epochs": (1, 10**6),
    "batch": (1, 10**6), "patience": (1, 10**6), "top": (1, 10**6),
}  # fmt: skip


class EventTransformer(TraceDetector):
    """Surprise of each event, for a causal transformer trained on normal traces.

    Parameters
    ----------
    width, heads, blocks : int
        Numbers for each event, parts of attention (the width of one must be even), and blocks.
    window : int
        Events that are read at a time; each is judged with at least half a window before it, or all that there is.
    judge : {'likelihood', 'top-k'}
        Surprise, or 1 where an event is none of the `top` most probable.
    top : int
        How many words are expected at a time, for ``'top-k'``.
    epochs, batch, lr, patience
        How long and in what steps to train: passes at most, windows per step, highest rate, and passes without
        improvement on held-out traces after which training ends.
    held_out : float
        Share of the different training traces that is held out.
    checkpoint : str, optional
        A folder in which training leaves what it needs to go on after it was stopped.
    column : str, optional
        Which column is the event; ``event``, or else the first, when left out.
    random_state : int
        Seed.

    Raises
    ------
    InputError
        From `fit`, if a parameter is out of range, or the column is absent or empty.
    MissingExtra
        From `fit`, if torch is not installed.

    Notes
    -----
    Training traces are judged by the net that learned from them, and are a little less surprising than new ones: give
    `fit` held-out traces as `calibration` where a threshold matters.

    Words that were never seen are one word of their own, to which a small share of the probability is left.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> words = "open read close ".split() * 40
    >>> e = Events({"event": words}, trace=[i // 6 for i in range(120)])
    >>> detector = EventTransformer(width=16, heads=2, blocks=1, window=8, epochs=15, batch=4, lr=0.01).fit(e)
    >>> scores = detector.score(Events({"event": "open read close open close close".split()}))
    >>> int(scores.local.argmax())
    4
    """

    card: ClassVar[Card] = Card(
        name="event-transformer",
        summary="traces whose events a transformer trained on normal traces did not expect",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
        streams=False,
        needs=("deep",),
        cost="training: epochs x events, some 20 CPU s per pass over 300 000 events; scoring linear in events",
        cite="Du et al., CCS 2017; Vaswani et al. 2017",
    )

    weights_: dict[str, FloatArray]
    losses_: FloatArray
    net_: EventNet
    not_stored: ClassVar[tuple[str, ...]] = ("net_",)

    def __init__(
        self,
        *,
        width: int = 64,
        heads: int = 4,
        blocks: int = 2,
        window: int = 128,
        judge: Literal["likelihood", "top-k"] = "likelihood",
        top: int = 9,
        epochs: int = 12,
        batch: int = 16,
        lr: float = 3e-3,
        patience: int = 2,
        held_out: float = 0.1,
        checkpoint: str | None = None,
        column: str | None = None,
        random_state: int = 0,
    ) -> None:
        self.width = width
        self.heads = heads
        self.blocks = blocks
        self.window = window
        self.judge = judge
        self.top = top
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.patience = patience
        self.held_out = held_out
        self.checkpoint = checkpoint
        self.column = column
        self.random_state = random_state

    @classmethod
    def example_parameters(cls) -> dict[str, Any]:
        """Return parameters that make a fast instance for checks."""
        return {"width": 16, "heads": 2, "blocks": 1, "window": 16, "epochs": 8, "batch": 16, "lr": 1e-2}

    # ------------------------------------------------------------- learning

    def _check_parameters(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
                raise InputError(f"{name} of event-transformer is a whole number from {least} to {most}, not {value!r}")
        if self.width % (2 * self.heads):
            raise InputError(f"the width ({self.width}) must be a multiple of twice the heads ({self.heads})")
        if self.judge not in ("likelihood", "top-k"):
            raise InputError(f"event-transformer judges by 'likelihood' or 'top-k', not {self.judge!r}")
        if not 0 <= self.held_out < 1 or not 0 < self.lr < 1:
            raise InputError(f"held_out is at least 0 and lr above 0, both below 1, not {self.held_out} and {self.lr}")

    def _learn_traces(self, traces: Traces, rng: np.random.Generator) -> None:
        self._check_parameters()
        need("torch", "deep", "event-transformer")
        from tocsin.events.event_transformer.training import Schedule, train

        learned, held_out = self._parted(traces, rng)
        schedule = Schedule(self.epochs, self.batch, self.patience, self.lr, int(rng.integers(1 << 62)))
        net = self._net()
        with TemporaryDirectory() as folder:
            losses = train(net, learned, held_out, schedule, Path(self.checkpoint or folder))
        self.net_ = net
        self.weights_ = {name: np.array(array.numpy()) for name, array in net.state_dict().items()}
        self.losses_ = np.array(losses)
        kind = "held-out" if held_out is not None else "training"
        self.findings_ += (
            f"pass {int(self.losses_.argmin()) + 1} of {len(losses)} was the best: a mean surprise of "
            f"{self.losses_.min():.3g} on {kind} events",
        )

    def _parted(self, traces: Traces, rng: np.random.Generator) -> tuple[Windows, Windows | None]:
        """Windows to learn from, and those of held-out traces; all copies of a trace go one way."""
        found, of_trace = np.unique(contents(traces), return_inverse=True)
        count = round(self.held_out * len(found))
        if count == 0:
            return Windows.of(traces, self.window), None
        apart = np.isin(of_trace, rng.permutation(len(found))[:count])
        learned, held_out = (Windows.of(traces.take(np.flatnonzero(part)), self.window) for part in (~apart, apart))
        return learned, held_out

    # -------------------------------------------------------------- scoring

    def _judge(self, traces: Traces, own: bool) -> Judgement:
        windows = Windows.of(traces, self.window)
        local = np.empty(len(traces.codes))
        for chances, target, places in self._chances(windows):
            chance = np.take_along_axis(chances, target[:, None], axis=1)
            if self.judge == "top-k":
                local[places] = (chances > chance).sum(axis=1) >= self.top
            else:
                local[places] = -np.log(chance[:, 0])
        return Judgement(local, traces.mean(local))

    def _chances(self, windows: Windows) -> Iterator[tuple[FloatArray, IntArray, IntArray]]:
        """Probabilities of all codes at judged events, the codes that came, and the places of these events."""
        torch = need("torch", "deep", "event-transformer")
        codes = len(self.words_) + KNOWN
        # In the order of lengths, so that little is padding; an event's score does not depend on its batch.
        order = np.argsort(windows.stop - windows.begin, kind="stable")
        step = max(1, CELLS // (codes * self.window))
        for start in range(0, len(order), step):
            before, target, judged, places = windows.batch(order[start : start + step])
            with torch.inference_mode():
                logits = self.net_(torch.from_numpy(before))[torch.from_numpy(judged)]
                chances = logits.double().softmax(dim=-1).numpy()
            yield (1 - FLOOR) * chances + FLOOR / codes, target[judged], places[judged]

    # ---------------------------------------------------------- explanation

    def _likely(self, codes: IntArray, place: int) -> tuple[list[str], str]:
        # As much history as fits, and the event itself as the last of the window.
        start = max(0, place + 1 - self.window)
        alone = np.array([start])
        window = Windows(codes, alone, np.array([place + 1]), np.array([place]), alone == 0)
        chances, _, _ = next(self._chances(window))
        best = np.argsort(-chances[0], kind="stable")[:NAMED].tolist()
        words = [self._word(code) for code in best if code >= KNOWN and chances[0, code] > 1 / chances.shape[1]]
        return words, f"a chance of {chances[0, codes[place]]:.2g}"

    # -------------------------------------------------------------- storing

    def _net(self) -> EventNet:
        torch = need("torch", "deep", "event-transformer")
        from tocsin.events.event_transformer.net import EventNet

        # Made without memory of its own: what torch would draw comes from its global seed.
        with torch.device("meta"):
            return EventNet(len(self.words_) + KNOWN, self.width, self.heads, self.blocks)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._check_parameters()
        need("torch", "deep", "event-transformer")
        from tocsin.nn.stored_weights import put_back

        self.net_ = put_back(self._net(), self.weights_)
