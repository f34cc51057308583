"""Tables made for the purpose: who goes with what is known, and which pair was broken."""

from __future__ import annotations

import numpy as np

from tocsin.core.samples import Events


def words(codes: np.ndarray, names: tuple[str, ...]) -> Events:
    return Events({name: [f"{name}{c}" for c in codes[:, j]] for j, name in enumerate(names)})


def groups(seed: int, rows: int = 4000, odd: int = 400) -> tuple[Events, Events, np.ndarray, np.ndarray]:
    """Five groups of eight words in each of four columns, all of a row from one group; odd rows have one word of
    another group. Also returns which column is odd (-1 where none is).
    """
    rng = np.random.default_rng(seed)

    def made(n: int) -> np.ndarray:
        return rng.integers(5, size=n)[:, None] * 8 + rng.integers(8, size=(n, 4))

    train, test = made(rows), made(2 * odd)
    column = np.full(2 * odd, -1)
    column[:odd] = rng.integers(4, size=odd)
    for row in range(odd):
        j = column[row]
        test[row, j] = (test[row, j] + 8 * rng.integers(1, 5)) % 40
    names = ("user", "process", "file", "host")
    return words(train, names), words(test, names), column >= 0, column


def two_links(seed: int, rows: int = 6000, odd: int = 200) -> tuple[Events, Events, np.ndarray]:
    """Users have their hosts and processes their ports; the hour is anything. In odd rows a process speaks to a port
    of another: the pair process x port is broken, and no other.
    """
    rng = np.random.default_rng(seed)

    def made(n: int) -> np.ndarray:
        left, right = rng.integers(6, size=n), rng.integers(6, size=n)
        return np.stack(
            [
                left * 3 + rng.integers(3, size=n),
                left * 2 + rng.integers(2, size=n),
                right * 3 + rng.integers(3, size=n),
                right * 2 + rng.integers(2, size=n),
                rng.integers(24, size=n),
            ],
            axis=1,
        )

    train, test = made(rows), made(2 * odd)
    test[:odd, 3] = (test[:odd, 3] + 2 * rng.integers(1, 6, size=odd)) % 12
    names = ("user", "host", "process", "port", "hour")
    return words(train, names), words(test, names), np.arange(2 * odd) < odd
