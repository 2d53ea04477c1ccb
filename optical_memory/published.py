"""A checkpoint of official layout: a folder with config.json, safetensors files and tokenizer.json.

Official names and config at the door, our modules inside, strict both ways. Tensors stream from the file to their place.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from optical_memory.config import ModelConfig
from optical_memory.errors import CheckpointError
from optical_memory.official import IGNORED, official_layout, our_name
from optical_memory.official_config import config_from_official
from optical_memory.tensor_file import StoredTensor, TensorFile
from renderers import FACES, Face

WEIGHTS = "model.safetensors"
_FLOATS = (torch.float32, torch.bfloat16, torch.float16)


class PublishedCheckpoint:
    """An opened folder. Raises CheckpointError if a file is missing or damaged, or the tensors are another architecture's."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        config = folder / "config.json"
        if not config.is_file():
            raise CheckpointError(
                f"{folder} has no config.json; expected a folder as deepseek-ai/DeepSeek-OCR publishes it"
            )
        try:
            fields = json.loads(config.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{config} is not JSON ({error}); fetch it again") from error
        if not isinstance(fields, dict):
            raise CheckpointError(f"{config} holds a {type(fields).__name__}, expected an object")
        self.config: ModelConfig = config_from_official(fields)
        self.notes = {"layout": "official"}
        self._files = [TensorFile(path) for path in weight_files(folder)]
        self._homes = self._index()
        for official in self._homes:
            if official not in IGNORED:
                our_name(official)

    def _index(self) -> dict[str, TensorFile]:
        homes: dict[str, TensorFile] = {}
        for file in self._files:
            for name in file.tensors:
                if name in homes:
                    raise CheckpointError(f"{name!r} is in {homes[name].path.name} and in {file.path.name}: keep one")
                homes[name] = file
        if not homes:
            raise CheckpointError(
                f"{', '.join(str(file.path) for file in self._files)} holds no tensors: fetch it again"
            )
        return homes

    @property
    def names(self) -> set[str]:
        return set(self._homes)

    @property
    def num_bytes(self) -> int:
        return sum(file.path.stat().st_size for file in self._files)

    @cached_property
    def dtype(self) -> torch.dtype:
        """The dtype that most of the tensors have: what the model runs in if nothing else is asked for."""
        kinds = [file.tensors[name].dtype for name, file in self._homes.items()]
        return max(set(kinds), key=kinds.count)

    @property
    def face(self) -> Face:
        return FACES[self.config.typography.face]

    @property
    def tokenizer_file(self) -> Path:
        path = self.path / "tokenizer.json"
        if not path.is_file():
            raise CheckpointError(f"{self.path} has no tokenizer.json: fetch it beside the weights, `answer` needs it")
        return path

    def fill(self, parts: Mapping[str, nn.Module], device: torch.device, dtype: torch.dtype | None = None) -> str:
        """Gives modules that were built on the meta device their weights, on `device` in `dtype` (the file's by default).

        `parts`: "encoder" and "decoder", either or both. Returns a fingerprint of what was read. Raises CheckpointError that
        names a tensor that is missing, has another shape, or is no floating-point one.
        """
        dtype = dtype or self.dtype
        meta = {f"{name}.{key}": tensor for name, part in parts.items() for key, tensor in part.state_dict().items()}
        layout = official_layout(meta)
        for official, place in layout.items():
            self._check(official, tuple(place.of(meta[place.ours]).shape))
        own = {name: torch.empty(tensor.shape, dtype=dtype, device=device) for name, tensor in meta.items()}
        hasher = hashlib.blake2b(f"{dtype}".encode(), digest_size=16)
        for official in sorted(layout):
            place = layout[official]
            view = place.of(own[place.ours])
            self._homes[official].read_into(official, view)
            hasher.update(official.encode())
            if place.ours.startswith("encoder."):
                hasher.update(_bytes_of(view))
        for name, part in parts.items():
            prefix = name + "."
            state = {key.removeprefix(prefix): value for key, value in own.items() if key.startswith(prefix)}
            part.load_state_dict(state, assign=True)
            part.requires_grad_(False)
            part.to(device)
        return hasher.hexdigest()

    def _check(self, official: str, shape: tuple[int, ...]) -> None:
        if official not in self._homes:
            raise CheckpointError(f"{self.path} lacks the tensor {official!r}: fetch the checkpoint again")
        stored: StoredTensor = self._homes[official].tensors[official]
        if stored.shape != shape:
            raise CheckpointError(f"{self.path}: {official!r} has shape {stored.shape}, config.json asks for {shape}")
        if stored.dtype not in _FLOATS:
            kinds = ", ".join(str(kind).removeprefix("torch.") for kind in _FLOATS)
            raise CheckpointError(f"{self.path}: {official!r} has dtype {stored.dtype}, expected one of {kinds}")


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder: those that its index lists, or all. Raises CheckpointError if there are none."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            paths = sorted(folder / Path(name).name for name in names)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise CheckpointError(f"{index} is not an index of weights ({error!r}); fetch it again") from error
    else:
        paths = sorted(folder.glob("*.safetensors"))
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        raise CheckpointError(f"{folder} lacks {', '.join(missing) or 'a .safetensors file'}: fetch the weights again")
    return paths


def save_published(folder: Path, state: Mapping[str, Tensor]) -> None:
    """Writes `encoder.*` and `decoder.*` tensors under their official names, bit for bit, into `folder`/model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    official = {name: place.of(state[place.ours]).contiguous() for name, place in official_layout(state).items()}
    part = folder / (WEIGHTS + ".part")
    try:
        save_file({name: tensor.clone() for name, tensor in official.items()}, part, metadata={"format": "pt"})
        part.replace(folder / WEIGHTS)
    finally:
        part.unlink(missing_ok=True)


def _bytes_of(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data
