"""The hook in the real LiteLLM, with a provider of its own making that remembers what it was sent."""

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from litellm import CustomLLM, ModelResponse

from optical_memory.adapters.litellm import OpticalHook
from tests.adapters.double import num_pictures
from tests.memory.fake import conversation

HISTORY = conversation(24)
MODEL = "double/gpt-5"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
"""LiteLLM imports much on its first call, some of which warns."""


class Double(CustomLLM):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def completion(self, *_: Any, **kwargs: Any) -> ModelResponse:
        self.sent.append(kwargs["messages"])
        return litellm.completion(model="gpt-4o", messages=[], mock_response="done")

    async def acompletion(self, *_: Any, **kwargs: Any) -> ModelResponse:
        self.sent.append(kwargs["messages"])
        return litellm.completion(model="gpt-4o", messages=[], mock_response="done")


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    provider = Double()
    monkeypatch.setattr(litellm, "custom_provider_map", [{"provider": "double", "custom_handler": provider}])
    litellm.utils.custom_llm_setup()
    yield provider


def test_async_calls_get_pages(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = OpticalHook(trust_cell=8)
    monkeypatch.setattr(litellm, "callbacks", [hook])
    reply = asyncio.run(litellm.acompletion(model=MODEL, messages=HISTORY))
    assert reply.choices[0].message.content == "done"
    assert num_pictures(double.sent[0]) == hook.views.latest.report.num_pages > 0  # type: ignore[union-attr]
    assert double.sent[0][-4:] == HISTORY[-4:]


def test_sync_calls_get_the_same_pages(double: Double) -> None:
    hook = OpticalHook(trust_cell=8)
    hook.completion(model=MODEL, messages=HISTORY)
    assert double.sent[0] == hook.views.latest.messages != HISTORY  # type: ignore[union-attr]


def test_sync_calls_take_what_litellm_takes(double: Double) -> None:
    """The model first, and its own messages among the others."""
    hook = OpticalHook(trust_cell=8)
    reply = litellm.completion(model="gpt-4o", messages=[], mock_response="done").choices[0].message
    hook.completion(MODEL, [*HISTORY, reply, {"role": "user", "content": "and then?"}])
    assert num_pictures(double.sent[0]) > 0 and double.sent[0][-2]["content"] == "done"


def test_other_calls_are_left_alone() -> None:
    hook = OpticalHook(trust_cell=8)
    assert asyncio.run(hook.async_pre_call_deployment_hook({"input": ["x"]}, "aembedding")) is None
