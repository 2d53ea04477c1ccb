"""What a model is loaded from: the bundled file, another, a folder of official layout, a name of the hub."""

from pathlib import Path

from optical_memory.checkpoint import BUNDLED, Checkpoint
from optical_memory.device import choose_device, choose_dtype
from optical_memory.hub import fetch_snapshot, is_hub_name
from optical_memory.model import Model
from optical_memory.published import PublishedCheckpoint
from optical_memory.sight import Weights


def load_model(name: str | Path = "default", device: str | None = None, dtype: str | None = None) -> Model:
    """The bundled model, a checkpoint file, a folder of official layout, or a model of the hub ("deepseek-ai/DeepSeek-OCR").

    `device`: the best one by default. `dtype`: "float32", "bfloat16" or "float16"; the checkpoint's own by default.
    """
    place = choose_device(device)
    checkpoint = open_checkpoint(name)
    wanted = dtype or str(checkpoint.dtype).removeprefix("torch.")
    return Model(checkpoint, place, choose_dtype(wanted, place))


def open_checkpoint(name: str | Path = "default") -> Weights:
    """The files that `load_model` loads from. A path that exists comes before the hub's model of that name."""
    if name == "default":
        return Checkpoint(BUNDLED)
    path = Path(name)
    if not path.exists() and isinstance(name, str) and is_hub_name(name):
        path = fetch_snapshot(name)
    return PublishedCheckpoint(path) if path.is_dir() else Checkpoint(path)
