"""Secrets are known by their forms; ordinary text that looks a little like one is not."""

import pytest

from optical_memory.memory.secrets import secret_in


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
        ("use sk-ant-" + "a1B2" * 8, "an API key"),
        ("AKIA" + "ABCDEFGH12345678", "a cloud access key"),
        ("AIza" + "a" * 35, "a cloud API key"),
        ("ghp_" + "a1" * 18, "a code host's token"),
        ("xoxb-" + "1234567890-abc", "a chat token"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3.abcdefghijk", "a signed token"),
        ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "a bearer token"),
        ('password = "hunter2hunter2"', "a password"),
        ("postgres://admin:s3cret@db/app", "a password in an address"),
    ],
)
def test_a_secret_is_named(text: str, kind: str) -> None:
    assert secret_in(f"before {text} after") == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the password field is empty",
        "password: str = getpass()",
        "https://example.org/a:b@c",
        "risk-adjusted task-oriented sk-learn",
        "deadbeef" * 8,
        "550e8400-e29b-41d4-a716-446655440000",
        "the bearer of this letter",
    ],
)
def test_ordinary_text_holds_none(text: str) -> None:
    assert secret_in(text) is None


@pytest.mark.parametrize("piece", ["password=", "a-", "-eyJabcdefghijk", "x://"])
def test_no_text_takes_for_ever_to_look_through(piece: str) -> None:
    """A pattern that begins anew at each place and runs to the end takes hours over this."""
    assert secret_in(piece * (4_000_000 // len(piece)) + " http://x eyj secret") is None
