"""The heatmap that everybody expects, as one page: `python examples/needle_heatmap.py [OUT.html]`."""

import sys
from pathlib import Path

from optical_memory import load_model
from optical_memory.evaluation.needle_task import NeedlePlan, evaluate_needles
from optical_memory.evaluation.page import as_html
from optical_memory.evaluation.systems.catalogue import build

TEXT = "The keeper wiped the glass at noon. Then he waited, and the boats came home one by one. " * 40

out = Path(sys.argv[1] if len(sys.argv) > 1 else "needles.html")
model = load_model("default")
plan = NeedlePlan((1000, 2000), (0.0, 0.5, 1.0), ("uuid",), ("single",), budget_share=0.12, systems=("tiny", "newest"))
run = evaluate_needles(model, TEXT, plan, build(plan.systems, model), None)
out.write_text(as_html(run), encoding="utf-8")
print(f"{len(run.outcomes)} questions, {sum(outcome.verdict == 'right' for outcome in run.outcomes)} right: {out}")
