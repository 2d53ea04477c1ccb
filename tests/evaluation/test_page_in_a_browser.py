"""The report as a reader sees it: laid out by Chromium at the width of a phone, nothing spills over the edge."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from optical_memory.evaluation.page import as_html
from optical_memory.evaluation.report import Figure
from optical_memory.evaluation.run import Outcome, Run

CHROMIUM = shutil.which("chromium")
PROBE = """<script>addEventListener('load', () => {
  const seen = [...document.querySelectorAll('svg')].map(plot => plot.getBoundingClientRect());
  parent.postMessage(JSON.stringify({
    plots: seen.map(box => [Math.round(box.width), Math.round(box.height)]),
    columns: new Set(seen.map(box => Math.round(box.left))).size,
    wide: document.documentElement.scrollWidth > innerWidth, width: innerWidth,
    text: parseFloat(getComputedStyle(document.body).fontSize),
  }), '*');
})</script>"""
FRAME = """<!doctype html><body style="margin:0"><iframe src="report.html" style="border:0;width:{width}px;height:800px"></iframe>
<script>addEventListener('message', event => {{ document.body.dataset.seen = event.data; }})</script></body>"""
"""A window cannot be as narrow as a phone; a frame can."""


def run() -> Run:
    outcomes = [
        Outcome(
            system=system, kind="number", task="single", length=length, depth=depth, trial=0, budget=400, tokens=200,
            age=int(20 * (1 - depth)), verdict="right" if depth > 0.4 else "refused", seconds=0.1,
        )
        for system in ("optical pages, Tiny", "newest text")
        for length in (2000, 4000)
        for depth in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    figure = Figure(
        task="needles, single", system="newest text", mode="number", sequence_length=200, metric="right",
        value=0.667, low=0.3, high=0.9, n=6,
    )  # fmt: skip
    return Run(
        task="needles", plan={"seed": 0}, model="default", fingerprint="0" * 32, commit="0" * 40, machine="here",
        outcomes=outcomes, figures=[figure],
    )  # fmt: skip


@pytest.fixture(scope="module")
def html() -> str:
    return as_html(run()).replace("</body>", PROBE + "</body>")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "columns"), [(360, 1), (1200, 3)])
def test_plots_are_seen_and_nothing_spills_over(html: str, tmp_path: Path, width: int, columns: int) -> None:
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--virtual-time-budget=4000", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1300,900",
            "--dump-dom", frame.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    told = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert told is not None, "the page never loaded"
    seen = json.loads(told[1].replace("&quot;", '"'))
    assert seen["width"] == width and not seen["wide"]
    assert seen["text"] >= 14 and seen["columns"] <= columns
    assert len(seen["plots"]) == 5
    assert all(250 < across <= min(width, 960) and 150 < down < 800 for across, down in seen["plots"])
