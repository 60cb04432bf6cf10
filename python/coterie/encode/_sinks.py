"""Where the rows of batches go: an array on the host, or the memory of the GPU that computed them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coterie._device import DeviceRows

Places = NDArray[np.int64]

_IS_HALF = {"tensor(float)": False, "tensor(float16)": True}


class RowSink(Protocol):
    """Rows by number, filled from several threads."""

    def put(self, places: Places, found: Any) -> None:
        """Write what a batch gave."""

    def clear(self, places: Places) -> None:
        """Make rows zero."""

    def repeat(self, places: Places, sources: Places) -> None:
        """Make rows equal to others that are there."""


class HostSink:
    """An array, of float32 or float16, or a memory map."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self.rows = rows

    def put(self, places: Places, found: NDArray[np.float32]) -> None:
        self.rows[places] = found

    def clear(self, places: Places) -> None:
        self.rows[places] = 0

    def repeat(self, places: Places, sources: Places) -> None:
        self.rows[places] = self.rows[sources]


class LeftOnDevice:
    """What a model wrote for a batch, kept where it is, and what is still to be done to it."""

    def __init__(self, output: Any, lengths: Places, poolings: tuple[str, ...], *, normalize: bool) -> None:
        self.output = output  # an OrtValue
        self.lengths = lengths
        self.poolings = poolings
        self.normalize = normalize


class DeviceSink:
    """Rows in the memory of a CUDA device; pooling and unit length are done there."""

    def __init__(self, n_rows: int, n_columns: int, device: str) -> None:
        self.rows = DeviceRows(n_rows, n_columns, device)
        self._memory = self.rows._memory

    def put(self, places: Places, found: LeftOnDevice) -> None:
        kind = found.output.data_type()
        if kind not in _IS_HALF:
            raise ValueError(
                f"the model's output must be float32 or float16 to stay on the device; got {kind}"
            )
        self._memory.put(
            found.output.data_ptr(),
            list(found.output.shape()),
            _IS_HALF[kind],
            np.ascontiguousarray(found.lengths),
            np.ascontiguousarray(places),
            list(found.poolings),
            found.normalize,
        )

    def clear(self, places: Places) -> None:
        """They are zero: nothing was put there."""

    def repeat(self, places: Places, sources: Places) -> None:
        self._memory.repeat(np.ascontiguousarray(sources), np.ascontiguousarray(places))
