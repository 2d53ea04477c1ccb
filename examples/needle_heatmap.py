"""The heatmap that everybody expects, one for each mode, as one page.

python examples/needle_heatmap.py
python examples/needle_heatmap.py --lengths 1000 2000 --out needles.html
"""

import argparse
from pathlib import Path

from optical_memory import load_model
from optical_memory.evaluation.needle_task import NeedlePlan, evaluate_needles
from optical_memory.evaluation.page import as_html
from optical_memory.evaluation.systems.catalogue import MODES, build

TEXT = "The keeper wiped the glass at noon. Then he waited, and the boats came home one by one. " * 40

parser = argparse.ArgumentParser()
parser.add_argument(
    "--lengths", type=int, nargs="+", default=[2000, 4000, 8000, 16000], metavar="N", help="text tokens"
)
parser.add_argument("--out", type=Path, default=Path("needles.html"), metavar="FILE")
options = parser.parse_args()
model = load_model("default")
plan = NeedlePlan(
    lengths=tuple(options.lengths),
    depths=(0.0, 0.25, 0.5, 0.75, 1.0),
    kinds=("uuid",),
    tasks=("single",),
    systems=(*MODES, "newest"),
)
run = evaluate_needles(model, TEXT, plan, build(plan.systems, model), None)
options.out.write_text(as_html(run), encoding="utf-8")
print(
    f"{len(run.outcomes)} questions, {sum(outcome.verdict == 'right' for outcome in run.outcomes)} right: {options.out}"
)
