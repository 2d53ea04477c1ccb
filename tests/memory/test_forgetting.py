"""What ages: errata give back the source, salience tells what matters, fades come in batches, nothing blocks a loop."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from optical_memory.encoded import EncodedPage
from optical_memory.errors import BudgetError, CheckpointError, StoreError
from optical_memory.memory.context import TextPart
from optical_memory.memory.pagefiles import TokenFiles
from optical_memory.memory.salience import Salience, fragile_strings
from optical_memory.memory.schedule import ForgettingSchedule
from optical_memory.memory.store import TokenStore
from optical_memory.memory.turn import Turn
from optical_memory.modes import BASE, SMALL, TINY, Mode
from tests.memory.fake import FakeModel, conversation, memory_of, prose

LADDER = ((0, BASE), (8, SMALL), (16, TINY))

# Measured


def test_spans_are_measured_too() -> None:
    context = memory_of(FakeModel(spoilt={"Small": 0.25}), keep_last=0).compress(conversation(20, 900))
    for part in context.pages:
        if part.encoded.mode == SMALL:
            shares = part.spans
            mean = sum(share * (span.end - span.start) for span, share in shares) / part.page.num_characters
            assert mean == pytest.approx(part.fidelity) == pytest.approx(0.75, abs=0.001)


def test_a_model_without_a_reader_leaves_fidelity_open() -> None:
    class Blind(FakeModel):
        def read(self, *_: Any) -> Any:
            raise CheckpointError("no readout")

    context = memory_of(Blind()).compress(conversation(12, 3000))
    assert {part.fidelity for part in context.pages} == {None}
    assert context.report.fidelity == 1.0
    assert "?" in str(context.report)


def test_what_reads_too_badly_is_kept_sharper() -> None:
    schedule = ForgettingSchedule(LADDER, min_fidelity=0.95)
    context = memory_of(FakeModel(spoilt={"Tiny": 0.3}), schedule=schedule, keep_last=0).compress(
        conversation(40, 3000)
    )
    assert all(part.fidelity is not None and part.fidelity >= 0.95 for part in context.pages)
    assert {part.encoded.mode for part in context.pages} == {SMALL, BASE}


def test_a_bound_above_what_is_foreseen_is_measured_before_all_stays_text() -> None:
    schedule = ForgettingSchedule(((0, TINY),), min_fidelity=0.995)
    history = conversation(24, 2500)
    memory = memory_of(FakeModel(), schedule=schedule)
    assert memory.plan(history).tokens_after < 20 * 2500 / 4
    assert len(memory.compress(history).pages) > 5, "every page reads at 1.0"
    model = FakeModel(spoilt={"Tiny": 0.01})
    memory = memory_of(model, schedule=schedule, fade_every=1)
    assert not memory.compress(history).pages, "every page reads at 0.99"
    encoded = model.num_encoded
    memory.compress([*history, *conversation(8, 2500)])
    assert model.num_encoded == encoded, "a mode that reached the bound on no page is not tried again"


def test_what_was_foreseen_is_what_is_measured() -> None:
    model = FakeModel(spoilt={"Tiny": 0.2, "Small": 0.1})
    memory = memory_of(model, fade_every=1)
    memory.compress(conversation(40, 3000))
    calls = len(model.calls)
    plan = memory.plan(conversation(42, 3000))
    assert len(model.calls) == calls
    measured = memory.compress(conversation(42, 3000)).pages
    foreseen = [row.fidelity for row in plan.pages if row.keep not in ("text", "out")]
    misses = [abs(row - (part.fidelity or 0)) for row, part in zip(foreseen, measured, strict=True)]
    assert float(np.median(misses)) < 0.03


def test_pages_do_not_fade_to_what_the_model_does_not_read_and_the_report_says_so() -> None:
    memory = memory_of(
        FakeModel(readable=(BASE,), spoilt={"Tiny": 1.0}), schedule=ForgettingSchedule(LADDER), keep_last=0
    )
    context = memory.compress(conversation(40, 3000))
    assert {part.encoded.mode for part in context.pages} == {BASE}
    gone = [f"{mode} gives way to Base: fake does not read it on this grid" for mode in ("Small", "Tiny")]
    assert context.report.notes == gone
    assert gone[0] in str(context.report)
    assert memory_of(FakeModel()).compress(conversation(12, 3000)).report.notes == []


# Budgets


def test_a_budget_is_kept_and_what_left_is_still_recalled() -> None:
    history = conversation(40, 3000)
    history[2]["content"] = prose(1500, 2) + " the zebra listens on 5432 " + prose(1400, 3)
    memory_without = memory_of(FakeModel(), schedule=ForgettingSchedule(((0, TINY),)))
    budget = memory_without.compress(history).report.tokens_after - 5 * TINY.sequence_length()
    memory = memory_of(FakeModel(), schedule=ForgettingSchedule(budget=budget))
    report = memory.compress(history).report
    assert report.tokens_after <= budget
    assert report.out
    hits = memory.recall("zebra", 1)
    assert "the zebra listens on 5432" in hits[0].text


def test_a_budget_that_text_alone_exceeds_is_told() -> None:
    memory = memory_of(FakeModel(), schedule=ForgettingSchedule(budget=10))
    with pytest.raises(BudgetError, match="text that stays"):
        memory.compress(conversation(20, 3000))


# Ages


def test_ages_in_tokens_and_in_seconds() -> None:
    turns = [Turn("user", prose(4000, number), f"t{number}", time=1000.0 * number) for number in range(12)]
    for unit, step in (("tokens", 3000), ("seconds", 3500.0)):
        schedule = ForgettingSchedule(((0, BASE), (step, TINY)), unit)  # type: ignore[arg-type]
        modes = [part.encoded.mode for part in memory_of(FakeModel(), schedule=schedule).compress(turns).pages]
        assert modes[0] == TINY
        assert {TINY, BASE} >= set(modes)


def test_a_clock_that_goes_backwards_stands_still() -> None:
    turns = [Turn("user", prose(4000, number), f"t{number}", time=1000.0 * number) for number in range(12)]
    schedule = ForgettingSchedule(((0, BASE), (3500.0, TINY)), "seconds")
    broken = [*turns[:-1], replace(turns[-1], time=0.0)]
    pages = memory_of(FakeModel(), schedule=schedule).compress(broken).pages
    assert pages[0].encoded.mode == TINY


# Salience


def test_what_cannot_be_guessed_is_salient_and_small_talk_is_not() -> None:
    salience = Salience()
    trace = "GET https://api.example.org/v2/items/7f3a9c 200 in /srv/app/main.py:118, build 20240817\n" * 5
    varied = "".join(trace.replace("118", str(line * 37)).replace("7f3a9c", f"{line:x}9a3c") for line in range(9))
    assert salience(varied) > 2.0
    assert salience(prose(3000, 1)) == 1.0
    named, drawn = "job build_step_two of the_nightly_run", "job 3f2504e0-4f89-41d3-9a0c-0305e82c3301 at 9c1f04d7"
    assert (
        salience(prose(2000, 1) + drawn) > salience(prose(2000, 1) + named) > 1.0
    )  # a name of words can be guessed in part
    assert salience("Hey! How are you? Thanks, great, sounds good. " + "haha nice, take care, bye, see you, wow") < 1.0


def test_fragile_strings_are_told_once_and_whole() -> None:
    text = "see https://x.org/a/b_1 and /etc/hosts, id 7f3a9c12, port 5432, again 7f3a9c12"
    assert fragile_strings(text) == ["https://x.org/a/b_1", "/etc/hosts", "7f3a9c12", "5432"]


def test_a_fragile_string_that_lies_in_a_longer_one_is_told_too() -> None:
    assert fragile_strings("order 2100458 shipped, room 458, pin 2100") == ["2100458", "458", "2100"]
    assert fragile_strings("https://x.org/a/b_1 at x.org/a, b_1") == ["https://x.org/a/b_1"]


@pytest.mark.parametrize("piece", ["-", ".", "a-", "a_", "aB+", "a@", "1,0,", "\n", "  \n", "a"])
def test_no_text_takes_for_ever_to_weigh(piece: str) -> None:
    """A pattern that begins anew at each place and runs to the end takes many minutes over most of these."""
    text = "\n  " + piece * (200_000 // len(piece)) + " is in /etc/hosts, of me@x.org, 5432 or 7f3a9c12"
    assert fragile_strings(text)[-4:] == ["/etc/hosts", "me@x.org", "5432", "7f3a9c12"]
    assert Salience()(text) == 1.0


def test_long_strings_are_found_whole() -> None:
    slug = "-".join(["word"] * 40) + "-2024"
    path = "/".join(["", *["folder_of-a.name"] * 40, "file.py"])
    url = "https://x.org/" + "a" * 500
    assert fragile_strings(f"{slug} {path} {url} {'7f3a' * 100}") == [slug, path, url, "7f3a" * 100]


# Prefix stability


def test_between_fades_the_context_only_grows() -> None:
    memory = memory_of(FakeModel(), fade_every=8)
    earlier, shares, rewrites = None, [], 0
    history = conversation(204, 700)
    for num_turns in range(5, 205):
        context = memory.compress(history[:num_turns])
        if earlier is not None:
            kept = context.report.unchanged_tokens / earlier.report.tokens_after
            shares.append(kept)
            rewrites += kept < 1.0
        earlier = context
    assert rewrites <= len(shares) / 8 + 1
    assert sum(share >= 0.95 for share in shares) >= len(shares) - rewrites


def _called(shape: str, number: int) -> list[dict[str, Any]]:
    """A tool call and its result."""
    name, text = f"c{number}", prose(900, number)
    if shape == "anthropic":
        return [
            {"role": "assistant", "content": [{"type": "tool_use", "id": name, "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": text}]},
        ]
    call = {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": name, "content": text},
    ]


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_no_fade_within_a_tool_loop(shape: str) -> None:
    history: list[dict[str, Any]] = conversation(20, 2000) + _called(shape, 9)
    memory = memory_of(FakeModel(), fade_every=2)
    memory.compress(history)
    before = [part.encoded.mode for part in memory.context.pages]
    for number in range(3):
        history += _called(shape, number)
        memory.compress(history)
        assert [part.encoded.mode for part in memory.context.pages] == before


def test_an_edited_turn_is_drawn_again_alone() -> None:
    model, history = FakeModel(), conversation(20, 4095)
    memory = memory_of(model)
    memory.compress(history)
    encoded = model.num_encoded
    history[3]["content"] = prose(4095, 99)
    memory.compress(history)
    assert model.num_encoded - encoded == 1


# Troubles


def test_a_device_out_of_memory_leaves_text_with_the_reason() -> None:
    class Full(FakeModel):
        def encode(self, pages: Any, mode: Mode) -> list[EncodedPage]:
            if mode == BASE:
                raise torch.OutOfMemoryError("no room")
            return super().encode(pages, mode)

    context = memory_of(Full(), keep_last=0, schedule=ForgettingSchedule(LADDER)).compress(conversation(30, 3000))
    reasons = [part.reason for part in context.parts if isinstance(part, TextPart)]
    assert set(reasons) == {"the device is out of memory"}
    assert {part.encoded.mode for part in context.pages} == {SMALL, TINY}


def test_a_store_on_disk_needs_a_scope(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="scope"):
        memory_of(FakeModel(), store=TokenStore(files=TokenFiles(tmp_path)))


def test_two_tenants_share_nothing(tmp_path: Path) -> None:
    models = FakeModel(), FakeModel(), FakeModel()
    for model, scope in zip(models, ("ann", "bob", "ann"), strict=True):
        memory_of(model, store=TokenStore(files=TokenFiles(tmp_path)), scope=scope).compress(conversation(10, 3000))
    assert models[0].num_encoded == models[1].num_encoded > 0
    assert models[2].num_encoded == 0


def test_asynchronous_calls_give_what_the_others_give() -> None:
    history = conversation(12, 3000)
    memory = memory_of(FakeModel())

    async def talk() -> tuple[Any, Any, str]:
        context = await memory.acompress(history)
        return context, await memory.arecall("server", 2), await memory.aask("port?", 8)

    context, found, answer = asyncio.run(talk())
    assert context.messages() == memory_of(FakeModel()).compress(history).messages()
    assert [hit.number for hit in found] == [hit.number for hit in memory.recall("server", 2)]
    assert answer.endswith("at most 8 tokens")
