"""Corpus embeddings without a model: latent semantic analysis of words and pieces of words."""

from __future__ import annotations

from typing import Any, Self, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from coterie import _core
from coterie._earlier_fit import keeps_earlier_fit
from coterie._tags import of_counts
from coterie._validation import (
    CsrParts,
    check_boolean,
    check_integer,
    check_n_threads,
    check_one_column,
    check_option,
    check_seed,
    check_sparse_structure,
    refuse_masked,
    rows_argument,
)
from coterie.text import TfidfVectorizer

# Below this many known words per document, two documents on one subject often share none, but do share pieces of
# words; above it the pieces cost several times the time of the words and add no evidence.
_FEW_WORDS = 32.0
_CHAR_NGRAMS = {"en": (2, 4), "zh": (1, 2)}
_N_OVERSAMPLES = 10


class LsaEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Dense rows for texts from the corpus alone: latent semantic analysis with documents weighed by their degree.

    The terms are words and, where documents are short, also character n-grams, both by TF-IDF with sublinear counts
    and unit rows. Each row is then divided by the square root of its degree, the sum of its inner products with all
    rows of the corpus, so that the singular vectors are the eigenvectors of the normalised graph of cosine
    similarities: a few documents that resemble everything no longer take up the leading directions. The first
    direction, which is constant on that graph, is left out.

    Parameters
    ----------
    n_components : int, default=128
        Length of the rows, >= 1; fewer where the corpus has fewer documents or terms.
    language : {"en", "zh"}, default="en"
        How texts are split into words; "zh" needs the extra of that name.
    char_ngram_range : "auto", (int, int) or None, default="auto"
        Character n-grams within words to use beside the words; None uses words only. "auto" takes (2, 4), or (1, 2)
        for Chinese, where the documents have fewer than 32 different known words on average, else None.
    stop_words : "auto", list of str or None, default="auto"
        Words to ignore; "auto" is the list of the language. Character n-grams are made of all words.
    min_df, max_df : int or float, default=2 and 0.5
        Terms in fewer than ``min_df`` or more than ``max_df`` documents (a share, if float) are ignored. A corpus
        of which that leaves more than half of the documents without any is read again with 1 and 1.0.
    degree_normalize : bool, default=True
        False gives plain latent semantic analysis.
    unit_rows : bool, default=True
        Divide each row by its length; rows without known terms stay zero.
    n_iter : int, default=4
        Subspace iterations, >= 1; more bring the directions closer to the exact singular vectors.
    random_state : int, RandomState or None, default=0
        The seed of the random start.
    n_threads : int or None, default=None
        Threads to use; None: all cores this process may use. It changes no bit of any result.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_terms), float32
        The directions, by falling singular value; the entry of largest magnitude is positive.
    singular_values_ : ndarray of shape (n_components_,), float64
    n_components_ : int
        How many directions there are.
    vectorizers_ : list of TfidfVectorizer
        The fitted vectorizers, words first; empty when the fit was given a matrix.
    term_sums_ : ndarray of shape (n_terms,), float64
        The column sums of the corpus, which give a row's degree.

    Notes
    -----
    The result has the same bits for any number of threads and any instruction set: the factorisation is our own, in
    one order, without a BLAS. Time O(n_iter nnz n_components + n_terms n_components^2), memory 16 bytes per term and
    component and 4 per document and component.

    References
    ----------
    Deerwester et al., "Indexing by latent semantic analysis", JASIS 1990. Halko, Martinsson and Tropp, "Finding
    structure with randomness", SIAM Review 2011. Degrees and the constant direction: Dhillon, "Co-clustering documents
    and words using bipartite spectral graph partitioning", KDD 2001; Coifman and Lafon, "Diffusion maps", 2006.

    Examples
    --------
    >>> from coterie.encode import LsaEncoder
    >>> texts = ["red apple", "sweet apple", "red cherry", "slow train", "fast train", "late train"]
    >>> rows = LsaEncoder(n_components=2).fit_transform(texts)
    >>> similarity = rows @ rows.T
    >>> bool(similarity[0, 1] > similarity[0, 3])
    True
    """

    def __init__(
        self,
        n_components: int = 128,
        *,
        language: str = "en",
        char_ngram_range: Any = "auto",
        stop_words: Any = "auto",
        min_df: int | float = 2,
        max_df: int | float = 0.5,
        degree_normalize: bool = True,
        unit_rows: bool = True,
        n_iter: int = 4,
        random_state: Any = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.language = language
        self.char_ngram_range = char_ngram_range
        self.stop_words = stop_words
        self.min_df = min_df
        self.max_df = max_df
        self.degree_normalize = degree_normalize
        self.unit_rows = unit_rows
        self.n_iter = n_iter
        self.random_state = random_state
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the directions.

        Parameters
        ----------
        X : iterable of str, or sparse matrix of shape (n_documents, n_terms)
            Texts, or the weights of terms in documents (for example TF-IDF rows), finite and >= 0.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If no text has a word, or the matrix holds negative weights or nothing at all.
        TypeError
            If ``X`` is one string.
        """
        self.fit_transform(X)
        return self

    @keeps_earlier_fit
    def fit_transform(self, X: Any, y: Any = None) -> NDArray[np.float32]:
        """Learn the directions and return the rows of ``X``; the same as ``fit(X).transform(X)``.

        Parameters
        ----------
        X : iterable of str or sparse matrix
            As for ``fit``.
        y : ignored

        Returns
        -------
        rows : ndarray of shape (n_documents, n_components_), float32
        """
        check_integer("n_components", self.n_components, minimum=1)
        check_integer("n_iter", self.n_iter, minimum=1)
        check_boolean("degree_normalize", self.degree_normalize)
        check_boolean("unit_rows", self.unit_rows)
        check_n_threads(self.n_threads)
        weights = self._fit_weights(X)
        if weights.nnz == 0:
            raise ValueError("X must hold at least one weight above 0; every row is empty")
        data = weights.data.astype(np.float64)
        self.term_sums_: NDArray[np.float64] = np.bincount(weights.indices, data, weights.shape[1]).astype(
            np.float64
        )
        normalized = self._normalized(weights)
        # D^(1/2) 1 on the documents' side: known, so that it can be left out even where values tie
        constant = self.term_sums_ if self.degree_normalize and min(normalized.shape) > 1 else None
        seed = int(check_seed(self.random_state).randint(2**31 - 1))
        vectors, values = _core.truncated_svd(
            cast(CsrParts, rows_argument(normalized)),
            min(self.n_components, *normalized.shape),
            _N_OVERSAMPLES,
            self.n_iter,
            constant,
            seed,
            check_n_threads(self.n_threads),
        )
        self.n_components_ = max(int(np.count_nonzero(values)), 1)
        # transposed, it is what the projection reads: the terms' vectors one after the other
        self.components_ = np.ascontiguousarray(vectors[:, : self.n_components_]).T
        self.singular_values_ = values[: self.n_components_].copy()
        return self._project(normalized)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the rows of texts, or of a matrix with the columns of the one that was fitted.

        Parameters
        ----------
        X : iterable of str or sparse matrix
            What the fit was given: texts after texts, a matrix after a matrix.

        Returns
        -------
        rows : ndarray of shape (n_documents, n_components_), float32
            Unit rows by default; a document without known terms is a row of zeros.
        """
        return self._project(self._normalized(self.term_weights(X)))

    def term_weights(self, X: Any) -> sp.csr_array:
        """Return the weights of terms that the rows are made from: words, then pieces of words.

        Parameters
        ----------
        X : iterable of str or sparse matrix
            As for :meth:`transform`.

        Returns
        -------
        weights : csr_array of shape (n_documents, n_terms), float32
            TF-IDF with sublinear counts, unit rows for the words and for the pieces; a matrix is returned as it is.
        """
        check_is_fitted(self)
        if bool(self.vectorizers_) == (_is_matrix(X)):
            wanted = "texts" if self.vectorizers_ else "a matrix"
            raise ValueError(f"X must be {wanted}, as in the fit; got {type(X).__name__}")
        texts = _reread(X)
        weights = (
            _stack([v.transform(texts) for v in self.vectorizers_]) if self.vectorizers_ else _checked(X)
        )
        if weights.shape[1] != len(self.term_sums_):
            raise ValueError(f"X must have {len(self.term_sums_)} columns; got {weights.shape[1]}")
        return weights

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "components_")

    def __sklearn_tags__(self) -> Any:
        return of_counts(super().__sklearn_tags__())

    def _fit_weights(self, X: Any) -> sp.csr_array:
        self.vectorizers_: list[TfidfVectorizer] = []
        if _is_matrix(X):
            return _checked(X)
        if isinstance(X, str | bytes):
            raise TypeError(f"X must be an iterable of str, not one {type(X).__name__}")
        check_one_column("X", X)
        texts = _reread(X)
        check_option("language", self.language, tuple(_CHAR_NGRAMS))
        _check_char_ngrams(self.char_ngram_range)
        shared: dict[str, Any] = {
            "language": self.language,
            "min_df": self.min_df,
            "max_df": self.max_df,
            "n_threads": self.n_threads,
        }
        words, weights = fit_words(texts, stop_words=self.stop_words, **shared)
        self.vectorizers_.append(words)
        ngrams = self.char_ngram_range
        if isinstance(ngrams, str):
            is_short = weights.nnz < _FEW_WORDS * weights.shape[0]
            ngrams = _CHAR_NGRAMS[self.language] if is_short else None
        if ngrams is None:
            return weights
        pieces, of_pieces = fit_words(texts, analyzer="char_wb", ngram_range=tuple(ngrams), **shared)
        self.vectorizers_.append(pieces)
        return _stack([weights, of_pieces])

    def _normalized(self, weights: sp.csr_array) -> sp.csr_array:
        if not self.degree_normalize:
            return weights
        degree = weights.astype(np.float64) @ self.term_sums_
        scale = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
        data = weights.data * np.repeat(scale, np.diff(weights.indptr))
        return sp.csr_array((data.astype(np.float32), weights.indices, weights.indptr), shape=weights.shape)

    def _project(self, normalized: sp.csr_array) -> NDArray[np.float32]:
        return _core.project_rows(
            cast(CsrParts, rows_argument(normalized)),
            np.ascontiguousarray(self.components_.T),
            bool(self.unit_rows),
            check_n_threads(self.n_threads),
        )


def _check_char_ngrams(ngrams: Any) -> None:
    if isinstance(ngrams, str):
        check_option("char_ngram_range", ngrams, ("auto",))
    elif ngrams is not None:
        if not isinstance(ngrams, tuple | list | np.ndarray) or np.shape(ngrams) != (2,):
            raise TypeError(f"char_ngram_range must be 'auto', two integers or None; got {ngrams!r}")
        least = check_integer("char_ngram_range", ngrams[0], minimum=1)
        check_integer("char_ngram_range", ngrams[1], minimum=least)


def fit_words(
    texts: Any,
    *,
    language: str,
    min_df: int | float,
    max_df: int | float,
    n_threads: int | None,
    **options: Any,
) -> tuple[TfidfVectorizer, sp.csr_array]:
    """Fit with the limits given, or without any where they leave half of the documents without terms."""
    # Checked first: below, a fit that refuses them looks like one that they leave without terms.
    TfidfVectorizer(min_df=min_df, max_df=max_df)._validate_params()
    for least, most in ((min_df, max_df), (1, 1.0)):
        vectorizer = TfidfVectorizer(
            language=language, min_df=least, max_df=most, sublinear_tf=True, n_threads=n_threads, **options
        )
        last = (least, most) == (1, 1.0)
        try:
            weights = sp.csr_array(vectorizer.fit_transform(texts))
        except ValueError:  # no term is left, or none was there
            if last:
                raise
            continue
        if last or np.count_nonzero(np.diff(weights.indptr)) * 2 >= weights.shape[0]:
            break
    return vectorizer, weights


def _is_matrix(X: Any) -> bool:
    return sp.issparse(X) or (isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fiub")


def _checked(X: Any) -> sp.csr_array:
    refuse_masked("X", X)
    check_sparse_structure(X)
    checked = check_array(X, accept_sparse="csr", dtype=np.float32, input_name="X")
    matrix = sp.csr_array(checked)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    if matrix.nnz and matrix.data.min() < 0:
        raise ValueError(f"X must have no negative entries; got {matrix.data.min()}")
    return matrix


def _reread(texts: Any) -> Any:
    return texts if hasattr(texts, "__len__") else list(texts)


def _stack(parts: list[Any]) -> sp.csr_array:
    return sp.csr_array(parts[0]) if len(parts) == 1 else sp.csr_array(sp.hstack(parts, format="csr"))
