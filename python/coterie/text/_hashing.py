"""HashingVectorizer: texts -> hashed term counts, without a vocabulary."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import HashingVectorizer as SklearnHashingVectorizer

from coterie import _core
from coterie._validation import check_n_threads
from coterie.text._analysis import TEXT_CONSTRAINTS, AnalysisMixin
from coterie.text._matrix import csr_matrix


class HashingVectorizer(AnalysisMixin, SklearnHashingVectorizer):  # type: ignore[misc]
    r"""Convert texts to a matrix of hashed term counts."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnHashingVectorizer._parameter_constraints,
        **TEXT_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        input: str = "content",
        encoding: str = "utf-8",
        decode_error: str = "strict",
        strip_accents: Any = None,
        lowercase: bool = True,
        preprocessor: Any = None,
        tokenizer: Any = None,
        stop_words: Any = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: Any = "word",
        n_features: int = 2**20,
        binary: bool = False,
        norm: str | None = "l2",
        alternate_sign: bool = True,
        dtype: Any = np.float32,
        language: str = "en",
        n_threads: int | None = None,
    ) -> None:
        super().__init__(
            input=input,
            encoding=encoding,
            decode_error=decode_error,
            strip_accents=strip_accents,
            lowercase=lowercase,
            preprocessor=preprocessor,
            tokenizer=tokenizer,
            stop_words=stop_words,
            token_pattern=token_pattern,
            ngram_range=ngram_range,
            analyzer=analyzer,
            n_features=n_features,
            binary=binary,
            norm=norm,
            alternate_sign=alternate_sign,
            dtype=dtype,
        )
        self.language = language
        self.n_threads = n_threads

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Only check the parameters: there is nothing to learn."""
        self._validate_params()
        return self

    def fit(self, X: Any, y: Any = None) -> Self:
        """Only check the parameters: there is nothing to learn."""
        self._validate_params()
        if isinstance(X, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        self._warn_for_unused_params()
        self._validate_ngram_range()
        return self

    def transform(self, X: Any) -> Any:
        """Return the hashed counts, CSR of shape (n_documents, n_features)."""
        if isinstance(X, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        self._validate_ngram_range()
        plan = self._plan()
        name = np.dtype(self.dtype).name
        native = name if name == "float32" else "float64"
        stop_words = _core.TermList(plan.stop_words)
        norm = self.norm or "none"
        n_threads = check_n_threads(self.n_threads)
        blocks = []
        for documents, offsets in self._analysed_batches(plan, X):
            if offsets is None:
                parts = _core.hash_documents(
                    documents,
                    plan.analyzer,
                    plan.ngram_range,
                    plan.min_token_chars,
                    plan.lowercase,
                    plan.strip_accents,
                    stop_words,
                    self.n_features,
                    self.alternate_sign,
                    self.binary,
                    norm,
                    native,
                    n_threads,
                )
            else:
                parts = _core.hash_terms(
                    documents,
                    offsets,
                    self.n_features,
                    self.alternate_sign,
                    self.binary,
                    norm,
                    native,
                    n_threads,
                )
            blocks.append(csr_matrix(parts, self.n_features, self.dtype))
        if sum(block.shape[0] for block in blocks) == 0:
            raise ValueError("Cannot vectorize empty sequence.")
        return blocks[0] if len(blocks) == 1 else sp.vstack(blocks, format="csr")

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X, y).transform(X)
