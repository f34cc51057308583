"""The page in a real browser: charts are drawn, the console is clean, nothing is asked of any network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tocsin.report import write_report

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page was not opened in a browser")

# Requests of the browser's own housekeeping carry no origin of a page.
OWN = "not an origin"


class Visit:
    """What a headless browser saw of a page."""

    def __init__(self, page: Path, folder: Path, *flags: str) -> None:
        log = folder / "network.json"
        command = [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            f"--user-data-dir={folder / 'profile'}",
            "--enable-logging=stderr",
            f"--log-net-log={log}",
            "--window-size=1400,3000",
            "--virtual-time-budget=10000",
            "--dump-dom",
            *flags,
            page.as_uri(),
        ]
        ran = subprocess.run(command, capture_output=True, timeout=120)
        self.dom = ran.stdout.decode(errors="replace")
        self.console = re.findall(r"CONSOLE.*", ran.stderr.decode(errors="replace"))
        entries = json.loads(log.read_text(errors="replace"))
        kinds = {number: name for name, number in entries["constants"]["logEventTypes"].items()}
        self.requests = [
            e["params"]["url"]
            for e in entries["events"]
            if kinds[e["type"]] == "URL_REQUEST_START_JOB" and e["params"].get("initiator", OWN) != OWN
        ]


def test_the_checks_themselves_see_errors_and_requests(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<script>console.error('oh')</script><img src='http://127.0.0.1:9/x.png'>")
    seen = Visit(page, tmp_path)
    assert len(seen.console) >= 1
    assert seen.requests == ["http://127.0.0.1:9/x.png"]


def test_charts_are_drawn_with_a_clean_console_and_no_request(tmp_path, make_series, make_detection):
    found = make_detection(make_series(channels=9), [(100, 140), (800, 801), (2000, 2400)])
    seen = Visit(write_report([found], tmp_path / "report.html"), tmp_path)
    assert seen.console == []
    assert seen.requests == []
    # The overview and three open close-ups; the channels behind the fold wait.
    assert len(re.findall(r'class="chart js-plotly-plot"', seen.dom)) == 4
    assert ">channel.0</text>" in seen.dom


def test_hostile_names_stay_text_in_the_browser(tmp_path, hostile_detection, hostile):
    page = write_report([hostile_detection, hostile_detection], tmp_path / "report.html", command=hostile)
    seen = Visit(page, tmp_path)
    assert seen.console == []
    assert seen.requests == []
    assert "<title>owned</title>" not in seen.dom
    assert not re.search(r'<a [^<>]*href="(?!#)', seen.dom)
    assert "&lt;b&gt;bold&lt;/b&gt;</text>" in seen.dom, "markup in a channel's name is drawn as it is written"
    assert "js-plotly-plot" in seen.dom


def test_a_browser_without_the_means_says_so_and_shows_the_rest(tmp_path, make_series, make_detection):
    page = write_report([make_detection(make_series(), [(100, 140)])], tmp_path / "report.html")
    text = page.read_text(encoding="utf-8").replace('id="chart-library">', 'id="chart-library">AAAA')
    page.write_text(text, encoding="utf-8")
    seen = Visit(page, tmp_path)
    assert "This chart needs a browser of 2023 or later" in seen.dom
    assert "js-plotly-plot" not in seen.dom
    assert "The detector: far-off" in seen.dom
