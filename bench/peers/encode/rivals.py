"""Who encodes: each entry loads a model and returns a function from texts to rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.peers.encode import inputs

Encode = Callable[[list[str]], Any]
BATCH = 32  # sentence-transformers' default


def coterie(exported_as: str, **parameters: Any) -> Callable[[int], Encode]:
    def make(n_threads: int) -> Encode:
        from coterie.encode import OnnxEncoder

        encoder = OnnxEncoder(inputs.exported(exported_as), n_threads=n_threads, **parameters).fit()
        return lambda texts: encoder.transform(texts)

    return make


def sentence_transformers(backend: str, **parameters: Any) -> Callable[[int], Encode]:
    def make(n_threads: int) -> Encode:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(n_threads)
        model = SentenceTransformer(str(inputs.source()), device="cpu", backend=backend, **parameters)
        return lambda texts: model.encode(texts, batch_size=BATCH, normalize_embeddings=True).astype(
            "float32"
        )

    return make


RIVALS: dict[str, Callable[[int], Encode]] = {
    "sentence-transformers torch float32": sentence_transformers("torch"),
    "sentence-transformers torch bfloat16": sentence_transformers(
        "torch", model_kwargs={"dtype": "bfloat16"}
    ),
    "sentence-transformers ONNX": sentence_transformers("onnx", model_kwargs={"export": True}),
    "sentence-transformers OpenVINO": sentence_transformers("openvino", model_kwargs={"export": True}),
    "coterie ONNX Runtime float32": coterie("float32", providers="CPUExecutionProvider"),
    "coterie ONNX Runtime int8": coterie("int8", providers="CPUExecutionProvider"),
    "coterie OpenVINO float32": coterie("float32", providers="OpenVINO", precision="float32"),
    "coterie OpenVINO bfloat16": coterie("float32", providers="OpenVINO", precision="bfloat16"),
}
