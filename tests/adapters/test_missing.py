"""A package that is not installed is named with the line that installs it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("adapters.openai", "openai", "openai"),
        ("adapters.calibrate", "openai", "openai"),
        ("adapters.anthropic", "anthropic", "anthropic"),
        ("adapters.agents", "agents", "agents"),
        ("adapters.langchain", "langchain", "langchain"),
        ("adapters.pydantic_ai", "pydantic_ai", "pydantic-ai"),
        ("adapters.litellm", "litellm", "litellm"),
        ("proxy.app", "starlette", "proxy"),
    ],
)
def test_the_pip_line_is_told(module: str, package: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules['{package}'] = None\n"
        "from optical_memory.errors import MissingExtraError\n"
        f"try:\n    import optical_memory.{module}\nexcept MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert f"pip install 'optical-memory[{extra}]'" in done.stdout, done.stderr
