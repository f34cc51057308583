"""The site is built strictly, asks nothing of any network, and every link in it leads somewhere."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
# Elements and attributes that make a browser fetch something.
FETCHES = {
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "src"),
    ("source", "srcset"),
    ("iframe", "src"),
    ("video", "src"),
    ("audio", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("link", "href"),
}
# Links of these kinds name a page and fetch nothing.
NAMES_ONLY = {"canonical", "prev", "next", "license", "author", "alternate"}


class Page(HTMLParser):
    """Where a page can be linked to, where it leads, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") in NAMES_ONLY:
            return
        self.fetched += [given[name] for name in given if (tag, name) in FETCHES]
        self.fetched += re.findall(r"url\(([^)]+)\)", given.get("style", ""))


def outside(address: str) -> bool:
    """Whether an address lies on another host."""
    return address.strip("'\" ").startswith(("http:", "https:", "//"))


def broken(pages: dict[Path, Page]) -> list[str]:
    """Return the links and anchors of pages that lead nowhere."""
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or outside(link):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                found.append(f"{path.name}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{path.name}: {link} (no such anchor)")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in ("mkdocs", "material", "mkdocstrings"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"the site was not built: {module} is not installed (pip install -e '.[docs]')")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_nothing_is_fetched_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 50
    assert [(path.name, a) for path, page in pages.items() for a in page.fetched if outside(a)] == []
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        fetched = re.findall(r"url\(([^)]+)\)|@import\s+[\"']([^\"']+)", text)
        assert [a for pair in fetched for a in pair if outside(a)] == [], sheet.name


def test_what_is_fetched_is_there(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for address in page.fetched:
            if not address.startswith("data:") and path.name != "404.html":
                assert (path.parent / unquote(urlsplit(address).path)).is_file(), f"{path.name}: {address}"


def test_every_link_and_anchor_resolves(pages: dict[Path, Page]) -> None:
    own = {path: page for path, page in pages.items() if path.name != "404.html"}  # its links start at the root
    assert broken(own) == []


def test_every_page_can_be_reached(site: Path, pages: dict[Path, Page]) -> None:
    """From the first page, by links, as a reader goes."""
    first = (site / "index.html").resolve()
    reached, waiting = set[Path](), [first]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in pages:
            continue
        reached.add(path)
        paths = (urlsplit(link).path for link in pages[path].links if not outside(link))
        waiting += [(path.parent / unquote(p)).resolve() for p in paths if p]
    assert sorted(path.name for path in pages if path not in reached and path.name != "404.html") == []


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (site / "reference").rglob("*.html"))
    documented = set(re.findall(r'id="(tocsin[\w.]*)"', text))
    metrics = ("series", "image", "video", "events", "points", "bootstrap")
    for name in ("tocsin", "tocsin.testing", "tocsin.report", *(f"tocsin.metrics.{family}" for family in metrics)):
        module = importlib.import_module(name)
        for public in module.__all__:
            value = getattr(module, public)
            if inspect.isclass(value) or inspect.isfunction(value):
                assert {f"{name}.{public}", f"{value.__module__}.{public}"} & documented, f"{name}.{public}"


def test_links_of_the_readme_resolve() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if outside(link):
                continue
            path, _, anchor = link.partition("#")
            target = REPOSITORY / path if path else REPOSITORY / name
            assert target.exists(), f"{name}: {link}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
                assert anchor in {_anchor(heading) for heading in headings}, f"{name}: {link}"


def _anchor(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading.replace("`", "")).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: search was not tried in a browser")
def test_search_works_in_pages_opened_as_files(site: Path, tmp_path: Path) -> None:
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=15000",
        "--dump-dom",
        f"{(site / 'costs.html').as_uri()}?q=patch-memory",
    ]
    dom = subprocess.run(command, capture_output=True, timeout=120, check=False).stdout.decode(errors="replace")
    found = re.search(r'<ol class="md-search-result__list"[^>]*>(.*?)</ol>', dom, re.DOTALL)
    assert found is not None
    assert 'href="detectors/patch-memory.html' in found[1] or "detectors/patch-memory.html" in found[1]


def test_the_checks_themselves_see_what_is_wrong(tmp_path: Path) -> None:
    page = Page(
        '<a href="b.html#there">1</a><a href="b.html#gone">2</a><a href="c.html">3</a><a href="#x">4</a>'
        '<img src="//host/x.png"><link rel="canonical" href="https://host/"><script src="https://host/s.js"></script>'
        '<p id="x" style="background: url(http://host/b.png)">'
    )
    other = Page('<h2 id="there">')
    paths = {tmp_path / "a.html": page, tmp_path / "b.html": other}
    for path in paths:
        path.touch()
    assert broken(paths) == ["a.html: b.html#gone (no such anchor)", "a.html: c.html"]
    assert [a for a in page.fetched if outside(a)] == ["//host/x.png", "https://host/s.js", "http://host/b.png"]
