"""The speed figures at toy size: every row is there, the floors are the arithmetic, the peer has our weights."""

import pytest
import torch

from optical_memory.config import deepseek_ocr, tiny_random
from optical_memory.evaluation.clock import Clock
from optical_memory.evaluation.decoder_speed import evaluate_decoder
from optical_memory.evaluation.encoder_speed import evaluate_encoder
from optical_memory.evaluation.floors import active_weights, encoder_operations, prefill_operations
from optical_memory.evaluation.reader_speed import evaluate_readers
from optical_memory.footprint import as_rows, cache_bytes, footprints
from optical_memory.model import Model
from optical_memory.modes import TINY
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import CellGrid, Readout

CPU = torch.device("cpu")


def test_encoder_operations_are_what_the_encoder_does() -> None:
    """torch counts the operations of the plain path, all but CLIP's attention, whose fused kernel it does not know."""
    from torch.utils.flop_counter import FlopCounterMode

    config = tiny_random().encoder
    encoder = DeepEncoder(config).train()
    with FlopCounterMode(display=False) as counter:
        encoder(torch.zeros(1, 3, 512, 512))
    attention = config.clip.depth * 4 * 65**2 * config.clip.width
    assert encoder_operations(config, 512) == counter.get_total_flops() + attention


def test_active_weights_of_the_official_decoder() -> None:
    """About 570 M, as the paper says; the embedding table is looked up, not multiplied."""
    decoder = deepseek_ocr().decoder
    assert decoder is not None
    assert 550e6 < active_weights(decoder) < 750e6
    assert prefill_operations(decoder, 2000) > 2 * prefill_operations(decoder, 1000)


@pytest.mark.filterwarnings("ignore")
def test_the_encoder_stands_beside_its_peer() -> None:
    figures = evaluate_encoder(tiny_random().encoder, [TINY], Clock(CPU, 1), torch.float32, 1)
    metrics = {figure.metric.split(" (")[0]: figure for figure in figures}
    assert metrics["largest difference"].value <= 1e-4
    assert metrics["speed ratio"].value > 0
    assert metrics["GFLOP a page"].value > 0 and metrics["MB moved a page"].value > 0
    rows = [figure.system.split(",")[0] for figure in figures if figure.metric.startswith("pages a second")]
    assert rows == ["optical_memory", "transformers UnlimitedOcr"]


def test_without_a_peer_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optical_memory.evaluation.encoder_speed.peer_of", lambda *_: None)
    figures = evaluate_encoder(tiny_random().encoder, [TINY], Clock(CPU, 1), torch.float32, 1)
    (missing,) = [figure for figure in figures if figure.n == 0]
    assert missing.system == "transformers UnlimitedOcr" and "has no UnlimitedOcr" in missing.metric


@pytest.mark.filterwarnings("ignore")
def test_the_decoder_has_every_experts_implementation() -> None:
    config = tiny_random().decoder
    assert config is not None
    figures = evaluate_decoder(config, Clock(CPU, 1), torch.float32, num_pages=1, prompt=32)
    decoded = [figure for figure in figures if figure.metric.startswith("decode tokens a second")]
    assert [figure.system.split(",")[0] for figure in decoded] == [
        "experts grouped_mm",
        "experts eager",
        "experts batched_mm",
        "as it answers",
    ]
    first = [figure for figure in figures if "first token" in figure.metric]
    assert {figure.metric.split()[-2] for figure in first} == {"74", "931"}


def test_footprint_is_the_arithmetic() -> None:
    official = deepseek_ocr()
    by_mode = {item.mode: item for item in footprints(official)}
    assert by_mode["Tiny"].token_bytes == 2560
    assert by_mode["Base"].kept == 256 * 2560
    assert cache_bytes(official) == 60 * 1024
    assert by_mode["Tiny"].cache == 73 * 60 * 1024
    assert by_mode["Gundam"].sequence_length == 273 + 20 * 21
    assert "Gundam-M 2x2" in as_rows(footprints(official))


@pytest.mark.filterwarnings("ignore")
def test_both_readers_stand_beside_each_other_and_their_floors(tiny_model: Model) -> None:
    figures = evaluate_readers(tiny_model, Clock(CPU, 1))
    metrics = {figure.metric.split(" (")[0]: figure for figure in figures}
    assert metrics["speed ratio"].value > 0 and metrics["times the floor of its bytes"].value > 0
    read = {figure.mode: figure.value for figure in figures if figure.metric == "GFLOP to read a page"}
    assert read["Tiny"] < read["Small"] < read["Base"] < read["Large"]
    readout = tiny_model.readout
    assert readout is not None
    every = [module for module in readout.modules() if isinstance(module, torch.nn.Linear)]
    assert every, "the products that oneDNN makes"
    assert read["Tiny"] * 1e9 == _operations(readout, tiny_model)


def _operations(readout: Readout, model: Model) -> int:
    """Of reading a page at Tiny: two for every weight of a layer and every place it is applied to."""
    total = 0

    def count(layer: torch.nn.Module, _: object, made: torch.Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        channels = made.shape[1] if isinstance(layer, torch.nn.Conv2d) else made.shape[-1]
        total += 2 * weight.numel() * made.numel() // channels

    layers = [layer for layer in readout.modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        tokens = torch.zeros(1, TINY.grid**2, model.config.encoder.width)
        readout(tokens, CellGrid(64, 64, TINY.side // 64, TINY.side // 64))
    for hook in hooks:
        hook.remove()
    return total
