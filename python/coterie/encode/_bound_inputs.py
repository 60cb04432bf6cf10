"""Token ids in the memory of a GPU, for one batch after another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GPU_MEMORY = "cuda"  # ONNX Runtime's name for the memory of its CUDA and TensorRT providers
DEVICE_ID = 0  # the device that these providers take


class BoundInputs:
    """A buffer on the device for each input of a model, made once and made larger when a batch asks for it.

    The ids pass through an array of the same size on the host: ONNX Runtime writes a whole buffer at a time. A batch
    of another shape binds the beginning of the buffer. Not for two threads at once.
    """

    def __init__(self, ort: Any) -> None:
        self._ort = ort
        self._buffers: dict[str, tuple[NDArray[np.int64], Any]] = {}

    def bind(self, binding: Any, feed: dict[str, NDArray[np.int64]]) -> None:
        """Bring the ids to the device and bind them as the inputs of the next run."""
        for name, ids in feed.items():
            staged, there = self._buffer(name, ids.size)
            staged[: ids.size] = ids.ravel()
            there.update_inplace(staged)  # returns when the copy is over
            binding.bind_input(name, GPU_MEMORY, DEVICE_ID, np.int64, list(ids.shape), there.data_ptr())

    def _buffer(self, name: str, size: int) -> tuple[NDArray[np.int64], Any]:
        held = self._buffers.get(name)
        if held is None or len(held[0]) < size:
            self._buffers.pop(name, None)  # before more is asked for
            capacity = 1 << max(size - 1, 1).bit_length()
            make = self._ort.OrtValue.ortvalue_from_shape_and_type
            held = (np.zeros(capacity, np.int64), make([capacity], np.int64, GPU_MEMORY, DEVICE_ID))
            self._buffers[name] = held
        return held
