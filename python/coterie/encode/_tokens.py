"""Texts to token ids, through the tokenizer that lies beside the model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._validation import require_extra
from coterie.encode._card import EncoderCard

# A text of more characters per token of the limit is cut at white space first: what a model never sees is not
# tokenized either. Where the cut text does not reach far beyond the limit, the whole text is tokenized after all.
_CHARACTERS_PER_TOKEN = 48
_BEYOND_LIMIT = 2


@dataclass(frozen=True)
class TokenizedTexts:
    """Token ids of some texts end to end, where each text's begin, and how many texts were cut to the limit."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    n_truncated: int

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)


class TextTokenizer:
    """Tokenizes texts for one model; thread-safe once made."""

    def __init__(self, card: EncoderCard, max_length: int | None, prompt: str) -> None:
        tokenizers = require_extra("tokenizers", "onnx")
        self._prompt = prompt
        self._lowercase = card.lowercase
        self.max_length = max_length
        try:
            self._tokenizer, self._whole = (
                tokenizers.Tokenizer.from_file(os.fspath(card.tokenizer_file)) for _ in range(2)
            )
        except Exception as error:  # the library raises Exception itself
            raise ValueError(f"{os.fspath(card.tokenizer_file)!r} is not a tokenizer: {error}") from None
        for tokenizer in (self._tokenizer, self._whole):
            tokenizer.no_padding()
            tokenizer.no_truncation()
        self.max_id = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
        self._check_vocabulary(card)
        if max_length is not None:
            self._limit(max_length)

    def _limit(self, max_length: int) -> None:
        n_special = self._tokenizer.num_special_tokens_to_add(False)
        if max_length <= n_special:  # the library would leave texts whole, or nothing of them
            raise ValueError(
                f"max_length must be at least {n_special + 1}, since the tokenizer adds {n_special} tokens to each"
                f" text; got {max_length}"
            )
        self._tokenizer.enable_truncation(max_length)

    def _check_vocabulary(self, card: EncoderCard) -> None:
        if card.vocab_size is not None and self.max_id >= card.vocab_size:
            raise ValueError(
                f"the tokenizer {os.fspath(card.tokenizer_file)!r} does not match the model: it has token"
                f" {self.max_id}, and the model {card.vocab_size} tokens"
            )

    def __call__(self, texts: Sequence[str]) -> TokenizedTexts:
        encodings = self._encoded([self._shortened(self._prepared(text)) for text in texts])
        ids, counts, n_truncated = [], np.zeros(len(texts) + 1, np.int64), 0
        for i, encoding in enumerate(encodings):
            mine = encoding.ids
            ids.append(np.asarray(mine, dtype=np.int32))
            counts[i + 1] = len(mine)
            n_truncated += self.max_length is not None and bool(encoding.overflowing)
        flat = np.concatenate(ids) if ids else np.empty(0, np.int32)
        return TokenizedTexts(flat, np.cumsum(counts), n_truncated)

    def _prepared(self, text: str) -> str:
        if self._prompt:
            text = self._prompt + text
        return text.lower() if self._lowercase else text

    def _shortened(self, text: str) -> str:
        """Return the beginning of a very long text if its tokens certainly fill the limit, else the text."""
        if self.max_length is None or len(text) <= self.max_length * _CHARACTERS_PER_TOKEN:
            return text
        end = text.rfind(" ", 0, self.max_length * _CHARACTERS_PER_TOKEN)
        if end < 0:
            return text
        beginning = text[:end]
        n_tokens = len(self._encode_one(self._whole, beginning).ids)
        return beginning if n_tokens > self.max_length * _BEYOND_LIMIT else text

    def _encoded(self, texts: list[str]) -> list[Any]:
        try:
            encodings: list[Any] = self._tokenizer.encode_batch_fast(texts)
        except TypeError:  # a lone surrogate, which is no character to the library
            encodings = [self._encode_one(self._tokenizer, text) for text in texts]
        return encodings

    @staticmethod
    def _encode_one(tokenizer: Any, text: str) -> Any:
        return tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))


def as_texts(X: Any) -> list[str]:
    """Return documents as a list of str; anything else is refused with its row."""
    if isinstance(X, str | bytes):
        raise ValueError(f"texts must be an iterable of str, not one {type(X).__name__}")
    if not isinstance(X, Iterable):
        raise TypeError(f"texts must be an iterable of str; got {type(X).__name__}")
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(f"texts must have one dimension; got {getattr(X, 'ndim', None)}")
    values: Any = X
    for convert in ("to_pylist", "tolist"):
        if hasattr(values, convert):
            values = getattr(values, convert)()
            break
    texts = values if isinstance(values, list) else list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {row} must be str; got {text!r} of type {type(text).__name__}")
    return texts
