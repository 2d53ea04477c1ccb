"""Where tensors live and in which precision; the only file that names a kind of device."""

from pathlib import Path

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


def mixed_precision(device: torch.device) -> torch.autocast:
    """For training: matrix products in bfloat16 where the device has them. On a CPU without, they take hundreds of times as long as
    those in float32, which are taken instead."""
    return torch.autocast(device.type, torch.bfloat16, enabled=is_accelerator(device) or _has_bfloat16())


def _has_bfloat16() -> bool:
    """Whether oneDNN finds a processor that it can multiply bfloat16 with; it needs AVX-512, or an ARM core that has it."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype of that name. Raises DeviceError if the device cannot multiply in it, and lists what it can."""
    if name in DTYPES and _multiplies(DTYPES[name], device):
        return DTYPES[name]
    able = [known for known, dtype in DTYPES.items() if _multiplies(dtype, device)]
    raise DeviceError(f"{device} cannot compute in {name!r}; it can in {', '.join(able)}")


def _multiplies(dtype: torch.dtype, device: torch.device) -> bool:
    try:
        square = torch.ones(2, 2, dtype=dtype, device=device)
        return bool(torch.isfinite(square @ square).all())
    except (RuntimeError, TypeError):
        return False


def peak_flops(device: torch.device, dtype: torch.dtype) -> float | None:
    """Multiplications and additions a second of the matrix units, dense, as the maker states them; None where unknown."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    known = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
    for part, flops in known.items():
        if part in name and dtype in (torch.bfloat16, torch.float16):
            return flops
    return None


def synchronise(device: torch.device) -> None:
    """Waits until the device has done what it was given, so that a clock can be read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device, or the host, had no room for a tensor; on a CPU torch says so in words only."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def describe(device: torch.device) -> str:
    """The device in words, for beside a figure."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def start_peak(device: torch.device) -> int | None:
    """Bytes in use now; the peak is counted from here. None where nothing counts them."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status_bytes("VmRSS")
    except OSError:
        return None


def peak_bytes(device: torch.device) -> int:
    """The most bytes in use since `start_peak`."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return _status_bytes("VmHWM")


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))
