"""What a reader gets: messages with pictures, parts for the decoder, and text."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from optical_memory.encoded import EncodedPage
from optical_memory.errors import OpticalMemoryError
from optical_memory.memory.context import LEGEND, Context, PagePart, TextPart
from optical_memory.memory.fidelity import fidelity, source_text
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.turn import ToolCall, Turn
from optical_memory.modes import GUNDAM, NATIVE_MODES, SMALL, Mode
from renderers import Block, Grid, lay_out, to_rgb
from renderers.transcript import MARK_LETTERS, MARKS
from tests.memory.fake import FakeModel, conversation, memory_of, prose

PREFIX = "data:image/png;base64,"


def flat(mode: Mode) -> ForgettingSchedule:
    return ForgettingSchedule(((0, mode),))


def context_of(history: list[dict[str, Any]], mode: Mode = SMALL, model: FakeModel | None = None) -> Context:
    return memory_of(model or FakeModel(), schedule=flat(mode), keep_last=2).compress(history)


def images_in(messages: list[dict[str, Any]]) -> list[Image.Image]:
    urls = [
        part["image_url"]["url"]
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    assert all(url.startswith(PREFIX) for url in urls)
    return [Image.open(io.BytesIO(base64.b64decode(url.removeprefix(PREFIX), validate=True))) for url in urls]


@pytest.mark.parametrize("mode", NATIVE_MODES, ids=str)
def test_data_urls_are_pngs_of_the_modes_side(mode: Mode) -> None:
    context = context_of(conversation(6, 4000), mode)
    images = images_in(context.messages("openai"))
    assert len(images) == len(context.pages) > 0
    for image, part in zip(images, context.pages, strict=True):
        assert (image.format, image.size) == ("PNG", (part.encoded.mode.side,) * 2)


def test_the_picture_is_the_page_in_the_models_typography() -> None:
    model = FakeModel()
    context = context_of(conversation(6, 4000), model=model)
    for image, part in zip(images_in(context.messages()), context.pages, strict=True):
        expected = to_rgb(model.picture(part.page, SMALL.side), model.colours)
        assert np.array_equal(np.asarray(image.convert("RGB")), expected)


def test_a_tiled_mode_has_a_picture_too() -> None:
    context = context_of(conversation(6, 4095), GUNDAM, FakeModel(Grid(128, 64)))
    assert context.pages[0].encoded.mode == GUNDAM
    assert images_in(context.messages())[0].size == (1024, 1024)


def test_messages_stay_json() -> None:
    messages = context_of(conversation(6, 4000)).messages()
    assert json.loads(json.dumps(messages)) == messages


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(OpticalMemoryError, match="'telegram'"):
        context_of(conversation(6)).messages("telegram")


def test_turns_that_stay_text_come_as_they_came() -> None:
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "be brief", "custom": 1},
        *conversation(6, 4000),
        {"role": "user", "content": [{"type": "text", "text": "last"}]},
    ]
    messages = context_of(history).messages()
    assert messages[0] == history[0]
    assert messages[-2:] == history[-2:]


def test_the_legend_comes_once_before_the_first_page() -> None:
    history = conversation(9, 4000)
    history[4]["content"] = "日本" * 200 + history[4]["content"]
    texts = [
        part["text"]
        for message in context_of(history).messages()
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "text"
    ]
    assert texts[0] == LEGEND
    assert texts.count(LEGEND) == 1


def test_the_legend_names_every_marker() -> None:
    for label, letter in MARK_LETTERS.items():
        assert f"{letter} {label.replace('_', ' ')}" in LEGEND


def test_pages_come_in_user_messages_with_number_and_turns() -> None:
    messages = context_of(conversation(6, 1500)).messages()
    pages = [message for message in messages if isinstance(message["content"], list)]
    assert [message["role"] for message in pages] == ["user"]
    captions = [part["text"] for part in pages[0]["content"] if part["type"] == "text"]
    assert captions[1:] == ["Page 1, turn-0 to turn-2:", "Page 2, turn-2 to turn-3:"]


def test_neighbouring_pages_share_a_message() -> None:
    history = conversation(9, 4000)
    history[4]["content"] = "日本" * 200 + history[4]["content"]
    roles = [
        "pages" if isinstance(message["content"], list) else message["content"][:2]
        for message in context_of(history).messages()
    ]
    assert roles.count("pages") == 2
    assert roles.index("日本") == 1


def test_without_pages_the_messages_are_the_history() -> None:
    history = conversation(2, 50)
    assert context_of(history).messages() == history


def test_handing_out_messages_leaves_the_input_alone() -> None:
    history = conversation(2, 50)
    for message in context_of(history).messages():
        message["content"] = "changed"
    assert history == conversation(2, 50)


def test_text_marks_pages_with_what_is_legible() -> None:
    context = context_of(conversation(6, 4095), model=FakeModel(spoilt={"Small": 0.25}))
    lines = context.text().split("\n")
    assert context.pages[0].fidelity == pytest.approx(0.75, abs=0.001)
    assert lines[0].startswith(f"[page 1, turn-0, {context.pages[0].fidelity:.2%} legible] ")
    assert lines[-1].startswith("[assistant turn-5] 5: ")


def test_text_is_read_from_the_tokens_not_from_the_source() -> None:
    history = conversation(6, 4000)
    exact, spoilt = (context_of(history, model=FakeModel(spoilt={"Small": share})).text() for share in (0.0, 1.0))
    assert history[0]["content"] in exact
    assert history[0]["content"][:40] not in spoilt
    assert history[-1]["content"] in spoilt


def test_splice_parts_are_marked_text_and_pages_in_order() -> None:
    context = context_of([{"role": "system", "content": "be brief"}, *conversation(6, 4000)])
    parts = context.splice_parts()
    assert parts[0] == chr(MARKS["system"]) + "be brief"
    assert [part for part in parts if isinstance(part, EncodedPage)] == [part.encoded for part in context.pages]
    assert [part[0] for part in parts[-2:] if isinstance(part, str)] == [chr(MARKS["user"]), chr(MARKS["assistant"])]


@pytest.mark.parametrize(
    ("turn", "label"),
    [
        (Turn("tool", "4", "t"), "tool_result"),
        (Turn("assistant", "", "t", (ToolCall("c", "f", ""),)), "tool_call"),
        (Turn("user", "", "t"), "user"),
    ],
)
def test_a_text_part_is_labelled_for_its_marker(turn: Turn, label: str) -> None:
    assert TextPart(turn, "r").label == label


def test_a_part_of_a_turn_says_whose_it_is() -> None:
    part = TextPart(Turn("assistant", "0123456789", "turn-7"), "r", 4, 7)
    assert (part.text, part.whole) == ("456", False)
    message = part.as_message()
    assert message["role"] == "user"
    assert "assistant" in message["content"]
    assert "turn-7" in message["content"]
    assert message["content"].endswith("456")


def test_fidelity_is_the_share_read_right() -> None:
    (page,) = lay_out([Block(prose(200, 1), "a", "s", mark=MARKS["user"])], Grid(20, 20))
    for share in (0.0, 0.25, 1.0):
        model = FakeModel(Grid(20, 20), {"Small": share})
        (reading,) = model.read(model.encode([page], SMALL), page.grid)
        assert fidelity(page, reading) == 1 - share


def test_markers_and_empty_cells_do_not_count_as_fidelity() -> None:
    (page,) = lay_out([Block("", "a", "s", mark=MARKS["user"])], Grid(4, 4))
    model = FakeModel(Grid(4, 4))
    assert fidelity(page, model.read(model.encode([page], SMALL), page.grid)[0]) == 1.0


@pytest.mark.parametrize("text", ["plain", "ends in blanks   ", "   "])
def test_text_read_back_is_as_long_as_the_page_s_own(text: str) -> None:
    (page,) = lay_out([Block(text, "a", "s", mark=MARKS["user"])], Grid(8, 8))
    model = FakeModel(Grid(8, 8))
    assert source_text(page, model.read(model.encode([page], SMALL), page.grid)[0]) == text


def test_pages_are_those_parts_that_are_pages() -> None:
    context = context_of(conversation(6, 4000))
    assert [part.number for part in context.pages] == [1, 2, 3, 4]
    assert all(isinstance(part, (PagePart, TextPart)) for part in context.parts)
