"""Tables as Markdown, and where they stand in a document: between ``<!-- name -->`` and ``<!-- /name -->``."""

from __future__ import annotations

from pathlib import Path


def as_markdown(table: list[list[str]]) -> str:
    head, *body = table
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def put(document: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of `name`."""
    old = document.read_text(encoding="utf-8")
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    if opening not in old or closing not in old:
        raise SystemExit(f"{document} has no place for the table {name}: add {opening} and {closing}")
    head, rest = old.split(opening, 1)
    _, tail = rest.split(closing, 1)
    document.write_text(f"{head}{opening}\n{text}\n{closing}{tail}", encoding="utf-8")
