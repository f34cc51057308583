"""Run the code of pages as a reader would type it: each page in an empty folder of its own, from top to bottom.

python docs/run_blocks.py docs/start.md ...     # says which block of which line fails, and how long a page takes

- ``python`` blocks share one namespace per page. With prompts (``>>> ``) they are doctests.
- ``console`` blocks: lines that begin with ``$ `` are run by bash, the lines below are what they must print, with
  ``...`` for anything. Exit code 0, or 1 as well where tocsin looks for anomalies, or N after a comment ``# exit N``.
- ``text``, ``toml``, ``json``, ``csv`` and ``yaml`` blocks are not run; below ``<!-- file: NAME -->`` they are written.
- ``<!-- not run: REASON -->`` above a block lets it be; ``<!-- setup``, lines of Python, ``-->`` runs unseen.
- ``needs: [torch, cv2]`` in the front matter names modules without which the page cannot run.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STILL = {"text", "toml", "json", "csv", "yaml"}
RUN = {"python", "console"}
FINDS = re.compile(r"\btocsin\s+(?:detect|demo|score)\b")
LIMIT = 180  # seconds that one command may take
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,})\s*(?P<language>[\w+-]*)")
_MARK = re.compile(r"^\s*<!--\s*(?P<word>not run|file):\s*(?P<value>.*?)\s*-->\s*$")
_SETUP = re.compile(r"^\s*<!-- setup\s*$")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


class PageError(Exception):
    """A block is not as it should be: what is wrong and where."""


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Parameters
    ----------
    language : str
        ``setup`` for code that readers do not see.
    body : str
    line : int
        Of the page, of its first line of text.
    mark, value : str
        ``not run`` and the reason, or ``file`` and the name, where a comment above says so.
    """

    language: str
    body: str
    line: int
    mark: str = ""
    value: str = ""


def needs(text: str) -> list[str]:
    """Return the modules that a page's front matter names."""
    front = _FRONT.match(text)
    named = re.search(r"^needs:\s*\[([^\]]*)\]", front[1], re.MULTILINE) if front else None
    return [name.strip() for name in named[1].split(",") if name.strip()] if named else []


def missing(text: str) -> list[str]:
    """Return those of them that cannot be imported here."""
    return [name for name in needs(text) if importlib.util.find_spec(name) is None]


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page in order.

    Raises
    ------
    PageError
        If a block has no language or an unknown one, is not closed, or a comment stands above no block.
    """
    found: list[Block] = []
    mark: re.Match[str] | None = None
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if _SETUP.match(line):
            found.append(Block("setup", _until(lines, number, lambda x: x.strip() == "-->"), number + 1))
        elif fence := _FENCE.match(line):
            closing = re.compile(rf"^\s*{fence['marks'][0]}{{{len(fence['marks'])},}}\s*$")
            body = _until(lines, number, closing.match)
            language = fence["language"]
            if language not in RUN | STILL:
                shown = f"the language {language!r}" if language else "no language"
                raise PageError(f"line {number}: a block of {shown}; use {', '.join(sorted(RUN | STILL))}")
            value = mark["value"] if mark else ""
            if mark and not value:
                raise PageError(f"line {number - 1}: '{mark['word']}' says no {'reason' if 'n' in mark[1] else 'name'}")
            found.append(Block(language, textwrap.dedent(body), number + 1, mark["word"] if mark else "", value))
            mark = None
        elif line.strip():
            if mark:
                raise PageError(f"line {number - 1}: a comment '{mark['word']}' with no block below")
            mark = _MARK.match(line)
    return found


def _until(lines: Iterator[tuple[int, str]], start: int, ends: Callable[[str], object]) -> str:
    body: list[str] = []
    for _, line in lines:
        if ends(line):
            return "\n".join(body) + "\n"
        body.append(line)
    raise PageError(f"line {start}: what begins here has no end")


def run_page(page: Path, folder: Path) -> int:
    """Run all blocks of a page in a folder, and return how many were run.

    Raises
    ------
    PageError
        With the page's name and line, at the first block that fails.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    ran = 0
    try:
        with contextlib.chdir(folder):
            for block in blocks(page.read_text(encoding="utf-8")):
                ran += _run(block, page, folder, namespace)
    except PageError as error:
        raise PageError(f"{page.name}, {error}") from error.__cause__
    return ran


