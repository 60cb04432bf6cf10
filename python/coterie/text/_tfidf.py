"""TfidfTransformer and TfidfVectorizer: counts or texts -> TF-IDF."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer as SklearnTfidfTransformer
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from coterie import _core
from coterie._validation import check_n_threads, check_sparse_structure, refuse_masked
from coterie.text._count import CountVectorizer
from coterie.text._matrix import Weights, check_dtype, check_idf_of, csr_matrix

TFIDF_CONSTRAINTS: dict[str, Any] = {
    **SklearnTfidfTransformer._parameter_constraints,
    "tf": [StrOptions({"count", "relative"})],
}


def tfidf_weights(estimator: Any, idf: NDArray[np.float64] | None, binary: bool = False) -> Weights:
    """Return the arguments of the compiled weighting for an estimator with TfidfTransformer's parameters."""
    if estimator.tf == "relative" and estimator.sublinear_tf:
        raise ValueError(
            "sublinear_tf=True needs tf='count'; the logarithm of tf='relative' would be negative"
        )
    tf = "binary" if binary else "count"
    if estimator.sublinear_tf and not binary:
        tf = "sublinear"
    if estimator.tf == "relative":
        if binary:
            raise ValueError("binary=True needs tf='count'; got tf='relative'")
        tf = "relative"
    return Weights(tf=tf, norm=estimator.norm or "none", idf=idf)


class TfidfTransformer(SklearnTfidfTransformer):  # type: ignore[misc]
    r"""Weigh a matrix of term counts by TF-IDF.

    A drop-in replacement for :class:`sklearn.feature_extraction.text.TfidfTransformer`, which computes in float64
    whatever the dtype of the counts.

    Parameters
    ----------
    norm : {"l1", "l2"} or None, default="l2"
        Norm that every row is divided by; rows without terms stay zero.
    use_idf : bool, default=True
        Whether to multiply by the inverse document frequency.
    smooth_idf : bool, default=True
        ``idf = ln((1 + N) / (1 + N(t))) + 1``; otherwise ``idf = ln(N / N(t)) + 1``, the formula
        IDF(t) = log(N/N(t)) + 1 of many textbooks.
    sublinear_tf : bool, default=False
        Use ``1 + ln(count)`` for the count. Needs ``tf="count"``.
    tf : {"count", "relative"}, default="count"
        ``"relative"``: TF(t, d) = N(t, d) / N(d), with N(d) the number of occurrences in d of terms of the
        vocabulary. A norm other than None cancels N(d).
    n_threads : int or None, default=None
        Threads to use; None: all cores this process may use. It changes no bit of any result.

    Attributes
    ----------
    idf_ : ndarray of shape (n_features,), float64
        Inverse document frequencies, with ``use_idf=True``. Stored zeros count as occurrences.
    n_features_in_ : int
        Number of columns seen by ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> TfidfTransformer(norm="l1").fit_transform(np.array([[3, 1], [2, 0]])).toarray().round(3)
    array([[0.681, 0.319],
           [1.   , 0.   ]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **TFIDF_CONSTRAINTS,
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        tf: str = "count",
        n_threads: int | None = None,
    ) -> None:
        super().__init__(norm=norm, use_idf=use_idf, smooth_idf=smooth_idf, sublinear_tf=sublinear_tf)
        self.tf = tf
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the inverse document frequencies.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Counts.
        y : ignored

        Returns
        -------
        self
        """
        self._validate_params()
        refuse_masked("X", X)
        check_sparse_structure(X)
        X = validate_data(self, X, accept_sparse=("csr", "csc"))
        if self.use_idf:
            native = X.astype(X.dtype.newbyteorder("="), copy=False)
            counts = sp.csr_array(native)
            df = np.bincount(counts.indices, minlength=X.shape[1]).astype(np.int64)
            self.idf_ = _core.inverse_document_frequency(df, X.shape[0], bool(self.smooth_idf))
        return self

    def transform(self, X: Any, copy: bool = True) -> Any:
        """Return the weighted counts.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Counts.
        copy : bool, default=True
            Whether X must be left as it is.

        Returns
        -------
        CSR matrix of shape (n_samples, n_features)
            Of the dtype of X if that is float32 or float64, else float64.

        Raises
        ------
        ValueError
            For negative counts with ``sublinear_tf=True``, and with ``smooth_idf=False`` for a term that no fitted
            document had, whose idf is infinite.
        """
        check_is_fitted(self)
        refuse_masked("X", X)
        check_sparse_structure(X)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], copy=copy, reset=False
        )
        X = sp.csr_array(X)
        X.sum_duplicates()
        if self.sublinear_tf and X.nnz and X.data.min() < 0:
            raise ValueError(f"sublinear_tf=True needs counts >= 0; got {X.data.min()}")
        indices = X.indices.astype(np.int32, copy=False)
        indptr = X.indptr.astype(np.int64, copy=False)
        w = tfidf_weights(self, getattr(self, "idf_", None))
        check_idf_of(indices, w.idf)
        _core.weight_rows(X.data, indices, indptr, w.tf, w.norm, w.idf, check_n_threads(self.n_threads))
        return csr_matrix((X.data, indices, indptr), X.shape[1], X.dtype)


