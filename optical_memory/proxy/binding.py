"""Where a server may listen: on this machine freely, elsewhere only behind a token."""

import ipaddress
import secrets

from optical_memory.errors import OpticalMemoryError

TOKEN_HEADER = "x-optical-memory-token"
MIN_TOKEN = 16


def check_binding(host: str, token: str | None) -> None:
    """Raises OpticalMemoryError if others could reach the server and no token of some length keeps them out."""
    if token is not None and len(token) < MIN_TOKEN:
        raise OpticalMemoryError(f"a token has {MIN_TOKEN} characters at least, got {len(token)}")
    if not is_loopback(host) and token is None:
        raise OpticalMemoryError(f"{host!r} can be reached from other machines: give a --token, or listen on 127.0.0.1")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def admits(token: str | None, given: str | None) -> bool:
    """Whether a request may pass; compared in constant time."""
    return token is None or secrets.compare_digest(token.encode(), (given or "").encode())
