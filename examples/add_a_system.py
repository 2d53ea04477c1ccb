"""A system of your own under test, beside the baselines: `python examples/add_a_system.py`.

A system has a name and one method. This one keeps the beginning and the end of a history and forgets the middle.
"""

from optical_memory import load_model
from optical_memory.evaluation.extraction import look_up
from optical_memory.evaluation.needle_task import NeedlePlan, evaluate_needles
from optical_memory.evaluation.report import as_table
from optical_memory.evaluation.systems.catalogue import build
from optical_memory.evaluation.systems.protocol import Answer, History
from optical_memory.language.tokenizer import count_text_tokens, deepseek_bpe

TEXT = "The keeper wiped the glass at noon. Then he waited, and the boats came home one by one. " * 40


class BothEnds:
    name = "both ends"

    def answer(self, history: History, question: str, budget: int) -> Answer:
        text = "".join(str(message["content"]) for message in history)
        offsets = deepseek_bpe().encode(text).offsets
        half = budget // 2
        kept = text if len(offsets) <= budget else text[: offsets[half][0]] + " … " + text[offsets[-half][0] :]
        return Answer(look_up(kept, question)[0], count_text_tokens([kept])[0])


model = load_model("default")
plan = NeedlePlan(lengths=(1000,), kinds=("number", "uuid"), tasks=("single",), budget_share=0.2, systems=("newest",))
run = evaluate_needles(model, TEXT, plan, [*build(plan.systems, model), BothEnds()], None)
print(as_table([figure for figure in run.figures if figure.task == "needles, single" and figure.metric == "right"]))
