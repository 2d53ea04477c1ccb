"""What an owner does, or has done to it: a statement with its questions, some as they are, most made from verbs."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Action:
    """What an owner does, as a statement and as questions for its value."""

    told: str
    asked: tuple[str, ...]


ACTIONS = (
    Action("{owner} costs {value}", ("How much does {owner} cost?", "What does {owner} cost?")),
    Action("{owner} weighs {value}", ("How much does {owner} weigh?", "What is the weight of {owner}?")),
    Action("{owner} uses {value}", ("What does {owner} use?", "Which one does {owner} use?")),
    Action("{owner} prefers {value}", ("What does {owner} prefer?", "Which one does {owner} prefer?")),
    Action("{owner} was renamed to {value}", ("What was {owner} renamed to?", "What is {owner} called now?")),
    Action("{owner} takes {value}", ("How long does {owner} take?", "What does {owner} take?")),
    Action("{owner} speaks {value}", ("What does {owner} speak?", "Which language does {owner} speak?")),
    Action("{owner} returned {value}", ("What did {owner} return?", "Which result did {owner} return?")),
    Action("{owner} is known as {value}", ("What is {owner} known as?", "Under what name is {owner} known?")),
    Action("{owner} ordered {value}", ("What did {owner} order?", "Which one did {owner} order?")),
    Action("{owner} asked for {value}", ("What did {owner} ask for?", "Which thing did {owner} ask for?")),
    Action("{owner} must not exceed {value}", ("What must {owner} not exceed?", "How high may {owner} be?")),
    Action("{owner} can be reached at {value}", ("How can {owner} be reached?", "Where can I reach {owner}?")),
    Action("{owner} was moved from {other} to {value}", ("Where was {owner} moved?", "To where was {owner} moved?")),
    Action("{owner} has {value} seats", ("How many seats does {owner} have?", "What number of seats has {owner}?")),
    Action("we bought {owner} for {value}", ("For how much did we buy {owner}?", "What did we pay for {owner}?")),
    Action("they shipped {owner} to {value}", ("Where did they ship {owner} to?", "Where was {owner} shipped?")),
    Action("{value} replaced {owner}", ("What replaced {owner}?", "Who replaced {owner}?")),
    Action("{value} is responsible for {owner}", ("Who is responsible for {owner}?", "Who takes care of {owner}?")),
    Action("the one who found {owner} was {value}", ("Who found {owner}?", "Who was it that found {owner}?")),
    Action("the reason for {owner} was {value}", ("What was the reason for {owner}?", "Why did we have {owner}?")),
    Action("{owner} is due on {value}", ("When is {owner} due?", "On what date is {owner} due?")),
    Action("{owner}'s name is {value}", ("What is {owner}'s name?", "What is the name of {owner}?")),
    Action("{owner} is called {value}", ("What is {owner} called?", "What do we call {owner}?")),
    Action("{owner} is on {value}", ("When is {owner}?", "On which day is {owner}?")),
    Action("{owner} is {value}", ("What is {owner}?", "Where is {owner}?", "Who is {owner}?")),
)
"""As they are."""
_VERBS = (
    ("runs", "run", "on"),
    ("sits", "sit", "in"),
    ("waits", "wait", "at"),
    ("starts", "start", "at"),
    ("ends", "end", "on"),
    ("opens", "open", "at"),
    ("writes", "write", "to"),
    ("reads", "read", "from"),
    ("connects", "connect", "to"),
    ("points", "point", "to"),
    ("depends", "depend", "on"),
    ("belongs", "belong", "to"),
    ("reports", "report", "to"),
    ("stays", "stay", "at"),
    ("comes", "come", "from"),
    ("answers", "answer", "under"),
    ("works", "work", "with"),
    ("meets", "meet", "in"),
    ("ships", "ship", "with"),
    ("stops", "stop", "after"),
)
"""Verbs with what follows them: someone does, does someone, and the word before the value."""
_DONE = (
    ("opened", "open"),
    ("closed", "close"),
    ("stored", "store"),
    ("hosted", "host"),
    ("signed", "sign"),
    ("repaired", "repair"),
    ("delivered", "deliver"),
    ("cancelled", "cancel"),
    ("painted", "paint"),
    ("ordered", "order"),
    ("found", "find"),
    ("built", "build"),
    ("put", "put"),
    ("blocked", "block"),
    ("chose", "choose"),
)
"""Verbs with an object: it was done, someone does it."""
_WHEN_AND_WHERE = (
    ("on", "When"),
    ("at", "When"),
    ("in", "Where"),
    ("at", "Where"),
    ("by", "By whom"),
    ("under", "Where"),
)
_AS_THEY_ARE = 0.4
"""How many actions are not made from verbs."""


def draw_action(noun: str, rng: np.random.Generator) -> Action:
    """An action; `noun` is of what kind its value is, where that is said."""
    if rng.random() < _AS_THEY_ARE:
        return ACTIONS[int(rng.integers(len(ACTIONS)))]
    third, base, preposition = _VERBS[int(rng.integers(len(_VERBS)))]
    past, do = _DONE[int(rng.integers(len(_DONE)))]
    where, asks = _WHEN_AND_WHERE[int(rng.integers(len(_WHEN_AND_WHERE)))]
    kinds = (
        Action(
            f"{{owner}} {third} {preposition} {{value}}",
            (
                f"What does {{owner}} {base} {preposition}?",
                f"Where does {{owner}} {base}?",
                f"When does {{owner}} {base}?",
            ),
        ),
        Action(
            f"{{owner}} {third} {preposition} {noun} {{value}}",
            (
                f"Which {noun} does {{owner}} {base} {preposition}?",
                f"What {noun} does {{owner}} {base} {preposition}?",
                f"{preposition.capitalize()} which {noun} does {{owner}} {base}?",
            ),
        ),
        Action(f"{{owner}} was {past} {where} {{value}}", (f"{asks} was {{owner}} {past}?",)),
        Action(f"I {past} {{owner}} {where} {{value}}", (f"{asks} did I {do} {{owner}}?",)),
        Action(
            f"the {noun} that {past} {{owner}} is {{value}}",
            (f"Which {noun} {past} {{owner}}?", f"What was the {noun} that {past} {{owner}}?"),
        ),
        Action(
            f"the {noun} that {{owner}} {past} was {{value}}",
            (f"What was the {noun} that {{owner}} {past}?", f"Which {noun} did {{owner}} {do}?"),
        ),
        Action(
            f"please {do} {{owner}} {where} the {noun} {{value}}",
            (
                f"{where.capitalize()} which {noun} should I {do} {{owner}}?",
                f"Which {noun} should I {do} {{owner}} {where}?",
            ),
        ),
    )
    return kinds[int(rng.integers(len(kinds)))]
