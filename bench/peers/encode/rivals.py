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
        folder = inputs.source() if backend == "torch" else _exported_by_peer(backend)
        model = SentenceTransformer(str(folder), device="cpu", backend=backend, **parameters)
        return lambda texts: model.encode(texts, batch_size=BATCH, normalize_embeddings=True).astype(
            "float32"
        )

    return make


def _exported_by_peer(backend: str) -> Any:
    """Return the model as sentence-transformers exports it, with its int8 model beside it for ONNX."""
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    folder = inputs.BUILD / f"sentence-transformers-{backend}"
    if not (folder / "done").is_file():
        model = SentenceTransformer(str(inputs.source()), device="cpu", backend=backend)
        model.save_pretrained(str(folder))
        if backend == "onnx":
            export_dynamic_quantized_onnx_model(model, INT8_FOR, str(folder))
        (folder / "done").touch()
    return folder


INT8_FOR = "avx512_vnni"
RIVALS: dict[str, Callable[[int], Encode]] = {
    "sentence-transformers torch float32": sentence_transformers("torch"),
    "sentence-transformers torch bfloat16": sentence_transformers(
        "torch", model_kwargs={"dtype": "bfloat16"}
    ),
    "sentence-transformers ONNX float32": sentence_transformers(
        "onnx", model_kwargs={"file_name": "onnx/model.onnx", "provider": "CPUExecutionProvider"}
    ),
    "sentence-transformers ONNX int8": sentence_transformers(
        "onnx",
        model_kwargs={
            "file_name": f"onnx/model_qint8_{INT8_FOR}.onnx",
            "provider": "CPUExecutionProvider",
        },
    ),
    "sentence-transformers OpenVINO float32": sentence_transformers(
        "openvino", model_kwargs={"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}}
    ),
    # what OpenVINO chooses by itself on CPUs that multiply in bfloat16
    "sentence-transformers OpenVINO bfloat16": sentence_transformers(
        "openvino", model_kwargs={"ov_config": {"INFERENCE_PRECISION_HINT": "bf16"}}
    ),
    "coterie ONNX Runtime float32": coterie("float32", providers="CPUExecutionProvider"),
    "coterie ONNX Runtime int8": coterie("int8", providers="CPUExecutionProvider"),
    "coterie OpenVINO float32": coterie("float32", providers="OpenVINO", precision="float32"),
    "coterie OpenVINO bfloat16": coterie("float32", providers="OpenVINO", precision="bfloat16"),
}
