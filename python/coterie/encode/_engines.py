"""What runs an ONNX model: ONNX Runtime with one of its providers, or OpenVINO; and which of them a call gets."""

from __future__ import annotations

import importlib.util
import os
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import check_option, require_extra
from coterie.encode._bound_inputs import DEVICE_ID, GPU_MEMORY, BoundInputs

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "bfloat16")
OPENVINO = "OpenVINO"  # its own runtime
OPENVINO_IN_ORT = "OpenVINOExecutionProvider"  # the same as a provider of ONNX Runtime
CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
ON_GPU = (CUDA, TENSORRT)
INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
_REMOTE = "AzureExecutionProvider"  # would send the texts elsewhere
_GPU_WORKERS = 2  # one batch is prepared while the other is computed
_BFLOAT16_ISAS = ("amx", "avx512_bf16")
_LONG = 112  # tokens of a text from which on OpenVINO's one kernel for attention pays
_NOT_FUSED = {"SNIPPETS_MODE": "DISABLE"}

Ids = NDArray[np.int64]


class Engine(Protocol):
    """Runs batches; ``run`` may be called by ``n_workers`` threads at once."""

    name: str
    n_workers: int
    inputs: list[str]
    outputs: dict[str, int]

    def run(self, feed: dict[str, Ids], output: str) -> NDArray[Any]:
        """Return one output of the model for a batch."""


@dataclass(frozen=True)
class Choice:
    """Which provider runs a model, at which precision, and why."""

    provider: str
    precision: str
    reason: str


def available_providers() -> list[str]:
    """Return the providers this installation has, OpenVINO's own runtime among them."""
    installed = require_extra("onnxruntime", "onnx").get_available_providers()
    found = [name for name in installed if name != _REMOTE]
    return [*found, OPENVINO] if importlib.util.find_spec("openvino") else found


def choose_provider(device: str, providers: Any, precision: str, model_precision: str) -> Choice:
    """Decide before anything is loaded; what was asked for and is not there is an error."""
    check_option("device", device, DEVICES)
    check_option("precision", precision, PRECISIONS)
    available = available_providers()
    if providers is not None:
        names = [providers] if isinstance(providers, str) else list(providers)
        if len(names) != 1 or names[0] not in available:
            raise ValueError(f"providers must be one of {', '.join(available)}; got {providers!r}")
        if device != "auto" and (device == "cuda") != (names[0] in ON_GPU):
            raise ValueError(f"providers must be one for device={device!r}; got {providers!r}")
        return _with_precision(names[0], precision, model_precision, "asked for")
    if device == "cuda" or (device == "auto" and CUDA in available and precision != "bfloat16"):
        if CUDA not in available:
            raise ValueError(
                f"device='cuda' needs an ONNX Runtime with {CUDA} (pip install onnxruntime-gpu); this one has"
                f" {', '.join(available)}"
            )
        return _with_precision(CUDA, precision, model_precision, "a CUDA provider is installed")
    if precision == "bfloat16":
        return _with_precision(OPENVINO, precision, model_precision, "bfloat16 was asked for")
    if model_precision == "int8":  # measured: 878 titles a second, by OpenVINO 190
        return Choice(CPU, "int8", "ONNX Runtime multiplies int8 models quickest")
    if OPENVINO in available and _has_bfloat16() and precision == "auto":
        reason = "this CPU multiplies in bfloat16, which OpenVINO uses"
        return _with_precision(OPENVINO, precision, model_precision, reason)
    misses_it = OPENVINO not in available and _has_bfloat16()
    missing = '; the extra "openvino" would be faster here' if misses_it else ""
    return Choice(CPU, model_precision, f"ONNX Runtime on the CPU{missing}")


