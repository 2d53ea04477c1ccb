"""Older weights in a model that knows more characters: what they knew stays as it was, what is new has a place of its own."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from optical_memory.checkpoint import save_checkpoint
from optical_memory.config import NUM_SPECIAL_TOKENS, ModelConfig, ReadoutConfig, SignpostConfig, tiny_random
from optical_memory.language.decoder import build_decoder
from optical_memory.language.start import start_looking_up
from optical_memory.training.run import start_with
from optical_memory.vision.readout import CellGrid, Readout

OLDER = ReadoutConfig(alphabet=" abcdefghijklm", width=32, depth=1, cell_width=16)
NEWER = replace(OLDER, alphabet=OLDER.alphabet + "xyz")


def with_signposts(readout: ReadoutConfig) -> ModelConfig:
    toy, signposts = tiny_random(), SignpostConfig(tokens=2, cells=4, features=(1, 2))
    assert toy.decoder is not None
    vocabulary = NUM_SPECIAL_TOKENS + len(readout.alphabet) + signposts.rows + signposts.tokens
    return replace(toy, readout=readout, decoder=replace(toy.decoder, vocab_size=vocabulary, signposts=signposts))


def test_a_readout_tells_the_characters_that_it_knew_as_before_and_none_of_the_new_ones(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = with_signposts(OLDER)
    before, after = (nn.ModuleDict({"readout": Readout(readout, 64)}) for readout in (OLDER, NEWER))
    with torch.no_grad():
        before["readout"].cells.classify.weight *= 8  # as sure as one that has learnt
    save_checkpoint(tmp_path / "older.safetensors", config, before.state_dict(), {})

    start_with(after, tmp_path / "older.safetensors")

    tokens, grid = torch.randn(2, 4, 64), CellGrid(8, 8, 16, 16)
    known, seated = before["readout"](tokens, grid), after["readout"](tokens, grid)
    assert torch.allclose(seated[..., : len(OLDER.alphabet)], known, atol=0.05 * float(known.detach().abs().max()))
    assert (seated.argmax(-1) < len(OLDER.alphabet)).float().mean() > 0.9


def test_new_characters_of_a_decoder_stand_before_its_signposts_with_codes_of_their_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    older, newer = with_signposts(OLDER), with_signposts(NEWER)
    assert older.decoder is not None and newer.decoder is not None
    before, after = (nn.ModuleDict({"decoder": build_decoder(config)}) for config in (older.decoder, newer.decoder))
    start_looking_up(before["decoder"])
    save_checkpoint(tmp_path / "older.safetensors", older, before.state_dict(), {})

    start_with(after, tmp_path / "older.safetensors")

    end = NUM_SPECIAL_TOKENS + len(OLDER.alphabet)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        known, seated = (module["decoder"].state_dict()[name] for module in (before, after))
        assert torch.allclose(seated[:end], known[:end], atol=0.05)
        assert torch.allclose(seated[end + 3 :], known[end:], atol=0.05)
    codes = after["decoder"].model.embed_tokens.weight[NUM_SPECIAL_TOKENS : end + 3, :16]
    said = after["decoder"].lm_head.weight[NUM_SPECIAL_TOKENS : end + 3]
    likeness = said[:, said[-1].abs() > 0.05] @ codes.T
    assert (likeness.argmax(0) == torch.arange(len(codes))).all(), "each is said by its own code"
