"""Exported models give PyTorch's rows, for every family and pooling, and models that do not are not written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from coterie.encode import OnnxEncoder, export_onnx
from coterie.encode._card import POOLING_MODES
from encode.conftest import FAMILIES, TEXTS


def torch_rows(folder: Path, modes: list[str], normalize: bool) -> NDArray[np.float32]:
    """The definition: one text at a time, without padding, through transformers and NumPy."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    for text in TEXTS:
        ids = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            tokens = model(input_ids=ids).last_hidden_state[0].numpy().astype(np.float64)
        n = len(tokens)
        pooled = {
            "cls": tokens[0],
            "lasttoken": tokens[-1],
            "max": tokens.max(axis=0),
            "mean": tokens.mean(axis=0),
            "mean_sqrt_len_tokens": tokens.sum(axis=0) / np.sqrt(n),
            "weightedmean": np.arange(1, n + 1) @ tokens / (n * (n + 1) / 2),
        }
        row = np.concatenate([pooled[mode] for mode in modes])
        rows.append(row / np.linalg.norm(row) if normalize else row)
    return np.array(rows, dtype=np.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_gives_the_rows_of_pytorch(
    family: str, make_model: Callable[..., Path], tmp_path: Path
) -> None:
    decoder = family in ("gpt2", "qwen3")
    pooling = "lasttoken" if decoder else "mean"
    source = make_model(family, pooling=pooling)
    card = export_onnx(source, tmp_path / "encoder", max_length=64)
    assert card["verification"]["largest_difference"] < 1e-4
    encoder = OnnxEncoder(tmp_path / "encoder", providers="CPUExecutionProvider")
    np.testing.assert_allclose(encoder.transform(TEXTS), torch_rows(source, [pooling], True), atol=2e-5)
    assert encoder.statistics_.n_truncated == 1
    assert encoder.statistics_.n_distinct == len(TEXTS) - 1


@pytest.mark.parametrize("pooling", [*POOLING_MODES, ["mean", "max"]])
@pytest.mark.parametrize("normalize", [True, False])
def test_pooling_is_inside_of_the_graph(
    pooling: str | list[str], normalize: bool, make_model: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_model("bert", pooling=pooling, normalize=normalize)
    card = export_onnx(source, tmp_path / "encoder", max_length=64)
    modes = [pooling] if isinstance(pooling, str) else pooling
    assert card["pooling"] == modes
    assert card["normalized"] is normalize
    encoder = OnnxEncoder(tmp_path / "encoder", providers="CPUExecutionProvider", normalize=False)
    np.testing.assert_allclose(
        encoder.transform(TEXTS), torch_rows(source, modes, normalize), rtol=1e-4, atol=2e-5
    )


def test_dense_layers_are_inside_of_the_graph(make_model: Callable[..., Path], tmp_path: Path) -> None:
    import safetensors.numpy

    source = make_model("bert", pooling="mean", normalize=False, dense=7)
    export_onnx(source, tmp_path / "encoder", normalize=False, max_length=64)
    rows = OnnxEncoder(tmp_path / "encoder", providers="CPUExecutionProvider", normalize=False).fit_transform(
        TEXTS
    )
    layer = safetensors.numpy.load_file(source / "2_Dense" / "model.safetensors")
    pooled = torch_rows(source, ["mean"], False)
    wanted = np.tanh(pooled @ layer["linear.weight"].T + layer["linear.bias"])
    np.testing.assert_allclose(rows, wanted, rtol=1e-4, atol=2e-5)


def test_minilm_gives_the_rows_of_sentence_transformers(minilm: Path, minilm_source: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    wanted = sentence_transformers.SentenceTransformer(str(minilm_source), device="cpu").encode(TEXTS)
    rows = OnnxEncoder(minilm, providers="CPUExecutionProvider").transform(TEXTS)
    np.testing.assert_allclose(rows, wanted, atol=2e-6)


def test_the_card_tells_where_the_model_is_from(minilm: Path, minilm_source: Path) -> None:
    card = json.loads((minilm / "manifest.json").read_text())
    assert card["source"]["name"] == str(minilm_source)
    assert (card["family"], card["pooling"], card["max_length"], card["dim"]) == ("bert", ["mean"], 256, 384)
    assert set(card["files"]) == {"model.onnx", "tokenizer.json"}
    assert card["verification"]["n_rows"] == 25


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_fused_graph_is_the_same_model(
    precision: str, make_model: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_model("bert", pooling="mean")
    card = export_onnx(source, tmp_path / "fused", precision=precision, optimize=True, max_length=64)
    assert card["fused"]["Attention"] == 2
    assert card["precision"] == precision
    rows = OnnxEncoder(tmp_path / "fused", providers="CPUExecutionProvider").transform(TEXTS)
    cosine = np.einsum("ij,ij->i", rows, torch_rows(source, ["mean"], True))
    assert cosine.min() > (0.999 if precision == "float16" else 0.999999)


def test_int8_of_a_real_model_keeps_its_clusters(
    minilm_source: Path, tmp_path: Path, load_rows: Callable[..., list[dict[str, Any]]]
) -> None:
    texts = [row["text"] for row in load_rows("ag_news", limit=60)]
    card = export_onnx(
        minilm_source, tmp_path / "int8", precision="int8", texts=texts, max_length=32, least_agreement=0.6
    )
    found = card["quantization"]["agreement"]
    assert found["cosine_mean"] > 0.95
    assert min(found["ari"], found["nmi"], found["neighbours"]) >= 0.6
    assert (tmp_path / "int8/model.onnx").stat().st_size < 70e6
    encoder = OnnxEncoder(tmp_path / "int8", providers="CPUExecutionProvider")
    assert encoder.transform(texts[:3]).shape == (3, 384)


@pytest.mark.parametrize("method", ["dynamic", "static"])
def test_int8_is_judged_before_it_is_written(
    method: str, make_model: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_model("bert", pooling="mean")
    words = ["the", "bank", "raises", "rates", "goal", *(f"w{i}" for i in range(90))]
    texts = [" ".join(words[(i * k) % 95] for k in range(1, 9)) for i in range(1, 81)]
    arguments: dict[str, Any] = {
        "precision": "int8",
        "quantization": method,
        "texts": texts,
        "max_length": 64,
    }
    card = export_onnx(source, tmp_path / "int8", least_agreement=0.0, **arguments)
    assert card["quantization"]["method"] == method
    assert 0.8 < card["quantization"]["agreement"]["cosine_mean"] < 1.0
    rows = OnnxEncoder(tmp_path / "int8", providers="CPUExecutionProvider").transform(TEXTS)
    assert np.einsum("ij,ij->i", rows, torch_rows(source, ["mean"], True)).mean() > 0.8
    with pytest.raises(
        ValueError, match=r"int8 loses too much on texts that were given: \w+ 0\.\d+ with float32"
    ):
        export_onnx(source, tmp_path / "refused", least_agreement=1.0, **arguments)
    assert not (tmp_path / "refused").exists()


def test_large_weights_lie_beside_the_model(
    make_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coterie.encode import _export_steps

    source = make_model("bert", pooling="mean")
    monkeypatch.setattr(_export_steps, "LARGEST_INLINE_BYTES", 10_000)
    card = export_onnx(source, tmp_path / "encoder", max_length=64)
    assert set(card["files"]) == {"model.onnx", "model.onnx.data", "tokenizer.json"}
    shutil.copytree(tmp_path / "encoder", tmp_path / "elsewhere")
    rows = OnnxEncoder(tmp_path / "elsewhere", providers="CPUExecutionProvider").transform(TEXTS)
    np.testing.assert_allclose(rows, torch_rows(source, ["mean"], True), atol=2e-5)


def test_a_model_that_disagrees_is_not_written(
    make_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coterie.encode import _export_steps

    trace = _export_steps._trace

    def trace_another(module: Any, tokenizer: Any, target: Path) -> None:
        embeddings = module.transformer.get_input_embeddings()
        kept = embeddings.weight.data.clone()
        embeddings.weight.data.mul_(0.5)
        trace(module, tokenizer, target)
        embeddings.weight.data.copy_(kept)

    monkeypatch.setattr(_export_steps, "_trace", trace_another)
    with pytest.raises(ValueError, match="exported BertModel disagrees with PyTorch: rows differ by"):
        export_onnx(make_model("bert", pooling="mean"), tmp_path / "encoder")
    assert not (tmp_path / "encoder").exists()


def test_bad_arguments_are_named(make_model: Callable[..., Path], tmp_path: Path) -> None:
    plain = make_model("bert")
    with pytest.raises(ValueError, match="does not say how it pools tokens"):
        export_onnx(plain, tmp_path / "a")
    with pytest.raises(ValueError, match="precision must be one of 'float32', 'float16', 'int8'; got 'int4'"):
        export_onnx(plain, tmp_path / "a", pooling="mean", precision="int4")
    with pytest.raises(ValueError, match="pooling must be one of"):
        export_onnx(plain, tmp_path / "a", pooling="median")
    with pytest.raises(ValueError, match="max_length must be between 1 and 66; got 67"):
        export_onnx(plain, tmp_path / "a", pooling="mean", max_length=67)
    with pytest.raises(ValueError, match="at least 50 different texts to judge int8; got 2"):
        export_onnx(plain, tmp_path / "a", pooling="mean", precision="int8", texts=["a", "b", "a"])
    with pytest.raises(FileNotFoundError, match="neither a folder nor an id"):
        export_onnx(tmp_path / "absent", tmp_path / "a")
    for refused in ("owner/no such name", "owner/-name"):
        with pytest.raises(FileNotFoundError, match=f"model '{refused}' is no folder and was not downloaded"):
            export_onnx(refused, tmp_path / "a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty' holds no model: it has no config\.json"):
        export_onnx(tmp_path / "empty", tmp_path / "a")
    shutil.copytree(plain, tmp_path / "mute")
    for file in (tmp_path / "mute").glob("*token*"):
        file.unlink()
    with pytest.raises(ValueError, match="no tokenizer that can be loaded"):
        export_onnx(tmp_path / "mute", tmp_path / "a", pooling="mean")
    assert not (tmp_path / "a").exists()
