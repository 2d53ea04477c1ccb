"""Secrets in text: keys, tokens and passwords by their well-known forms. What holds one is never drawn on a page."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Form:
    """`hints`: lower-case pieces, one of which every text of that form holds; looking for them first is what makes it fast."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


_QUOTE = r"(?:\\{0,3}[\"'])?"
"""A quote or none: in JSON that is told inside JSON, as a tool's arguments are, backslashes stand before it."""

_FORMS = (
    _Form("a private key", ("private key",), re.compile(r"-----BEGIN [A-Z ]{0,64}PRIVATE KEY(?: BLOCK)?-----")),
    _Form("an API key", ("sk-", "sk_", "pk_", "rk_"), re.compile(r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_\-]{20,}")),
    _Form("a cloud access key", ("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Form("a cloud API key", ("aiza",), re.compile(r"\bAIza[0-9A-Za-z_\-]{35}\b")),
    _Form(
        "a code host's token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_\-]{20,})"),
    ),
    _Form("a chat token", ("xox",), re.compile(r"\bxox[abprs]-[A-Za-z0-9\-]{10,}")),
    _Form(
        "a signed token",
        ("eyj",),
        re.compile(r"\beyJ[A-Za-z0-9_\-]{10,512}\.eyJ[A-Za-z0-9_\-]{10,4096}\.[A-Za-z0-9_\-]{10}"),
    ),
    _Form("a model hub's token", ("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    _Form("a bearer token", ("bearer",), re.compile(r"(?i:\bbearer\s+)[A-Za-z0-9_\-.=+/]{20,}")),
    _Form(
        "a password in a header",
        ("authorization",),
        re.compile(
            rf"(?i:\bauthorization{_QUOTE}\s{{0,64}}[:=]\s{{0,64}}{_QUOTE}basic\s{{1,64}})[A-Za-z0-9_\-.=+/]{{8}}"
        ),
    ),
    _Form(
        "a password",
        ("passw", "passphrase", "secret", "apikey", "api_key", "api-key", "token"),
        # whatever stands before the name: it is a password's in `DB_PASSWORD`, `PGPASSWORD` and `userPassword` too
        re.compile(
            r"(?i:(?:password|passwd|passphrase|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|(?:access|auth|refresh)[_-]?token)"
            rf"{_QUOTE}\s{{0,64}}[:=]\s{{0,64}}{_QUOTE})"
            r"(?=[^\s\"']{0,256}\d)[^\s\"'<>{}()$]{8}"
        ),
    ),
    _Form(
        "a password in an address", ("://",), re.compile(r"\b[a-z][a-z0-9+.\-]{0,31}://[^\s/:@]{0,256}:[^\s/@]{3,256}@")
    ),
)


def secret_in(text: str) -> str | None:
    """What kind of secret a text seems to hold; None if none."""
    small = text.lower()
    for form in _FORMS:
        if any(hint in small for hint in form.hints) and form.pattern.search(text):
            return form.kind
    return None
