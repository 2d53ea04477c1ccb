"""What may stand before the path of every request: the base URL of a provider."""

from optical_memory.adapters import missing
from optical_memory.errors import OpticalMemoryError

try:
    import httpx2
except ImportError as error:
    raise missing("httpx2", "proxy") from error

EXPECTED = "expected a base URL that a path can follow, such as https://api.openai.com"


def check_upstream(url: str) -> None:
    """Raises OpticalMemoryError unless it is http or https, has a host, and ends before a query."""
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise OpticalMemoryError(f"the upstream {url!r} is no URL ({error}); {EXPECTED}") from error
    if wrong := "has a blank in it" if " " in url else _wrong(parts):
        raise OpticalMemoryError(f"the upstream {url!r} {wrong}; {EXPECTED}")


def _wrong(parts: httpx2.URL) -> str | None:
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not parts.host:
        return "names no host"
    if parts.port is not None and not 1 <= parts.port <= 65535:
        return f"has port {parts.port}, and ports go from 1 to 65535"
    return "has a query or a fragment" if parts.query or parts.fragment else None