def explain_providers(choice: Choice) -> dict[str, str]:
    """Say of every provider that is not chosen for a float32 model why it is not."""
    available = available_providers()
    only_asked = "it runs where it is asked for (--provider)"
    slower = "it is slower in float32 than ONNX Runtime" if not _has_bfloat16() else "it computes on the CPU"
    reasons = {
        CPU: (f"{choice.provider} is faster; {only_asked}", "onnxruntime has no CPU provider"),
        OPENVINO: (f"{slower}; {only_asked}", 'the extra "openvino" is missing'),
        CUDA: (only_asked, "the installed onnxruntime has none (pip install onnxruntime-gpu in its place)"),
        TENSORRT: (
            f"it prepares itself for every shape of a batch; {only_asked}",
            "the installed onnxruntime has none (onnxruntime-gpu and TensorRT's libraries)",
        ),
        OPENVINO_IN_ORT: (
            f"OpenVINO by itself is faster; {only_asked}",
            "the installed onnxruntime has none (onnxruntime-openvino)",
        ),
    }
    found = {name: why[name not in available] for name, why in reasons.items()}
    found |= {name: only_asked for name in available if name not in found}
    return {name: why for name, why in found.items() if name != choice.provider}


def _has_bfloat16() -> bool:
    return bool(set(_BFLOAT16_ISAS) & set(_core.available_isas()))


def _with_precision(provider: str, precision: str, model_precision: str, reason: str) -> Choice:
    if provider == OPENVINO:
        require_extra("openvino", "openvino")
        if precision == "auto":
            precision = "bfloat16" if _has_bfloat16() else "float32"
        return Choice(provider, precision, reason)
    if precision == "bfloat16":
        raise ValueError(f"precision='bfloat16' needs providers={OPENVINO!r}; got {provider!r}")
    return Choice(provider, model_precision, reason)


def open_engine(model_file: Path, choice: Choice, n_threads: int) -> Engine:
    """Load a model that has been inspected."""
    if choice.provider == OPENVINO:
        return OpenVinoEngine(model_file, choice.precision, n_threads)
    return OnnxRuntimeEngine(model_file, choice.provider, n_threads)


def with_options(provider: str, available: list[str]) -> list[tuple[str, dict[str, str]]]:
    """Return what ONNX Runtime is given: the provider, and for TensorRT also the one that takes what it cannot."""
    names = [provider] + ([CUDA] if provider == TENSORRT and CUDA in available else [])
    return [(name, {"device_type": "CPU"} if name == OPENVINO_IN_ORT else {}) for name in names]


