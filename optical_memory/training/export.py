"""From runs to one checkpoint file: `optical-memory train export --encoder RUN... --decoder PATH --out FILE`."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from optical_memory.checkpoint import save_checkpoint
from optical_memory.config import ModelConfig
from optical_memory.errors import CheckpointError
from optical_memory.training.run import load_weights, start_with

_KEPT = ("encoder.", "readout.")


def export(
    config: ModelConfig,
    encoder_runs: Sequence[Path],
    decoder_from: Path | None,
    out: Path,
    shares: Sequence[float] | None = None,
) -> None:
    """Writes encoder and readout of a run (of either stage), and the decoder of a run or checkpoint file.

    Of several runs, each begun from the one before, the weighted mean of their weights (model soups, arXiv 2203.05482): it
    keeps most of what each can do. `shares` add up to 1; all alike if not given. Raises CheckpointError if they do not.
    """
    shares = [1 / len(encoder_runs)] * len(encoder_runs) if shares is None else shares
    if len(shares) != len(encoder_runs) or abs(sum(shares) - 1) > 1e-6:
        raise CheckpointError(f"{len(encoder_runs)} runs need as many shares that add up to 1, got {list(shares)}")
    tensors: dict[str, Tensor] = {}
    steps = []
    for run, share in zip(encoder_runs, shares, strict=True):
        loaded = load_weights(run)
        for name, tensor in loaded["model"].items():
            if name.startswith(_KEPT):
                tensors[name] = tensors.get(name, 0) + share * tensor
        steps.append(str(loaded["state"]["step"]))
    notes = {"encoder_steps": " + ".join(steps), "corpus": loaded["state"]["corpus"]}
    if decoder_from is not None and config.decoder is not None:
        from optical_memory.language.decoder import build_decoder

        holder = nn.ModuleDict({"decoder": build_decoder(config.decoder)})
        start_with(holder, decoder_from)
        tensors |= holder.state_dict()
        if not decoder_from.is_file():
            notes["decoder_steps"] = str(load_weights(decoder_from)["state"]["step"])
    save_checkpoint(out, config, tensors, notes)
