"""A model that is loaded and understood: which inputs it wants, which output has the rows, what is left to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie.encode._card import EncoderCard
from coterie.encode._engines import CPU, INPUTS, OPENVINO, Choice, Engine, OnnxRuntimeEngine, open_engine
from coterie.encode._onnx_file import inspect_onnx
from coterie.encode._pooling import normalize_rows, pool
from coterie.encode._sinks import LeftOnDevice
from coterie.encode._tokens import TextTokenizer, TokenizedTexts

# Names that exporters give to the row of a text and to the rows of its tokens, best first.
_ROW_OUTPUTS = ("embeddings", "sentence_embedding", "text_embeds", "pooled_embeddings")
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings", "hidden_states")


class Session:
    """Runs batches of token ids and finishes their rows."""

    settings = ""

    def __init__(
        self,
        card: EncoderCard,
        choice: Choice,
        tokenizer: TextTokenizer,
        engine: Engine,
        *,
        pooling: str | None,
        normalize: bool,
    ) -> None:
        self.choice = choice
        self.tokenizer = tokenizer
        self.n_workers = engine.n_workers
        self._engine = engine
        self._pooling = (pooling,) if pooling else card.pooling
        self._normalize = normalize or card.normalize
        self._output = _rows_output(card, engine, self._pooling, asked_for=pooling is not None)
        self.dim = self._probe(card)

    def tokenize(self, texts: Any) -> TokenizedTexts:
        return self.tokenizer(texts)

    def run(self, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return float32 rows (n_texts, dim) of padded ids (n_texts, length), whose ``lengths`` are >= 1."""
        found = self._engine.run(self._feed(ids, lengths), self._output)
        rows = np.asarray(found, dtype=np.float32)
        if rows.ndim == 3:
            rows = pool(rows, lengths, self._pooling)
        return normalize_rows(rows) if self._normalize else rows

    def run_there(self, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> LeftOnDevice:
        """As ``run``, but what the model gave stays on the GPU, for a ``DeviceSink`` to finish."""
        assert isinstance(self._engine, OnnxRuntimeEngine)  # others compute on the CPU
        found = self._engine.run_there(self._feed(ids, lengths), self._output)
        return LeftOnDevice(found, lengths, self._pooling, normalize=self._normalize)

    def _feed(self, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        positions = np.arange(ids.shape[1])
        mask = (positions < lengths[:, None]).astype(np.int64)
        offered: dict[str, Callable[[], NDArray[np.int64]]] = {
            "input_ids": lambda: ids,
            "attention_mask": lambda: mask,
            "token_type_ids": lambda: np.zeros_like(ids),
            "position_ids": lambda: np.ascontiguousarray(np.broadcast_to(positions, ids.shape)),
        }
        return {name: offered[name]() for name in self._engine.inputs}

    def _probe(self, card: EncoderCard) -> int:
        """Run the last token of the tokenizer: a model with fewer tokens fails here instead of somewhere later."""
        ids = np.array([[self.tokenizer.max_id], [0]], np.int64)
        try:
            rows = self.run(ids, np.ones(2, np.int64))
        except Exception as error:  # runtimes raise their own kinds
            raise ValueError(
                f"{os.fspath(card.model_file)!r} fails on a text of token {self.tokenizer.max_id}, the last one of its"
                f" tokenizer; the two do not match, or the model is not understood: {str(error)[:300]}"
            ) from None
        if rows.ndim != 2 or len(rows) != 2 or rows.shape[1] == 0 or not np.isfinite(rows).all():
            raise ValueError(
                f"{os.fspath(card.model_file)!r} does not give finite rows of numbers: output {self._output!r} has"
                f" shape {rows.shape} for two texts"
            )
        return int(rows.shape[1])


def open_session(
    card: EncoderCard,
    choice: Choice,
    tokenizer: TextTokenizer,
    *,
    pooling: str | None,
    normalize: bool,
    n_threads: int,
) -> Session:
    """Inspect the file, load it, and find out how to use it."""
    inspect_onnx(card.model_file)
    engine = open_engine(card.model_file, choice, n_threads)
    unknown = [name for name in engine.inputs if name not in INPUTS]
    if unknown or "input_ids" not in engine.inputs:
        raise ValueError(
            f"{os.fspath(card.model_file)!r} is not understood: its inputs are {', '.join(engine.inputs)}, where"
            f" {', '.join(INPUTS)} are known; coterie export writes a model of texts"
        )
    if choice.provider == OPENVINO and card.vocab_size is None:
        # OpenVINO reads beyond its table of tokens without a word: ONNX Runtime is asked whether they fit.
        trial = Choice(CPU, "float32", "")
        Session(
            card, trial, tokenizer, open_engine(card.model_file, trial, 1), pooling=pooling, normalize=False
        )
    return Session(card, choice, tokenizer, engine, pooling=pooling, normalize=normalize)


def _rows_output(card: EncoderCard, engine: Engine, pooling: tuple[str, ...], *, asked_for: bool) -> str:
    """Choose the output that has the rows of texts; that of tokens where pooling was asked for or has to be done."""
    outputs = engine.outputs
    per_row = [name for name in _ROW_OUTPUTS if outputs.get(name) == 2]
    per_token = [name for name in (*_TOKEN_OUTPUTS, *outputs) if outputs.get(name) == 3]
    if per_row and not (asked_for and per_token):
        return per_row[0]
    if not per_token:
        raise ValueError(
            f"{os.fspath(card.model_file)!r} is not understood: none of its outputs ({', '.join(outputs)}) has the row"
            f" of a text ({', '.join(_ROW_OUTPUTS)}) or of its tokens"
        )
    if not pooling:
        raise ValueError(
            f"{os.fspath(card.model_file)!r} gives a row per token, and its folder does not say how to pool them; give"
            " pooling, such as 'mean' or 'cls'"
        )
    return per_token[0]
