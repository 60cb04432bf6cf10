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
from coterie._validation import check_n_threads
from coterie.text._count import CountVectorizer
from coterie.text._matrix import Weights, csr_matrix

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
    """Weigh a count matrix by term frequency and inverse document frequency."""

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
        """Learn the inverse document frequencies of a count matrix of shape (n_samples, n_features)."""
        self._validate_params()
        X = validate_data(self, X, accept_sparse=("csr", "csc"))
        if self.use_idf:
            counts = sp.csr_array(X)
            df = np.bincount(counts.indices, minlength=X.shape[1]).astype(np.int64)
            self.idf_ = _core.inverse_document_frequency(df, X.shape[0], bool(self.smooth_idf))
        return self

    def transform(self, X: Any, copy: bool = True) -> Any:
        """Return the weighted matrix, CSR of the dtype of X (float64 if that is not a float type)."""
        check_is_fitted(self)
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
        _core.weight_rows(X.data, indices, indptr, w.tf, w.norm, w.idf, check_n_threads(self.n_threads))
        return csr_matrix((X.data, indices, indptr), X.shape[1], X.dtype)


class TfidfVectorizer(CountVectorizer):
    r"""Convert texts to a matrix of TF-IDF features."""

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
        if np.dtype(self.dtype) in (np.dtype(np.float32), np.dtype(np.float64)):
            return self.dtype
        warnings.warn(
            f"Only float32 and float64 'dtype' should be used. {self.dtype} 'dtype' will be converted to"
            " np.float64.",
            UserWarning,
            stacklevel=3,
        )
        return np.float64
