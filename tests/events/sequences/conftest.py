"""Made sessions for the detectors of traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from tocsin.core.samples import Events


def events(paths: Sequence[Sequence[str]], id: str = "made") -> Events:
    names = [f"t{i}" for i, path in enumerate(paths) for _ in path]
    return Events({"event": [word for path in paths for word in path]}, trace=names, id=id)


@dataclass(frozen=True)
class Made:
    """Sessions to learn from, sessions to judge, and which of these are odd."""

    train: Events
    test: Events
    odd: np.ndarray


def session(rng: np.random.Generator) -> list[str]:
    """A login, some files that are opened, read or written, and closed, and a logout."""
    path = ["login"]
    for _ in range(rng.integers(2, 6)):
        inner = rng.choice(["read", "write", "seek"], size=rng.integers(1, 4))
        path += ["open", *map(str, inner), "close"]
    return [*path, "logout"]


def shuffled(rng: np.random.Generator) -> list[str]:
    """The same events as a session has, a third of them in another order, so that it is no session any more."""
    path = session(rng)
    while legal(path):
        path = moved_about(rng, path)
    return path


def legal(path: Sequence[str]) -> bool:
    """Whether files are opened before and closed after they are used, and used at least once."""
    usual = {"login": {"open"}, "open": {"use"}, "use": {"use", "close"}, "close": {"open", "logout"}}
    kinds = ["use" if word in ("read", "write", "seek") else word for word in path]
    return all(b in usual.get(a, ()) for a, b in pairwise(kinds))


def moved_about(rng: np.random.Generator, path: list[str]) -> list[str]:
    inside = rng.choice(np.arange(1, len(path) - 1), size=max(3, len(path) // 3), replace=False)
    moved = rng.permutation(inside)
    words = np.array(path, dtype=object)
    words[inside] = words[moved]
    return [str(word) for word in words]


def leaking(rng: np.random.Generator) -> list[str]:
    """A session that leaves a file open."""
    path = session(rng)
    path.pop(int(rng.choice([i for i, word in enumerate(path) if word == "close"])))
    return path


@pytest.fixture
def sessions() -> Callable[..., Made]:
    def made(seed: int, kind: str = "shuffled", normal: int = 80, odd: int = 40) -> Made:
        rng = np.random.default_rng(seed)
        strange = {"shuffled": shuffled, "leaking": leaking}[kind]
        train = events([session(rng) for _ in range(150)], "train")
        paths = [session(rng) for _ in range(normal)] + [strange(rng) for _ in range(odd)]
        return Made(train, events(paths, "test"), np.arange(normal + odd) >= normal)

    return made


@pytest.fixture
def as_events() -> Callable[..., Events]:
    return events


@pytest.fixture
def random_paths() -> Callable[..., list[list[str]]]:
    def made(seed: int, count: int = 12, words: str = "abc", longest: int = 9) -> list[list[str]]:
        rng = np.random.default_rng(seed)
        return [[str(w) for w in rng.choice(list(words), size=rng.integers(1, longest + 1))] for _ in range(count)]

    return made
