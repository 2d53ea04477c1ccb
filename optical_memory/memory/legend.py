"""What a reader is told before its first page."""

from renderers.transcript import MARK_LETTERS

LEGEND = (
    "Earlier turns of this conversation are drawn on the pages that follow. A letter in reverse opens a turn: "
    + ", ".join(f"{letter} {label.replace('_', ' ')}" for label, letter in MARK_LETTERS.items())
    + ". A pilcrow is a line break, angle quotes are tab and return, a not sign a hard space; lines wrap at the edge without a "
    "hyphen."
)
BOXES = "dotted boxes, ticked signs, blanks and right-to-left letters stand for, in order:"
"""What stands before the characters of a page that it does not show as they are."""
LETTER_FOR_LETTER = "letter for letter (a..b: every number from a to b):"
"""What stands before a page's strings that cannot be guessed."""