class OnnxRuntimeEngine:
    """ONNX Runtime. On the CPU each of ``n_threads`` threads runs whole batches on its own core.

    No library of custom operators is ever registered.
    """

    def __init__(self, model_file: Path, provider: str, n_threads: int) -> None:
        ort = require_extra("onnxruntime", "onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            given = with_options(provider, ort.get_available_providers())
            self._session = ort.InferenceSession(os.fspath(model_file), options, providers=given)
        except Exception as error:  # the runtime's own exceptions have no common base but Exception
            raise ValueError(
                f"{os.fspath(model_file)!r} cannot be loaded by {provider}: {_first_line(error)}"
            ) from None
        self._session.disable_fallback()
        if self._session.get_providers()[0] != provider:
            raise RuntimeError(
                f"{provider} was asked for, but ONNX Runtime took {self._session.get_providers()[0]}"
            )
        self.name = provider
        self.n_workers = n_threads if provider == CPU else min(n_threads, _GPU_WORKERS)
        self.inputs = [entry.name for entry in self._session.get_inputs()]
        self.outputs = {entry.name: len(entry.shape) for entry in self._session.get_outputs()}
        self._bind = provider != CPU
        self._inputs_there: queue.SimpleQueue[BoundInputs] = queue.SimpleQueue()  # of each worker, on a GPU
        if provider in ON_GPU:
            for _ in range(self.n_workers):
                self._inputs_there.put(BoundInputs(ort))

    def run(self, feed: dict[str, Ids], output: str) -> NDArray[Any]:
        result: NDArray[Any]
        if not self._bind:
            result = self._session.run([output], feed)[0]
            return result
        binding = self._run_bound(feed, output, "cpu")
        result = binding.copy_outputs_to_cpu()[0]
        return result

    def run_there(self, feed: dict[str, Ids], output: str) -> Any:
        """Return one output of the model as an OrtValue in the memory of the GPU that computed it."""
        return self._run_bound(feed, output, GPU_MEMORY).get_outputs()[0]

    def _run_bound(self, feed: dict[str, Ids], output: str, place: str) -> Any:
        """Run with inputs on the device where there is one; ``place``: where the output is to be."""
        binding = self._session.io_binding()
        binding.bind_output(output, place, DEVICE_ID if place == GPU_MEMORY else 0)
        if self.name not in ON_GPU:
            for name, ids in feed.items():
                binding.bind_cpu_input(name, ids)
            self._session.run_with_iobinding(binding)
            return binding
        inputs = self._inputs_there.get()
        try:
            inputs.bind(binding, feed)
            self._session.run_with_iobinding(binding)  # returns when the device is done
            return binding
        finally:
            self._inputs_there.put(inputs)


class OpenVinoEngine:
    """OpenVINO on the CPU: one stream of one thread per worker, so that whole batches run side by side.

    OpenVINO compiles attention into one kernel, which pays for long texts only. Measured with MiniLM in bfloat16 on
    AMX, microseconds per token with and without it: texts of 10 tokens 57 and 42, of 25 50 and 40, of 100 49 and 47,
    of 130 50 and 51, of 243 60 and 72. So the model is compiled both ways, each when texts of its length come.
    """

    def __init__(self, model_file: Path, precision: str, n_threads: int) -> None:
        ov = require_extra("openvino", "openvino")
        self._settings = {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "NUM_STREAMS": str(n_threads),
            "INFERENCE_NUM_THREADS": str(n_threads),
            "ENABLE_CPU_PINNING": "NO",
        }
        self._core = ov.Core()
        self._compiling = threading.Lock()
        self._requests: dict[bool, queue.SimpleQueue[Any]] = {}  # by whether attention is one kernel
        self.name = OPENVINO
        self.n_workers = n_threads
        try:
            self._model = self._core.read_model(os.fspath(model_file))
            compiled = self._compile(fused=False)
        except RuntimeError as error:
            raise ValueError(
                f"{os.fspath(model_file)!r} cannot be loaded by {OPENVINO}: {_first_line(error)}"
            ) from None
        self.inputs = [port.get_any_name() for port in compiled.inputs]
        self.outputs = {port.get_any_name(): len(port.get_partial_shape()) for port in compiled.outputs}

    def _compile(self, *, fused: bool) -> Any:
        """Compile the model and make a request for each worker."""
        if fused:
            compiled = self._core.compile_model(self._model, "CPU", self._settings)
        else:
            try:
                compiled = self._core.compile_model(self._model, "CPU", self._settings | _NOT_FUSED)
            except RuntimeError as error:
                if next(iter(_NOT_FUSED)) not in str(error):
                    raise
                compiled = self._core.compile_model(self._model, "CPU", self._settings)
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.n_workers):
            requests.put(compiled.create_infer_request())
        self._requests[fused] = requests
        return compiled

    def run(self, feed: dict[str, Ids], output: str) -> NDArray[Any]:
        fused = feed["input_ids"].shape[1] > _LONG
        with self._compiling:
            if fused not in self._requests:
                self._compile(fused=fused)
        requests = self._requests[fused]
        request = requests.get()
        try:
            request.infer(feed, share_inputs=True)
            return np.array(request.get_tensor(output).data)
        finally:
            requests.put(request)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell a batch that does not fit from other failures of a runtime, which has no exception of its own for it."""
    text = str(error).lower()
    signs = ("failed to allocate", "out of memory", "bad_alloc", "cannot allocate memory", "allocation fail")
    return isinstance(error, MemoryError) or any(sign in text for sign in signs)
