"""A folder with an encoder of one table of embeddings: what a GPU gives can be compared with NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

N_TOKENS, DIM = 40, 24
TEXTS = ["w5", "w5 w6 w7", "w9 w9", "w5", "w11 w12 w13 w14 w15 w16 w17", "w6", "w5 w6 w7"] + [
    " ".join(f"w{(7 * i + j) % 30}" for j in range(i % 11 + 1)) for i in range(60)
]


def table(dtype: Any) -> Any:
    return np.random.default_rng(3).standard_normal((N_TOKENS, DIM)).astype(dtype)


def write_encoder(folder: Path, dtype: Any = np.float32, *, pooled: bool = False) -> Path:
    """Write model.onnx and tokenizer.json: a row of the table per token, or their maximum with ``pooled``."""
    import onnx
    import tokenizers
    from onnx import TensorProto, helper, numpy_helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"], axis=0)]
    shape, output = ["n", "length", DIM], "last_hidden_state"
    if pooled:
        nodes += [helper.make_node("ReduceMax", ["last_hidden_state", "axes"], ["embeddings"], keepdims=0)]
        shape, output = ["n", DIM], "embeddings"
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        ids,
        [helper.make_tensor_value_info(output, kind, shape)],
        [
            numpy_helper.from_array(table(dtype), "table"),
            numpy_helper.from_array(np.array([1], np.int64), "axes"),
        ],
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    words = {f"w{i}": i for i in range(N_TOKENS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
