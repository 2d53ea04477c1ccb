"""From runs to one checkpoint file: `optical-memory train export --encoder RUN... --decoder PATH --out FILE`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from optical_memory.checkpoint import FONT, Checkpoint, save_checkpoint
from optical_memory.config import DecoderConfig, ModelConfig
from optical_memory.errors import CheckpointError
from optical_memory.training.run import load_weights, start_with
from optical_memory.vision.readout import Readout
from renderers import Face

if TYPE_CHECKING:
    from optical_memory.language.decoder import Decoder

_ENCODER = ("encoder.", "readout.")
_CLASSIFIER = "readout.cells.classify.weight"


def export(
    config: ModelConfig,
    encoders: Sequence[Path],
    decoder: Path | None,
    out: Path,
    shares: Sequence[float] | None = None,
) -> None:
    """Writes encoder and readout of a run (of either stage), and the decoder of a run; each of a checkpoint file as well.

    Of several encoders, each begun from the one before, the weighted mean of their weights (model soups, arXiv 2203.05482): it
    keeps most of what each can do. `shares` add up to 1; all alike if not given. Raises CheckpointError if they do not, or if a
    file is of another encoder.
    """
    tensors: dict[str, Tensor] = {}
    stored: dict[str, Tensor] = {}
    if len(encoders) == 1 and encoders[0].is_file():
        checkpoint = _checkpoint_of(encoders[0], config)
        stored, notes = checkpoint.stored(_ENCODER), _notes_of(checkpoint)
    else:
        tensors, notes = _mean(encoders, shares, config)
    if decoder is not None and config.decoder is not None:
        tensors |= _prefixed(_decoder_of(decoder, config.decoder))
        if not decoder.is_file():
            notes["decoder_steps"] = str(load_weights(decoder)["state"]["step"])
    save_checkpoint(out, config, tensors, notes, stored)


def export_in_face(config: ModelConfig, run: Path, origin: Path, face: Face, out: Path) -> None:
    """Writes the encoder and readout of a run that learnt to read `face`, the font itself, and the decoder of the checkpoint file
    `origin` without the layers that read pages: they read the tokens of another encoder."""
    tensors, notes = _mean([run], None, config)
    _save_in_face(config, tensors, {}, notes, origin, face, out)


def export_readout_in_face(config: ModelConfig, readout: Readout, origin: Path, face: Face, out: Path) -> None:
    """The same with the encoder of `origin`, as it is there, and a readout that was set to `face`."""
    checkpoint = Checkpoint(origin)
    tensors = {f"readout.{name}": tensor for name, tensor in readout.state_dict().items()}
    _save_in_face(config, tensors, checkpoint.stored(["encoder."]), _notes_of(checkpoint), origin, face, out)


def _save_in_face(
    config: ModelConfig,
    tensors: dict[str, Tensor],
    stored: dict[str, Tensor],
    notes: dict[str, str],
    origin: Path,
    face: Face,
    out: Path,
) -> None:
    if config.decoder is not None:
        from optical_memory.language.decoder import for_text

        tensors |= _prefixed(for_text(_decoder_of(origin, config.decoder), config.decoder))
        config = replace(config, decoder=config.decoder.for_text)
    font = face.strikes[0].font
    if font is not None:
        stored = stored | {FONT: torch.frombuffer(bytearray(font), dtype=torch.uint8)}
    save_checkpoint(out, config, tensors, notes, stored)


def _decoder_of(path: Path, config: DecoderConfig) -> "Decoder":
    """The decoder of a run or a checkpoint file."""
    from optical_memory.language.decoder import build_decoder

    decoder = build_decoder(config)
    start_with(nn.ModuleDict({"decoder": decoder}), path)
    return decoder


def _prefixed(decoder: "Decoder") -> dict[str, Tensor]:
    return {f"decoder.{name}": tensor for name, tensor in decoder.state_dict().items()}


def _checkpoint_of(file: Path, config: ModelConfig) -> Checkpoint:
    checkpoint = Checkpoint(file)
    if (checkpoint.config.encoder, checkpoint.config.readout) != (config.encoder, config.readout):
        raise CheckpointError(f"{file} holds an encoder of other sizes or another alphabet: export from a run")
    return checkpoint


def _notes_of(checkpoint: Checkpoint) -> dict[str, str]:
    return {name: checkpoint.notes[name] for name in ("encoder_steps", "corpus") if name in checkpoint.notes}


def _mean(
    encoders: Sequence[Path], shares: Sequence[float] | None, config: ModelConfig
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Encoder and readout, and what the header says of them."""
    shares = [1 / len(encoders)] * len(encoders) if shares is None else shares
    if len(shares) != len(encoders) or abs(sum(shares) - 1) > 1e-6:
        raise CheckpointError(f"{len(encoders)} encoders need as many shares that add up to 1, got {list(shares)}")
    tensors: dict[str, Tensor] = {}
    found = [_encoder_of(encoder, config) for encoder in encoders]
    newest = max((weights for weights, _ in found), key=lambda weights: len(weights.get(_CLASSIFIER, ())))
    for (weights, _), share in zip(found, shares, strict=True):
        for name, tensor in weights.items():
            if name.startswith(_ENCODER):
                # Characters that an older run did not know are as the newest has them.
                whole = tensor if tensor.ndim == 0 else torch.cat([tensor, newest[name][len(tensor) :]])
                tensors[name] = tensors.get(name, 0) + share * whole
    steps = " + ".join(notes.get("encoder_steps", "?") for _, notes in found)
    return tensors, found[-1][1] | {"encoder_steps": steps}


def _encoder_of(encoder: Path, config: ModelConfig) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights of a run or a checkpoint file, and what is to be said of them."""
    if encoder.is_file():
        checkpoint = _checkpoint_of(encoder, config)
        return checkpoint.load(_ENCODER), _notes_of(checkpoint)
    loaded = load_weights(encoder)
    return loaded["model"], {"encoder_steps": str(loaded["state"]["step"]), "corpus": loaded["state"]["corpus"]}
