"""From runs to one checkpoint file: `optical-memory train export --encoder RUN --decoder RUN --out FILE`."""

from pathlib import Path

from torch import Tensor

from optical_memory.checkpoint import save_checkpoint
from optical_memory.config import ModelConfig
from optical_memory.training.run import load_weights

_KEPT = ("encoder.", "readout.")


def export(config: ModelConfig, encoder_run: Path, decoder_run: Path | None, out: Path) -> None:
    """Writes encoder and readout of one run and the decoder of another; the auxiliary head stays behind."""
    loaded = load_weights(encoder_run)
    tensors: dict[str, Tensor] = {name: tensor for name, tensor in loaded["model"].items() if name.startswith(_KEPT)}
    notes = {"encoder_steps": str(loaded["state"]["step"]), "corpus": loaded["state"]["corpus"]}
    if decoder_run is not None:
        decoder = load_weights(decoder_run)
        tensors |= {f"decoder.{name}": tensor for name, tensor in decoder["model"].items()}
        notes["decoder_steps"] = str(decoder["state"]["step"])
    save_checkpoint(out, config, tensors, notes)
