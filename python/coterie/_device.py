"""Where work runs: the parameter ``device``, and arrays that already lie on a device."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core

_ON_CUDA = (2, 13)  # kDLCUDA and kDLCUDAManaged of DLPack


def check_device(device: object) -> str:
    """Return ``device`` if it names one: "auto", "cpu", "cuda" or "cuda:N"; "emulated" is for tests."""
    if not isinstance(device, str):
        raise TypeError(f"device must be a str; got {device!r} of type {type(device).__name__}")
    is_numbered = device.startswith("cuda:") and device[5:].isascii() and device[5:].isdigit()
    if device not in ("auto", "cpu", "cuda", "emulated") and not is_numbered:
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N'; got {device!r}")
    return device


def device_of(X: Any) -> str | None:
    """Return "cuda:N" for an array that lies on a CUDA device and speaks DLPack (PyTorch, CuPy, JAX), else None."""
    ask = getattr(type(X), "__dlpack_device__", None)
    if ask is None:
        return None
    kind, index = ask(X)
    return f"cuda:{int(index)}" if int(kind) in _ON_CUDA else None


def open_device(device: object, X: Any = None) -> _core.Device | None:
    """Return the device that ``device`` means for ``X``, or None for the CPU.

    "auto" is where ``X`` lies, else the current CUDA device if one can be used, else the CPU. Another device than
    the one where ``X`` lies is refused, as is one that is not there: nothing runs elsewhere than asked.
    """
    wanted, place = check_device(device), device_of(X)
    if place is not None:
        if wanted == "auto" or (wanted == "cuda" and _opened(wanted).index == int(place[5:])):
            wanted = place
        if wanted != place:
            raise ValueError(f"device={device!r}, but X lies on {place}; move it or ask for device={place!r}")
    if wanted == "auto":
        wanted = "cpu" if _core.cuda_state()["problem"] else "cuda"
    return None if wanted == "cpu" else _opened(wanted)


@functools.lru_cache(maxsize=16)
def _opened(name: str) -> _core.Device:
    return _core.Device(name)


class LentRows:
    """Rows on a device that another library owns, with the few things of an array that fits ask for."""

    def __init__(self, X: Any) -> None:
        if len(X.shape) != 2:
            raise ValueError(
                f"Expected 2D array, got {len(X.shape)}D array instead: X must have rows and features"
            )
        self.array = X
        self.shape = (int(X.shape[0]), int(X.shape[1]))
        if min(self.shape) < 1:
            raise ValueError(f"X must have at least one row and one feature; got shape {self.shape}")

    def samples(
        self, device: _core.Device, weight: NDArray[np.float64] | None, metric: str, n_threads: int
    ) -> _core.DeviceSamples:
        """Lend the rows to the device's kernels, ordered after what was queued before; nothing is copied."""
        capsule = self.array.__dlpack__(stream=device.stream) if device.stream else self.array.__dlpack__()
        return _core.DeviceSamples(capsule, weight, metric, device, n_threads)
