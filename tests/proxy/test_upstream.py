"""What a proxy can hand requests on to, and what it refuses before the first of them."""

import re

import pytest

from optical_memory.errors import OpticalMemoryError
from optical_memory.proxy.app import build_app
from optical_memory.proxy.upstream import check_upstream
from optical_memory.view import Views


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("api.openai.com", "does not begin with http"),
        ("localhost:8080", "does not begin with http"),
        ("ftp://example.org", "does not begin with http"),
        ("", "does not begin with http"),
        ("http://", "names no host"),
        ("https:///v1", "names no host"),
        ("http://[::1", "is no URL"),
        ("http://example.org ", "has a blank in it"),
        ("http://example.org:99999", "has port 99999"),
        ("https://example.org/?api-version=1", "has a query or a fragment"),
    ],
)
def test_an_upstream_that_no_request_could_reach_is_refused_at_the_start(url: str, told: str) -> None:
    with pytest.raises(OpticalMemoryError, match=f"{re.escape(repr(url))}.*{told}.*expected a base URL"):
        build_app(url, Views())


@pytest.mark.parametrize(
    "url",
    ["https://api.openai.com/", "HTTP://LOCALHOST:11434", "http://[fe80::1%eth0]:8", "https://k:s@example.org/api"],
)
def test_an_upstream_may_have_a_port_a_path_and_a_key(url: str) -> None:
    check_upstream(url)
