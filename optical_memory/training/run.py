"""A training run on disk: its state, its rate, its parameter groups. Shared by the stages."""

import json
import math
import os
import pickle
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from tqdm import tqdm

from optical_memory.checkpoint import Checkpoint
from optical_memory.errors import CheckpointError, MissingExtraError
from optical_memory.training.recipe import Recipe
from optical_memory.training.seats import seat_characters, seat_layers, seat_tokens

SAVE_EVERY = 250
"""Steps between two states on disk."""


class Crew:
    """The processes of a run: one by default, as many as `accelerate launch` starts. Each draws lessons of its own."""

    def __init__(self, device: torch.device) -> None:
        try:
            from accelerate import Accelerator, DistributedDataParallelKwargs
        except ImportError as error:
            raise MissingExtraError("training needs accelerate: pip install 'optical-memory[train]'") from error
        # Stage 1 has no use for the newline, and its first steps none for the readout.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self._accelerator = Accelerator(cpu=device.type == "cpu", kwargs_handlers=[unused])
        self.device: torch.device = self._accelerator.device if self.size > 1 else device

    @property
    def size(self) -> int:
        return int(self._accelerator.num_processes)

    @property
    def rank(self) -> int:
        return int(self._accelerator.process_index)

    @property
    def leads(self) -> bool:
        """Whether this process writes the run's files."""
        return bool(self._accelerator.is_main_process)

    def steps(self, first: int, total: int) -> "tqdm[int]":
        """The numbers of the steps that are left, with a progress bar where this process leads."""
        return tqdm(
            range(first, total), initial=first, total=total, unit="step", mininterval=1.0, disable=not self.leads
        )

    def prepare(self, module: nn.Module) -> nn.Module:
        """The module that averages its gradients over the processes; itself, if there is only one."""
        return (
            cast(nn.Module, self._accelerator.prepare_model(module, device_placement=False))
            if self.size > 1
            else module
        )

    def gathering(self, module: nn.Module, is_last: bool) -> AbstractContextManager[Any]:
        """Gradients are averaged only behind the last part of a step."""
        return nullcontext() if is_last or self.size == 1 else self._accelerator.no_sync(module)


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run on disk holds besides tensors: where it is, and what it must not be mixed with."""

    stage: str
    model: str
    corpus: str
    step: int
    recipe: dict[str, Any]
    font: str = ""
    """Digest of the one font file that all of its pages are set in, if there is one: two fonts may have one name."""


def rate_at(step: int, recipe: Recipe) -> float:
    """Learning rate: linear warm-up, constant, then a cosine to zero over the last `cool_down` share of the steps."""
    falling_from = recipe.steps * (1 - recipe.cool_down)
    warm = min(1.0, (step + 1) / recipe.warm_up)
    if step < falling_from:
        return recipe.rate * warm
    progress = (step - falling_from) / max(1.0, recipe.steps - falling_from)
    return recipe.rate * warm * 0.5 * (1 + math.cos(math.pi * progress))


def optimizer_for(module: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW whose rate for a matrix of more than 256 inputs shrinks in proportion (Tensor Programs V, arXiv 2203.03466).

    Adam moves every weight by about the rate, so that thousands of inputs would drown what the start has put in place.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in module.parameters():
        if parameter.requires_grad:
            # A table of positions has one row; experts lie stacked in three dimensions: both take what their last one holds.
            is_matrix = parameter.ndim > 1
            stacked = parameter.ndim == 3 or len(parameter) == 1
            fan_in = parameter.shape[-1] if stacked or not is_matrix else parameter[0].numel()
            key = (min(1.0, 256 / fan_in) if is_matrix else 1.0, recipe.weight_decay if is_matrix else 0.0)
            groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": params, "rate_scale": scale, "weight_decay": decay} for (scale, decay), params in groups.items()],
        lr=recipe.rate,
        betas=(0.9, 0.98),
        fused=True,
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_scale"]


def save_state(run: Path, module: nn.Module, optimizer: torch.optim.Optimizer, state: RunState) -> None:
    """Writes beside the old state and replaces it only when whole, so that a full disk or a kill leaves the old one."""
    run.mkdir(parents=True, exist_ok=True)
    part = run / "state.pt.part"
    torch.save({"model": module.state_dict(), "optimizer": optimizer.state_dict(), "state": asdict(state)}, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(run / "state.pt")


def restore(
    run: Path, module: nn.Module, optimizer: torch.optim.Optimizer, expected: RunState, start_from: Path | None
) -> int:
    """Puts a run's weights and optimizer back and returns the step to go on from; a new run starts from `start_from`, if given.

    Raises CheckpointError if `run` belongs to another stage, model, corpus or font.
    """
    if (run / "state.pt").exists():
        loaded = load_weights(run)
        found = loaded["state"]
        for name in ("stage", "model", "corpus", "font"):
            if found.get(name, "") != getattr(expected, name):
                raise CheckpointError(
                    f"{run} holds a run whose {name} is {found.get(name, '')!r}, not {getattr(expected, name)!r}: "
                    "choose another folder with --run"
                )
        module.load_state_dict(loaded["model"])
        optimizer.load_state_dict(loaded["optimizer"])
        return int(found["step"])
    if start_from is not None:
        start_with(module, start_from)
    return 0


def start_with(module: nn.Module, start_from: Path) -> None:
    """Puts the weights of a run, or of a checkpoint file, where `module` has them; what a checkpoint lacks stays as it is, and an
    older one gets room for what is new (training/seats.py).

    Raises CheckpointError if nothing fits, or a tensor has another shape.
    """
    own = module.state_dict()
    if start_from.is_file():
        checkpoint = Checkpoint(start_from)
        weights = checkpoint.load([name.split(".")[0] + "." for name in own])
        decoder, readout = checkpoint.config.decoder, checkpoint.config.readout
        if decoder is not None and readout is not None:
            seat_tokens(weights, own, decoder, len(readout.alphabet))
        if decoder is not None and decoder.signposts is None:
            weights = seat_layers(weights, own)
    else:
        weights = load_weights(start_from)["model"]
    seat_characters(weights, own)
    shared = {name: tensor for name, tensor in weights.items() if name in own}
    if not shared:
        raise CheckpointError(f"{start_from} holds none of the tensors that this stage trains")
    for name, tensor in shared.items():
        if tensor.shape != own[name].shape:
            raise CheckpointError(
                f"{start_from}: {name!r} has shape {tuple(tensor.shape)}, the model needs {tuple(own[name].shape)}"
            )
    module.load_state_dict(shared, strict=False)


def load_weights(run: Path) -> dict[str, Any]:
    """The last state of a run. Raises CheckpointError if there is none or it is damaged."""
    file = run / "state.pt"
    if not file.exists():
        raise CheckpointError(f"{run} holds no training state; expected {file.name} from an earlier stage")
    try:
        loaded: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{file} is damaged ({error}); delete it to start again") from error
    return loaded


def log_line(run: Path, line: dict[str, Any]) -> None:
    with (run / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
