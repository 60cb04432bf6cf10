"""The steps of an export: trace, fuse, convert, and compare with PyTorch. Imported by the export only."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.encode._agreement import cosines
from coterie.encode._card import TOKENIZER_FILE, EncoderCard
from coterie.encode._engines import CPU, Choice
from coterie.encode._session import Session, open_session
from coterie.encode._tokens import TextTokenizer
from coterie.encode._torch_model import TextEmbedder

OPSET = 17
LARGEST_INLINE_BYTES = 1 << 30  # a protocol buffer ends at 2 GiB; larger weights go into a file beside it
_FUSED_DOMAIN = "com.microsoft"
WEIGHTS_FILE = "model.onnx.data"
_LARGEST_DIFFERENCE = {"float32": 1e-4, "float16": 2e-2}  # relative to the length of a row
_LEAST_COSINE = {"float32": 0.99999, "float16": 0.999}

# Short and long, several scripts, repeats, code and emoji; the long ones are cut at the limit.
_TEXTS = (
    "a",
    "The central bank raised interest rates by 0.25 points on Thursday.",
    "Wie wird das Wetter morgen in Zürich?",
    "机器学习模型把文本变成向量。",
    "Привет, мир! مرحبا بالعالم",
    "for i in range(10):\n    print(i ** 2)  # squares",
    "😀 emoji, naïve café, ½ — “quotes”",
    "word " * 40,
    "The striker scored twice in the second half and the match ended three to one. " * 12,
    "Long documents are cut where the model stops reading, and this one goes on and on. " * 120,
)


def card_of(target: Path, card: dict[str, Any], precision: str) -> EncoderCard:
    """Return the card of a model that is being written."""
    return EncoderCard(
        target.parent,
        target,
        target.parent / TOKENIZER_FILE,
        card["max_length"],
        (),
        False,
        card["lowercase"],
        {},
        None,
        card["vocab_size"],
        precision,
        True,
    )


def open_written(target: Path, card: dict[str, Any], precision: str, n_threads: int = 1) -> Session:
    """Open a model that is being written, on the CPU by ONNX Runtime."""
    described = card_of(target, card, precision)
    tokenizer = TextTokenizer(described, card["max_length"], "")
    return open_session(
        described, Choice(CPU, precision, ""), tokenizer, pooling=None, normalize=False, n_threads=n_threads
    )


def write_verified(
    module: TextEmbedder,
    target: Path,
    card: dict[str, Any],
    *,
    precision: str,
    fuse: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Write the model, fused and converted as asked, and return what the card gains; refuse one that disagrees."""
    tell("export")
    tokenizer = TextTokenizer(card_of(target, card, "float32"), card["max_length"], "")
    _trace(module, tokenizer, target)
    fused: dict[str, int] = {}
    if fuse or precision == "float16":
        tell("optimize")
        fused = _optimize(target, module.transformer.config, to_float16=precision == "float16")
    tell("verify")
    checked = "float16" if precision == "float16" else "float32"
    verification = _verify(module, open_written(target, card, checked), checked)
    return {
        "precision": precision,
        "opset": OPSET,
        "fused": fused,
        "dim": verification.pop("dim"),
        "verification": verification,
    }


def _trace(module: TextEmbedder, tokenizer: TextTokenizer, target: Path) -> None:
    ids, lengths = _padded(tokenizer, [_TEXTS[1], _TEXTS[2]])
    arguments = (torch.from_numpy(ids), torch.from_numpy(_mask(ids, lengths)))
    axes = {name: {0: "batch", 1: "length"} for name in ("input_ids", "attention_mask")}
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        traced = Path(folder, target.name)
        with quiet(), torch.no_grad():
            try:
                torch.onnx.export(
                    module,
                    arguments,
                    os.fspath(traced),
                    input_names=list(axes),
                    output_names=["embeddings"],
                    dynamic_axes={**axes, "embeddings": {0: "batch"}},
                    opset_version=OPSET,
                    dynamo=False,
                )
            except (RuntimeError, ValueError, TypeError, torch.onnx.errors.OnnxExporterError) as error:
                raise ValueError(
                    f"{type(module.transformer).__name__} cannot be exported: {str(error).strip()[:400]}"
                ) from None
        _save(onnx.load(os.fspath(traced)), target)


