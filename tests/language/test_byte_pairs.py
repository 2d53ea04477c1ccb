"""The official tokenizer's loader: what is encoded comes back, and what users wrote is never a special token."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, pre_tokenizers

from optical_memory.errors import CheckpointError
from optical_memory.language.byte_pairs import PROBE, BytePairTokenizer
from optical_memory.language.tokenizer import deepseek_bpe
from tests.published_toy import SPECIAL, toy_tokenizer

IMAGE = SPECIAL.index("<image>")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    toy_tokenizer().save(str(path))
    return path


@pytest.fixture(scope="module")
def tokenizer(file: Path) -> BytePairTokenizer:
    return BytePairTokenizer(file, IMAGE, {0xE055: "\nuser: "})


@given(text=st.text())
@settings(deadline=None)
def test_any_text_comes_back(tokenizer: BytePairTokenizer, text: str) -> None:
    clean = text.encode("utf-8", "replace").decode().replace("\ue055", "\nuser: ")
    assert tokenizer.decode(tokenizer.encode(text)) == clean


@pytest.mark.parametrize("name", SPECIAL)
def test_special_tokens_in_text_are_spelt_out(tokenizer: BytePairTokenizer, name: str) -> None:
    tokens = tokenizer.encode(f"a {name}{name} b")
    assert not set(tokens) & set(range(len(SPECIAL)))
    assert tokenizer.decode(tokens) == f"a {name}{name} b"


def test_markers_are_said(tokenizer: BytePairTokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("\ue055Hello")) == "\nuser: Hello"


def test_cells_of_tables_may_repeat(tokenizer: BytePairTokenizer) -> None:
    assert tokenizer.repeatable == (SPECIAL.index("<td>"), SPECIAL.index("</td>"))


def test_a_prompt_holds_no_picture(tokenizer: BytePairTokenizer) -> None:
    with pytest.raises(ValueError, match="parts of the context"):
        tokenizer.question("<image>\nFree OCR.")


def test_deepseeks_own_merges_pass(tmp_path: Path) -> None:
    bpe = deepseek_bpe().to_str()
    own = Tokenizer.from_str(bpe)
    own.add_special_tokens(["<image>"])
    own.save(str(tmp_path / "tokenizer.json"))
    loaded = BytePairTokenizer(tmp_path / "tokenizer.json", own.token_to_id("<image>"), {})
    assert loaded.decode(loaded.encode(PROBE)) == PROBE


def test_the_same_file_read_as_another_kind_is_refused(tmp_path: Path) -> None:
    """What a Llama loader makes of it: spaces become a mark, bytes are gibberish."""
    broken = toy_tokenizer()
    broken.pre_tokenizer = pre_tokenizers.Metaspace()
    broken.decoder = decoders.Metaspace()
    broken.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="does not give back what it encodes"):
        BytePairTokenizer(tmp_path / "tokenizer.json", IMAGE, {})


def test_a_tokenizer_of_another_model_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"<image> is token {IMAGE}, the model has it at 128815"):
        BytePairTokenizer(file, 128_815, {})
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="damaged"):
        BytePairTokenizer(tmp_path / "tokenizer.json", IMAGE, {})
