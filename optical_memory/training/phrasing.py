"""How facts are told and asked for: what an owner has ("the port of the server is 22"), what it does ("the server runs on 22")."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optical_memory.training.actions import Action

Thing = str | Action
"""What an owner has, by name, or what it does."""


_NAMED = (
    "the {thing} of the {owner}",
    "the {thing} of {owner}",
    "the {owner} {thing}",
    "the {thing} for {owner}",
    "the {thing} for the {owner}",
    "{owner}'s {thing}",
    "the {thing} that {owner} uses",
    "the {thing} we chose for {owner}",
    "one of the {thing}s for {owner}",
)
"""How a fact is named, in a statement and in a question."""
_STATEMENTS = (
    "{named} is {value}.",
    "{named} is: {value}.",
    "{named} was {value},",
    "{named} will be {value} from now on.",
    "{named}: {value}",
    "{named} = {value};",
    "{named} has been set to {value}.",
    "{value} is {named}.",
    "We picked {value} as {named}.",
    "Please use {value} for {named}.",
    '"{owner}": {{"{thing}": "{value}"}},',
    "{owner}: {thing} {value}.",
    "{owner}.{thing} = {value}",
    "{thing} ({owner}): {value}",
    "| {owner} | {thing} | {value} |",
    "{named}? It is {value}, as far as I know.",
    "{named} -> {value}",
    "{named} should be {value}.",
    "{named} is now {value}.",
    "{named} turned out to be {value}.",
    "I set {named} to {value} yesterday.",
    "Let us make {named} {value}.",
    "{named} changed from {other} to {value}.",
    "They told me that {named} is {value}, so I wrote it down.",
    "- {thing} of {owner}: {value}\n",
    "{owner}:\n  {thing}: {value}\n",
    "{thing}={value} # {owner}\n",
)
"""`other`: what it is no longer."""
_ENDINGS = (".", ".", ".", ",", ";", " now.", " from now on.", ", I think.", ", remember that.", " - just so you know.")
"""What stands behind an action."""
_LEADS = ("", "", "", "Remember: ", "Note: ", "By the way, ", "As agreed, ", "For the record: ")
_QUESTIONS = (
    "What is {named}{where}?",
    "What was {named}{where}?",
    "What is {named}{where}?",
    "Which {thing} does {owner} have{where}?",
    "Which {thing} did we pick for {owner}?",
    "Tell me {named}{where}.",
    "Do you remember {named}?",
    "I need {named}.",
    "{named}?",
    "{owner} {thing}?",
    "Find {named}{where}.",
    "What did we set {named} to?",
    "What's {named}{where}?",
    "Where is {named}?",
    "When is {named}?",
    "Who is {named}?",
    "How much is {named}?",
    "Can you tell me {named}?",
    "Remind me what {named} is.",
    "What did I say {named} was?",
    "What {thing} does {owner} use?",
    "What is the current {thing} of {owner}?",
    "Which {thing} is {owner} in?",
    "What is {named} now?",
)
_WHERES = (
    "",
    "",
    "",
    " in this text",
    " in the text above",
    " mentioned in the provided text",
    " as mentioned before",
    " now",
)
_ASKED_OF = 0.2
"""How often a question for an action is put into another."""
_WITH_ARTICLE = 0.7
"""How often an owner that does something has an article."""
_SHORTENED = 0.15
"""How often a question leaves out of what kind a thing is."""
_OWN_LINE = 0.15
"""How often a statement stands on a line of its own."""
_ARTICLES = ("the ", "my ", "our ")


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words of a statement: what leads to it, the statement of what an owner has, how that is named, what ends an action's."""

    lead: str
    statement: str
    named: str
    ending: str

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Phrase":
        return cls(*(str(rng.choice(words)) for words in (_LEADS, _STATEMENTS, _NAMED, _ENDINGS)))

    def tell(self, owner: str, thing: Thing, value: str, other: str, rng: np.random.Generator) -> str:
        """The statement of a fact, which no longer is `other`."""
        if isinstance(thing, Action):
            form = thing.told + self.ending
            told = form.format(owner=_with_article(owner, rng), value=value, other=other)
        else:
            form, named = self.statement, self.named.format(owner=owner, thing=thing)
            told = form.format(owner=owner, thing=thing, value=value, other=other, named=named)
        if not self.lead and not told.startswith(value) and rng.random() > 0.3:
            told = told[0].upper() + told[1:]
        has_open_edge = form.startswith("{value}") or form.endswith("{value}")
        if (has_open_edge and " " in value) or rng.random() < _OWN_LINE:
            return f"\n{self.lead}{told}\n"  # where several words begin and end could not be told from the text beside them
        return self.lead + told


def ask(owner: str, thing: Thing, rng: np.random.Generator) -> str:
    """A question for a fact."""
    if isinstance(thing, Action):
        asked = _drawn(thing.asked, rng).format(owner=_with_article(owner, rng))
        if rng.random() < _ASKED_OF:
            asked = _drawn(("Do you remember: {0}", "Remind me: {0}", "One question. {0}"), rng).format(asked)
    else:
        named = _drawn(_NAMED, rng).format(owner=owner, thing=thing)
        asked = _drawn(_QUESTIONS, rng).format(owner=owner, thing=thing, named=named, where=rng.choice(_WHERES))
    return asked[0].upper() + asked[1:] if rng.random() < 0.8 else asked


def shortened(thing: Thing, rng: np.random.Generator) -> Thing:
    """A thing as it is asked for: sometimes without what says of which kind it is."""
    return thing.split()[-1] if isinstance(thing, str) and rng.random() < _SHORTENED else thing


def _drawn(words: Sequence[str], rng: np.random.Generator) -> str:
    return str(rng.choice(words))


def _with_article(owner: str, rng: np.random.Generator) -> str:
    return f"the {owner}" if not owner.startswith(_ARTICLES) and rng.random() < _WITH_ARTICLE else owner
