"""Folders that are incomplete, damaged or hostile: refused in one sentence, and nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.encode import OnnxEncoder
from coterie.encode._onnx_file import inspect_onnx
from encode.conftest import TEXTS, make_tokenizer, need, write_layout

CPU = "CPUExecutionProvider"


@pytest.fixture
def copied(minilm: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(minilm, tmp_path / "encoder"))


def write_onnx(path: Path, **changes: Any) -> None:
    """Write a model that looks up rows: (ids, mask) -> a row per token, or what ``changes`` make of it."""
    from onnx import TensorProto, helper, numpy_helper

    kept = {
        "inputs": ("input_ids", "attention_mask"),
        "domain": "",
        "n_tokens": 120,
        "location": None,
        **changes,
    }
    table = np.random.default_rng(0).normal(size=(kept["n_tokens"], 8)).astype(np.float32)
    weights = numpy_helper.from_array(table, "table")
    if kept["location"] is not None:
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        for key, value in (("location", kept["location"]), ("offset", "0"), ("length", str(table.nbytes))):
            weights.external_data.add(key=key, value=value)
    op = "Gather" if not kept["domain"] else "Steal"
    nodes = [helper.make_node(op, ["table", "input_ids"], ["last_hidden_state"], domain=kept["domain"])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "l"]) for name in kept["inputs"]]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["b", "l", 8])
    graph = helper.make_graph(nodes, "lookup", inputs, [output], [weights])
    opsets = [
        helper.make_opsetid("", 17),
        *([helper.make_opsetid(kept["domain"], 1)] if kept["domain"] else []),
    ]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    if kept["location"] == "weights.bin":
        (path.parent / "weights.bin").write_bytes(table.tobytes())


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder in sentence-transformers' layout whose model gives a row per token."""
    need("onnx", "onnxruntime", "tokenizers", "transformers")
    folder = tmp_path / "plain"
    folder.mkdir()
    make_tokenizer(folder)
    write_layout(folder, "mean", True, 0)
    write_onnx(folder / "model.onnx")
    return folder


def test_pooling_of_a_plain_folder_is_done_outside_of_the_graph(plain: Path) -> None:
    encoder = OnnxEncoder(plain, providers=CPU)
    rows = encoder.transform(["the bank", "a goal", "the bank raises rates"])
    table = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)
    mean = table[[1, 5, 6, 2]].mean(axis=0)
    np.testing.assert_allclose(rows[0], mean / np.linalg.norm(mean), rtol=1e-5)
    for mode, tokens in (("cls", [1]), ("lasttoken", [2]), ("max", [1, 5, 6, 2])):
        row = OnnxEncoder(plain, providers=CPU, pooling=mode).transform(["the bank"])[0]
        wanted = table[tokens].max(axis=0)
        np.testing.assert_allclose(row, wanted / np.linalg.norm(wanted), rtol=1e-5)
    (plain / "onnx").mkdir()
    (plain / "model.onnx").rename(plain / "onnx" / "model.onnx")
    np.testing.assert_allclose(OnnxEncoder(plain, providers=CPU).transform(["a goal"])[0], rows[1], atol=1e-6)
    need("openvino")
    np.testing.assert_allclose(
        OnnxEncoder(plain, providers="OpenVINO", precision="float32").transform(["a goal"])[0],
        rows[1],
        atol=1e-5,
    )


def test_a_folder_that_lacks_something_says_what(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"encoder folder '.*absent' does not exist"):
        OnnxEncoder(tmp_path / "absent").fit()
    (plain / "modules.json").unlink()
    with pytest.raises(ValueError, match="does not say how to pool them; give pooling"):
        OnnxEncoder(plain, providers=CPU).fit()
    (plain / "tokenizer.json").rename(tmp_path / "tokenizer.json")
    with pytest.raises(FileNotFoundError, match=r"holds no tokenizer.json; coterie export writes it"):
        OnnxEncoder(plain).fit()
    (plain / "model.onnx").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"holds no ONNX model \(model.onnx or onnx/model.onnx\); coterie export"
    ):
        OnnxEncoder(plain).fit()


@pytest.mark.parametrize("provider", [CPU, "OpenVINO"])
def test_a_tokenizer_of_another_model_is_found(provider: str, plain: Path) -> None:
    if provider != CPU:
        need("openvino")
    write_onnx(plain / "model.onnx", n_tokens=100)
    with pytest.raises(ValueError, match="fails on a text of token 119, the last one of its tokenizer"):
        OnnxEncoder(plain, providers=provider).fit()
    (plain / "config.json").write_text('{"vocab_size": 100}')
    with pytest.raises(
        ValueError, match="does not match the model: it has token 119, and the model 100 tokens"
    ):
        OnnxEncoder(plain, providers=provider).fit()


