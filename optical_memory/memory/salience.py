"""What deserves to be remembered: strings that cannot be guessed, code and decisions resist fading, small talk sinks first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optical_memory.memory.told import Told

PATTERNS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "url": re.compile(
            r"\b[a-z][a-z0-9+.-]{1,9}://[^\s<>\"')\]]+|\b[\w.+-]{1,128}+@[\w-]++(?:\.[\w-]+)+", re.IGNORECASE
        ),
        "path": re.compile(
            r"(?<![\w/])(?:[A-Za-z]:\\|~?/|\.{1,2}/)?(?:[\w.@+-]{1,256}+[/\\]){1,256}[.@+-]{0,256}\w++(?:[.@+-]++\w++)*"
            r"|(?<![\w/])/[\w.-]{2,}"
        ),
        "identifier": re.compile(
            r"\b(?=[A-Za-z_-]{0,256}+\d)(?=[0-9_-]{0,256}+[A-Za-z])[0-9A-Za-z]+(?:[-_][0-9A-Za-z]+)*\b"
            r"|\b[A-Za-z]+(?:_[A-Za-z0-9]+)+\b|\b[a-z]+(?:[A-Z][a-z0-9]+)+\b"
        ),
        "random": re.compile(
            r"(?<![\w-])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,64}"
            r"|(?=(?:[a-z]*\d){3})(?=\d*[a-z])[0-9a-z]{12,128}|\d{5,})(?![\w-])",
            re.IGNORECASE,
        ),
        "number": re.compile(r"(?<![\w.])\d[\d,.:/-]{0,256}\d{2}(?![\w])|(?<![\w.])\d{3,}(?!\w)"),
        "code": re.compile(r"[{}();=<>\[\]]{2,}|^\s{2,64}+\w.*[:;{]$", re.MULTILINE),
        "decision": re.compile(
            r"\b(?:we|i|they|team) (?:decided|agreed|chose|settled|will use|go with|picked)\b"
            r"|\b(?:decision|agreed|deadline|must not|never use|always use|remember that|root cause)\b",
            re.IGNORECASE,
        ),
        "small_talk": re.compile(
            r"\b(?:thanks?|thank you|hi|hey|hello|bye|lol|haha+|wow|great|awesome|nice|sure|ok(?:ay)?|yeah|no problem"
            r"|you're welcome|sounds good|good (?:morning|night|luck)|take care|see you|how are you)\b",
            re.IGNORECASE,
        ),
    }
)
"""How each kind is told. What is `random` (UUIDs, hashes, keys, long numbers) is told by `identifier` or `number` too: a name
made of words can be guessed in part, these cannot. Repeats have bounds that no ordinary text reaches: a search that fails begins
anew at the next character, and without them a page of dashes, of newlines or of `1,0,1,0` would hold an event loop for a second."""


@dataclass(frozen=True, slots=True)
class Salience:
    """Weight of one find of each kind in a thousand characters; replace a weight, or the whole by any `text -> float`.

    Less than `ordinary` in sum is plain prose and has the salience 1; from there it grows by the root, up to `most`. Text
    of which small talk outweighs the rest sinks to `least`.
    """

    url: float = 3.0
    path: float = 2.0
    identifier: float = 2.0
    random: float = 6.0
    number: float = 1.0
    code: float = 0.25
    decision: float = 2.0
    small_talk: float = -0.5
    ordinary: float = 1.0
    most: float = 8.0
    least: float = 0.5

    def __call__(self, text: str) -> float:
        if not text:
            return 1.0
        counts = {kind: len({found.group() for found in pattern.finditer(text)}) for kind, pattern in PATTERNS.items()}
        score = sum(getattr(self, kind) * count for kind, count in counts.items()) * 1000 / max(len(text), 1000)
        if score < 0:
            return max(self.least, 1.0 + score / 4)
        return 1.0 if score < self.ordinary else min(self.most, (score / self.ordinary) ** 0.5)


def fragile_strings(text: str) -> list[str]:
    """The strings that a reader cannot guess, each once, in order: URLs, paths, identifiers, numbers."""
    found: dict[str, int] = {}
    told = Told()
    for kind in ("url", "path", "identifier", "number"):
        for match in PATTERNS[kind].finditer(text):
            if match.group() not in told:
                told.add(match.group())
                found[match.group()] = match.start()
    return sorted(found, key=found.__getitem__)
