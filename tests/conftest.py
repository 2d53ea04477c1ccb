"""Models for tests: a toy with random weights, written once a session, and the bundled one."""

from pathlib import Path

import pytest
import torch

from optical_memory.checkpoint import save_checkpoint
from optical_memory.config import tiny_random
from optical_memory.language.decoder import build_decoder
from optical_memory.loading import load_model
from optical_memory.model import Model
from optical_memory.vision.encoder import DeepEncoder
from optical_memory.vision.readout import Readout


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the toy configuration with random weights everywhere, position tables included."""
    config = tiny_random()
    assert config.readout is not None and config.decoder is not None
    torch.manual_seed(7)
    encoder = DeepEncoder(config.encoder)
    parts = {
        "encoder": encoder,
        "readout": Readout(config.readout, config.encoder.width),
        "decoder": build_decoder(config.decoder),
    }
    with torch.no_grad():
        for parameter in encoder.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    tensors = {f"{name}.{key}": tensor for name, part in parts.items() for key, tensor in part.state_dict().items()}
    path = tmp_path_factory.mktemp("checkpoints") / "tiny.safetensors"
    save_checkpoint(path, config, tensors, {"note": "random"})
    return path


@pytest.fixture(scope="session")
def tiny_model(tiny_checkpoint: Path) -> Model:
    return load_model(tiny_checkpoint, "cpu")


@pytest.fixture(scope="session")
def bundled_model() -> Model:
    return load_model("default", "cpu")
