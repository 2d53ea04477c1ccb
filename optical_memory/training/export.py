"""From runs to one checkpoint file: `optical-memory train export --encoder RUN --decoder PATH --out FILE`."""

from pathlib import Path

from torch import Tensor, nn

from optical_memory.checkpoint import save_checkpoint
from optical_memory.config import ModelConfig
from optical_memory.training.run import load_weights, start_with

_KEPT = ("encoder.", "readout.")


def export(config: ModelConfig, encoder_run: Path, decoder_from: Path | None, out: Path) -> None:
    """Writes encoder and readout of a run (of either stage), and the decoder of a run or checkpoint file."""
    loaded = load_weights(encoder_run)
    tensors: dict[str, Tensor] = {name: tensor for name, tensor in loaded["model"].items() if name.startswith(_KEPT)}
    notes = {"encoder_steps": str(loaded["state"]["step"]), "corpus": loaded["state"]["corpus"]}
    if decoder_from is not None and config.decoder is not None:
        from optical_memory.language.decoder import build_decoder

        holder = nn.ModuleDict({"decoder": build_decoder(config.decoder)})
        start_with(holder, decoder_from)
        tensors |= holder.state_dict()
        if not decoder_from.is_file():
            notes["decoder_steps"] = str(load_weights(decoder_from)["state"]["step"])
    save_checkpoint(out, config, tensors, notes)
