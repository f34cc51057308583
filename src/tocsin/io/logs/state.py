"""Templates as JSON, and back: whatever stands in the file is checked before it is used."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.io.logs.cluster import MOST_COMBINATIONS, Cluster
from tocsin.io.logs.masks import LONGEST_MESSAGE, WILD

if TYPE_CHECKING:
    from tocsin.io.logs.templates import LogTemplates

FORMAT, VERSION = "tocsin log templates", 1
_LARGEST = 256 << 20
_SETTINGS = ("similarity", "depth", "most_words", "most_templates")


def to_state(templates: LogTemplates) -> dict[str, Any]:
    """Return a tree of plain values; numbers are those of `resolve`, closed up."""
    numbers = {number: place for place, number in enumerate(sorted(templates.texts()))}
    state: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    state |= {name: getattr(templates, name) for name in _SETTINGS}
    state["masks"] = list(templates.masks)
    state["counts"] = [templates._counts[number] for number in numbers]
    state["clusters"] = [
        {
            "path": list(path),
            "tokens": cluster.tokens,
            "choices": {str(place): words for place, words in cluster.choices.items()},
            "variants": [[*key, numbers[templates.resolve(number)]] for key, number in cluster.variants.items()],
            "frozen": cluster.frozen,
        }
        for path, cluster in templates._tree.clusters()
    ]
    rest = templates._rest
    state["rest"] = None if rest is None else numbers[rest.variants[()]]
    return state


def load_state(kind: type[LogTemplates], path: str | os.PathLike[str], masks: Sequence[str]) -> LogTemplates:
    """Build templates from a file.

    Raises
    ------
    InputError
        If anything in it is not as `to_state` writes it.
    """
    where = os.fspath(path)
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise InputError(f"{where} is larger than log templates ever are: it is no file of them")
        state = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{where} holds no log templates: it is no JSON; write them with LogTemplates.save") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(f"{where} holds no log templates: write them with LogTemplates.save")
    if state.get("version") != VERSION:
        raise InputError(f"{where} was written by a newer version of tocsin: update it, or mine the templates again")
    if state.get("masks") != list(masks):
        raise InputError(
            f"{where} was made with masks={state.get('masks')!r:.200}: give the same to load, for an expression in a "
            "file is never run"
        )
    try:
        found = kind(**{name: state[name] for name in _SETTINGS}, masks=masks)
        _fill(found, state)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        what = error if isinstance(error, InputError) else f"{type(error).__name__} {error}"
        raise InputError(f"{where} holds damaged log templates ({what}): mine them again") from None
    return found


def _fill(templates: LogTemplates, state: dict[str, Any]) -> None:
    counts = [_whole(count) for count in state["counts"]]
    templates._counts = counts
    templates._parent = list(range(len(counts)))
    free = set(templates._parent)
    for part in state["clusters"]:
        cluster = _cluster(part, templates, free)
        path = tuple(_string(key) for key in part["path"])
        if len(path) != min(len(cluster.tokens), max(1, min(templates.depth, len(cluster.tokens) - 1))) or "" in path:
            raise InputError("a path of another length than the tree is deep")
        templates._tree.add(cluster, path)
    if state["rest"] is not None:
        templates._rest = Cluster([WILD])
        templates._rest.variants[()] = _take(free, state["rest"])
    if free:
        raise InputError(f"{len(free)} counts without a template")


def _cluster(part: dict[str, Any], templates: LogTemplates, free: set[int]) -> Cluster:
    tokens = [None if token is None else _string(token) for token in part["tokens"]]
    if len(tokens) > LONGEST_MESSAGE:
        raise InputError("a template longer than any message")
    cluster = Cluster([])
    cluster.tokens = tokens
    cluster.frozen = bool(part["frozen"])
    for place, token in enumerate(tokens):
        if token is None:
            words = [_string(word) for word in part["choices"][str(place)]]
            if not 2 <= len(set(words)) == len(words) <= templates.most_words:
                raise InputError(f"{len(words)} words in one place")
            cluster.choices[place] = words
    if len(cluster.choices) != len(part["choices"]) or not 1 <= len(part["variants"]) <= MOST_COMBINATIONS:
        raise InputError("choices that do not fit the tokens")
    for *key, number in part["variants"]:
        if len(key) != len(cluster.choices) or any(
            w not in words for w, words in zip(key, cluster.choices.values(), strict=True)
        ):
            raise InputError("a combination of words that are no choice")
        cluster.variants[tuple(key)] = _take(free, number)
    return cluster


def _take(free: set[int], number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number not in free:
        raise InputError(f"{number!r:.40} is the number of no template, or of two")
    free.remove(number)
    return number


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{value!r:.40} is no count")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_MESSAGE or any(c.isspace() for c in value):
        raise InputError(f"{value!r:.40} is no token")
    return value
