"""A model's files: one safetensors file, its configuration in the header, matrices as int8 with a scale per row, outliers apart.

Only the tensors that are asked for are read, so that encoding and reading never touch the decoder's weights.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from optical_memory.config import ModelConfig
from optical_memory.errors import CheckpointError
from renderers import FACES, Face, face_of

FORMAT = "optical-memory-1"
BUNDLED = Path(__file__).parent / "weights" / "default.safetensors"
_SCALE = ".scale"
_OUTLIERS = ".outliers"
_OUTLIER_VALUES = ".outlier_values"
_ROWS = ".rows"
_SHAPE = ".shape"
FONT = "font"
"""The file of the face that pages are set in, byte for byte, where it is none of the bundled ones."""
_ADDED = (_SCALE, _OUTLIERS, _OUTLIER_VALUES, _ROWS, _SHAPE)
_LEVELS = 127
_OUTLIER_SIGMAS = 6.0
"""Values further out than this many of the row's standard deviations are kept as they are. Matrices that began as the identity
or as space-to-depth hold a few values near 1 among thousands near 0.01, which eight bits for the whole row would round away: a
visual token of 128 characters lost twenty times as many of them."""
_LEARNT = 0.5
"""Share of the rows that hold levels: outliers of a matrix that has more are rounded to float16, finer than its levels. One that
has fewer was set, not learnt, and is kept as it is."""
_SIGMA_OF_MEDIAN = 1.4826
"""The deviation is told by the median, which outliers do not move."""
_FEW = 0.04
"""Share of a row: where more lies so far out the row is made of two kinds of values, and its deviation is that of both."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix as it is stored: `levels` int8 of its shape, `scale` float32 (R,) a row, and the outliers, which have level 0:
    `places` int32 (K,) in the flattened matrix, `values` (K,), float32 or float16. A row of few values has outliers alone."""

    levels: Tensor
    scale: Tensor
    places: Tensor
    values: Tensor

    def matrix(self) -> Tensor:
        """The inverse of `quantise`, float32."""
        weight = self.levels.float() * self.scale.view(-1, *[1] * (self.levels.ndim - 1))
        weight.view(-1)[self.places.long()] = self.values.float()
        return weight


def quantise(weight: Tensor) -> Quantised:
    """(R, ...): symmetric, the largest value of a row that is no outlier gets level 127."""
    rows = weight.detach().float().flatten(1)
    magnitude = rows.abs()
    sigma = _SIGMA_OF_MEDIAN * magnitude.median(1, keepdim=True).values
    is_mixed = (magnitude > _OUTLIER_SIGMAS * sigma).float().mean(1, keepdim=True) >= _FEW
    sigma = torch.where(is_mixed, rows.square().mean(1, keepdim=True).sqrt(), sigma)
    is_sparse = (magnitude > 0).float().mean(1, keepdim=True) < _FEW
    is_outlier = (magnitude > _OUTLIER_SIGMAS * sigma) & (is_sparse | (sigma > 0))
    rest = rows.masked_fill(is_outlier, 0.0)
    scale = rest.abs().amax(1).clamp_min(1e-12) / _LEVELS
    levels = (rest / scale[:, None]).round().to(torch.int8).view(weight.shape)
    places = is_outlier.view(-1).nonzero().view(-1)
    return Quantised(levels, scale, places.to(torch.int32), rows.reshape(-1)[places])


def _by_last_axis(shape: Sequence[int]) -> bool:
    """Stacked experts and tables of one row are scaled vector by vector, everything else output by output."""
    return len(shape) == 3 or shape[0] == 1


def _entries(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """What a file holds of one tensor."""
    if tensor.ndim < 2:
        return {name: tensor.detach().float().contiguous().cpu()}
    quantised = quantise(tensor.flatten(0, -2) if _by_last_axis(tensor.shape) else tensor)
    filled = quantised.levels.flatten(1).any(1)
    if bool(filled.all()):
        entries = {name: quantised.levels.view(tensor.shape), name + _SCALE: quantised.scale}
    else:
        entries = {
            name: quantised.levels[filled],
            name + _SCALE: quantised.scale[filled],
            name + _ROWS: filled.nonzero().view(-1).to(torch.int32),
            name + _SHAPE: torch.tensor(tensor.shape, dtype=torch.int32),
        }
    if len(quantised.places):
        values = quantised.values
        if filled.float().mean() > _LEARNT and bool(values.half().isfinite().all()):
            values = values.half()
        entries |= {name + _OUTLIERS: quantised.places, name + _OUTLIER_VALUES: values}
    return {entry: value.contiguous().cpu() for entry, value in entries.items()}


def save_checkpoint(
    path: Path,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    notes: Mapping[str, str],
    as_stored: Mapping[str, Tensor] | None = None,
) -> None:
    """Writes beside `path` and moves there when whole. Matrices become int8, rows without levels left out; vectors stay float32.

    `as_stored`: what another checkpoint file holds (`Checkpoint.stored`), put in as it is: rounded twice it would move.
    """
    stored = dict(as_stored or {})
    for name, tensor in tensors.items():
        stored |= _entries(name, tensor)
    header = {"format": FORMAT, "config": json.dumps(asdict(config)), **notes}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        save_file(stored, part, header)
        part.chmod(0o644)  # safetensors writes for the owner alone
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Checkpoint:
    """An open checkpoint file. Raises CheckpointError if it is missing, damaged or of another format."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise CheckpointError(
                f"no checkpoint at {path}; expected a .safetensors file that `optical-memory train` wrote"
            )
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                self.names = set(file.keys())
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is damaged or not a safetensors file ({error}); fetch or train it again"
            ) from error
        if header.get("format") != FORMAT:
            raise CheckpointError(f"{path} has format {header.get('format')!r}; this version reads {FORMAT!r}")
        try:
            self.config = TypeAdapter(ModelConfig).validate_json(header["config"])
        except (KeyError, ValidationError) as error:
            raise CheckpointError(f"{path} holds no configuration that this version understands: {error}") from error
        self.notes = {name: value for name, value in header.items() if name not in ("format", "config")}
        self.dtype = torch.float32

    @property
    def num_bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def tokenizer_file(self) -> Path:
        raise CheckpointError(f"{self.path} holds a model that reads characters: there is no tokenizer.json")

    @property
    def face(self) -> Face:
        """What pages are set in. Raises CheckpointError if the file lacks the face that its configuration names."""
        name = self.config.typography.face
        try:
            return face_of(name, self.stored([FONT])[FONT].numpy().tobytes()) if FONT in self.names else FACES[name]
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"{self.path} sets pages in {name!r}, a face that it does not hold ({error})"
            ) from error

    def fill(self, parts: Mapping[str, torch.nn.Module], device: torch.device, dtype: torch.dtype | None = None) -> str:
        """Gives modules that were built on the meta device their weights, on `device` in `dtype` (float32 by default).

        `parts`: "encoder", "readout", "decoder", any of them. Returns a fingerprint of weights and dtype.
        """
        tensors = self.load([f"{name}." for name in parts])
        fingerprint = fingerprint_of(tensors)
        for name in tensors:
            tensors[name] = tensors[name].to(device, dtype)
        for name, part in parts.items():
            fill(part, tensors, f"{name}.", self.path)
            part.to(device)
        return fingerprint if dtype in (None, self.dtype) else f"{fingerprint}-{dtype}"

    def stored(self, prefixes: Iterable[str]) -> dict[str, Tensor]:
        """What the file holds under names that begin with one of `prefixes`: levels, scales and outliers as they are."""
        wanted = tuple(prefixes)
        with safe_open(self.path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in self.names if name.startswith(wanted)}

    def load(self, prefixes: Iterable[str]) -> dict[str, Tensor]:
        """The float32 tensors whose names begin with one of `prefixes`."""
        wanted = tuple(prefixes)
        with safe_open(self.path, framework="pt") as file:
            names = [name for name in self.names if name.startswith(wanted) and not name.endswith(_ADDED)]
            return {name: self._tensor(file, name) for name in names}

    def _tensor(self, file: Any, name: str) -> Tensor:
        """One tensor, float32, from its levels, scales, outliers, and the rows that hold levels."""
        levels: Tensor = file.get_tensor(name)
        if name + _SCALE not in self.names:
            return levels
        scale, shape = file.get_tensor(name + _SCALE), levels.shape
        if name + _ROWS in self.names:
            rows, shape = file.get_tensor(name + _ROWS).long(), torch.Size(file.get_tensor(name + _SHAPE).tolist())
            count = math.prod(shape[:-1]) if _by_last_axis(shape) else shape[0]
            levels = torch.zeros(count, *levels.shape[1:], dtype=torch.int8).index_copy_(0, rows, levels)
            scale = torch.zeros(count).index_copy_(0, rows, scale)
        elif _by_last_axis(shape):
            levels = levels.flatten(0, -2)
        places, values = torch.empty(0, dtype=torch.int32), torch.empty(0)
        if name + _OUTLIERS in self.names:
            places, values = file.get_tensor(name + _OUTLIERS), file.get_tensor(name + _OUTLIER_VALUES)
        return Quantised(levels, scale, places, values).matrix().view(shape)


def fill(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str, source: Path) -> None:
    """Loads `prefix`ed tensors into a module, strictly. Raises CheckpointError that names what is missing or does not fit."""
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    expected = module.state_dict()
    for name, tensor in expected.items():
        if name not in own:
            raise CheckpointError(f"{source} lacks the tensor {prefix + name!r}")
        if own[name].shape != tensor.shape:
            raise CheckpointError(
                f"{source}: {prefix + name!r} has shape {tuple(own[name].shape)}, the model needs {tuple(tensor.shape)}"
            )
    extra = own.keys() - expected.keys()
    if extra:
        raise CheckpointError(f"{source} holds tensors that the model has no place for: {', '.join(sorted(extra)[:5])}")
    module.load_state_dict(own, assign=True)


def fingerprint_of(tensors: dict[str, Tensor]) -> str:
    """128 bits, in hexadecimal, over names, shapes and values: equal only for equal weights."""
    hasher = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        hasher.update(f"{name}{tuple(tensors[name].shape)}".encode())
        hasher.update(tensors[name].detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()
