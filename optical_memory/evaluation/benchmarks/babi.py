"""bAbI (arXiv 1502.05698) in BABILong's form and by its scorer (arXiv 2406.10149): facts scattered over other text.

Files: `*qa<task>_*_test.txt`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optical_memory.errors import InvalidHistoryError
from optical_memory.evaluation.benchmarks.benchmark import Conversation, Evidence, Question
from optical_memory.evaluation.haystack import as_history, cycle
from optical_memory.evaluation.metrics import only_label
from optical_memory.language.tokenizer import count_text_tokens

_PARTED = re.compile(r"\s*[\t|]\s*")
"""What parts a question, its answer and its facts; some copies have a bar in place of the tab."""
_FILE = re.compile(r"qa(\d+)_.*_test\.txt$")


@dataclass(frozen=True, slots=True)
class Story:
    """The facts before a question, what is asked, its answer and the facts that it rests on."""

    facts: tuple[str, ...]
    question: str
    answer: str
    support: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Babi:
    """`text`: what the facts are scattered over, to `lengths` in text tokens; `per_task` questions of each task and length."""

    text: str
    lengths: tuple[int, ...] = (4000,)
    per_task: int = 2
    seed: int = 0
    name: str = "babilong"

    def load(self, folder: Path) -> list[Conversation]:
        found = []
        files = [(int(match[1]), path) for path in folder.rglob("*_test.txt") if (match := _FILE.search(path.name))]
        for task, path in sorted(files):
            stories = read_stories(path)
            labels = frozenset(part for story in stories for part in story.answer.lower().split(","))
            for length in self.lengths:
                rng = np.random.default_rng((self.seed, task, length))
                chosen: list[Conversation] = []
                for index in rng.permutation(len(stories)):
                    if len(chosen) < self.per_task:
                        chosen += self._scattered(f"qa{task}", stories[index], labels, length, rng)
                found += chosen
        return found

    def score(self, question: Question, answer: str) -> dict[str, float]:
        return {"right": float(only_label(answer, question.answers[0], question.text, question.labels))}

    def _scattered(
        self, task: str, story: Story, labels: frozenset[str], length: int, rng: np.random.Generator
    ) -> list[Conversation]:
        """The story's facts in their order over the text; nothing where they alone are longer."""
        room = length - count_text_tokens(["\n".join(story.facts)])[0]
        if room < 1:
            return []
        turns = list(cycle(self.text, room).turns)
        where = sorted(int(place) for place in rng.integers(0, len(turns), len(story.facts)))
        for turn in set(where):
            told = " ".join(fact for fact, place in zip(story.facts, where, strict=True) if place == turn)
            end = turns[turn].rfind(".", 0, int(rng.integers(1, len(turns[turn]) + 1))) + 1
            turns[turn] = f"{turns[turn][:end]} {told}{turns[turn][end:]}"
        evidence = tuple(Evidence(where[index], story.facts[index]) for index in story.support)
        question = Question(story.question, (story.answer,), evidence, task, labels)
        return [Conversation(f"{task}, {length} tokens", as_history(turns), (question,))]


def read_stories(path: Path) -> list[Story]:
    """Every question of a bAbI file with the facts before it. Raises InvalidHistoryError for a line of another form."""
    stories, facts = [], dict[int, str]()
    for line in path.read_text(encoding="utf-8").splitlines():
        number, _, rest = line.partition(" ")
        if not number.isdigit():
            raise InvalidHistoryError(f"{path} is not of bAbI's form: a line begins with its number, got {line[:40]!r}")
        if number == "1":
            facts = {}
        question, *answered = _PARTED.split(rest.rstrip())
        if answered:
            numbers = list(facts)
            support = tuple(numbers.index(int(own)) for own in answered[-1].split() if int(own) in facts)
            stories.append(Story(tuple(facts.values()), question.strip(), answered[0].strip(), support))
        else:
            facts[int(number)] = rest.strip()
    return stories