def _run(block: Block, page: Path, folder: Path, namespace: dict[str, Any]) -> bool:
    if block.mark == "not run":
        return False
    if block.mark == "file":
        target = (folder / block.value).resolve()
        if folder.resolve() not in target.parents:
            raise PageError(f"line {block.line}: the file {block.value} lies outside of the page's folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.body, encoding="utf-8")
        return False
    if block.language in STILL:
        return False
    if block.language == "console":
        _console(block)
    elif re.search(r"^>>> ", block.body, re.MULTILINE):
        _doctest(block, page, namespace)
    else:
        _python(block, page, namespace)
    return True


def _python(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    # Blank lines above make line numbers those of the page.
    code = "\n" * (block.line - 1) + block.body
    try:
        exec(compile(code, str(page), "exec"), namespace)
    except Exception as error:
        where, trace = block.line, error.__traceback__
        while trace is not None:
            where = trace.tb_lineno if trace.tb_frame.f_code.co_filename == str(page) else where
            trace = trace.tb_next
        where = error.lineno or where if isinstance(error, SyntaxError) else where
        raise PageError(f"line {where}: {type(error).__name__}: {error}") from error


def _doctest(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(block.body, {}, page.stem, str(page), block.line - 1)
    test.globs = namespace
    told: list[str] = []
    failed = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=told.append, clear_globs=False)
    if failed.failed:
        raise PageError(f"line {block.line}: {''.join(told)}")


def _console(block: Block) -> None:
    commands: list[tuple[int, str, list[str]]] = []
    continued = False
    for number, line in enumerate(block.body.splitlines(), start=block.line):
        if line.startswith("$ "):
            commands.append((number, line[2:], []))
        elif not commands:
            raise PageError(f"line {number}: output before the first command, which begins with '$ '")
        elif continued:
            start, command, output = commands[-1]
            commands[-1] = (start, f"{command}\n{line}", output)
        else:
            commands[-1][2].append(line)
        continued = line.endswith("\\") and (continued or line.startswith("$ "))
    for number, command, output in commands:
        _command(number, command, "\n".join(output))


def _command(number: int, command: str, wanted: str) -> None:
    binaries = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")]),
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "120",
    }
    try:
        ran = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PageError(f"line {number}: $ {command}\n took more than {LIMIT} s") from None
    printed = ran.stdout.decode("utf-8", errors="replace")
    told = re.search(r"#\s*exit\s+(\d+)\s*$", command)
    allowed = {int(told[1])} if told else {0, 1} if FINDS.search(command) else {0}
    if ran.returncode not in allowed:
        raise PageError(f"line {number}: $ {command}\nexit code {ran.returncode}, and it printed\n{printed}")
    if wanted.strip() and not alike(wanted, printed):
        raise PageError(f"line {number}: $ {command}\nshould print\n{wanted}\nand printed\n{printed}")


def alike(wanted: str, printed: str) -> bool:
    r"""Whether what was printed is what a page shows, but for white space and what ``...`` stands for.

    Examples
    --------
    >>> alike("3 anomalies:\n  ...\ndone", "3  anomalies:\n  one\n  two\ndone\n")
    True
    >>> alike("3 anomalies ...", "4 anomalies, one new")
    False
    """
    pieces = [re.escape(" ".join(piece.split())) for piece in wanted.split("...")]
    return re.fullmatch(".*".join(pieces), " ".join(printed.split()), re.DOTALL) is not None


def main(pages: list[str]) -> int:
    """Run pages and say what came out; return the exit code."""
    failed = 0
    for name in pages:
        page, begun = Path(name).resolve(), time.perf_counter()
        lacking = missing(page.read_text(encoding="utf-8"))
        if lacking:
            sys.stdout.write(f"{name}: not run, for {', '.join(lacking)} is not installed\n")
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                ran = run_page(page, Path(folder))
        except PageError as error:
            failed += 1
            sys.stdout.write(f"{error}\n")
        else:
            sys.stdout.write(f"{name}: {ran} blocks, {time.perf_counter() - begun:.1f} s\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
