"""Thin translations between `optical_memory.view` and one client or framework each; every one is an extra of its own."""

from optical_memory.errors import MissingExtraError


def missing(package: str, extra: str) -> MissingExtraError:
    """The error for a package that an adapter needs and that is not installed."""
    return MissingExtraError(f"this adapter needs {package}: pip install 'optical-memory[{extra}]'")
