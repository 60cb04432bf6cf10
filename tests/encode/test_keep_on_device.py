"""OnnxEncoder on a GPU, with a runtime whose device is the host: what is bound, what is reused, what stays there."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coterie import KMeans, _core, cluster_texts
from coterie._device import LentRows
from coterie.encode import DeviceRows, OnnxEncoder, _engines, _sinks
from coterie.encode._engines import CPU, CUDA
from encode.conftest import need
from encode.small_encoder import DIM, TEXTS, write_encoder


class FakeBinding:
    """Remembers addresses, as ONNX Runtime does; what they hold is read when the model runs."""

    def __init__(self) -> None:
        self.inputs: dict[str, tuple[int, tuple[int, ...]]] = {}
        self.output: tuple[str, str] = ("", "")
        self.value: Any = None

    def bind_input(
        self, name: str, place: str, index: int, kind: Any, shape: list[int], address: int
    ) -> None:
        assert (place, index, kind) == ("cuda", 0, np.int64)
        self.inputs[name] = (address, tuple(shape))

    def bind_output(self, name: str, place: str, index: int) -> None:
        assert index == 0
        self.output = (name, place)

    def get_outputs(self) -> list[Any]:
        assert self.output[1] == "cuda"
        return [self.value]

    def copy_outputs_to_cpu(self) -> list[Any]:
        assert self.output[1] == "cpu"
        return [self.value.rows.copy()]


class FakeValue:
    """An OrtValue of the device; its memory is spoilt when it is released."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __del__(self) -> None:
        self.rows.fill(np.nan) if self.rows.dtype.kind == "f" else self.rows.fill(-1)

    def data_ptr(self) -> int:
        return int(self.rows.ctypes.data)

    def shape(self) -> list[int]:
        return list(self.rows.shape)

    def data_type(self) -> str:
        return {"float32": "tensor(float)", "float16": "tensor(float16)"}[self.rows.dtype.name]

    def update_inplace(self, values: Any) -> None:
        assert values.size == self.rows.size, "ONNX Runtime writes the whole of a value"
        self.rows[:] = values


