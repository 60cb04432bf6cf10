"""Weights and activations in int8, judged by what clustering needs of them. Imported by the export only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import require_extra
from coterie.demo import collect_docstrings
from coterie.encode._agreement import agreement
from coterie.encode._export_steps import open_written, quiet
from coterie.encode._run import EncodingStatistics, Plan, encode_texts
from coterie.encode._session import Session
from coterie.encode._sinks import HostSink
from coterie.encode._tokens import as_texts

_LEAST_TEXTS = 50
_MOST_JUDGED = 2000
_MOST_CALIBRATED = 128
_CALIBRATION_BATCH = 8
_BATCH_TOKENS = 2048


def quantize(
    target: Path, card: dict[str, Any], *, method: str, texts: Sequence[str] | None, least_agreement: float
) -> dict[str, Any]:
    """Replace a float32 model by its int8 version, or refuse; return what the card says about it."""
    judged, origin = _judging_texts(texts)
    before = _rows(open_written(target, card, "float32", _core.default_thread_count()), judged)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        quantized = Path(folder, target.name)
        with quiet():
            if method == "static":
                _static(target, quantized, card, judged)
            else:
                _dynamic(target, quantized)
        for written in (target, *target.parent.glob(f"{target.name}.data")):
            written.unlink()
        for path in Path(folder).iterdir():
            os.replace(path, target.parent / path.name)
    after = _rows(open_written(target, card, "int8", _core.default_thread_count()), judged)
    found = agreement(before, after)
    for name in ("ari", "nmi", "neighbours"):
        if found[name] < least_agreement:
            raise ValueError(
                f"int8 loses too much on {origin}: {name} {found[name]:.3f} with float32, where least_agreement is"
                f" {least_agreement:g} (cosine {found['cosine_mean']:.4f} on average); ask for less, calibrate with"
                " more of your texts, or keep float32"
            )
    return {"method": method, "texts": origin, "agreement": found, "least_agreement": least_agreement}


def _judging_texts(texts: Sequence[str] | None) -> tuple[list[str], str]:
    if texts is None:
        found, origin = list(collect_docstrings().texts), "docstrings of installed packages"
    else:
        found, origin = as_texts(texts), "texts that were given"
    distinct = list(dict.fromkeys(found))
    if len(distinct) < _LEAST_TEXTS:
        raise ValueError(
            f"texts must hold at least {_LEAST_TEXTS} different texts to judge int8; got {len(distinct)}"
        )
    step = max(1, len(distinct) // _MOST_JUDGED)
    return distinct[::step][:_MOST_JUDGED], origin


def _rows(session: Session, texts: list[str]) -> NDArray[np.float32]:
    rows = np.empty((len(texts), session.dim), np.float32)
    plan = Plan(session.tokenize, session.run, _BATCH_TOKENS, session.n_workers)
    encode_texts(texts, HostSink(rows), plan, EncodingStatistics())
    return rows


def _dynamic(source: Path, target: Path) -> None:
    quantization = require_extra("onnxruntime.quantization", "onnx")
    quantization.quantize_dynamic(
        os.fspath(source),
        os.fspath(target),
        op_types_to_quantize=["MatMul", "Attention", "Gemm"],
        per_channel=True,
        weight_type=quantization.QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )


def _static(source: Path, target: Path, card: dict[str, Any], texts: list[str]) -> None:
    quantization = require_extra("onnxruntime.quantization", "onnx")
    session = open_written(source, card, "float32")
    step = max(1, len(texts) // _MOST_CALIBRATED)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._batches = _calibration(session, texts[::step][:_MOST_CALIBRATED])

        def get_next(self) -> dict[str, NDArray[np.int64]] | None:
            return next(self._batches, None)

    quantization.quantize_static(
        os.fspath(source),
        os.fspath(target),
        Reader(),
        quant_format=quantization.QuantFormat.QDQ,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )


def _calibration(session: Session, texts: list[str]) -> Iterator[dict[str, NDArray[np.int64]]]:
    for start in range(0, len(texts), _CALIBRATION_BATCH):
        tokens = session.tokenize(texts[start : start + _CALIBRATION_BATCH])
        lengths = tokens.lengths
        ids = np.zeros((len(lengths), max(1, int(lengths.max()))), np.int64)
        for i, first in enumerate(tokens.offsets[:-1]):
            ids[i, : lengths[i]] = tokens.ids[first : first + lengths[i]]
        mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
        yield {"input_ids": ids, "attention_mask": mask}
