"""From runs to one checkpoint file: `optical-memory train export --encoder RUN... --decoder PATH --out FILE`."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from optical_memory.checkpoint import Checkpoint, save_checkpoint
from optical_memory.config import ModelConfig
from optical_memory.errors import CheckpointError
from optical_memory.training.run import load_weights, start_with

_ENCODER = ("encoder.", "readout.")


def export(
    config: ModelConfig,
    encoders: Sequence[Path],
    decoder: Path | None,
    out: Path,
    shares: Sequence[float] | None = None,
) -> None:
    """Writes encoder and readout of a run (of either stage), and the decoder of a run; each of a checkpoint file as well.

    Of several runs, each begun from the one before, the weighted mean of their weights (model soups, arXiv 2203.05482): it
    keeps most of what each can do. `shares` add up to 1; all alike if not given. Raises CheckpointError if they do not, or if a
    file is of another encoder.
    """
    tensors: dict[str, Tensor] = {}
    stored: dict[str, Tensor] = {}
    if len(encoders) == 1 and encoders[0].is_file():
        checkpoint = Checkpoint(encoders[0])
        if (checkpoint.config.encoder, checkpoint.config.readout) != (config.encoder, config.readout):
            raise CheckpointError(
                f"{encoders[0]} holds an encoder of other sizes or another alphabet: export from a run"
            )
        stored = checkpoint.stored(_ENCODER)
        notes = {name: checkpoint.notes[name] for name in ("encoder_steps", "corpus") if name in checkpoint.notes}
    else:
        tensors, notes = _mean(encoders, shares)
    if decoder is not None and config.decoder is not None:
        from optical_memory.language.decoder import build_decoder

        holder = nn.ModuleDict({"decoder": build_decoder(config.decoder)})
        start_with(holder, decoder)
        tensors |= holder.state_dict()
        if not decoder.is_file():
            notes["decoder_steps"] = str(load_weights(decoder)["state"]["step"])
    save_checkpoint(out, config, tensors, notes, stored)


def _mean(runs: Sequence[Path], shares: Sequence[float] | None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Encoder and readout, and what the header says of them."""
    shares = [1 / len(runs)] * len(runs) if shares is None else shares
    if len(shares) != len(runs) or abs(sum(shares) - 1) > 1e-6:
        raise CheckpointError(f"{len(runs)} runs need as many shares that add up to 1, got {list(shares)}")
    tensors: dict[str, Tensor] = {}
    steps = []
    for run, share in zip(runs, shares, strict=True):
        loaded = load_weights(run)
        for name, tensor in loaded["model"].items():
            if name.startswith(_ENCODER):
                tensors[name] = tensors.get(name, 0) + share * tensor
        steps.append(str(loaded["state"]["step"]))
    return tensors, {"encoder_steps": " + ".join(steps), "corpus": loaded["state"]["corpus"]}
