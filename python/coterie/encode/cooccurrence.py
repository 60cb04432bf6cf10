"""Corpus embeddings without a model: word vectors from what occurs near what, and their weighted means."""

from __future__ import annotations

import math
from typing import Any, Self, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from coterie import _core
from coterie._earlier_fit import keeps_earlier_fit
from coterie._tags import of_texts
from coterie._validation import (
    CsrParts,
    check_boolean,
    check_integer,
    check_n_threads,
    check_one_column,
    check_option,
    check_real,
    check_seed,
    rows_argument,
)
from coterie.encode.lsa import fit_words
from coterie.text._sequences import term_sequences

_N_OVERSAMPLES = 10


class CooccurrenceEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Dense rows for texts from the corpus alone: means of word vectors made of positive mutual information.

    Two words are near where they occur within ``window`` words of each other in one document; nearer counts more. How
    much more often that happens than chance would have it, in nats, is their positive pointwise mutual information,
    and the leading directions of that matrix are the word vectors. A text is the mean of its words' vectors, in which
    frequent words weigh less, without the direction that all texts share. In long texts the words around a word tell
    more about it than the document they are all in; of short ones :class:`LsaEncoder` sees as much and more.

    Parameters
    ----------
    n_components : int, default=128
        Length of the rows, >= 1; fewer where the corpus has fewer words.
    language : {"en", "zh"}, default="en"
        How texts are split into words; "zh" needs the extra of that name.
    window : int, default=20
        The largest distance at which words are near, from 1 to 1000; those a distance t apart count
        ``window + 1 - t``. Words that are left out do not count as distance.
    smoothing : float, default=0.75
        In [0, 1]: the chance of a context is its count to this power, so that rare ones surprise less.
    sif : float, default=0.001
        A word with a share f of all words has weight ``sif / (sif + f)``; > 0.
    stop_words : "auto", list of str or None, default="auto"
        Words to ignore; "auto" is the list of the language.
    min_df, max_df : int or float, default=2 and 0.5
        Words in fewer than ``min_df`` or more than ``max_df`` documents (a share, if float) are ignored. A corpus
        of which that leaves more than half of the documents without any is read again with 1 and 1.0.
    unit_rows : bool, default=True
        Divide each row by its length; rows without known words stay zero.
    n_iter : int, default=4
        Subspace iterations, >= 1; more bring the directions closer to the exact singular vectors.
    random_state : int, RandomState or None, default=0
        The seed of the random start.
    n_threads : int or None, default=None
        Threads to use; None: all cores this process may use. It changes no bit of any result.

    Attributes
    ----------
    vectorizers_ : list of one TfidfVectorizer
        Its vocabulary is that of the word vectors.
    word_vectors_ : ndarray of shape (n_words, n_components_), float32
        What a text's row is a weighted sum of: unit vectors less the common direction.
    word_weights_ : ndarray of shape (n_words,), float64
        In (0, 1].
    singular_values_ : ndarray of shape (n_components_,), float64
    n_components_ : int
        How many directions there are.

    Notes
    -----
    The same bits for any number of threads and any instruction set: counts are integers, logarithms and the
    factorisation are our own. Time O(n_words_of_texts window + n_iter n_pairs n_components), memory about 20 bytes for
    each pair of words that are ever near.

    References
    ----------
    Levy, Goldberg and Dagan, "Improving distributional similarity with lessons learned from word embeddings", TACL
    2015. Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017.

    Examples
    --------
    >>> from coterie.encode import CooccurrenceEncoder
    >>> texts = ["red apple sweet", "sweet apple pie", "red cherry pie", "slow train late", "late train fast"]
    >>> rows = CooccurrenceEncoder(n_components=2, min_df=1).fit_transform(texts)
    >>> similarity = rows @ rows.T
    >>> bool(similarity[0, 1] > similarity[0, 3])
    True
    """

    def __init__(
        self,
        n_components: int = 128,
        *,
        language: str = "en",
        window: int = 20,
        smoothing: float = 0.75,
        sif: float = 0.001,
        stop_words: Any = "auto",
        min_df: int | float = 2,
        max_df: int | float = 0.5,
        unit_rows: bool = True,
        n_iter: int = 4,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.language = language
        self.window = window
        self.smoothing = smoothing
        self.sif = sif
        self.stop_words = stop_words
        self.min_df = min_df
        self.max_df = max_df
        self.unit_rows = unit_rows
        self.n_iter = n_iter
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the word vectors.

        Parameters
        ----------
        X : iterable of str
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If no text has a word, or no two words are ever near each other.
        TypeError
            If ``X`` is one string.
        """
        self.fit_transform(X)
        return self

    @keeps_earlier_fit
    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.float32]:
        """Learn the word vectors and return the rows of ``X``; the same as ``fit(X).transform(X)``.

        Parameters
        ----------
        X : iterable of str
        y : ignored

        Returns
        -------
        rows : ndarray of shape (n_documents, n_components_), float32
        """
        sif = self._check_parameters()
        if isinstance(X, str | bytes):
            raise TypeError(f"X must be an iterable of str, not one {type(X).__name__}")
        check_one_column("X", X)
        texts = X if hasattr(X, "__len__") else list(X)
        vectorizer, _ = fit_words(
            texts,
            language=self.language,
            min_df=self.min_df,
            max_df=self.max_df,
            n_threads=self.n_threads,
            stop_words=self.stop_words,
        )
        sequence, offsets = term_sequences(vectorizer, texts)
        n_words = len(vectorizer.document_frequency_)
        share = np.bincount(sequence, minlength=n_words) / len(sequence)
        self.vectorizers_ = [vectorizer]
        self.word_weights_: NDArray[np.float64] = sif / (sif + share)
        self.word_vectors_ = self._factorize(sequence, offsets, n_words)
        self.n_components_ = self.word_vectors_.shape[1]
        weights = self._weights(sequence, offsets)
        self.word_vectors_ = self._without_common(self._project(weights, unit_rows=True))
        return self._project(weights, unit_rows=bool(self.unit_rows))

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the rows of texts.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        rows : ndarray of shape (n_documents, n_components_), float32
            Unit rows by default; a document without known words is a row of zeros.
        """
        check_is_fitted(self)
        if isinstance(X, str | bytes):
            raise TypeError(f"X must be an iterable of str, not one {type(X).__name__}")
        return self._project(self._weights(*term_sequences(self.vectorizers_[0], X)), bool(self.unit_rows))

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "word_vectors_")

    def __sklearn_tags__(self) -> Any:
        return of_texts(super().__sklearn_tags__())

    def _check_parameters(self) -> float:
        check_integer("n_components", self.n_components, minimum=1)
        check_integer("n_iter", self.n_iter, minimum=1)
        if check_integer("window", self.window, minimum=1) > 1000:
            raise ValueError(f"window must be <= 1000; got {self.window}")
        check_real("smoothing", self.smoothing, minimum=0, maximum=1)
        sif = check_real("sif", self.sif, minimum=0)
        if sif == 0:
            raise ValueError("sif must be > 0; got 0")
        check_option("language", self.language, ("en", "zh"))
        check_boolean("unit_rows", self.unit_rows)
        check_n_threads(self.n_threads)
        return sif

    def _factorize(
        self, sequence: NDArray[np.int32], offsets: NDArray[np.int64], n_words: int
    ) -> NDArray[np.float32]:
        """Return the left singular vectors times the square roots of the singular values, as unit rows."""
        n_threads = check_n_threads(self.n_threads)
        data, indices, indptr = _core.positive_pmi(
            sequence, offsets, n_words, int(self.window), float(self.smoothing), n_threads
        )
        if len(data) == 0:
            raise ValueError(
                f"X must have documents with two known words that occur near each other more often than by chance;"
                f" got none in {len(offsets) - 1} documents"
            )
        pmi = cast(CsrParts, rows_argument(sp.csr_array((data, indices, indptr), shape=(n_words, n_words))))
        vectors, values = _core.truncated_svd(
            pmi,
            min(self.n_components, n_words),
            _N_OVERSAMPLES,
            self.n_iter,
            None,
            int(check_seed(self.random_state).randint(2**31 - 1)),
            n_threads,
        )
        n_kept = max(int(np.count_nonzero(values)), 1)
        self.singular_values_ = values[:n_kept].copy()
        scaled = (vectors[:, :n_kept] / np.sqrt(self.singular_values_)).astype(np.float32)
        return _core.project_rows(pmi, np.ascontiguousarray(scaled), True, n_threads)

    def _without_common(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the mean direction of the texts out of the word vectors, and thereby out of all rows."""
        common = rows.astype(np.float64).sum(axis=0)
        length = math.sqrt(math.fsum(common * common))
        if length == 0 or self.n_components_ < 2:
            return self.word_vectors_
        common /= length
        along = _core.project_rows(
            cast(CsrParts, rows_argument(sp.csr_array(self.word_vectors_))),
            np.ascontiguousarray(common.astype(np.float32)[:, None]),
            False,
            check_n_threads(self.n_threads),
        )
        without: NDArray[np.float64] = self.word_vectors_ - along.astype(np.float64) * common
        return np.ascontiguousarray(without.astype(np.float32))

    def _weights(self, sequence: NDArray[np.int32], offsets: NDArray[np.int64]) -> sp.csr_array:
        data = self.word_weights_[sequence].astype(np.float32)
        shape = (len(offsets) - 1, len(self.word_weights_))
        weights = sp.csr_array((data, sequence.copy(), offsets), shape=shape)
        weights.sum_duplicates()
        return weights

    def _project(self, weights: sp.csr_array, unit_rows: bool) -> NDArray[np.float32]:
        return _core.project_rows(
            cast(CsrParts, rows_argument(weights)),
            self.word_vectors_,
            unit_rows,
            check_n_threads(self.n_threads),
        )