def test_a_model_that_is_not_understood_is_refused(plain: Path) -> None:
    write_onnx(plain / "model.onnx", inputs=("input_ids", "pixel_values"))
    with pytest.raises(
        ValueError, match="its inputs are input_ids, pixel_values, where input_ids, attention_mask"
    ):
        OnnxEncoder(plain, providers=CPU).fit()
    (plain / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.json' is not a tokenizer"):
        OnnxEncoder(plain, providers=CPU).fit()
    (plain / "modules.json").write_text('[{"type": "a.Router", "path": ""}]')
    with pytest.raises(ValueError, match="a module 'Router' is not understood"):
        OnnxEncoder(plain, providers=CPU).fit()
    (plain / "modules.json").write_text('[{"type": "a.Pooling", "path": "../../etc"}]')
    with pytest.raises(ValueError, match="leaves the folder"):
        OnnxEncoder(plain, providers=CPU).fit()


def test_operators_of_other_libraries_are_refused(plain: Path) -> None:
    write_onnx(plain / "model.onnx", domain="evil.ops")
    with pytest.raises(ValueError, match=r"it needs operators of 'evil.ops', which would have to be loaded"):
        OnnxEncoder(plain, providers=CPU).fit()


@pytest.mark.parametrize(
    "location",
    ["../outside.bin", "/etc/passwd", "a/../../outside.bin", "", "..\\outside.bin", "C:\\outside.bin"],
)
def test_weights_outside_of_the_folder_are_refused(location: str, plain: Path) -> None:
    write_onnx(plain / "model.onnx", location=location)
    (plain.parent / "outside.bin").write_bytes(bytes(120 * 8 * 4))
    with pytest.raises(ValueError, match="not a path inside of its folder"):
        OnnxEncoder(plain, providers=CPU).fit()


def test_weights_beside_the_model_are_read_unless_they_are_links_or_too_short(plain: Path) -> None:
    rows = OnnxEncoder(plain, providers=CPU).transform(TEXTS)
    write_onnx(plain / "model.onnx", location="weights.bin")
    np.testing.assert_array_equal(OnnxEncoder(plain, providers=CPU).transform(TEXTS), rows)
    data = (plain / "weights.bin").read_bytes()
    (plain / "weights.bin").write_bytes(data[:-1])
    with pytest.raises(ValueError, match="which has 3839 bytes, fewer than it needs"):
        OnnxEncoder(plain, providers=CPU).fit()
    (plain / "weights.bin").unlink()
    with pytest.raises(ValueError, match=r"in 'weights.bin', which is missing"):
        OnnxEncoder(plain, providers=CPU).fit()
    (plain.parent / "outside.bin").write_bytes(data)
    (plain / "weights.bin").symlink_to(plain.parent / "outside.bin")
    with pytest.raises(ValueError, match=r"in 'weights.bin', which is a link"):
        OnnxEncoder(plain, providers=CPU).fit()


def test_a_truncated_model_is_refused_at_every_length(plain: Path) -> None:
    data = (plain / "model.onnx").read_bytes()
    for n_bytes in (0, 1, 10, len(data) // 2, len(data) - 1):
        (plain / "model.onnx").write_bytes(data[:n_bytes])
        with pytest.raises(ValueError, match=r"model.onnx'"):
            OnnxEncoder(plain, providers=CPU).fit()


def test_noise_never_crashes_the_inspection(plain: Path) -> None:
    rng, data = np.random.default_rng(0), bytearray((plain / "model.onnx").read_bytes())
    n_refused = 0
    for _ in range(300):
        damaged = bytearray(data[:200])
        for at in rng.integers(0, len(damaged), 3):
            damaged[at] = int(rng.integers(256))
        (plain / "noise.onnx").write_bytes(damaged + data[200:])
        try:
            inspect_onnx(plain / "noise.onnx")
        except ValueError:
            n_refused += 1
    assert n_refused > 0


CHANGES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda card: card.update(format="x"), "its format must be 'coterie encoder'"),
    (lambda card: card.update(schema_version=9), "schema version 1 is wanted; got 9"),
    (lambda card: card.update(max_length="256"), "max_length is missing or of the wrong kind; got 256"),
    (lambda card: card.pop("vocab_size"), "vocab_size is missing"),
    (lambda card: card.update(prompts={"query": 3}), "prompts must be texts"),
    (lambda card: card["files"].pop("model.onnx"), "files must list model.onnx"),
    (lambda card: card["files"].update({"../x": {}}), "is not the name of a file in the folder"),
    (lambda card: card["files"]["model.onnx"].update(bytes=3), "it is truncated or another file"),
    (lambda card: card["files"]["model.onnx"].update(sha256="0"), "the file was changed or damaged"),
]


@pytest.mark.parametrize(("change", "problem"), CHANGES)
def test_a_manifest_that_is_not_true_is_refused(
    change: Callable[[dict[str, Any]], Any], problem: str, copied: Path
) -> None:
    card = json.loads((copied / "manifest.json").read_text())
    change(card)
    (copied / "manifest.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=problem):
        OnnxEncoder(copied).fit()


def test_a_damaged_manifest_is_refused(copied: Path) -> None:
    for text in ("", "{", "[" * 5000, '"x"'):
        (copied / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match=r"manifest.json"):
            OnnxEncoder(copied).fit()
