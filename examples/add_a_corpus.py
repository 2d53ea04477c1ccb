"""Needle tests in a text of your own: `python examples/add_a_corpus.py [DIR]`. Any folder of UTF-8 text will do.

Without one it hides needles in the files beside it.
"""

import sys
from pathlib import Path

from optical_memory import load_model
from optical_memory.evaluation.haystack import read_folder
from optical_memory.evaluation.needle_task import NeedlePlan, evaluate_needles
from optical_memory.evaluation.report import as_table
from optical_memory.evaluation.systems.catalogue import build

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
model = load_model("default")
plan = NeedlePlan(
    lengths=(2000,), kinds=("path",), tasks=("single",), systems=("tiny", "newest", "bm25"), text=folder.name
)
run = evaluate_needles(model, read_folder(folder), plan, build(plan.systems, model), None)
print(as_table([figure for figure in run.figures if figure.task == "needles, single" and figure.metric == "right"]))
