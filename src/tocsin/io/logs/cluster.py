"""One cluster of the tree: the words that its messages share, and the few words that take turns in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tocsin.io.logs.masks import WILD

_WORD = re.compile(r"[^\w<]*[A-Za-z][A-Za-z_'-]+[^\w<]*")
_QUOTED = re.compile(r"""[(\[{,:=]*(["'`]).*\1[^\w<]*""")
# More combinations of choices than this in one cluster are values, whatever they look like.
MOST_COMBINATIONS = 64
# What follows one of these is a name that somebody chose.
_ANNOUNCE_NAMES = frozenset({"user", "username", "account", "host", "hostname", "name"})


def is_word(token: str) -> bool:
    """Tell whether a token is made of letters, and so may be a part of what a message says.

    Examples
    --------
    >>> [is_word(t) for t in ("Paused", "(stopped),", "JOB_SETUP", "blk_<*>", "x", "'root'")]
    [True, True, True, False, False, False]
    """
    return _WORD.fullmatch(token) is not None and _QUOTED.fullmatch(token) is None


class Cluster:
    """Messages of the same number of tokens that are much alike.

    A place holds a word that all messages share, or a value (``<*>``), or is a *choice*: up to `most` words that take
    turns, such as ``Paused`` and ``Resumed``. Every combination of choices is a template of its own. A choice that
    sees a token that is no word, or one word too many, becomes a value, and its templates become one.

    Parameters
    ----------
    tokens : iterable of str
        The first message, masked.
    """

    __slots__ = ("choices", "frozen", "tokens", "variants")

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens: list[str | None] = list(tokens)
        # Place -> words seen there, in order; the places are sorted, and a key of `variants` follows them.
        self.choices: dict[int, list[str]] = {}
        self.variants: dict[tuple[str, ...], int] = {}
        self.frozen = False

    def agreement(self, tokens: list[str]) -> int:
        """Return how many places hold the same word as these tokens."""
        count = sum(map(str.__eq__, self.tokens, tokens)) if not self.choices else 0  # type: ignore[arg-type]
        if self.choices:
            for place, (mine, other) in enumerate(zip(self.tokens, tokens, strict=True)):
                count += mine == other or (mine is None and other in self.choices[place])
        return count

    def covers(self, tokens: list[str]) -> bool:
        """Tell whether these tokens fit without any change but a new combination of known words."""
        for place, (mine, other) in enumerate(zip(self.tokens, tokens, strict=True)):
            if mine is None:
                if other not in self.choices[place]:
                    return False
            elif mine not in (other, WILD):
                return False
        return True

    def key(self, tokens: list[str]) -> tuple[str, ...]:
        """Return the words of these tokens in the places of choice."""
        return tuple(tokens[place] for place in self.choices)

    def take(self, tokens: list[str], most: int) -> list[tuple[int, int]]:
        """Widen the cluster so that it covers these tokens.

        Returns
        -------
        list of (int, int)
            Templates that became one: (what is gone, what stays).
        """
        merged: list[tuple[int, int]] = []
        for place, (mine, other) in enumerate(zip(self.tokens, tokens, strict=True)):
            if mine is None:
                words = self.choices[place]
                if other in words:
                    continue
                if is_word(other) and len(words) < most:
                    words.append(other)
                else:
                    merged += self._give_up(place)
            elif mine not in (other, WILD):
                if most > 1 and is_word(mine) and is_word(other) and not self._is_named(place):
                    self._begin_choice(place, mine, other)
                else:
                    self.tokens[place] = WILD
        while len(self.variants) >= MOST_COMBINATIONS and self.key(tokens) not in self.variants:
            merged += self._give_up(max(self.choices, key=lambda place: len(self.choices[place])))
        return merged

    def text(self, key: tuple[str, ...]) -> str:
        """Return the template of one combination of choices."""
        words = dict(zip(self.choices, key, strict=True))
        return " ".join(words[place] if token is None else token for place, token in enumerate(self.tokens))

    def _is_named(self, place: int) -> bool:
        before = self.tokens[place - 1] if place else None
        return before is not None and before.lower().strip("[('\"") in _ANNOUNCE_NAMES

    def _begin_choice(self, place: int, old: str, new: str) -> None:
        self.tokens[place] = None
        self.choices[place] = [old, new]
        self.choices = dict(sorted(self.choices.items()))
        at = list(self.choices).index(place)
        self.variants = {(*key[:at], old, *key[at:]): number for key, number in self.variants.items()}

    def _give_up(self, place: int) -> list[tuple[int, int]]:
        at = list(self.choices).index(place)
        del self.choices[place]
        self.tokens[place] = WILD
        merged: list[tuple[int, int]] = []
        kept: dict[tuple[str, ...], int] = {}
        for key, number in self.variants.items():
            short = (*key[:at], *key[at + 1 :])
            if short in kept:
                merged.append((number, kept[short]))
            else:
                kept[short] = number
        self.variants = kept
        return merged