class TfidfVectorizer(CountVectorizer):
    r"""Convert texts to a matrix of TF-IDF weights.

    A drop-in replacement for :class:`sklearn.feature_extraction.text.TfidfVectorizer`. Weights are computed in
    float64, in one fixed order, and rounded once to ``dtype``: threads and instruction sets change no bit.

    raw_documents may be any iterable of str (lists, arrays, series), Arrow string arrays, which are read in place,
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
    max_df, min_df : float in [0, 1] or int, default=1.0 and 1
        Terms in more than ``max_df`` or fewer than ``min_df`` documents are dropped; a float is a share of them.
    max_features : int or None, default=None
        Keep that many terms, those with the largest totals in the corpus; ties as in scikit-learn.
    vocabulary : mapping or iterable or None, default=None
        Use these terms instead of learning them.
    binary : bool, default=False
        Count 1 for every term that occurs.
    dtype : {np.float32, np.float64}, default=np.float32
        Of the matrix. scikit-learn's default is float64.
    norm : {"l1", "l2"} or None, default="l2"
        Norm that every row is divided by; rows without terms stay zero.
    use_idf : bool, default=True
        Whether to multiply by the inverse document frequency.
    smooth_idf : bool, default=True
        ``idf = ln((1 + N) / (1 + N(t))) + 1``; otherwise ``idf = ln(N / N(t)) + 1``, the formula
        IDF(t) = log(N/N(t)) + 1 of many textbooks.
    sublinear_tf : bool, default=False
        Use ``1 + ln(count)`` for the count. Needs ``tf="count"``.
    tf : {"count", "relative"}, default="count"
        ``"relative"``: TF(t, d) = N(t, d) / N(d), with N(d) the number of occurrences in d of terms of the
        vocabulary. A norm other than None cancels N(d).
    language : {"en", "zh"}, default="en"
        ``"zh"`` puts spaces between the words that rjieba finds (extra "zh") before a document is analysed by
        words; Latin text in between is analysed as ever. Segmentation runs in one thread.
    n_threads : int or None, default=None
        Threads to use; None: all cores this process may use. It changes no bit of any result.
    device : str, default="cpu"
        "cuda" or "cuda:N" finds, counts and weighs the terms on an NVIDIA GPU, with the same result; the CPU chooses
        among the terms. For ``analyzer="word"`` and patterns in compiled code; "auto" is a GPU where that and a GPU
        are given.

    Attributes
    ----------
    idf_ : ndarray of shape (n_features,), float64
        Inverse document frequencies, with ``use_idf=True``.
    vocabulary_ : dict
        Term -> column. Columns are the terms in code point order. Made when first asked for.
    document_frequency_ : ndarray of shape (n_features,), int64
        Number of documents with the term.
    n_documents_ : int
        Number of documents learned from.
    fixed_vocabulary_ : bool
        Whether ``vocabulary`` was given.

    See Also
    --------
    CountVectorizer : counts only.
    TfidfTransformer : weights for counts there already are.
    coterie.persistence.save : write a fitted vectorizer to a folder without pickle.

    References
    ----------
    Salton, Buckley, "Term-weighting approaches in automatic text retrieval", Information Processing & Management
    24(5), 1988.

    Examples
    --------
    >>> vectorizer = TfidfVectorizer(norm=None, smooth_idf=False)
    >>> vectorizer.fit_transform(["red fish blue fish", "one fish"]).toarray().round(3)
    array([[1.693, 2.   , 0.   , 1.693],
           [0.   , 1.   , 1.693, 0.   ]], dtype=float32)
    >>> vectorizer.idf_.round(3).tolist()
    [1.693, 1.0, 1.693, 1.693]
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CountVectorizer._parameter_constraints,
        **TFIDF_CONSTRAINTS,
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
        analyzer: Any = "word",
        stop_words: Any = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        max_df: float | int = 1.0,
        min_df: float | int = 1,
        max_features: int | None = None,
        vocabulary: Any = None,
        binary: bool = False,
        dtype: Any = np.float32,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        tf: str = "count",
        language: str = "en",
        n_threads: int | None = None,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            input=input,
            encoding=encoding,
            decode_error=decode_error,
            strip_accents=strip_accents,
            lowercase=lowercase,
            preprocessor=preprocessor,
            tokenizer=tokenizer,
            analyzer=analyzer,
            stop_words=stop_words,
            token_pattern=token_pattern,
            ngram_range=ngram_range,
            max_df=max_df,
            min_df=min_df,
            max_features=max_features,
            vocabulary=vocabulary,
            binary=binary,
            dtype=dtype,
            language=language,
            n_threads=n_threads,
            device=device,
        )
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.tf = tf

    @property
    def idf_(self) -> NDArray[np.float64]:
        """Inverse document frequencies, float64 of shape (n_features,); only with ``use_idf=True``."""
        self._settle()
        if "_idf" not in self.__dict__:
            raise NotFittedError(
                f"{type(self).__name__} is not fitted yet."
                " Call 'fit' with appropriate arguments before using this attribute."
            )
        idf: NDArray[np.float64] = self.__dict__["_idf"]
        return idf

    @idf_.setter
    def idf_(self, value: Any) -> None:
        if not self.use_idf:
            raise ValueError("`idf_` cannot be set when `use_idf=False`.")
        if not self.__sklearn_is_fitted__():
            self._validate_vocabulary()
        idf = np.array(value, dtype=np.float64, ndmin=1)
        if self.__sklearn_is_fitted__() and len(self._fitted_terms()) != len(idf):
            raise ValueError(
                f"idf length = {len(idf)} must be equal to vocabulary size = {len(self._fitted_terms())}"
            )
        self._idf = idf

    def _after_selection(self) -> None:
        self.__dict__.pop("_idf", None)
        if self.use_idf:
            self._idf = _core.inverse_document_frequency(
                self._document_frequency, self.n_documents_, bool(self.smooth_idf)
            )

    def _check_vocabulary(self) -> None:
        super()._check_vocabulary()
        if self.use_idf and "_idf" not in self.__dict__:
            raise NotFittedError("The TF-IDF vectorizer is not fitted")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the terms in column order, an object array of shape (n_features,)."""
        super()._check_vocabulary()
        return self._fitted_terms().names()

    def _weights(self) -> Weights:
        return tfidf_weights(self, self._idf if self.use_idf else None, self.binary)

    def _value_dtype(self) -> Any:
        if check_dtype(self.dtype) in (np.dtype(np.float32), np.dtype(np.float64)):
            return self.dtype
        warnings.warn(
            f"Only float32 and float64 'dtype' should be used. {self.dtype} 'dtype' will be converted to"
            " np.float64.",
            UserWarning,
            stacklevel=3,
        )
        return np.float64
