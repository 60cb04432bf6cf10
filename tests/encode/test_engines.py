"""Which provider runs a model, on installations made up for the test; and that it is the one that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.encode import _engines
from coterie.encode._engines import CPU, CUDA, OPENVINO, OPENVINO_IN_ORT, TENSORRT, choose_provider
from encode.conftest import need

ON_GPU = [TENSORRT, CUDA, CPU]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``installed([providers], bfloat16=...)``: what this machine is to have."""

    def install(available: list[str], *, bfloat16: bool) -> None:
        monkeypatch.setattr(_engines, "available_providers", lambda: available)
        monkeypatch.setattr(_engines, "_has_bfloat16", lambda: bfloat16)
        monkeypatch.setattr(_engines, "require_extra", lambda module, extra: None)

    return install


CASES: list[tuple[list[str], bool, dict[str, Any], tuple[str, str]]] = [
    ([CPU], False, {}, (CPU, "float32")),
    ([CPU], True, {}, (CPU, "float32")),
    ([CPU, OPENVINO], False, {}, (CPU, "float32")),
    ([CPU, OPENVINO], True, {}, (OPENVINO, "bfloat16")),
    ([CPU, OPENVINO], True, {"precision": "float32"}, (CPU, "float32")),
    ([CPU, OPENVINO], True, {"providers": OPENVINO, "precision": "float32"}, (OPENVINO, "float32")),
    ([CPU, OPENVINO], False, {"providers": OPENVINO}, (OPENVINO, "float32")),
    ([CPU, OPENVINO], False, {"precision": "bfloat16"}, (OPENVINO, "bfloat16")),
    ([CPU, OPENVINO], True, {"model_precision": "int8"}, (CPU, "int8")),
    ([CPU, OPENVINO], True, {"model_precision": "int8", "providers": OPENVINO}, (OPENVINO, "bfloat16")),
    (ON_GPU, True, {}, (CUDA, "float32")),
    (ON_GPU, True, {"model_precision": "float16"}, (CUDA, "float16")),
    (ON_GPU, True, {"device": "cpu"}, (CPU, "float32")),
    ([*ON_GPU, OPENVINO], True, {"device": "cpu"}, (OPENVINO, "bfloat16")),
    ([*ON_GPU, OPENVINO], True, {"precision": "bfloat16"}, (OPENVINO, "bfloat16")),
    (ON_GPU, False, {"device": "cuda", "providers": [TENSORRT]}, (TENSORRT, "float32")),
    ([OPENVINO_IN_ORT, CPU], True, {"providers": OPENVINO_IN_ORT}, (OPENVINO_IN_ORT, "float32")),
]


@pytest.mark.parametrize(("available", "bfloat16", "asked", "wanted"), CASES)
def test_the_provider_is_what_the_rule_says(
    available: list[str], bfloat16: bool, asked: dict[str, Any], wanted: tuple[str, str], installed: Any
) -> None:
    installed(available, bfloat16=bfloat16)
    given = {"device": "auto", "providers": None, "precision": "auto", "model_precision": "float32"} | asked
    choice = choose_provider(**given)
    assert (choice.provider, choice.precision) == wanted
    assert choice.reason


REFUSED: list[tuple[list[str], dict[str, Any], str]] = [
    ([CPU], {"device": "cuda"}, f"device='cuda' needs an ONNX Runtime with {CUDA}.*this one has {CPU}"),
    ([CPU], {"providers": CUDA}, f"providers must be one of {CPU}; got '{CUDA}'"),
    (ON_GPU, {"providers": [CUDA, CPU]}, "providers must be one of"),
    (ON_GPU, {"device": "cuda", "providers": CPU}, f"providers must be one for device='cuda'; got '{CPU}'"),
    (ON_GPU, {"device": "cpu", "providers": CUDA}, f"providers must be one for device='cpu'; got '{CUDA}'"),
    (ON_GPU, {"device": "cuda", "precision": "bfloat16"}, "precision='bfloat16' needs providers='OpenVINO'"),
    ([CPU], {"device": "tpu"}, "device must be one of 'auto', 'cpu', 'cuda'; got 'tpu'"),
]


@pytest.mark.parametrize(("available", "asked", "problem"), REFUSED)
def test_what_is_not_there_is_an_error(
    available: list[str], asked: dict[str, Any], problem: str, installed: Any
) -> None:
    installed(available, bfloat16=True)
    given = {"device": "auto", "providers": None, "precision": "auto", "model_precision": "float32"} | asked
    with pytest.raises(ValueError, match=problem):
        choose_provider(**given)


def test_every_provider_that_is_not_used_has_a_reason(installed: Any) -> None:
    installed([CPU, OPENVINO], bfloat16=True)
    notes = _engines.explain_providers(choose_provider("auto", None, "auto", "float32"))
    assert set(notes) == {CPU, CUDA, TENSORRT, OPENVINO_IN_ORT}
    assert "OpenVINO is faster" in notes[CPU]
    assert "pip install onnxruntime-gpu" in notes[CUDA]
    installed([CUDA, CPU, "ROCMExecutionProvider"], bfloat16=False)
    notes = _engines.explain_providers(choose_provider("auto", None, "auto", "float32"))
    assert notes[OPENVINO] == 'the extra "openvino" is missing'
    assert "asked for" in notes["ROCMExecutionProvider"]
    assert CUDA not in notes


def test_tensorrt_leaves_what_it_cannot_do_to_cuda() -> None:
    assert _engines.with_options(TENSORRT, ON_GPU) == [(TENSORRT, {}), (CUDA, {})]
    assert _engines.with_options(CUDA, ON_GPU) == [(CUDA, {})]
    assert _engines.with_options(OPENVINO_IN_ORT, [CPU]) == [(OPENVINO_IN_ORT, {"device_type": "CPU"})]


def test_a_runtime_that_takes_another_provider_is_found_out(
    minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    made = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda path, options, providers: made(path, options, [CPU])
    )
    with pytest.raises(RuntimeError, match=f"{CUDA} was asked for, but ONNX Runtime took {CPU}"):
        _engines.OnnxRuntimeEngine(minilm / "model.onnx", CUDA, 1)


def test_openvino_runs_without_the_setting_that_another_version_may_not_know(
    minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("openvino")
    ids = np.array([[101, 7592, 102]], np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    rows = _engines.OpenVinoEngine(minilm / "model.onnx", "float32", 1).run(feed, "embeddings")
    monkeypatch.setattr(_engines, "_NOT_FUSED", {"NO_SUCH_SETTING": "1"})
    plain = _engines.OpenVinoEngine(minilm / "model.onnx", "float32", 1).run(feed, "embeddings")
    np.testing.assert_allclose(plain, rows, atol=1e-6)
