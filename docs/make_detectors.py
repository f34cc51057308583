"""Write a page for every registered detector, and the table of all of them.

python docs/make_detectors.py           # rewrites docs/detectors/ and the detectors in mkdocs.yml
python docs/make_detectors.py --check   # exit code 1 if something would change

Everything on a page comes from the detector's card, signature and docstrings, and from tables of measurements in other
pages and in docs/leaderboard/results.csv: run it after one of these changes.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from docstrings import Entry, entries, example, markdown, of_module, sections
from measured import leaderboard, measured

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.registry import TABLE, find

HERE = Path(__file__).resolve().parent
PAGES = HERE / "detectors"
SITE = HERE.parent / "mkdocs.yml"

# Modality -> title of its section, in this order. A detector of several kinds stands under the first it names.
MODALITIES = {
    "series": "Series",
    "events": "Events",
    "image": "Pictures",
    "video": "Video",
    "points": "Point clouds",
    "bundle": "Bundles",
}
LEARNS = {
    "nothing": "nothing; it judges data without having seen others",
    "normal": "normal data, in which nothing is wrong",
    "unlabelled": "unlabelled data, which may hold anomalies",
    "video labels": "videos of which is known whether they hold an anomaly, but not where",
    "few anomalies": "normal data and a few marked anomalies",
    "text": "a description in words",
}
DECIDES = {"places": "each place by itself", "traces": "traces as a whole", "sample": "samples as a whole"}
ARRANGEMENT = {
    "traces": ", as sequences of one kind of event, told apart by a trace name",
    "links": ", each from a source entity to a target entity at a time",
}
MEASUREMENTS = ("choices.md", "events.md", "images.md")
NOTICE = "<!-- made by docs/make_detectors.py from the detector's card and docstrings -->"


def everything() -> dict[Path, str]:
    """Return file -> text of all that this script writes."""
    by_kind = kinds()
    found = {PAGES / "index.md": overview(by_kind)}
    for names in by_kind.values():
        found |= {PAGES / f"{name}.md": page(name, find(name)) for name in names}
    found[SITE] = navigation(SITE.read_text(encoding="utf-8"), by_kind)
    return found


def kinds() -> dict[str, list[str]]:
    """Return title of a modality -> names of our own detectors; plug-ins that happen to be installed stay out."""
    found: dict[str, list[str]] = {title: [] for title in MODALITIES.values()}
    for name in sorted(TABLE):
        modality = find(name).card.modality[0]
        found.setdefault(MODALITIES.get(modality, modality.capitalize()), []).append(name)
    return {title: names for title, names in found.items() if names}


def overview(by_kind: dict[str, list[str]]) -> str:
    """The page of all detectors."""
    count = sum(map(len, by_kind.values()))
    parts = [
        NOTICE,
        "# Detectors",
        f"{count} detectors, one contract: the same verbs, the same checks, the same way to say why. "
        "`tocsin detectors` prints this list, `tocsin show NAME` one of its cards. Each page says what a detector "
        "does, what its parameters mean, what deviates from what was published, and what was measured. Which one is "
        "the default, and by which rule it was chosen, stands in [choices](../choices.md).",
        "*Learns from*: what `fit` is to be given. *Needs*: [extras](../start.md#install) beyond the core "
        "installation.",
    ]
    for title, names in by_kind.items():
        rows = []
        for name in names:
            card = find(name).card
            more = "; goes on learning" if card.online else ""
            rows.append([f"[`{name}`]({name}.md)", card.summary, card.learns_from + more, ", ".join(card.needs)])
        parts += [f"## {title}", _table(["detector", "what counts as strange", "learns from", "needs"], rows)]
    return "\n\n".join(parts) + "\n"


def page(name: str, detector: type[Detector]) -> str:
    """The page of one detector."""
    module = sys.modules[detector.__module__]
    told, own = of_module(module), sections(detector)
    parts = [NOTICE, f"# {name}", f"**What counts as strange:** {markdown(detector.card.summary)}."]
    parts += [markdown(paragraph) for paragraph in told["idea"]]
    parts += ["## Card", _card(detector)]
    shown = example(own.get("Examples", ""), module)
    if shown:
        parts += ["## Use", f"```python\n{shown}\n```"]
    by_name = f'By name: `tocsin.make("{name}")` in Python, `--detector {name}` on the command line.'
    parts += [by_name if shown else f"## Use\n\n{by_name}"]
    parts += ["## Parameters", *_parameters(detector)]
    raised = entries(own.get("Raises", ""))
    if raised:
        parts += ["## Errors", "\n".join(f"- `{', '.join(e.names)}`: {_joined(e.text)}" for e in raised)]
    if own.get("Notes"):
        parts += ["## Notes", markdown(own["Notes"])]
    parts += ["## Source", *_source(detector.card, told["source"], own.get("References", ""))]
    if told["deviations"]:
        parts += ["## What deviates from the source", *(markdown(paragraph) for paragraph in told["deviations"])]
    parts += _measured(name)
    return "\n\n".join(parts) + "\n"


def _card(detector: type[Detector]) -> str:
    card = detector.card
    needs = f'`pip install "tocsin[{",".join(card.needs)}]"`' if card.needs else "the core installation"
    looks = " and ".join(MODALITIES.get(kind, kind).lower() for kind in card.modality)
    rows = [
        ["looks at", looks + ARRANGEMENT.get(card.arrangement, "")],
        ["learns from", LEARNS[card.learns_from]],
        ["gives scores to", card.localises],
        ["decides about", DECIDES[card.decides]],
        ["goes on learning", "yes, by `update`" if card.online else "no"],
    ]
    if "series" in card.modality:
        gaps = "reach the method itself" if card.handles_missing else "are bridged before; no verdict is given in them"
        rows += [
            ["several channels", "are judged together" if card.multichannel else "one only"],
            ["missing values", gaps],
            [
                "streams",
                "yes: a part gets the scores it has in the whole" if card.streams else "no: sees a sample whole",
            ],
        ]
    rows += [["needs", needs], ["time", card.cost], ["class", f"`{detector.__module__}.{detector.__name__}`"]]
    return _table(["", ""], [row for row in rows if row[1]])


def _parameters(detector: type[Detector]) -> Iterator[str]:
    """Each parameter with its default and meaning, in the order of the signature."""
    signature = inspect.signature(detector.__init__).parameters
    known: dict[str, Entry] = {}
    for base in reversed(detector.__mro__):
        if "__doc__" in vars(base) and base.__doc__:
            for said in entries(sections(base).get("Parameters", "")):
                known |= dict.fromkeys(said.names, said)
    names = detector.parameter_names()
    if not names:
        yield "It has none."
        return
    lines, done = [], set[str]()
    for name in names:
        if name in done:
            continue
        if name not in known:
            raise SystemExit(f"{detector.__module__}.{detector.__name__} does not say what its parameter {name} means")
        entry = known[name]
        together = [n for n in names if n in entry.names]
        done |= set(together)
        defaults = _defaults([signature[n] for n in together])
        heading = ", ".join(f"`{n}`" for n in together)
        kind = entry.kind.removesuffix(", optional")
        words = ", ".join(filter(None, [markdown(kind), defaults]))
        lines.append(f"- **{heading}** ({words})" + (f"  \n  {_joined(entry.text, '  ')}" if entry.text else ""))
    yield "\n".join(lines)


def _defaults(parameters: Sequence[inspect.Parameter]) -> str:
    shown = ["none" if p.default is p.empty else f"`{p.default!r}`" for p in parameters]
    if all(p.default is p.empty for p in parameters):
        return "required"
    return f"default{'s' if len(shown) > 1 else ''} {', '.join(shown)}"


def _joined(text: str, indent: str = "  ") -> str:
    """Text of an entry, indented so that it stays in its item of a list."""
    return markdown(text).replace("\n", f"\n{indent}")


def _source(card: Card, told: Sequence[str], references: str) -> Iterator[str]:
    yield from (markdown(paragraph) for paragraph in told)
    if references and references.split()[0] not in " ".join(told):
        yield "\n".join(f"- {_joined(one)}" for one in re.split(r"(?<=\.)\n", references))
    if not (told or references):
        yield markdown(f"{card.cite.rstrip('.')}.") if card.cite else "None: it stands for whatever it is given."


def _measured(name: str) -> Iterator[str]:
    board = leaderboard(name)
    tables = list(measured(name, MEASUREMENTS))
    if board or tables:
        yield "## Measured"
    if board:
        yield "On the [leaderboard](../leaderboard.md), by the first metric of each data set:"
        yield _table(["data set", "protocol", "metric", "setting", "mean", "random", "constant"], board)
    if tables:
        yield (
            "Rows about it from the pages of measurements, which say how each was made and on what. Random and "
            "constant scores stand below where they were measured beside it."
        )
    for table, rows in tables:
        title = re.sub(r" \(`python[^)]*\)", "", table.title) + (f", table {table.number}" if table.number > 1 else "")
        yield f"[{_page_title(table.page)}: {title}](../{table.page}#{table.anchor})"
        yield _table(table.header, rows)
    costs = list(measured(name, ["costs.md"]))
    if costs:
        yield "## Costs"
        yield "What the columns mean, and what the others cost, says [costs](../costs.md)."
    for table, rows in costs:
        yield f"{table.title}:"
        yield _table(table.header, rows)


def _page_title(page: str) -> str:
    first = (HERE / page).read_text(encoding="utf-8").splitlines()[0]
    return first.lstrip("# ").partition(":")[0]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def navigation(site: str, by_kind: dict[str, list[str]]) -> str:
    """The configuration of the site with all detectors in its navigation, between two markers."""
    match = re.search(r"^( *)# detectors: .*\n", site, re.MULTILINE)
    assert match is not None, "mkdocs.yml has no marker '# detectors:'"
    indent, stop = match[1], site.index(f"{match[1]}# /detectors", match.end())
    lines = [f"{indent}- detectors/index.md"]
    for title, names in by_kind.items():
        lines.append(f"{indent}- {title}:")
        lines += [f"{indent}    - {name}: detectors/{name}.md" for name in names]
    return site[: match.end()] + "\n".join(lines) + "\n" + site[stop:]


def main(arguments: Sequence[str]) -> int:
    """Rewrite or check; return the exit code."""
    wanted = everything()
    stale = [path for path in sorted(PAGES.glob("*.md")) if path not in wanted]
    old = {path: path.read_text(encoding="utf-8") if path.is_file() else "" for path in wanted}
    changed = [path for path, text in wanted.items() if old[path] != text]
    if "--check" in arguments:
        for path in changed + stale:
            sys.stdout.write(f"{path.relative_to(HERE.parent)} is old: run python docs/make_detectors.py\n")
        return int(bool(changed or stale))
    PAGES.mkdir(exist_ok=True)
    for path in stale:
        path.unlink()
    for path in changed:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
