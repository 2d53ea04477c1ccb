"""Secrets in text: keys, tokens and passwords by their well-known forms. What holds one is never drawn on a page."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Form:
    """`hints`: lower-case pieces, one of which every text of that form holds; looking for them first is what makes it fast."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


_FORMS = (
    _Form("a private key", ("private key",), re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
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
    _Form("a bearer token", ("bearer",), re.compile(r"(?i:\bbearer\s+)[A-Za-z0-9_\-.=+/]{20,}")),
    _Form(
        "a password",
        ("passw", "secret", "api_key", "api-key", "apikey", "access_token", "access-token", "accesstoken"),
        re.compile(
            r"(?i:\b(?:password|passwd|secret|api[_-]?key|access[_-]?token)[\"']?\s*[:=]\s*[\"']?)"
            r"(?=[^\s\"']{0,256}\d)[^\s\"'<>{}()$]{8}"
        ),
    ),
    _Form(
        "a password in an address", ("://",), re.compile(r"\b[a-z][a-z0-9+.\-]{0,31}://[^\s/:@]{1,256}:[^\s/@]{3,256}@")
    ),
)


def secret_in(text: str) -> str | None:
    """What kind of secret a text seems to hold; None if none."""
    small = text.lower()
    for form in _FORMS:
        if any(hint in small for hint in form.hints) and form.pattern.search(text):
            return form.kind
    return None
