"""The verbatim ledger: for readers that nobody measured, the strings of a page that cannot be guessed, as text under a cap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optical_memory.memory.salience import fragile_strings


@dataclass(frozen=True, slots=True)
class VerbatimLedger:
    """`share` of a page's text tokens that its ledger may take. What already stands as text elsewhere is not told again."""

    share: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"a ledger's share is 0 to 1, got {self.share}")

    def strings(
        self, text: str, text_tokens: int, count: Callable[[Sequence[str]], list[int]], known: str = ""
    ) -> tuple[str, ...]:
        """As many of the page's fragile strings as fit, the cheapest first, in the page's order."""
        fragile = [string for string in fragile_strings(text) if string not in known]
        costs = dict(zip(fragile, count([f" {string}" for string in fragile]), strict=True)) if fragile else {}
        room, kept = int(self.share * text_tokens), set()
        for string in sorted(fragile, key=costs.__getitem__):
            if costs[string] <= room:
                room -= costs[string]
                kept.add(string)
        return tuple(string for string in fragile if string in kept)
