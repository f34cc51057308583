"""Take the pictures of reports and the leaderboard that pages show: run it after the look of one of these changes.

python docs/make_screenshots.py        # needs Chromium and the extras image and deep; about a minute

The recording of the first picture is the one that comes along; parts and series of the others are made up here, so
their numbers say nothing of how good a detector is.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ASSETS = Path(__file__).resolve().parent / "assets"
TOCSIN = str(Path(sys.executable).parent / "tocsin")
LARGEST = 150_000  # bytes of one picture

SUITE = """name = "pulses"
title = "Made-up pulses, one of them wrong in each series"
protocols = ["one-class"]
seeds = [0]

[metrics]
series = "vus_pr,average_precision,auc_roc"

[[datasets]]
name = "slow"
path = "slow"
layout = "ucr"

[[datasets]]
name = "fast"
path = "fast"
layout = "ucr"
"""
CANDIDATES = ("window-neighbours", "subsequence-pca", "matrix-profile", "isolation-forest", "robust-z")


def main() -> int:
    """Make all pictures; return the exit code."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.stderr.write("there is no Chromium here to take pictures with\n")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _tocsin(folder, "demo", "-o", "series", "--quiet")
        shoot(browser, folder / "series" / "report.html", "report-series.png", 1100, 900)
        make_parts(folder / "parts")
        _tocsin(folder, "detect", "parts", "--false-alarms", "10%", "-o", "pictures", "--quiet")
        shoot(browser, folder / "pictures" / "report.html", "report-pictures.png", 1100, 900)
        make_suite(folder)
        _tocsin(folder, "bench", "suite.toml", "--data", ".", "-o", "run", "-j", "1", "--quiet")
        shoot(browser, folder / "run" / "leaderboard.html", "leaderboard.png", 1300, 700)
    return 0


def shoot(browser: str, page: Path, name: str, width: int, height: int) -> None:
    """Take a picture of the top of a page, in few colours."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as profile:
        taken = Path(profile) / "taken.png"
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--force-device-scale-factor=1",
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            "--virtual-time-budget=10000",
            f"--screenshot={taken}",
            page.as_uri(),
        ]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
        with Image.open(taken) as picture:
            small = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
            small.save(ASSETS / name, optimize=True)
    size = (ASSETS / name).stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{name} has {size} bytes, more than {LARGEST}: make it smaller")


def make_parts(folder: Path) -> None:
    """Write plates with four holes, twelve good ones to learn from; two of eight others have a scratch."""
    import cv2

    rng = np.random.default_rng(0)
    for kind, count in (("train/good", 12), ("test/good", 6), ("test/scratch", 2)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            grain = cv2.GaussianBlur(rng.normal(0, 25, (256, 256)).astype(np.float32), (0, 0), 2)
            plate = np.full((256, 256), 150, np.float32) + grain
            for x, y in ((64, 64), (192, 64), (64, 192), (192, 192)):
                cv2.circle(plate, (x + int(rng.integers(-1, 2)), y), 24, 60.0, -1, cv2.LINE_AA)
            if kind.endswith("scratch"):
                start = rng.integers(90, 160, 2)
                cv2.line(plate, start.tolist(), (start + rng.integers(25, 50, 2)).tolist(), 225.0, 3, cv2.LINE_AA)
            noisy = plate + rng.normal(0, 3, plate.shape)
            cv2.imwrite(str(folder / kind / f"{number:03}.png"), noisy.clip(0, 255).astype(np.uint8))


def make_suite(folder: Path) -> None:
    """Write a suite of two sets of four series, in each of which one pulse is half as wide as it should be."""
    rng = np.random.default_rng(0)
    for kind, period in (("slow", 80), ("fast", 30)):
        (folder / kind).mkdir()
        for number in range(1, 5):
            rows = 40 * period
            values = np.maximum(0, np.sin(2 * np.pi * np.arange(rows) / period)) + rng.normal(0, 0.08, rows)
            first = int(rng.integers(25, 35)) * period
            missing = slice(first + period // 4, first + period // 2)
            values[missing] = rng.normal(0, 0.08, missing.stop - missing.start)
            name = f"{number:03}_UCR_Anomaly_{kind}{number}_{20 * period}_{first + 1}_{first + period}.txt"
            np.savetxt(folder / kind / name, values, fmt="%.4f")
    detectors = "\n".join(f'[[detectors]]\nname = "{name}"\n' for name in CANDIDATES)
    (folder / "suite.toml").write_text(f"{SUITE}\n{detectors}", encoding="utf-8")


def _tocsin(folder: Path, *arguments: str) -> None:
    found: Sequence[int] = (0, 1)
    done = subprocess.run([TOCSIN, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in found:
        raise SystemExit(f"tocsin {' '.join(arguments)} failed: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
