"""CountVectorizer: texts -> term counts."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
import sklearn
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer
from sklearn.utils._param_validation import Interval, StrOptions

from coterie import _core
from coterie._validation import check_n_threads
from coterie.text._analysis import AnalysisMixin, Plan
from coterie.text._vocabulary import FittedTerms

TEXT_CONSTRAINTS: dict[str, Any] = {
    "stop_words": [StrOptions({"english", "chinese", "auto"}), list, None],
    "language": [StrOptions({"en", "zh"})],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
}


@dataclass(frozen=True)
class Weights:
    """Arguments of the compiled weighting."""

    tf: str = "count"
    norm: str = "none"
    idf: NDArray[np.float64] | None = None


def csr_matrix(parts: tuple[Any, Any, Any], n_features: int, dtype: Any) -> Any:
    """Wrap the arrays of a compiled op, as a matrix or array as scikit-learn's configuration asks."""
    data, indices, indptr = parts
    as_array = sklearn.get_config().get("sparse_interface") == "sparray"
    container = sp.csr_array if as_array else sp.csr_matrix
    X = container((data.astype(dtype, copy=False), indices, indptr), shape=(len(indptr) - 1, n_features))
    X.has_sorted_indices = True
    X.has_canonical_format = True
    return X


class CountVectorizer(AnalysisMixin, SklearnCountVectorizer):  # type: ignore[misc]
    r"""Convert texts to a matrix of term counts.

    A drop-in replacement for :class:`sklearn.feature_extraction.text.CountVectorizer`: the same parameters, the
    same vocabulary and the same counts. Documents are tokenised and counted in compiled code on all cores, with
    the same result on any number of threads. Callables (``preprocessor``, ``tokenizer``, ``analyzer``,
    ``strip_accents``), overridden ``build_*`` methods and token patterns other than runs of word characters are
    honoured through a slower Python path.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnCountVectorizer._parameter_constraints,
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
        max_df: float | int = 1.0,
        min_df: float | int = 1,
        max_features: int | None = None,
        vocabulary: Any = None,
        binary: bool = False,
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
            max_df=max_df,
            min_df=min_df,
            max_features=max_features,
            vocabulary=vocabulary,
            binary=binary,
            dtype=dtype,
        )
        self.language = language
        self.n_threads = n_threads

    # The fitted vocabulary

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Term -> column."""
        return self._fitted_terms().mapping

    @vocabulary_.setter
    def vocabulary_(self, mapping: Any) -> None:
        self._terms = FittedTerms.from_mapping(mapping)

    @vocabulary_.deleter
    def vocabulary_(self) -> None:
        del self._terms

    def _fitted_terms(self) -> FittedTerms:
        if "_terms" not in self.__dict__:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute 'vocabulary_'")
        terms: FittedTerms = self.__dict__["_terms"]
        return terms

    def __sklearn_is_fitted__(self) -> bool:
        return "_terms" in self.__dict__

    def _check_vocabulary(self) -> None:
        if "_terms" not in self.__dict__:
            self._validate_vocabulary()
            if not self.fixed_vocabulary_:
                raise NotFittedError("Vocabulary not fitted or provided")
        if len(self._fitted_terms()) == 0:
            raise ValueError("Vocabulary is empty")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the terms in column order, an object array of shape (n_features,)."""
        self._check_vocabulary()
        return self._fitted_terms().names()

    # Learning

    def fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Learn the vocabulary of ``raw_documents``."""
        self._learn(raw_documents, keep_rows=False)
        return self

    def fit_transform(self, raw_documents: Any, y: Any = None) -> Any:
        """Learn the vocabulary and return the counts, CSR of shape (n_documents, n_features)."""
        counter, ids = self._learn(raw_documents, keep_rows=True)
        return self._rows(counter, ids, self._count_weights(), self.dtype)

    def transform(self, raw_documents: Any) -> Any:
        """Return the counts of the vocabulary's terms, CSR of shape (n_documents, n_features)."""
        return self._transformed(raw_documents, self._count_weights(), self.dtype)

    def _count_weights(self) -> Weights:
        return Weights(tf="binary" if self.binary else "count")

    def _prepare(self) -> Plan:
        self._validate_params()
        self._validate_ngram_range()
        self._warn_for_unused_params()
        return self._plan()

    def _counter(self, plan: Plan, keep_rows: bool, vocabulary: _core.Vocabulary | None) -> _core.TermCounter:
        return _core.TermCounter(
            plan.analyzer,
            plan.ngram_range,
            plan.min_token_chars,
            plan.lowercase,
            plan.strip_accents,
            _core.TermList(plan.stop_words),
            vocabulary,
            keep_rows,
        )

    def _count(self, counter: _core.TermCounter, plan: Plan, raw_documents: Any) -> None:
        n_threads = check_n_threads(self.n_threads)
        for documents, offsets in self._analysed_batches(plan, raw_documents):
            if offsets is None:
                counter.add_documents(documents, n_threads)
            else:
                counter.add_terms(documents, offsets, n_threads)
        counter.merge()

    def _learn(self, raw_documents: Any, keep_rows: bool) -> tuple[_core.TermCounter, NDArray[np.uint32]]:
        if isinstance(raw_documents, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        plan = self._prepare()
        self._validate_vocabulary()
        fixed = None
        if self.fixed_vocabulary_:
            self._warn_for_upper_case_vocabulary()
            fixed = self._fitted_terms().compiled(plan.joined, plan.stop_words)
        counter = self._counter(plan, keep_rows, fixed)
        self._count(counter, plan, raw_documents)
        df, tf = counter.totals()
        self.n_documents_ = counter.n_documents
        if fixed is not None:
            columns = fixed.columns()
            self.document_frequency_ = np.zeros(len(fixed), dtype=np.int64)
            self.document_frequency_[columns[columns >= 0]] = df[columns >= 0]
            return counter, np.empty(0, dtype=np.uint32)
        ids = self._selected(counter, df, tf)
        self._terms = FittedTerms(counter.texts(ids))
        self.document_frequency_ = df[ids]
        return counter, ids

    def _warn_for_upper_case_vocabulary(self) -> None:
        import warnings

        if self.lowercase and any(any(map(str.isupper, term)) for term in self.vocabulary):
            warnings.warn(
                "Upper case characters found in vocabulary while 'lowercase' is True."
                " These entries will not be matched with any documents",
                stacklevel=4,
            )

    def _selected(
        self, counter: _core.TermCounter, df: NDArray[np.int64], tf: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        """Return the ids of the terms that min_df, max_df and max_features leave, in column order."""
        ids: NDArray[np.uint32] = np.flatnonzero(df > 0).astype(np.uint32)
        if not len(ids):
            raise ValueError("empty vocabulary; perhaps the documents only contain stop words")
        n_documents = counter.n_documents
        high: Any = self.max_df if isinstance(self.max_df, Integral) else self.max_df * n_documents
        low: Any = self.min_df if isinstance(self.min_df, Integral) else self.min_df * n_documents
        if high < low:
            raise ValueError("max_df corresponds to < documents than min_df")
        ids = ids[(df[ids] <= high) & (df[ids] >= low)]
        ids = counter.sort_by_text(ids, check_n_threads(self.n_threads))
        if self.max_features is not None and len(ids) > self.max_features:
            totals = (df if self.binary else tf)[ids].astype(self.dtype)
            # scikit-learn's own expression: ties fall as this sort, which is not stable, lets them fall.
            ids = ids[np.sort((-totals).argsort()[: self.max_features])]
        if not len(ids):
            raise ValueError("After pruning, no terms remain. Try a lower min_df or a higher max_df.")
        return ids

    # Matrices

    def _transformed(self, raw_documents: Any, weights: Weights, dtype: Any) -> Any:
        if isinstance(raw_documents, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        self._check_vocabulary()
        plan = self._plan()
        vocabulary = self._fitted_terms().compiled(plan.joined, plan.stop_words)
        counter = self._counter(plan, True, vocabulary)
        self._count(counter, plan, raw_documents)
        return self._rows(counter, np.empty(0, dtype=np.uint32), weights, dtype)

    def _rows(self, counter: _core.TermCounter, ids: NDArray[np.uint32], weights: Weights, dtype: Any) -> Any:
        name = np.dtype(dtype).name
        native = name if name in ("float32", "float64") else "int64"
        parts = counter.rows(
            ids, native, weights.tf, weights.norm, weights.idf, check_n_threads(self.n_threads)
        )
        return csr_matrix(parts, len(self._fitted_terms()), dtype)
