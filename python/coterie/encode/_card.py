"""What an encoder's folder says about itself: our manifest, or the configuration of sentence-transformers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coterie.encode._onnx_file import inspect_onnx
from coterie.io._json import MAX_JSON_DEPTH, is_deeper_than

MANIFEST = "manifest.json"
FORMAT = "coterie encoder"
SCHEMA_VERSION = 1
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
POOLING_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
PRECISIONS = ("float32", "float16", "int8")

_MODEL_FILES = (MODEL_FILE, "onnx/model.onnx")
_MAX_CONFIG_BYTES = 16 << 20
_NO_LIMIT = 1 << 20  # tokenizers that know no limit name a huge one
_OLD_POOLING = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# Positions that a family's tables hold before that of the first token.
_RESERVED_POSITIONS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}


@dataclass(frozen=True)
class Layout:
    """What follows the transformer, as sentence-transformers writes it into a folder."""

    pooling: tuple[str, ...] = ()
    dense: tuple[str, ...] = ()
    normalize: bool = False
    max_length: int | None = None
    lowercase: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    transformer: str = ""


@dataclass(frozen=True)
class EncoderCard:
    """Where the files of an encoder are and how texts become rows."""

    folder: Path
    model_file: Path
    tokenizer_file: Path
    max_length: int | None
    pooling: tuple[str, ...]  # still to be done when the model gives one row per token
    normalize: bool  # still to be done
    lowercase: bool
    prompts: Mapping[str, str]
    default_prompt: str | None
    vocab_size: int | None
    precision: str
    is_exported: bool


def read_json(path: Path) -> Any:
    """Read a small JSON file that need not be trusted; every doubt is a ValueError that names it."""
    if path.stat().st_size > _MAX_CONFIG_BYTES:
        raise ValueError(
            f"{os.fspath(path)!r} has {path.stat().st_size} bytes, more than a configuration has"
        )
    try:
        text = path.read_text(encoding="utf-8")
        if is_deeper_than(text, MAX_JSON_DEPTH):
            raise ValueError(f"nested more than {MAX_JSON_DEPTH} deep")
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be read as JSON: {error}") from None


def read_card(folder: str | os.PathLike[str]) -> EncoderCard:
    """Describe the encoder in a folder, or say what it lacks."""
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{os.fspath(folder)!r} is a file; an encoder folder is wanted")
    if not path.is_dir():
        raise FileNotFoundError(f"encoder folder {os.fspath(folder)!r} does not exist")
    if (path / MANIFEST).is_file():
        return _exported_card(path)
    model_file = next((path / name for name in _MODEL_FILES if (path / name).is_file()), None)
    if model_file is None:
        raise FileNotFoundError(
            f"{os.fspath(folder)!r} holds no ONNX model ({' or '.join(_MODEL_FILES)}); coterie export writes one from"
            " a transformers or sentence-transformers model"
        )
    if not (path / TOKENIZER_FILE).is_file():
        raise FileNotFoundError(
            f"{os.fspath(folder)!r} holds no {TOKENIZER_FILE}; coterie export writes it beside the model"
        )
    layout, config = read_layout(path), _optional(path / "config.json")
    if layout.dense:
        raise ValueError(
            f"{os.fspath(folder)!r} has layers after pooling ({', '.join(layout.dense)}) that its ONNX model need not"
            " contain; coterie export puts them into the graph"
        )
    return EncoderCard(
        path,
        model_file,
        path / TOKENIZER_FILE,
        layout.max_length or longest_input(config, _optional(path / "tokenizer_config.json")),
        layout.pooling,
        layout.normalize,
        layout.lowercase,
        layout.prompts,
        layout.default_prompt,
        config.get("vocab_size") if isinstance(config.get("vocab_size"), int) else None,
        "float32",
        False,
    )


def _exported_card(path: Path) -> EncoderCard:
    where = path / MANIFEST
    card = read_json(where)

    def refuse(problem: str) -> ValueError:
        return ValueError(f"encoder folder {os.fspath(path)!r} is refused: {MANIFEST}: {problem}")

    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise refuse(f"its format must be {FORMAT!r}")
    if card.get("schema_version") != SCHEMA_VERSION:
        raise refuse(f"schema version {SCHEMA_VERSION} is wanted; got {str(card.get('schema_version'))[:40]}")
    kinds: dict[str, type | tuple[type, ...]] = {
        "max_length": int,
        "vocab_size": int,
        "precision": str,
        "lowercase": bool,
        "prompts": dict,
        "default_prompt": (str, type(None)),
        "files": dict,
    }
    for name, kind in kinds.items():
        if not isinstance(card.get(name), kind) or (kind is int and isinstance(card.get(name), bool)):
            raise refuse(f"{name} is missing or of the wrong kind; got {str(card.get(name))[:80]}")
    if card["max_length"] < 1 or card["vocab_size"] < 1 or card["precision"] not in PRECISIONS:
        raise refuse("max_length, vocab_size or precision is out of range")
    if not all(isinstance(text, str) for text in card["prompts"].values()):
        raise refuse("prompts must be texts")
    for name in (MODEL_FILE, TOKENIZER_FILE):
        if name not in card["files"]:
            raise refuse(f"files must list {name}")
    for name, entry in card["files"].items():
        _check_file(path, name, entry, refuse)
    return EncoderCard(
        path,
        path / MODEL_FILE,
        path / TOKENIZER_FILE,
        card["max_length"],
        (),
        False,
        card["lowercase"],
        card["prompts"],
        card["default_prompt"],
        card["vocab_size"],
        card["precision"],
        True,
    )


def _check_file(path: Path, name: str, entry: Any, refuse: Any) -> None:
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        raise refuse(f"{name[:80]!r} is not the name of a file in the folder")
    if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
        raise refuse(f"files, {name}: bytes and sha256 are wanted")
    if not (path / name).is_file():
        raise refuse(f"{name} is missing from the folder")
    size = (path / name).stat().st_size
    if size != entry["bytes"]:
        raise refuse(
            f"{name} has {size} bytes, where {entry['bytes']} are wanted: it is truncated or another file"
        )
    if sha256(path / name) != entry["sha256"]:
        raise refuse(f"the SHA-256 of {name} is another one: the file was changed or damaged")


def files_of(card: EncoderCard) -> list[str]:
    """Return the files that decide about rows, relative to the folder: model, weights, tokenizer, configuration."""
    names = {card.model_file.relative_to(card.folder).as_posix(), TOKENIZER_FILE}
    for location, _, _ in inspect_onnx(card.model_file).external:
        names.add((card.model_file.parent / location).relative_to(card.folder).as_posix())
    if card.is_exported:
        return sorted(names | {MANIFEST})
    modules = _modules(card.folder)
    paths = {str(module.get("path", "")) for module in modules}
    names |= {f"{path}/config.json" if path else "config.json" for path in paths | {""}}
    names |= {f"{path}/sentence_bert_config.json" if path else "sentence_bert_config.json" for path in paths}
    names |= {"modules.json", "config_sentence_transformers.json", "tokenizer_config.json"}
    return sorted(name for name in names if (card.folder / name).is_file())


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _optional(path: Path) -> dict[str, Any]:
    value = read_json(path) if path.is_file() else {}
    if not isinstance(value, dict):
        raise ValueError(f"{os.fspath(path)!r} must hold a JSON object")
    return value


def read_layout(path: Path) -> Layout:
    """Read modules.json and the files it names; without it nothing follows the transformer."""
    modules = _modules(path)
    pooling: tuple[str, ...] = ()
    dense: list[str] = []
    normalize, transformer = False, ""
    for module in modules:
        kind, where = str(module.get("type", "")).rsplit(".", 1)[-1], str(module.get("path", ""))
        if ".." in Path(where).parts or Path(where).is_absolute():
            raise ValueError(f"{os.fspath(path / 'modules.json')!r}: {where[:80]!r} leaves the folder")
        if kind == "Transformer":
            transformer = where
        elif kind == "Pooling":
            pooling = _pooling_modes(path / where / "config.json")
        elif kind == "Dense":
            dense.append(where)
        elif kind == "Normalize":
            normalize = True
        else:
            raise ValueError(
                f"{os.fspath(path / 'modules.json')!r}: a module {kind[:80]!r} is not understood; Transformer,"
                " Pooling, Dense and Normalize are"
            )
    settings = _optional(path / transformer / "sentence_bert_config.json")
    general = _optional(path / "config_sentence_transformers.json")
    length, prompts = settings.get("max_seq_length"), general.get("prompts") or {}
    default = general.get("default_prompt_name")
    return Layout(
        pooling,
        tuple(dense),
        normalize,
        length if isinstance(length, int) and length > 0 else None,
        settings.get("do_lower_case") is True,
        {str(name): str(text) for name, text in prompts.items()} if isinstance(prompts, dict) else {},
        default if isinstance(default, str) else None,
        transformer,
    )


def _modules(path: Path) -> list[dict[str, Any]]:
    modules = read_json(path / "modules.json") if (path / "modules.json").is_file() else []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ValueError(f"{os.fspath(path / 'modules.json')!r} must hold a list of objects")
    return modules


def _pooling_modes(path: Path) -> tuple[str, ...]:
    config = _optional(path)
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for name, mode in _OLD_POOLING.items() if config.get(name) is True] or ["mean"]
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    for mode in modes:
        if mode not in POOLING_MODES:
            raise ValueError(
                f"{os.fspath(path)!r}: pooling {str(mode)[:80]!r} is not one of {', '.join(POOLING_MODES)}"
            )
    if config.get("include_prompt") is False:
        raise ValueError(f"{os.fspath(path)!r}: pooling without the prompt (include_prompt) is not supported")
    return modes


def longest_input(config: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> int | None:
    """Return the most tokens a model takes by its configuration; None when it names no limit."""
    limits = []
    positions = config.get("max_position_embeddings", config.get("n_positions"))
    if isinstance(positions, int) and positions > 0:
        limits.append(positions - _RESERVED_POSITIONS.get(str(config.get("model_type")), 0))
    length = tokenizer_config.get("model_max_length")
    if isinstance(length, int | float) and 0 < length < _NO_LIMIT:
        limits.append(int(length))
    return min(limits) if limits else None
