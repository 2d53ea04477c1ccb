"""Sources that a message notes beside its text: told with the text, so that a page shows them, or kept from it."""

from typing import Any

import pytest

from optical_memory.memory.turn import parse_history
from tests.memory.fake import FakeModel, conversation, memory_of

Message = dict[str, Any]

WEB = {"type": "url_citation", "url": "https://x.y/report-77", "title": "Report", "start_index": 0, "end_index": 3}
WEB_IN_CHAT = {"type": "url_citation", "url_citation": {key: WEB[key] for key in WEB if key != "type"}}
FILE = {"type": "file_citation", "file_id": "file-77", "index": 3, "filename": "q3.pdf"}
PARSED = {"type": "file", "file": {"name": "q3.pdf", "content": [{"type": "text", "text": "profit"}]}}
TOLD_WEB, TOLD_FILE = "[cited: https://x.y/report-77, Report]", "[cited: file-77, q3.pdf]"


def of_chat(notes: Any, text: str | None = "See there.") -> Message:
    return {"role": "assistant", "content": text, "annotations": notes}


def of_responses(notes: Any, text: str = "See there.") -> Message:
    content = [{"type": "output_text", "text": text, "annotations": notes}]
    return {"type": "message", "role": "assistant", "content": content}


@pytest.mark.parametrize("message", [of_chat, of_responses])
@pytest.mark.parametrize(
    ("notes", "told", "attachments"),
    [
        ([], "See there.", ()),
        (None, "See there.", ()),
        ([WEB], f"See there.\n{TOLD_WEB}", ()),
        ([WEB_IN_CHAT], f"See there.\n{TOLD_WEB}", ()),
        ([WEB, FILE, WEB], f"See there.\n{TOLD_WEB}\n{TOLD_FILE}", ()),
        ([PARSED, FILE], f"See there.\n{TOLD_FILE}", ("file",)),
        ([{"type": "place", "start_index": 1}], "See there.", ("place",)),
        (["strange"], "See there.", ("annotation",)),
        ({"audience": ["user"]}, "See there.", ("annotation",)),
    ],
)
def test_sources_are_told_and_more_than_names_is_kept(
    message: Any, notes: Any, told: str, attachments: tuple[str, ...]
) -> None:
    (turn,) = parse_history([message(notes)])
    assert (turn.content, turn.attachments) == (told, attachments)


@pytest.mark.parametrize("message", [of_chat, of_responses])
def test_a_source_that_the_text_names_is_not_told_again(message: Any) -> None:
    text = "See [Report](https://x.y/report-77)."
    assert parse_history([message([WEB], text)])[0].content == text
    assert parse_history([message([WEB], "See https://x.y/report-77.")])[0].content.endswith(TOLD_WEB)


def test_sources_without_a_text_are_the_text() -> None:
    assert parse_history([of_chat([WEB_IN_CHAT], None)])[0].content == TOLD_WEB


@pytest.mark.parametrize("cites", [of_chat([WEB_IN_CHAT]), of_responses([WEB])], ids=["chat", "responses"])
def test_a_page_shows_what_is_cited_and_a_message_that_stays_is_as_it_came(cites: Message) -> None:
    history = [*conversation(3, 2500), cites, *conversation(6, 2500)]
    context = memory_of(FakeModel()).compress(history)
    assert cites not in context.messages()
    assert TOLD_WEB in "".join(part.page.text for part in context.pages)
    assert memory_of(FakeModel(), keep_last=99).compress(history).messages() == history
