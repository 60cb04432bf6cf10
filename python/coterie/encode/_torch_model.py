"""A transformer with its pooling, projections and normalisation as one PyTorch module. Imported by the export only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from coterie._validation import require_extra
from coterie.encode._card import Layout, longest_input, read_json, read_layout

_LEAST_WEIGHT = 1e-9
_WANTED_FROM_HUB = ("*.json", "*.safetensors", "*.txt", "*.model", "*.bin")
_ACTIVATIONS = ("Identity", "Tanh", "GELU", "ReLU", "SiLU", "Sigmoid")


@dataclass(frozen=True)
class Source:
    """Where a model lies on disk, where it is from, and what follows its transformer."""

    name: str
    revision: str | None
    folder: Path
    layout: Layout


def find_source(model: str | os.PathLike[str], revision: str | None) -> Source:
    """Return the folder of a model, downloaded first when ``model`` is the id of a hub."""
    folder = Path(model)
    if folder.is_dir():
        if revision is not None:
            raise ValueError(
                f"revision={revision!r} is for a model of a hub; {os.fspath(model)!r} is a folder"
            )
        return _checked(Source(os.fspath(model), None, folder, read_layout(folder)))
    name = os.fspath(model)
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise FileNotFoundError(f"model {name!r} is neither a folder nor an id such as 'owner/name'")
    hub = require_extra("huggingface_hub", "train")
    errors = require_extra("huggingface_hub.errors", "train")
    try:
        folder = Path(hub.snapshot_download(name, revision=revision, allow_patterns=list(_WANTED_FROM_HUB)))
    except (errors.EntryNotFoundError, errors.HfHubHTTPError, errors.HFValidationError) as error:
        reason = " ".join(str(error).split())
        raise FileNotFoundError(f"model {name!r} is no folder and was not downloaded: {reason}") from error
    return _checked(Source(name, folder.name, folder, read_layout(folder)))


def _checked(source: Source) -> Source:
    folder = source.folder / source.layout.transformer
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{os.fspath(folder)!r} holds no model: it has no config.json")
    return source


def load_tokenizer(source: Source) -> Any:
    """Return the model's tokenizer, which must be one of the ``tokenizers`` library."""
    transformers = require_extra("transformers", "train")
    folder = source.folder / source.layout.transformer
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(os.fspath(folder))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{os.fspath(folder)!r} has no tokenizer that can be loaded: {error}") from None
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(f"{type(tokenizer).__name__} cannot be written as tokenizer.json")
    # Without the files of a tokenizer, transformers makes one that turns every text into unknown tokens.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise ValueError(
            f"{os.fspath(folder)!r} has no tokenizer that can be loaded: its vocabulary is empty"
        )
    return tokenizer


def load_module(source: Source, pooling: tuple[str, ...], normalize: bool) -> TextEmbedder:
    """Return the model in float32, ready for inference."""
    transformers = require_extra("transformers", "train")
    folder = source.folder / source.layout.transformer
    logging = transformers.utils.logging
    shows_bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        transformer = transformers.AutoModel.from_pretrained(
            os.fspath(folder), dtype=torch.float32, attn_implementation="eager", trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"{os.fspath(folder)!r} holds no model that can be loaded: {error}") from None
    finally:
        if shows_bars:
            logging.enable_progress_bar()
    transformer.config.use_cache = False
    layers = [_dense(source.folder / path) for path in source.layout.dense]
    embedder = TextEmbedder(transformer, pooling, layers, normalize)
    embedder.eval()
    return embedder


def length_limit(source: Source, tokenizer: Any) -> int | None:
    """Return the most tokens of a text by the model's own configuration."""
    if source.layout.max_length is not None:
        return source.layout.max_length
    folder = source.folder / source.layout.transformer
    return longest_input(read_json(folder / "config.json"), {"model_max_length": tokenizer.model_max_length})


def _dense(folder: Path) -> torch.nn.Sequential:
    """Read a projection with its activation, as sentence-transformers stores them."""
    config = read_json(folder / "config.json")
    activation = str(config.get("activation_function", "torch.nn.modules.linear.Identity")).rsplit(".", 1)[-1]
    if activation not in _ACTIVATIONS or config.get("use_residual"):
        raise ValueError(
            f"{os.fspath(folder)!r}: activation {activation[:80]!r} of a dense layer is not one of"
            f" {', '.join(_ACTIVATIONS)}, or the layer has a residual connection"
        )
    linear = torch.nn.Linear(
        config["in_features"], config["out_features"], bias=bool(config.get("bias", True))
    )
    weights = folder / "model.safetensors"
    if weights.is_file():
        state = require_extra("safetensors.torch", "train").load_file(os.fspath(weights))
    else:
        state = torch.load(folder / "pytorch_model.bin", weights_only=True, map_location="cpu")
    linear.load_state_dict({name.removeprefix("linear."): value for name, value in state.items()})
    return torch.nn.Sequential(linear, getattr(torch.nn, activation)())


class TextEmbedder(torch.nn.Module):  # type: ignore[misc]
    """Token ids and mask (n, length), padded on the right -> rows (n, dim)."""

    def __init__(
        self, transformer: Any, pooling: tuple[str, ...], layers: list[Any], normalize: bool
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.layers = torch.nn.ModuleList(layers)
        self.pooling = pooling
        self.normalize = normalize

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        tokens = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        rows = torch.cat([self._pooled(mode, tokens, mask) for mode in self.pooling], dim=-1)
        for layer in self.layers:
            rows = layer(rows)
        return torch.nn.functional.normalize(rows, dim=-1) if self.normalize else rows

    @staticmethod
    def _pooled(mode: str, tokens: Any, mask: Any) -> Any:
        if mode == "cls":
            return tokens[:, 0]
        if mode == "max":
            return tokens.masked_fill(mask == 0, torch.finfo(tokens.dtype).min).max(dim=1).values
        if mode == "lasttoken":
            last = mask.sum(dim=1, keepdim=True).to(torch.int64) - 1
            return torch.gather(tokens, 1, last.expand(-1, 1, tokens.shape[-1]))[:, 0]
        weights = mask * torch.cumsum(mask, dim=1) if mode == "weightedmean" else mask
        total = weights.sum(dim=1).clamp(min=_LEAST_WEIGHT)
        if mode == "mean_sqrt_len_tokens":
            total = total.sqrt()
        return (tokens * weights).sum(dim=1) / total


def describe(source: Source, module: TextEmbedder) -> dict[str, Any]:
    """Return what the card says about the origin of a model."""
    config = module.transformer.config
    commit = getattr(config, "_commit_hash", None)
    return {
        "source": {
            "name": source.name,
            "revision": source.revision or commit,
            "class": type(module.transformer).__name__,
        },
        "family": config.model_type,
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "vocab_size": int(module.transformer.get_input_embeddings().num_embeddings),
        "config": json.loads(config.to_json_string(use_diff=True)),
    }
