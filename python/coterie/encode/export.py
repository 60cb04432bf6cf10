"""From a transformers or sentence-transformers model to a folder with one ONNX file, checked against PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from coterie._validation import check_integer, check_option, check_real, require_extra
from coterie._version import __version__
from coterie.encode._card import (
    FORMAT,
    MANIFEST,
    MODEL_FILE,
    POOLING_MODES,
    PRECISIONS,
    SCHEMA_VERSION,
    TOKENIZER_FILE,
    sha256,
)
from coterie.io import OutputFolder

if TYPE_CHECKING:
    from coterie.encode._torch_model import Source

__all__ = ["export_onnx"]

QUANTIZATIONS = ("dynamic", "static")
_DEFAULT_LENGTH = 512

Progress = Callable[[str], None]


def export_onnx(
    model: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    pooling: str | None = None,
    normalize: bool | None = None,
    max_length: int | None = None,
    precision: str = "float32",
    optimize: bool | None = None,
    quantization: str = "dynamic",
    texts: Sequence[str] | None = None,
    least_agreement: float = 0.9,
    revision: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a transformer as an encoder folder: one ONNX file with pooling inside, its tokenizer and a card.

    The rows of the written model are compared with PyTorch's on short and long texts, in batches of one and of many;
    a model that disagrees is not written. Batch size and length of the ONNX model are dynamic.

    Parameters
    ----------
    model : path or str
        A folder of transformers or sentence-transformers, or the id of such a model on a hub (``"owner/name"``),
        which is then downloaded. Code that comes with a model is never run.
    folder : path
        Where ``model.onnx``, ``tokenizer.json`` and ``manifest.json`` are written, all or none.
    pooling : str or None, default=None
        "cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean" or "lasttoken". None: what the model's
        sentence-transformers configuration says; a model without one needs it.
    normalize : bool or None, default=None
        Whether rows get unit length in the graph. None: what the configuration says, and True without one.
    max_length : int or None, default=None
        Most tokens of a text. None: what the configuration says, else what the model has positions for, else 512.
    precision : {"float32", "float16", "int8"}, default="float32"
        float16 is for GPUs. int8 quantises weights and, while running, activations.
    optimize : bool or None, default=None
        Whether attention, GELU and layer norm are fused by ONNX Runtime's optimizer for transformers. None: for
        float16; ONNX Runtime fuses on the CPU by itself.
    quantization : {"dynamic", "static"}, default="dynamic"
        For int8: ranges of activations from each batch, or once from ``texts``.
    texts : sequence of str, optional
        Your own texts, 200 or more, to calibrate and judge an int8 model by. None: docstrings of the installed
        Python packages.
    least_agreement : float, default=0.9
        For int8: the least agreement with float32 on ``texts``, of clusters (adjusted Rand index and normalised
        mutual information) and of the ten nearest neighbours (share in common), in [0, 1]. Less is an error.
    revision : str, optional
        Of a model on a hub.
    overwrite : bool, default=False
        Whether an earlier export in ``folder`` may be replaced.
    progress : callable of str, optional
        Called with the name of each step.

    Returns
    -------
    dict
        The card, as written to ``manifest.json``.

    Raises
    ------
    FileNotFoundError
        If ``model`` is neither a folder with a model nor an id.
    ValueError
        If the model is not understood, cannot be exported, or disagrees; for parameters out of range.
    FileExistsError, OSError
        As :class:`coterie.io.OutputFolder`.
    ModuleNotFoundError
        If an extra is missing: exporting needs ``train`` and ``onnx``, encoding only ``onnx``.

    Examples
    --------
    >>> from coterie.encode import export_onnx
    >>> export_onnx("no-such-folder", "encoder")
    Traceback (most recent call last):
    FileNotFoundError: model 'no-such-folder' is neither a folder nor an id such as 'owner/name'
    """
    check_option("precision", precision, PRECISIONS)
    check_option("quantization", quantization, QUANTIZATIONS)
    check_real("least_agreement", least_agreement, minimum=0.0, maximum=1.0)
    if pooling is not None:
        check_option("pooling", pooling, POOLING_MODES)
    _require_libraries()
    from coterie.encode import _torch_model
    from coterie.encode._export_steps import write_verified
    from coterie.encode._quantize import quantize

    tell = progress or (lambda step: None)
    tell("load")
    source = _torch_model.find_source(model, revision)
    modes = (pooling,) if pooling else source.layout.pooling
    if not modes:
        raise ValueError(
            f"{source.name!r} does not say how it pools tokens (it has no modules.json); give pooling, such as 'mean'"
        )
    if normalize is None:
        normalize = source.layout.normalize if source.layout.pooling else True
    tokenizer = _torch_model.load_tokenizer(source)
    module = _torch_model.load_module(source, modes, normalize)
    card = _head(source, module, _length(source, tokenizer, max_length))
    with OutputFolder(folder, overwrite=overwrite) as output:
        target = output.file(MODEL_FILE)
        tokenizer.backend_tokenizer.save(os.fspath(output.file(TOKENIZER_FILE)))
        fuse = precision == "float16" if optimize is None else optimize
        card |= write_verified(module, target, card, precision=precision, fuse=fuse, tell=tell)
        if precision == "int8":
            tell("quantize")
            card["quantization"] = quantize(
                target, card, method=quantization, texts=texts, least_agreement=least_agreement
            )
        files = sorted(path for path in target.parent.iterdir() if path.is_file())
        card["files"] = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files}
        written = json.dumps(card, indent=1, allow_nan=False) + "\n"
        output.file(MANIFEST).write_text(written, encoding="utf-8")
    return card


def _require_libraries() -> None:
    for name in ("torch", "transformers", "onnx", "safetensors"):
        require_extra(name, "train")
    for name in ("onnxruntime", "tokenizers"):
        require_extra(name, "onnx")


def _head(source: Source, module: Any, max_length: int) -> dict[str, Any]:
    """Return what the card knows before anything is exported."""
    from coterie.encode._torch_model import describe

    libraries = {name: require_extra(name, "train").__version__ for name in ("torch", "transformers", "onnx")}
    return {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "coterie_version": __version__,
        "made_with": libraries | {"onnxruntime": require_extra("onnxruntime", "onnx").__version__},
        **describe(source, module),
        "pooling": list(module.pooling),
        "dense_layers": len(source.layout.dense),
        "normalized": module.normalize,
        "max_length": max_length,
        "lowercase": source.layout.lowercase,
        "prompts": dict(source.layout.prompts),
        "default_prompt": source.layout.default_prompt,
    }


def _length(source: Source, tokenizer: Any, asked_for: int | None) -> int:
    from coterie.encode._torch_model import length_limit

    limit = length_limit(source, tokenizer)
    if asked_for is None:
        return limit or _DEFAULT_LENGTH
    return check_integer("max_length", asked_for, minimum=1, maximum=limit)
