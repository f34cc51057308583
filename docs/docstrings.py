"""Read docstrings for pages: sections of numpydoc, what a module says of a method, examples with their imports."""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import tocsin

_UNDERLINE = re.compile(r"^-{3,}$")
_PAPER = re.compile(r"arXiv[ :]?(\d{4}\.\d{4,5})")
_PAGE = re.compile(r"`{0,2}docs/(\w+)\.md`{0,2}")
_CODE = re.compile(r"(`+[^`]+`+)")
# What a paragraph is about, by the words it begins with; these may stand inside a paragraph too.
_MARKS = {
    "source": r"(?:References?|Sources?)\b[^.:]{0,40}:\s",
    "deviations": r"(?:Deviations?\b|What deviates\b|Differs from the source\b)",
}
_INSIDE = re.compile(rf"(?<=[.)])\s+(?={_MARKS['source']}|Deviations?\b[^.:]{{0,40}}[.:]\s)")
_PLAIN_MARK = re.compile(
    r"^(?:Deviations?|What deviates)(?: from the (?:source|paper|publication)s?)?(?:, and why)?[.:]\s*|"
    r"^(?:References?|Sources?):\s*"
)


@dataclass(frozen=True)
class Entry:
    """One entry of a section such as Parameters.

    Parameters
    ----------
    names : tuple of str
    kind : str
        Type in words.
    text : str
    """

    names: tuple[str, ...]
    kind: str
    text: str


def sections(documented: Any) -> dict[str, str]:
    """Return heading -> text of a numpydoc docstring; what stands before the first heading is under "".

    Examples
    --------
    >>> sorted(sections(tocsin.Detector.fit))[:2]
    ['', 'Parameters']
    """
    lines = (inspect.getdoc(documented) or "").splitlines()
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if _UNDERLINE.match(below) and line and not line.startswith(" "):
            heading = line.strip()
            found[heading] = []
        elif not _UNDERLINE.match(line):
            found[heading].append(line)
    return {name: "\n".join(body).strip("\n") for name, body in found.items()}


def entries(text: str) -> list[Entry]:
    r"""Return the entries of a section.

    Examples
    --------
    >>> entries("batch, rate\n    Of training.\n    Both.")
    [Entry(names=('batch', 'rate'), kind='', text='Of training.\nBoth.')]
    """
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line and not line.startswith(" "):
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    read = []
    for head, body in found:
        names, _, kind = head.partition(" : ")
        read.append(Entry(tuple(n.strip() for n in names.split(",")), kind.strip(), inspect.cleandoc("\n".join(body))))
    return read


def of_module(module: ModuleType) -> dict[str, list[str]]:
    """Return the paragraphs of a module's docstring by what they are about: idea, source, deviations."""
    found: dict[str, list[str]] = {"idea": [], "source": [], "deviations": []}
    about = "idea"
    for block in re.split(r"\n\s*\n", inspect.getdoc(module) or ""):
        for paragraph in _INSIDE.split(block):
            about = next((name for name, mark in _MARKS.items() if re.match(mark, paragraph)), about)
            plain = _PLAIN_MARK.sub("", paragraph).strip()
            if plain:
                found[about].append(plain[0].upper() + plain[1:])
    if found["idea"]:  # "Name: what it is." is a title, and the page has one.
        title = re.sub(r"^[^:.]{1,40}: ", "", found["idea"][0])
        found["idea"][0] = title[0].upper() + title[1:]
    return found


def markdown(text: str) -> str:
    """Return prose of a docstring as Markdown: papers and pages become links, angle brackets stay visible."""
    parts = _CODE.split(_PAGE.sub(r"[docs/\1.md](../\1.md)", text))
    for number in range(0, len(parts), 2):
        linked = _PAPER.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", parts[number])
        parts[number] = linked.replace("<", "&lt;")
    return re.sub(r"``([^`]+)``", r"`\1`", "".join(parts))


def example(text: str, module: ModuleType) -> str:
    """Return an example with the imports that it needs outside of its module."""
    tests = doctest.DocTestParser().get_examples(text)
    if not tests:
        return ""
    wanted = sorted(_free_names("".join(test.source for test in tests)))
    lines = [_import(name, getattr(module, name)) for name in wanted if hasattr(module, name)]
    first = min((line for line in text.splitlines() if line.startswith(">>> ")), key=text.index)
    body = text[text.index(first) :].rstrip()
    return "\n".join([*(f">>> {line}" for line in sorted(lines, key=lambda x: x.startswith("from"))), body])


def _free_names(source: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for n in nodes if isinstance(n, ast.arg)} | set(dir(builtins))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(a.asname or a.name).partition(".")[0] for a in node.names}
    return {n.id for n in nodes if isinstance(n, ast.Name)} - bound


def _import(name: str, value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else "")
    if name in tocsin.__all__:
        return f"from tocsin import {name}"
    return f"from {value.__module__} import {name}"
