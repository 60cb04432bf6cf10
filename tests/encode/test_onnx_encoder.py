"""OnnxEncoder: the same rows in any order, batch, thread count and container; statistics; scikit-learn's interface."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from coterie import KMeans
from coterie.encode import OnnxEncoder, make_encoder
from encode.conftest import TEXTS, need

CPU = "CPUExecutionProvider"


def test_rows_do_not_depend_on_threads_and_hardly_on_batches(minilm: Path) -> None:
    texts = [f"{text} {i}" for i in range(12) for text in TEXTS]
    rows = [OnnxEncoder(minilm, providers=CPU, n_threads=n).transform(texts) for n in (1, 2, 3)]
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])
    alone = OnnxEncoder(minilm, providers=CPU, batch_tokens=1)
    np.testing.assert_allclose(alone.transform(texts[:20]), rows[0][:20], atol=1e-6)
    assert alone.statistics_.n_batches == alone.statistics_.n_distinct == 17
    assert alone.statistics_.n_padding == 0


def test_order_is_restored_and_identical_texts_are_encoded_once(minilm: Path) -> None:
    encoder = OnnxEncoder(minilm, providers=CPU)
    rows = encoder.transform(TEXTS)
    turned = encoder.transform(TEXTS[::-1])
    np.testing.assert_allclose(turned[::-1], rows, atol=1e-6)
    np.testing.assert_array_equal(rows[0], rows[4])
    statistics = encoder.statistics_
    assert (statistics.n_texts, statistics.n_distinct, statistics.n_truncated) == (7, 6, 0)
    assert statistics.n_tokens > 200
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-5)


def test_long_texts_are_cut_and_counted(minilm: Path) -> None:
    encoder = OnnxEncoder(minilm, providers=CPU, max_length=8)
    megabyte = "interest rates rise again " * 40_000
    unbroken = "x" * 20_000
    rows = encoder.transform([megabyte, "interest rates rise again interest rates rise", unbroken, "short"])
    assert encoder.statistics_.n_truncated == 2  # the unbroken one is a single unknown token
    assert encoder.statistics_.n_tokens <= 4 * 8
    assert np.isfinite(rows).all()
    whole = OnnxEncoder(minilm, providers=CPU, max_length=8).transform(["interest rates rise again " * 3])
    np.testing.assert_allclose(rows[0], whole[0], atol=1e-6)


def test_half_precision_and_memory_maps(minilm: Path, tmp_path: Path) -> None:
    encoder = OnnxEncoder(minilm, providers=CPU, dtype="float16")
    rows = encoder.transform(TEXTS)
    assert rows.dtype == np.float16
    single = OnnxEncoder(minilm, providers=CPU)
    mapped = np.lib.format.open_memmap(tmp_path / "rows.npy", mode="w+", dtype="float32", shape=(7, 384))
    calls: list[tuple[int, int]] = []
    assert single.encode(TEXTS, out=mapped, progress=lambda *done: calls.append(done)) is mapped
    mapped.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), single.transform(TEXTS))
    np.testing.assert_allclose(rows, mapped, atol=1e-3)
    assert calls[-1] == (6, single.statistics_.n_tokens)
    with pytest.raises(ValueError, match=r"out must be float32 or float16 of shape \(7, 384\)"):
        single.encode(TEXTS, out=np.empty((7, 3), np.float32))


@pytest.mark.parametrize("container", ["tuple", "array", "series", "arrow", "generator"])
def test_texts_come_in_many_containers(container: str, minilm: Path) -> None:
    import pandas as pd
    import pyarrow as pa

    make: dict[str, Callable[[], Any]] = {
        "tuple": lambda: tuple(TEXTS),
        "array": lambda: np.array(TEXTS, dtype=object),
        "series": lambda: pd.Series(TEXTS),
        "arrow": lambda: pa.array(TEXTS, pa.large_string()),
        "generator": lambda: (text for text in TEXTS),
    }
    encoder = OnnxEncoder(minilm, providers=CPU)
    np.testing.assert_array_equal(encoder.transform(make[container]()), encoder.transform(TEXTS))


def test_texts_that_are_none_are_refused(minilm: Path) -> None:
    encoder = OnnxEncoder(minilm, providers=CPU)
    with pytest.raises(ValueError, match="iterable of str, not one str"):
        encoder.transform("one text")
    with pytest.raises(TypeError, match="text 1 must be str; got None of type NoneType"):
        encoder.transform(["a", None])
    with pytest.raises(TypeError, match="iterable of str; got int"):
        encoder.transform(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one dimension"):
        encoder.transform(np.array([["a", "b"]]))
    assert encoder.transform([]).shape == (0, 384)
    assert np.isfinite(encoder.transform(["lone \ud800 surrogate", "nul \0 byte"])).all()


def test_scikit_learn_interface(minilm: Path) -> None:
    encoder = make_encoder(f"onnx:{minilm}", n_threads=1)
    assert isinstance(encoder, OnnxEncoder)
    copy = clone(encoder).set_params(providers=CPU)
    assert copy.get_params()["folder"] == str(minilm)
    rows = copy.transform(TEXTS)
    assert copy.engine_["provider"] == CPU
    assert copy.dim_ == 384
    assert list(copy.get_feature_names_out()[:2]) == ["onnxencoder0", "onnxencoder1"]
    again = pickle.loads(pickle.dumps(copy))
    np.testing.assert_array_equal(again.transform(TEXTS), rows)
    labels = make_pipeline(copy, KMeans(2, random_state=0)).fit_predict(
        [*TEXTS, "a late goal wins the match"]
    )
    assert labels[0] == labels[4] != labels[1] == labels[-1]
    copy.set_params(max_length=4)
    assert copy.fit().transform(TEXTS)[0] @ rows[0] < 0.999


def test_what_was_asked_for_runs_or_is_an_error(minilm: Path) -> None:
    with pytest.raises(ValueError, match="providers must be one of CPUExecutionProvider"):
        OnnxEncoder(minilm, providers="NoSuchProvider").fit()
    with pytest.raises(ValueError, match="precision='bfloat16' needs providers='OpenVINO'"):
        OnnxEncoder(minilm, providers=CPU, precision="bfloat16").fit()
    with pytest.raises(ValueError, match="max_length must be between 1 and 256; got 257"):
        OnnxEncoder(minilm, max_length=257).fit()
    for too_short in (1, 2):  # a length of 1 left texts whole, one of 2 nothing but [CLS] and [SEP]
        with pytest.raises(ValueError, match=f"max_length must be at least 3, .* got {too_short}"):
            OnnxEncoder(minilm, max_length=too_short).fit()
    with pytest.raises(ValueError, match="prompt_name must not be given: the encoder has no prompts"):
        OnnxEncoder(minilm, prompt_name="query").fit()
    with pytest.raises(ValueError, match="'batch_tokens' parameter"):
        OnnxEncoder(minilm, batch_tokens=0).fit()
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(
            ValueError, match="device='cuda' needs an ONNX Runtime with CUDAExecutionProvider"
        ):
            OnnxEncoder(minilm, device="cuda").fit()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_openvino_gives_the_same_rows(precision: str, minilm: Path) -> None:
    need("openvino")
    encoder = OnnxEncoder(minilm, providers="OpenVINO", precision=precision, n_threads=2)
    rows = encoder.transform(TEXTS)
    assert encoder.engine_["provider"] == "OpenVINO"
    assert encoder.engine_["precision"] == precision
    wanted = OnnxEncoder(minilm, providers=CPU).transform(TEXTS)
    assert np.einsum("ij,ij->i", rows, wanted).min() > (0.999 if precision == "bfloat16" else 0.99999)


def test_inputs_are_bound_where_the_device_is_not_the_cpu(minilm: Path) -> None:
    from coterie.encode._engines import OnnxRuntimeEngine

    engine = OnnxRuntimeEngine(minilm / "model.onnx", CPU, 1)
    ids = np.array([[101, 7592, 102]], np.int64)
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    plain = engine.run(feed, "embeddings")
    engine._bind = True  # what any other provider does
    np.testing.assert_array_equal(engine.run(feed, "embeddings"), plain)
