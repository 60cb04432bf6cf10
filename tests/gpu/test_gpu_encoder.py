"""Encoders on a GPU: rows that stay there are the rows that come to the host, and K-means reads them."""

import numpy as np
import pytest

from coterie import KMeans
from coterie.encode import OnnxEncoder
from tests.encode.small_encoder import TEXTS, write_encoder

pytestmark = pytest.mark.gpu


@pytest.fixture
def runtime(device):
    pytest.importorskip("onnx")
    pytest.importorskip("tokenizers")
    ort = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA provider (pip install onnxruntime-gpu)")
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # CUDA's libraries, of the packages beside PyTorch


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("pooling", [None, "mean", "cls", "max", "lasttoken"])
def test_rows_that_stay_are_the_rows_on_the_host(runtime, tmp_path, dtype, pooling):
    folder = write_encoder(tmp_path / "encoder", dtype, pooled=pooling is None)
    texts = [f"{text} w{i % 40}" for i in range(50) for text in TEXTS]
    options = {"device": "cuda", "pooling": pooling, "batch_tokens": 512}
    here = OnnxEncoder(folder, **options).transform(texts)
    there = OnnxEncoder(folder, keep_on_device=True, **options).transform(texts)
    np.testing.assert_allclose(there.numpy(), here, rtol=2e-6, atol=1e-6)
    labels = KMeans(10, random_state=0, device="auto").fit(there).labels_
    np.testing.assert_array_equal(labels, KMeans(10, random_state=0).fit(there.numpy()).labels_)


def test_torch_reads_the_rows(runtime, tmp_path):
    torch = pytest.importorskip("torch")
    folder = write_encoder(tmp_path / "encoder", pooled=True)
    rows = OnnxEncoder(folder, keep_on_device=True).transform(TEXTS)
    tensor = torch.from_dlpack(rows)
    assert tensor.is_cuda
    expected = rows.numpy()
    del rows
    np.testing.assert_array_equal(tensor.cpu().numpy(), expected)
