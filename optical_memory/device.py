"""Where tensors live and in which precision; the only file that names a kind of device."""

import torch

from optical_memory.errors import DeviceError


def choose_device(name: str | None = None) -> torch.device:
    """The device of that name, or the best one there is. Raises DeviceError that lists what exists."""
    if name is None:
        return torch.device(available_devices()[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"{name!r} is not a device; here there are {', '.join(available_devices())}") from error
    if device.type not in available_devices():
        raise DeviceError(f"there is no {name!r} on this machine; here there are {', '.join(available_devices())}")
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise DeviceError(f"there is no {name!r}: this machine has {torch.cuda.device_count()} of them, counted from 0")
    return device


def available_devices() -> list[str]:
    """Kinds of device on this machine, the fastest first."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def is_accelerator(device: torch.device) -> bool:
    return device.type != "cpu"
