"""Embeddings of texts as weighted means of word vectors."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from coterie._tags import of_texts
from coterie.encode._fasttext import FastTextModel
from coterie.encode._pooling import normalize_rows
from coterie.encode._tokens import as_texts
from coterie.encode._word_vectors import MODEL2VEC_FILES, WordVectors, read_word_vectors
from coterie.text import CountVectorizer

__all__ = ["StaticEncoder"]

_ANY_WORD = r"(?u)\b\w+\b"
_FEW_CAPITALS = 0.01  # of the words: then the file is of lower-cased text


@dataclass(frozen=True)
class _Counted:
    """Counts (n_texts, n_columns) of words with the numbers ``words``, or -1, and the vectors ``table``."""

    counts: sp.csr_array
    words: NDArray[np.int64]
    table: NDArray[np.float32]


class StaticEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Encode texts by the weighted mean of their words' vectors, which a file gives.

    The row of text d is :math:`\sum_w n(w, d)\, g(w)\, v(w) / \sum_w n(w, d)\, g(w)` over its known words w with
    counts n, computed as one sparse product. A text without a known word has a zero row.

    Parameters
    ----------
    path : path
        Vectors of words in the text or binary format of word2vec, in that of GloVe, or in the text format of fastText
        (.vec), also as .gz; a fastText model (.bin), whose n-grams of characters give every other word a vector too;
        or a folder of model2vec (extra ``onnx``).
    weighting : {"mean", "sif", "tfidf"}, default="mean"
        The weight g: 1; ``sif_a / (sif_a + p(w))`` with p(w) the word's share of the fitted texts' words, after which
        the first principal direction of the fitted texts is taken out of every row [1]_; or
        ln((1 + N) / (1 + N(w))) + 1 with N(w) of the N fitted texts holding w.
    sif_a : float, default=1e-3
        The parameter of "sif", > 0.
    language : {"en", "zh"}, default="en"
        How texts are split into words; "zh" needs the extra of that name. Not for folders, which have a tokenizer.
    lowercase : bool or None, default=None
        Whether words are looked up in lower case. None: where hardly a word of the file has a capital.
    max_words : int or None, default=None
        Read only the first so many vectors of a file, which are the most frequent words.
    normalize : bool, default=True
        Whether rows get unit length.
    n_threads : int or None, default=None
        Threads that count words. None: all cores this process may use. It changes no bit.

    Attributes
    ----------
    dim_ : int
        Length of a row.
    n_words_ : int
        Words with a vector.
    word_weights_ : ndarray of shape (n_words_,), float32
        The weights g.
    unseen_weight_ : float
        That of words which only a fastText model's n-grams know: as of a word that no fitted text has.
    common_direction_ : ndarray of shape (dim_,), float32, or None
        What "sif" takes out of every row.
    coverage_ : float
        Share of the fitted texts that have a known word, in [0, 1].

    References
    ----------
    .. [1] S. Arora, Y. Liang and T. Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coterie.encode import StaticEncoder
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "vectors.txt")
    >>> _ = file.write_text("cat 1 0\ndog 0.8 0.6\ncar 0 1\n")
    >>> StaticEncoder(file).fit_transform(["a cat", "the dog", "cat, car", "?"]).round(2)
    array([[1.  , 0.  ],
           [0.8 , 0.6 ],
           [0.71, 0.71],
           [0.  , 0.  ]], dtype=float32)
    >>> folder.cleanup()
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "path": [str, os.PathLike],
        "weighting": [StrOptions({"mean", "sif", "tfidf"})],
        "sif_a": [Interval(Real, 0, None, closed="neither")],
        "language": [StrOptions({"en", "zh"})],
        "lowercase": ["boolean", None],
        "max_words": [Interval(Integral, 1, None, closed="left"), None],
        "normalize": ["boolean"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        weighting: str = "mean",
        sif_a: float = 1e-3,
        language: str = "en",
        lowercase: bool | None = None,
        max_words: int | None = None,
        normalize: bool = True,
        n_threads: int | None = None,
    ) -> None:
        self.path = path
        self.weighting = weighting
        self.sif_a = sif_a
        self.language = language
        self.lowercase = lowercase
        self.max_words = max_words
        self.normalize = normalize
        self.n_threads = n_threads

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Read the vectors and learn the weights of words.

        Parameters
        ----------
        X : iterable of str
            Texts to learn the weights from; for "mean" only their coverage is noted.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        FileNotFoundError
            If the file or folder does not exist.
        ValueError
            If it is damaged or not understood; for parameters out of range.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Iterable[str], y: Any = None) -> NDArray[np.float32]:
        """Fit and return the rows of the texts, which are read and counted once.

        Parameters
        ----------
        X : iterable of str of length n_texts
        y : ignored

        Returns
        -------
        ndarray of shape (n_texts, dim_), float32
        """
        return self._rows(self._fit(X))

    def transform(self, X: Iterable[str]) -> NDArray[np.float32]:
        """Return the rows of texts.

        Parameters
        ----------
        X : iterable of str of length n_texts

        Returns
        -------
        ndarray of shape (n_texts, dim_), float32
        """
        check_is_fitted(self, "word_weights_")
        return self._rows(self._counts(as_texts(X)))

    def _fit(self, X: Iterable[str]) -> _Counted:
        self._validate_params()
        self._read_vectors()
        found = self._counts(as_texts(X))
        n_texts = found.counts.shape[0]
        self.coverage_ = float(np.mean(np.diff(found.counts.indptr) > 0)) if n_texts else 0.0
        self.word_weights_ = self._weights(found)
        self.unseen_weight_ = float(np.log(1 + n_texts)) + 1.0 if self.weighting == "tfidf" else 1.0
        self.common_direction_ = None
        if self.weighting == "sif":
            means = self._means(found).astype(np.float64)
            _, directions = np.linalg.eigh(means.T @ means)
            self.common_direction_ = directions[:, -1].astype(np.float32)
        return found

    def _read_vectors(self) -> None:
        self._vectors = read_word_vectors(self.path, self.max_words)
        self.n_words_, self.dim_ = len(self._vectors.words), self._vectors.table.shape[1]
        self._counter = self._make_counter(self._vectors)

    def _source_files(self) -> list[str]:
        """Names of the files that are read, relative to their folder."""
        path = Path(self.path)
        return list(MODEL2VEC_FILES) if path.is_dir() else [path.name]

    def _make_counter(self, vectors: WordVectors) -> CountVectorizer | None:
        if vectors.count is not None:
            return None
        lowercase = self.lowercase
        if lowercase is None:
            n_capitals = sum(word != word.lower() for word in vectors.words)
            lowercase = n_capitals <= _FEW_CAPITALS * len(vectors.words)
        numbers = {word: i for i, word in enumerate(vectors.words)}
        return CountVectorizer(
            vocabulary=None if vectors.fasttext else numbers,
            token_pattern=_ANY_WORD,
            lowercase=lowercase,
            language=self.language,
            dtype=np.float32,
            n_threads=self.n_threads,
        )

    def _counts(self, texts: list[str]) -> _Counted:
        table, words = self._vectors.table, np.arange(self.n_words_)
        if self._vectors.fasttext is not None:
            return self._subword_counts(texts, self._vectors.fasttext)
        if not texts:
            return _Counted(sp.csr_array((0, self.n_words_), dtype=np.float32), words, table)
        if self._counter is None:
            assert self._vectors.count is not None
            return _Counted(self._vectors.count(texts), words, table)
        return _Counted(sp.csr_array(self._counter.transform(texts)), words, table)

    def _subword_counts(self, texts: list[str], model: FastTextModel) -> _Counted:
        """Count the words that the texts have, with a column for each of them that has a vector."""
        assert self._counter is not None
        try:
            counts = sp.csr_array(self._counter.fit_transform(texts)) if texts else None
        except ValueError as error:
            if "vocabulary" not in str(error):
                raise
            counts = None  # no text has a word
        if counts is None:
            nothing = np.empty((0, self.dim_), np.float32)
            return _Counted(sp.csr_array((len(texts), 0), dtype=np.float32), np.empty(0, np.int64), nothing)
        names = self._counter.get_feature_names_out()
        table = model.vectors(names.tolist())
        known = np.flatnonzero(table.any(axis=1))
        words = np.fromiter((model.words.get(names[i], -1) for i in known), np.int64, len(known))
        return _Counted(sp.csr_array(counts[:, known]), words, table[known])

    def _weights(self, found: _Counted) -> NDArray[np.float32]:
        counts, n_columns = found.counts, len(found.words)
        listed = found.words >= 0

        def by_word(values: NDArray[Any]) -> NDArray[np.float64]:
            of_words = np.zeros(self.n_words_)
            of_words[found.words[listed]] = values[listed]
            return of_words

        if self.weighting == "sif":
            shares = np.bincount(counts.indices, counts.data, n_columns) / max(1.0, counts.data.sum())
            return np.asarray(self.sif_a / (self.sif_a + by_word(shares)), dtype=np.float32)
        if self.weighting == "tfidf":
            n_texts_with = by_word(np.bincount(counts.indices, minlength=n_columns))
            return np.asarray(np.log((1 + counts.shape[0]) / (1 + n_texts_with)) + 1, dtype=np.float32)
        return np.ones(self.n_words_, np.float32)

    def _means(self, found: _Counted) -> NDArray[np.float32]:
        counts = found.counts
        unseen = np.float32(self.unseen_weight_)
        weights = np.where(found.words >= 0, self.word_weights_[found.words], unseen)
        weighted = sp.csr_array(
            (counts.data * weights[counts.indices], counts.indices, counts.indptr), shape=counts.shape
        )
        totals = np.asarray(weighted.sum(axis=1), dtype=np.float32).reshape(-1)
        sums = np.asarray(weighted @ found.table, dtype=np.float32)
        return np.divide(sums, np.where(totals > 0, totals, np.float32(1))[:, None], dtype=np.float32)

    def _rows(self, found: _Counted) -> NDArray[np.float32]:
        rows = self._means(found)
        if self.common_direction_ is not None:
            rows -= np.outer(rows @ self.common_direction_, self.common_direction_)
        return normalize_rows(rows) if self.normalize else rows

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self, "word_weights_")
        return int(self.dim_)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out a folder's tokenizer and a mapped file, which are read again."""
        state: dict[str, Any] = dict(super().__getstate__())
        vectors = self.__dict__.get("_vectors")
        if vectors is not None and (vectors.count is not None or vectors.fasttext is not None):
            state.pop("_vectors", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "word_weights_" in state and "_vectors" not in state:
            self._vectors = read_word_vectors(self.path, self.max_words)

    def __sklearn_tags__(self) -> Any:
        return of_texts(super().__sklearn_tags__())
