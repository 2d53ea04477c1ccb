"""Systems over one haystack: what each keeps within the budget, and that pages are encoded once."""

from collections.abc import Sequence

import numpy as np
import pytest

from optical_memory.encoded import EncodedPage
from optical_memory.evaluation.haystack import Trial, cycle, draw_trial
from optical_memory.evaluation.systems.catalogue import DEFAULT, SYSTEMS, build
from optical_memory.evaluation.systems.pooled import PooledText, Pooling
from optical_memory.evaluation.systems.shelf import Shelf
from optical_memory.evaluation.systems.text import TellingText, information
from optical_memory.language.tokenizer import count_text_tokens
from optical_memory.model import Model
from optical_memory.modes import TINY, Mode
from renderers import Grid, Page

TEXT = "The keeper wiped the glass at noon. He oiled the clockwork. Then he waited, and the boats came home. " * 30
OPTICAL = ("tiny", "fading", "errata", "recall")


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    haystack = cycle(TEXT, 3000)
    return [draw_trial(haystack, "uuid", "single", depth, np.random.default_rng(1)) for depth in (0.1, 0.7)]


@pytest.fixture(scope="module")
def shelf(bundled_model: Model) -> Shelf:
    return Shelf(bundled_model)


@pytest.mark.parametrize("name", OPTICAL)
def test_optical_systems_answer_from_visual_tokens_within_the_budget(
    shelf: Shelf, trials: list[Trial], name: str
) -> None:
    for trial in trials:
        answer = SYSTEMS[name](shelf).answer(trial.history, trial.quest.question, 400)
        assert trial.quest.references[0] in answer.text
        assert 73 <= answer.tokens <= 400
        assert {passage.turn for passage in answer.passages} <= set(range(len(trial.history)))


@pytest.mark.parametrize("name", ["tiny", "base", "fading", "errata", "recall", "pooled", "newest", "bm25", "telling"])
def test_a_budget_smaller_than_one_page_leaves_nothing_to_answer_from(
    shelf: Shelf, trials: list[Trial], name: str
) -> None:
    answer = SYSTEMS[name](shelf).answer(trials[0].history, trials[0].quest.question, 20)
    assert answer.tokens <= 20
    assert trials[0].quest.references[0] not in answer.text


def test_passages_of_pages_are_the_turns_own_text(shelf: Shelf, trials: list[Trial]) -> None:
    history = trials[0].history
    answer = SYSTEMS["errata"](shelf).answer(history, trials[0].quest.question, 500)
    told = {turn: "".join(p.text for p in answer.passages if p.turn == turn) for turn in range(len(history))}
    assert [told[turn] for turn in range(len(history))] == [turn["content"] for turn in history], "errata put all right"


def test_pages_are_encoded_once_for_all_systems_and_trials(
    bundled_model: Model, trials: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = bundled_model.encode

    def counting(pages: Sequence[Page], mode: Mode) -> list[EncodedPage]:
        encoded.extend(f"{page.digest} {mode}" for page in pages)
        return encode(pages, mode)

    monkeypatch.setattr(bundled_model, "encode", counting)
    for system in build(("tiny", "recall", "errata"), bundled_model):
        for trial in trials:
            system.answer(trial.history, trial.quest.question, 500)
    assert len(encoded) == len(set(encoded)), "never twice"
    assert 4 <= len(encoded) <= 6, "the second trial differs from the first in the pages of two needles"


def test_splice_and_pooled_splice_ask_the_same_decoder(bundled_model: Model, trials: list[Trial]) -> None:
    splice, pooled = build(("splice", "pooled-splice"), bundled_model)
    answer = pooled.answer(trials[0].history, "What is kept?", 160)
    assert answer.tokens == 146 and isinstance(answer.text, str)
    question = trials[0].quest.question
    answer = splice.answer(trials[0].history, question, 300)
    assert 146 < answer.tokens <= 300, "pages, and the passage"
    assert trials[0].quest.keys[0] in answer.passages[-1].text and isinstance(answer.text, str)
    assert splice.answer(trials[0].history, question, 80).tokens == 0, "no room for a page beside the passage"


def test_pooled_embeddings_keep_order_and_fail_where_the_window_is_too_long(bundled_model: Model) -> None:
    alphabet = tuple(sorted(set(TEXT)))
    text = TEXT[:512]
    for window, least, most in ((64, 1.0, 1.0), (512, 0.0, 0.6)):
        pooling = Pooling(alphabet, window, 768)
        vectors = pooling.pool(text)
        assert vectors.shape == (512 // window, 768)
        read, probabilities = pooling.read(vectors, len(text))
        right = float(np.mean([one == other for one, other in zip(read, text, strict=True)]))
        assert least <= right <= most and len(probabilities) == len(text)
    for columns in (64, 128):  # denser pages must not cost the baseline its reading
        model = bundled_model.on_grid(Grid(columns, 64))
        answer = PooledText(model, TINY).answer([{"role": "user", "content": TEXT}], "Who wiped the glass?", 73)
        assert answer.tokens == 73
        assert "".join(passage.text for passage in answer.passages) == TEXT[-4096:]


def test_telling_words_keep_what_is_rare_and_count_their_tokens() -> None:
    history = [{"role": "user", "content": TEXT + "The code is zebra-77421. " + TEXT}]
    answer = TellingText().answer(history, "What is the code?", 12)
    (passage,) = answer.passages
    assert "zebra-77421." in passage.text
    assert count_text_tokens([passage.text])[0] <= answer.tokens + 2 <= 14


def test_information_is_high_for_what_is_rare_and_unforeseen() -> None:
    (told,) = information([[1, 2] * 50 + [9] + [1, 2] * 50])
    assert told.argmax() == 100
    assert told[1] < told[0], "2 always follows 1"


def test_the_default_systems_need_no_trained_decoder() -> None:
    assert {"splice", "pooled-splice"} == SYSTEMS.keys() - set(DEFAULT)
