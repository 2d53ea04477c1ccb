"""The turns of a page stay apart wherever its text is handed over without its markers."""

from optical_memory.memory.stretches import by_turns, stretches
from renderers import Block, Grid, lay_out
from tests.memory.fake import FakeModel, conversation, memory_of

PAGE = lay_out(
    [Block("on port 80", "user", "0"), Block("90 replicas", "assistant", "1"), Block(" each", "code", "1", 11)],
    Grid(64, 64),
)[0]


def test_stretches_are_the_turns_own_text() -> None:
    assert list(stretches(PAGE.text, PAGE.spans)) == ["on port 80", "90 replicas each"]
    assert by_turns(PAGE.text, PAGE.spans) == "on port 80\n90 replicas each"


def test_a_context_as_text_parts_the_turns_of_a_page() -> None:
    history = conversation(20, 700)
    history[2]["content"], history[3]["content"] = "the service is on port 80", "90 replicas are fine"
    context = memory_of(FakeModel()).compress(history)
    assert "8090" in context.pages[0].page.text, "on one page"
    assert "the service is on port 80\n90 replicas are fine" in context.text()
