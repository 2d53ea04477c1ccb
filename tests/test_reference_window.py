"""Unlimited-OCR, the second checkpoint of the family: its config, and its reference sliding window token for token."""

import json
from pathlib import Path

import pytest
import torch
from transformers import UnlimitedOcrConfig, UnlimitedOcrForConditionalGeneration

from optical_memory.config import deepseek_ocr
from optical_memory.errors import CheckpointError
from optical_memory.language.generate import RepetitionGuard, generate
from optical_memory.language.prefix import Prefix
from optical_memory.loading import load_model
from optical_memory.official_config import config_from_official
from optical_memory.splice import splice
from tests.published_toy import TOY, write_toy

WINDOW = 5


def test_transformers_own_config_is_understood() -> None:
    config = config_from_official(UnlimitedOcrConfig().to_dict())
    official = deepseek_ocr()
    assert config.name == "unlimited-ocr"
    assert config.encoder == official.encoder
    assert config.decoder is not None and official.decoder is not None
    assert (config.decoder.reference_window, config.decoder.max_positions) == (128, 32_768)
    assert config.decoder.width == official.decoder.width
    assert config.decoder.image_token == official.decoder.image_token
    assert config.decoder.num_dense_layers == 1


def test_a_field_that_transformers_leaves_out_is_named() -> None:
    config = json.loads(json.dumps(UnlimitedOcrConfig().to_dict()))
    del config["vision_config"]["sam_config"]["hidden_size"]
    with pytest.raises(CheckpointError, match=r"sam_vit_b\.width is None"):
        config_from_official(config)


@torch.no_grad()
@pytest.mark.parametrize("window", [WINDOW, None])
def test_greedy_tokens_equal_the_oracles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int | None) -> None:
    fields = {} if window is None else {"sliding_window": window}
    config, _ = write_toy(tmp_path, **fields)
    model = load_model(tmp_path, "cpu")
    assert config.decoder is not None and config.decoder.reference_window == window
    oracle = _oracle(tmp_path, window)
    pixels = torch.rand(2, 3, 512, 512, generator=torch.Generator().manual_seed(2)) * 2 - 1
    rows = [model.encoder.sequence(tokens) for tokens in model.encoder(pixels)]
    image = config.decoder.image_token
    tokens = [0, 20, 21, *[image] * len(rows[0]), 22, *[image] * len(rows[1]), 23, 24]
    spliced = splice(tokens, rows, image, model.decoder.model.embed_tokens)
    scores, free = Scores(), Scores()
    ours = generate(model.decoder, spliced, 4 * WINDOW, scores, Prefix())
    theirs = oracle.generate(
        input_ids=torch.tensor([tokens]),
        pixel_values=pixels,
        max_new_tokens=4 * WINDOW,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    told = theirs.sequences[0, len(tokens) :].tolist()
    told = told[: told.index(1)] if 1 in told else told
    assert len(told) > 2 * WINDOW and len(set(told)) > 3
    assert ours == told
    expected = torch.cat(theirs.logits[: len(scores.seen)])
    torch.testing.assert_close(torch.cat(scores.seen), expected, atol=1e-4, rtol=1e-4)
    monkeypatch.setattr("optical_memory.language.growing.has_window", lambda _: False)
    generate(model.decoder, spliced, 4 * WINDOW, free)
    differs = (torch.cat(free.seen)[: len(expected)] - expected).abs().max() > 1e-3
    assert differs == (window is not None), "a toy that does not depend on the window proves nothing"


class Scores(RepetitionGuard):
    """Keeps the scores of every token; so few repeat nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.seen.append(scores.clone())
        return super().__call__(input_ids, scores)


def _oracle(folder: Path, window: int | None) -> UnlimitedOcrForConditionalGeneration:
    language = TOY["language_config"]
    kind = "full_attention" if window is None else "reference_sliding_attention"
    config = UnlimitedOcrConfig(
        vision_config={
            "sam_config": {
                "hidden_size": 24,
                "num_hidden_layers": 3,
                "num_attention_heads": 2,
                "global_attn_indexes": (1,),
                "mlp_dim": 96,
                "downsample_channels": (12, 16),
            },
            "encoder_config": {
                "hidden_size": 16,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
            },
        },
        text_config={
            "vocab_size": language["vocab_size"],
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "n_routed_experts": 8,
            "num_experts_per_tok": 3,
            "n_shared_experts": 2,
            "moe_intermediate_size": 24,
            "max_position_embeddings": 8192,
            "layer_types": [kind] * 3,
            "sliding_window": window or 128,
        },
        image_token_id=json.loads((folder / "config.json").read_text())["image_token_id"],
    )
    (folder / "generation_config.json").write_text("{}")
    oracle, report = UnlimitedOcrForConditionalGeneration.from_pretrained(
        folder, config=config, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    return oracle.eval()
