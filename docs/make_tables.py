"""Write the tables that documents share with the code: run it after a card changes.

python docs/make_tables.py           # rewrites README.md
python docs/make_tables.py --check   # exit code 1 if something would change
"""

from __future__ import annotations

import sys
from pathlib import Path

from tocsin.core.registry import cards

README = Path(__file__).resolve().parent.parent / "README.md"


def detectors() -> str:
    """The table of detectors, from their cards."""
    lines = [
        "| detector | looks at | what counts as strange | learns from | time | source |",
        "|---|---|---|---|---|---|",
    ]
    for card in cards():
        looks = ", ".join(card.modality)
        lines.append(f"| `{card.name}` | {looks} | {card.summary} | {card.learns_from} | {card.cost} | {card.cite} |")
    return "\n".join(lines)


def between(text: str, name: str, body: str) -> str:
    """Replace what stands between the markers of `name`."""
    start, stop = text.index(f"<!-- {name}:"), text.index(f"<!-- /{name} -->")
    head = text[: text.index("-->", start) + 3]
    return f"{head}\n{body}\n{text[stop:]}"


def main() -> int:
    """Rewrite or check; return the exit code."""
    old = README.read_text(encoding="utf-8")
    new = between(old, "detectors", detectors())
    if "--check" in sys.argv:
        return int(new != old)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