class FakeRuntime:
    """The module onnxruntime with a CUDA provider, which runs on the CPU."""

    def __init__(self) -> None:
        import onnxruntime

        self.real, self.made, self.lock = onnxruntime, [], threading.Lock()
        self.SessionOptions = onnxruntime.SessionOptions
        self.OrtValue = SimpleNamespace(ortvalue_from_shape_and_type=self.make_value)

    def get_available_providers(self) -> list[str]:
        return [CUDA, CPU]

    def make_value(self, shape: list[int], kind: Any, place: str, index: int) -> FakeValue:
        assert (place, index) == ("cuda", 0)
        with self.lock:
            self.made.append(shape[0])
        return FakeValue(np.full(shape, 1 << 40, kind))

    def InferenceSession(self, path: str, options: Any, providers: Any) -> Any:
        if providers != [(CUDA, {})]:
            return self.real.InferenceSession(path, options, providers=providers)
        session = self.real.InferenceSession(path, options, providers=[CPU])

        def run(binding: FakeBinding) -> None:
            def read(address: int, shape: tuple[int, ...]) -> Any:
                n = int(np.prod(shape))
                return np.array((ctypes.c_int64 * n).from_address(address), np.int64).reshape(shape)

            feed = {name: read(*bound) for name, bound in binding.inputs.items()}
            binding.value = FakeValue(session.run([binding.output[0]], feed)[0])

        return SimpleNamespace(
            disable_fallback=lambda: None,
            get_providers=lambda: [CUDA, CPU],
            get_inputs=session.get_inputs,
            get_outputs=session.get_outputs,
            io_binding=FakeBinding,
            run_with_iobinding=run,
        )


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    need("onnx", "onnxruntime", "tokenizers")
    fake = FakeRuntime()
    real = _engines.require_extra
    monkeypatch.setattr(
        _engines, "require_extra", lambda name, extra: fake if name == "onnxruntime" else real(name, extra)
    )
    return fake


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device that the rows stay on is emulated."""

    def make(n_rows: int, n_columns: int, device: str) -> DeviceRows:
        assert device == "cuda:0"
        return DeviceRows(n_rows, n_columns, "emulated")

    monkeypatch.setattr(_sinks, "DeviceRows", make)


CASES = [
    (np.float32, True, None),
    (np.float16, True, None),
    *[(np.float32, False, p) for p in ("cls", "lasttoken", "max", "mean", "mean_sqrt_len_tokens")],
    (np.float16, False, "weightedmean"),
]


@pytest.mark.parametrize(("dtype", "pooled", "pooling"), CASES)
@pytest.mark.parametrize("normalize", [True, False])
def test_rows_on_the_device_are_the_rows_on_the_host(
    runtime: FakeRuntime,
    one_gpu: None,
    tmp_path: Path,
    dtype: Any,
    pooled: bool,
    pooling: str | None,
    normalize: bool,
) -> None:
    folder = write_encoder(tmp_path / "encoder", dtype, pooled=pooled)
    options = {"pooling": pooling, "normalize": normalize, "batch_tokens": 24, "n_threads": 2}
    here = OnnxEncoder(folder, device="cuda", **options).transform(TEXTS)
    encoder = OnnxEncoder(folder, keep_on_device=True, **options)
    there = encoder.transform(TEXTS)
    assert encoder.engine_["provider"] == CUDA
    assert encoder.statistics_.n_batches > 5
    assert (len(there), there.shape, there.dtype) == (len(TEXTS), here.shape, np.float32)
    np.testing.assert_allclose(there.numpy(), here, rtol=2e-6, atol=1e-6)


def test_buffers_of_inputs_are_used_again(runtime: FakeRuntime, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder")
    encoder = OnnxEncoder(folder, device="cuda", pooling="mean", batch_tokens=32, n_threads=1)
    for _ in range(3):
        encoder.transform(TEXTS)
    assert encoder.statistics_.n_batches > 5
    first = list(runtime.made)
    assert len(first) <= 2 * 3  # the attention mask is no input of this graph's nodes, but one of the model
    encoder.transform([*TEXTS, "w1 " * 500])
    assert runtime.made[len(first) :] == [512] * 2
    encoder.transform(TEXTS)
    assert len(runtime.made) == len(first) + 2


def test_kmeans_reads_the_rows_where_they_are(runtime: FakeRuntime, one_gpu: None, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder", pooled=True)
    there = OnnxEncoder(folder, keep_on_device=True).transform(TEXTS)
    here = there.numpy()
    expected = KMeans(5, random_state=0).fit(here)
    found = KMeans(5, random_state=0, device="auto").fit(there)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)
    with pytest.raises(ValueError, match="device='cpu', but X lies on emulated"):
        KMeans(5).fit(there)
    lent = np.from_dlpack(there)
    del there
    np.testing.assert_array_equal(lent, here)


def test_cluster_texts_hands_the_rows_over_where_they_are(
    runtime: FakeRuntime, one_gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"onnx:{write_encoder(tmp_path / 'encoder', pooled=True)}"
    lent = []
    real = LentRows.samples
    monkeypatch.setattr(LentRows, "samples", lambda self, *rest: lent.append(self.array) or real(self, *rest))
    options = {"n_clusters": 3, "min_df": 1, "max_df": 1.0}
    here = cluster_texts(TEXTS, encoder=spec, **options)
    assert not lent
    there = cluster_texts(TEXTS, encoder=spec, clusterer_options={"device": "emulated"}, **options)
    assert lent
    assert all(isinstance(rows, DeviceRows) for rows in lent)
    for name in ("labels", "distances", "runner_up"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    np.testing.assert_array_equal(there.matrix, here.matrix)
    # The model that is kept gives rows that every machine can take.
    assert there.model.encoder.keep_on_device is False
    assert there.model.predict(TEXTS[:3]).labels.tolist() == there.labels[:3].tolist()


def test_an_encoder_that_leaves_its_rows_is_taken_as_it_is(
    runtime: FakeRuntime, one_gpu: None, tmp_path: Path
) -> None:
    encoder = OnnxEncoder(write_encoder(tmp_path / "encoder", pooled=True), keep_on_device=True)
    options = {"n_clusters": 3, "min_df": 1, "max_df": 1.0}
    expected = cluster_texts(TEXTS, encoder=encoder, **options).labels  # K-means on the CPU
    found = cluster_texts(TEXTS, encoder=encoder, clusterer_options={"device": "auto"}, **options).labels
    np.testing.assert_array_equal(found, expected)


def test_what_cannot_stay_on_a_device_is_refused(runtime: FakeRuntime, one_gpu: None, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "encoder", pooled=True)
    with pytest.raises(
        ValueError, match="out must be None and dtype 'float32'; got out=None, dtype='float16'"
    ):
        OnnxEncoder(folder, keep_on_device=True, dtype="float16").transform(TEXTS)
    with pytest.raises(ValueError, match="got out=an array"):
        OnnxEncoder(folder, keep_on_device=True).encode(TEXTS, out=np.empty((len(TEXTS), DIM), np.float32))
    with pytest.raises(ValueError, match=f"keep_on_device needs one of {CUDA}.*; {CPU} computes on the CPU"):
        OnnxEncoder(folder, providers=CPU, keep_on_device=True).transform(TEXTS)
    rows = OnnxEncoder(folder, keep_on_device=True).transform(TEXTS)
    with pytest.raises(ValueError, match="device must be a GPU, such as 'cuda'; got 'cpu'"):
        DeviceRows(2, 3, "cpu")
    with pytest.raises(BufferError, match="without a copy"):
        rows.__dlpack__(copy=True)


def test_rows_that_are_not_there_are_refused() -> None:
    memory = _core.DeviceEmbeddings(_core.Device("emulated"), 3, 2)
    rows = np.array([[1, 2], [3, 4]], np.float32)
    ones = np.ones(2, np.int64)
    for places in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match=r"places\[\d\]=-?\d must be within \[0, 3\)"):
            memory.put(rows.ctypes.data, [2, 2], False, ones, np.array(places), [], False)
    with pytest.raises(ValueError, match="rows must have 2 columns; got 3"):
        memory.put(rows.ctypes.data, [1, 3], False, ones[:1], ones[:1], [], False)
    with pytest.raises(ValueError, match=r"lengths\[1\]=2 must be within \[1, 1\]"):
        memory.put(rows.ctypes.data, [2, 1, 2], False, np.array([1, 2]), np.arange(2), ["mean"], False)
    memory.put(rows.ctypes.data, [2, 2], False, ones, np.array([2, 0]), [], False)
    memory.repeat(np.array([2]), np.array([1]))
    assert memory.to_host().tolist() == [[3, 4], [1, 2], [1, 2]]