def _save(model: Any, target: Path) -> None:
    """Write a model as one file, or with its weights in one file beside it when they are large."""
    for path in (target, target.parent / WEIGHTS_FILE):
        path.unlink(missing_ok=True)
    if model.ByteSize() <= LARGEST_INLINE_BYTES:
        onnx.save(model, os.fspath(target))
        return
    onnx.save(
        model,
        os.fspath(target),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=WEIGHTS_FILE,
    )


def _optimize(target: Path, config: Any, *, to_float16: bool) -> dict[str, int]:
    """Fuse what ONNX Runtime's optimizer recognises; return how many of each fused operator there are."""
    optimizer = require_extra("onnxruntime.transformers.optimizer", "onnx")
    heads = getattr(config, "num_attention_heads", 0) or getattr(config, "n_heads", 0)
    with quiet():
        optimized = optimizer.optimize_model(
            os.fspath(target),
            model_type="bert",
            num_heads=int(heads),
            hidden_size=int(getattr(config, "hidden_size", 0) or getattr(config, "dim", 0)),
            opt_level=0,
        )
        if to_float16:
            optimized.convert_float_to_float16(keep_io_types=True)
        statistics = optimized.get_fused_operator_statistics()
    model = optimized.model
    if all(entry.domain != _FUSED_DOMAIN for entry in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(_FUSED_DOMAIN, 1))
    _save(model, target)
    return {name: int(count) for name, count in statistics.items() if count}


def _verify(module: TextEmbedder, session: Session, precision: str) -> dict[str, Any]:
    """Compare the written model with PyTorch, text by text and in batches with padding."""
    batches = [[text] for text in _TEXTS] + [list(_TEXTS[:5]), list(_TEXTS)]
    difference, similarity, n_rows = 0.0, 1.0, 0
    for texts in batches:
        ids, lengths = _padded(session.tokenizer, texts)
        kept = lengths > 0
        if not kept.any():
            continue
        ids, lengths = ids[kept], lengths[kept]
        with torch.no_grad():
            wanted = module(torch.from_numpy(ids), torch.from_numpy(_mask(ids, lengths))).numpy()
        found = session.run(ids, lengths)
        scale = np.maximum(np.linalg.norm(wanted, axis=1), 1e-12)
        difference = max(difference, float((np.abs(found - wanted).max(axis=1) / scale).max()))
        similarity = min(similarity, float(cosines(wanted, found).min()))
        n_rows += len(ids)
    if not (difference <= _LARGEST_DIFFERENCE[precision] and similarity >= _LEAST_COSINE[precision]):
        raise ValueError(
            f"the exported {type(module.transformer).__name__} disagrees with PyTorch: rows differ by {difference:.2g}"
            f" (at most {_LARGEST_DIFFERENCE[precision]:g}), cosine {similarity:.6f} (at least"
            f" {_LEAST_COSINE[precision]:g}); nothing is written"
        )
    return {
        "against": f"PyTorch {torch.__version__}, float32",
        "n_rows": n_rows,
        "largest_difference": difference,
        "least_cosine": similarity,
        "dim": session.dim,
    }


def _padded(tokenizer: TextTokenizer, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    tokens = tokenizer(texts)
    lengths = tokens.lengths
    ids = np.zeros((len(texts), int(lengths.max(initial=1))), np.int64)
    for i, start in enumerate(tokens.offsets[:-1]):
        ids[i, : lengths[i]] = tokens.ids[start : start + lengths[i]]
    return ids, lengths


def _mask(ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the remarks of tracers and optimizers, which are about their own insides, off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
