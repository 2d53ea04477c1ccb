"""The report as a reader sees it: laid out by Chromium at the width of a phone, nothing spills over the edge."""

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
  const plots = [...document.querySelectorAll('svg')].map(plot => Math.round(plot.getBoundingClientRect().width));
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.body.dataset.seen = JSON.stringify({plots, wide, width: innerWidth, text: document.body.innerText.length});
})</script>"""


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


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [500, 1200])
def test_plots_fill_the_width_and_nothing_spills_over(tmp_path: Path, width: int) -> None:
    page = tmp_path / "report.html"
    page.write_text(as_html(run()).replace("</body>", PROBE + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},800", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    seen = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert seen is not None, "the page never loaded"
    found = seen[1].replace("&quot;", '"')
    assert '"wide":false' in found
    plots = [int(number) for number in re.findall(r"\d+", found[found.index("[") : found.index("]")])]
    assert len(plots) == 3 and all(0.7 * min(width, 960) < plot <= width for plot in plots)
