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


class DeviceRows:
    """Float32 rows in the memory of a GPU, such as an encoder leaves there.

    ``KMeans`` with ``device="auto"`` reads them where they lie, and so does every library that speaks DLPack:
    ``torch.from_dlpack(rows)``, ``cupy.from_dlpack(rows)``. Only `numpy` copies them to the host. The memory is
    released with the last object that uses it.

    Parameters
    ----------
    n_rows, n_columns : int
        How many there are to be; all values are zero at first.
    device : str
        "cuda" or "cuda:N"; "emulated", for tests, is the host.

    Attributes
    ----------
    shape : tuple of int
        (n_rows, n_columns).
    dtype : numpy.dtype
        float32.
    device : str
        Where the rows lie: "cuda:N".

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.encode import DeviceRows
    >>> rows = DeviceRows(2, 3, device="emulated")
    >>> rows
    <DeviceRows of shape (2, 3) on emulated>
    >>> np.from_dlpack(rows)[1]
    array([0., 0., 0.], dtype=float32)
    """

    dtype = np.dtype(np.float32)

    def __init__(self, n_rows: int, n_columns: int, device: str) -> None:
        opened = open_device(device)
        if opened is None:
            raise ValueError(f"device must be a GPU, such as 'cuda'; got {device!r}")
        self._memory = _core.DeviceEmbeddings(opened, n_rows, n_columns)
        self.shape = (n_rows, n_columns)
        self.device = device if device == "emulated" else f"cuda:{opened.index}"

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Return shape and place."""
        return f"<DeviceRows of shape {self.shape} on {self.device}>"

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return the kind and the number of the device, as DLPack has them."""
        return (1, 0) if self.device == "emulated" else (_ON_CUDA[0], int(self.device[5:]))

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        """Lend the rows. All that was to be written to them is written, so that any stream may read them."""
        if copy or (dl_device is not None and tuple(map(int, dl_device)) != self.__dlpack_device__()):
            raise BufferError("rows on a device are lent where they lie, without a copy; numpy() copies them")
        return self._memory.lend()

    def numpy(self) -> NDArray[np.float32]:
        """Return a copy on the host.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), float32
        """
        return self._memory.to_host()


def device_of(X: Any) -> str | None:
    """Return "cuda:N" for an array that lies on a CUDA device and speaks DLPack (PyTorch, CuPy, JAX), else None."""
    if isinstance(X, DeviceRows):
        return X.device
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
        is_current = wanted == "cuda" and place == f"cuda:{_opened(wanted).index}"
        if wanted == "auto" or is_current:
            wanted = place
        if wanted != place:
            raise ValueError(f"device={device!r}, but X lies on {place}; move it or ask for device={place!r}")
    if wanted == "auto":
        wanted = "cpu" if _core.cuda_state()["problem"] else "cuda"
    return None if wanted == "cpu" else _opened(wanted)


def is_read_there(device: object, rows: DeviceRows) -> bool:
    """Return whether work on ``device`` can read these rows where they lie."""
    wanted = check_device(device)
    if wanted == "cuda":
        wanted = f"cuda:{_opened(wanted).index}"
    return wanted in ("auto", rows.device)


@functools.lru_cache(maxsize=16)
def _opened(name: str) -> _core.Device:
    return _core.Device(name)


class LentRows:
    """Rows on a device that another library owns, with the few things of an array that fits ask for."""

    def __init__(self, X: Any, name: str = "X") -> None:
        if len(X.shape) != 2:
            raise ValueError(
                f"Expected 2D array, got {len(X.shape)}D array instead: {name} must have rows and features"
            )
        self.array = X
        self.shape = (int(X.shape[0]), int(X.shape[1]))
        if min(self.shape) < 1:
            raise ValueError(f"{name} must have at least one row and one feature; got shape {self.shape}")

    def samples(
        self, device: _core.Device, weight: NDArray[np.float64] | None, metric: str, n_threads: int
    ) -> _core.DeviceSamples:
        """Lend the rows to the device's kernels; nothing is copied."""
        return _core.DeviceSamples(self.lend(device), weight, metric, device, n_threads)

    def lend(self, device: _core.Device) -> Any:
        """Return a DLPack capsule, ordered after what was queued before."""
        return self.array.__dlpack__(stream=device.stream) if device.stream else self.array.__dlpack__()
