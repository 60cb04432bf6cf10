"""HashingVectorizer: texts -> hashed term counts, without a vocabulary."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import HashingVectorizer as SklearnHashingVectorizer

from coterie import _core
from coterie._validation import check_n_threads
from coterie.text._analysis import TEXT_CONSTRAINTS, AnalysisMixin
from coterie.text._matrix import check_dtype, csr_matrix


class HashingVectorizer(AnalysisMixin, SklearnHashingVectorizer):  # type: ignore[misc]
    r"""Convert texts to a matrix of hashed term counts.

    A drop-in replacement for :class:`sklearn.feature_extraction.text.HashingVectorizer`: a term's column is the
    MurmurHash3 of its UTF-8 text, so that there is no vocabulary to learn, to hold or to share. Lone surrogates,
    which scikit-learn refuses here, are hashed as the three bytes that UTF-8 would give them.

    X may be any iterable of str (lists, arrays, series), Arrow string arrays, which are read in place,
    a generator of str, or a generator of batches of these (lists, tuples, arrays, series). Lone surrogates and NUL
    are characters like any other.

    Parameters
    ----------
    input, encoding, decode_error : as in scikit-learn
        How a document is read when it is not str: bytes are decoded, ``input="filename"`` and ``"file"`` are read.
    strip_accents : {"ascii", "unicode"}, callable or None, default=None
        Remove accents after lower-casing, by NFKD; ``"ascii"`` also drops what has no ASCII form.
    lowercase : bool, default=True
        Lower-case as ``str.lower`` does, final sigma and U+0130 included.
    preprocessor, tokenizer : callable or None, default=None
        Replace these steps (slower).
    stop_words : {"english", "chinese", "auto"}, list of str or None, default=None
        Tokens that are dropped before n-grams are formed. ``"english"`` is scikit-learn's list, ``"chinese"``
        :data:`coterie.text.CHINESE_STOP_WORDS`, ``"auto"`` the English list, with the Chinese one for
        ``language="zh"``.
    token_pattern : str or None, default=r"(?u)\b\w\w+\b"
        What a token is. Patterns for runs of at least n word characters are compiled code; any other is applied
        by ``re`` (slower).
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        The lengths of n-grams, both ends included.
    analyzer : {"word", "char", "char_wb"} or callable, default="word"
        Whether terms are n-grams of tokens, of characters, or of characters inside words.
    n_features : int, default=2**20
        Number of columns, at most 2**31 - 1.
    binary : bool, default=False
        Store 1 in every column that is hit.
    norm : {"l1", "l2"} or None, default="l2"
        Norm that every row is divided by.
    alternate_sign : bool, default=True
        Take the sign of the hash as the sign of the count, so that collisions cancel in expectation.
    dtype : dtype, default=np.float32
        Of the matrix. scikit-learn's default is float64.
    language : {"en", "zh"}, default="en"
        ``"zh"`` puts spaces between the words that rjieba finds (extra "zh") before a document is analysed by
        words; Latin text in between is analysed as ever. Segmentation runs in one thread.
    n_threads : int or None, default=None
        Threads to use; None: all cores this process may use. It changes no bit of any result.

    References
    ----------
    Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.

    Examples
    --------
    >>> X = HashingVectorizer(n_features=16, norm=None).transform(["one fish two fish"])
    >>> X.shape, sorted(abs(X.data).tolist())
    ((1, 16), [1.0, 1.0, 2.0])
    """

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
        """Return the hashed counts.

        Parameters
        ----------
        X : documents, as described for the class

        Returns
        -------
        CSR matrix of shape (n_documents, n_features) and of ``dtype``
            A stored value is 0 where terms of opposite sign have met.

        Raises
        ------
        ValueError
            When there is no document.
        AttributeError, TypeError
            For a document that is neither str nor bytes, with its row.
        """
        if isinstance(X, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        self._validate_params()
        self._validate_ngram_range()
        name = check_dtype(self.dtype).name
        plan = self._plan()
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

    def __sklearn_is_fitted__(self) -> bool:
        return True  # nothing is learnt; the tags of scikit-learn 1.6 do not say so

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X, y).transform(X)
