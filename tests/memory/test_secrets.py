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
        ("redis://:s3cretpass1@host:6379/0", "a password in an address"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOY", "a private key"),
        ("hf_" + "aBcDeFgHiJ" * 3 + "kLmN", "a model hub's token"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZDEyMzQ1Ng==", "a password in a header"),
        ('{\\"authorization\\": \\"Basic dXNlcjpwdw==\\"}', "a password in a header"),
    ],
)
def test_a_secret_is_named(text: str, kind: str) -> None:
    assert secret_in(f"before {text} after") == kind


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASSWORD=hunter2hunter2",
        "export OPENAI_API_KEY=abcd1234efgh5678",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
        "POSTGRES_PASSWORD: s3cretpass1",
        "PGPASSWORD=s3cretpass1 psql",
        "client_secret: 8f3a9c1b2d4e5f60",
        'clientSecret: "8f3a9c1b2d4e5f60"',
        "SECRET_KEY = 'insecure-9abc1234'",
        "refresh_token=1//0gabcdef12345",
        "passphrase: abc12345678",
        '{"db_password": "hunter2hunter2"}',
        '{\\"password\\": \\"hunter2hunter2\\"}',
        '{\\\\\\"password\\\\\\": \\\\\\"hunter2hunter2\\\\\\"}',
    ],
)
def test_a_password_is_known_by_the_end_of_its_name(text: str) -> None:
    assert secret_in(text) == "a password"


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
        "password = getpass(1)",
        "the secret: none at all",
        "token: 5",
        "max_tokens=16384000",
        "the_secret_garden = 1911",
        "Authorization: basic, see chapter 12",
        "the basic tests/test_models/test_field_12.py",
        "http://localhost:8080/@me",
        "hf_hub_download(repo_id='x', filename='config.json')",
    ],
)
def test_ordinary_text_holds_none(text: str) -> None:
    assert secret_in(text) is None


@pytest.mark.parametrize("piece", ["password=", "a-", "-eyJabcdefghijk", "x://", "secret_", "authorization:"])
def test_no_text_takes_for_ever_to_look_through(piece: str) -> None:
    """A pattern that begins anew at each place and runs to the end takes hours over this."""
    assert secret_in(piece * (4_000_000 // len(piece)) + " http://x eyj secret") is None
