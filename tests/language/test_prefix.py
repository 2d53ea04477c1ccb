"""Prefix reuse: the same tokens as without, and only what is new goes through the decoder."""

import pytest
import torch

from optical_memory.config import tiny_random
from optical_memory.language.decoder import Decoder, build_decoder
from optical_memory.language.generate import RepetitionGuard, generate
from optical_memory.language.prefix import Prefix


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    config = tiny_random().decoder
    assert config is not None
    torch.manual_seed(0)
    return build_decoder(config).eval()


def rows(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 64, generator=torch.Generator().manual_seed(seed))


def test_reuse_changes_no_token(decoder: Decoder) -> None:
    context, prefix = rows(40, 0), Prefix()
    for tail in (rows(5, 1), rows(9, 2), rows(1, 3)):
        asked = torch.cat([context, tail])
        again = generate(decoder, asked, 12, RepetitionGuard(), prefix)
        assert again == generate(decoder, asked, 12, RepetitionGuard())
    assert prefix.num_reused == 40


def test_it_equals_generation_by_transformers(decoder: Decoder) -> None:
    asked = rows(30, 5)
    theirs = decoder.generate(
        inputs_embeds=asked[None],
        attention_mask=torch.ones(1, 30, dtype=torch.long),
        max_new_tokens=10,
        do_sample=False,
        pad_token_id=decoder.config.eos_token_id,
    )[0].tolist()
    assert theirs[: len(generate(decoder, asked, 10))] == generate(decoder, asked, 10)


def test_only_what_is_equal_is_reused(decoder: Decoder) -> None:
    prefix = Prefix()
    first = rows(20, 0)
    generate(decoder, first, 2, prefix=prefix)
    changed = first.clone()
    changed[7] += 1
    generate(decoder, changed, 2, prefix=prefix)
    assert prefix.num_reused == 7
    generate(decoder, changed[:5], 2, prefix=prefix)
    assert prefix.num_reused == 4
    prefix.clear()
    generate(decoder, changed, 2, prefix=prefix)
    assert prefix.num_reused == 0


def test_a_call_that_broke_off_leaves_nothing_to_go_on_from(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, prefix = rows(20, 0), Prefix()
    generate(decoder, asked, 2, prefix=prefix)
    longer = torch.cat([asked, rows(4, 1)])
    last = decoder.model.layers[-1]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(last, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            generate(decoder, longer, 2, prefix=prefix)
    for tail in (rows(4, 1), rows(1, 2)):
        again = torch.cat([asked, tail])
        assert generate(decoder, again, 6, prefix=prefix) == generate(decoder, again, 6)


def test_what_is_not_shared_is_overwritten(decoder: Decoder) -> None:
    prefix = Prefix()
    generate(decoder, rows(20, 0), 2, prefix=prefix)
    kept = [layer.keys for layer in prefix.cache.layers]
    own = rows(20, 1)
    generate(decoder, own, 2, prefix=prefix)
    assert not any(keys.any() for keys in kept)
    generate(decoder, rows(20, 2), 2, prefix=prefix)
    assert torch.equal(own, rows(20, 1))  # the caller's rows are not touched
