"""CountVectorizer: texts -> term counts."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer

from coterie import _core
from coterie._validation import check_n_threads
from coterie.text._accumulate import AccumulateMixin
from coterie.text._analysis import TEXT_CONSTRAINTS, AnalysisMixin, Plan
from coterie.text._device_words import device_terms
from coterie.text._matrix import Weights, check_dtype, check_idf_of, csr_matrix
from coterie.text._selection import Selection
from coterie.text._vocabulary import FittedTerms

CountedRows = _core.TermCounter | _core.DeviceTermCounter


class CountVectorizer(AccumulateMixin, AnalysisMixin, SklearnCountVectorizer):  # type: ignore[misc]
    r"""Convert texts to a matrix of term counts.

    A drop-in replacement for :class:`sklearn.feature_extraction.text.CountVectorizer`: the same parameters, the
    same vocabulary and the same counts. Documents are tokenised and counted in compiled code on all cores, with
    the same result on any number of threads. Callables and overridden ``build_*`` methods are honoured through a
    slower Python path.

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
    dtype : dtype, default=np.float32
        Of the matrix. scikit-learn's default is int64.
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
    TfidfVectorizer : the same with TF-IDF weights.
    coterie.persistence.save : write a fitted vectorizer to a folder without pickle.

    Notes
    -----
    Time is linear in the text; memory holds the distinct terms and, for ``fit_transform``, 8 bytes per count before
    the matrix is made.

    Examples
    --------
    >>> vectorizer = CountVectorizer()
    >>> vectorizer.fit_transform(["red fish, blue fish", "one fish"]).toarray()
    array([[1., 2., 0., 1.],
           [0., 1., 1., 0.]], dtype=float32)
    >>> vectorizer.get_feature_names_out().tolist()
    ['blue', 'fish', 'one', 'red']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnCountVectorizer._parameter_constraints,
        **TEXT_CONSTRAINTS,
        "device": [str],
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
        self.device = device

    # The fitted vocabulary

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Term -> column."""
        return self._fitted_terms().mapping

    @vocabulary_.setter
    def vocabulary_(self, mapping: Any) -> None:
        self._terms = FittedTerms.from_mapping(mapping)

    @property
    def document_frequency_(self) -> NDArray[np.int64]:
        """Number of fitted documents that have the term, int64 of shape (n_features,)."""
        self._settle()
        if "_document_frequency" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'document_frequency_'")
        df: NDArray[np.int64] = self.__dict__["_document_frequency"]
        return df

    @document_frequency_.setter
    def document_frequency_(self, value: NDArray[np.int64]) -> None:
        self._document_frequency = np.asarray(value, dtype=np.int64)

    def _fitted_terms(self) -> FittedTerms:
        self._settle()
        if "_terms" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'vocabulary_'")
        terms: FittedTerms = self.__dict__["_terms"]
        return terms

    def __sklearn_is_fitted__(self) -> bool:
        return "_terms" in self.__dict__ or "_totals" in self.__dict__

    def _check_vocabulary(self) -> None:
        if not self.__sklearn_is_fitted__():
            self._validate_vocabulary()
            if not self.fixed_vocabulary_:
                raise NotFittedError("Vocabulary not fitted or provided")
        if len(self._fitted_terms()) == 0:
            raise ValueError("Vocabulary is empty")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the terms in column order, an object array of shape (n_features,).

        Parameters
        ----------
        input_features : ignored

        Raises
        ------
        NotFittedError
            Before fitting, unless ``vocabulary`` was given.
        """
        self._check_vocabulary()
        return self._fitted_terms().names()

    # Learning

    def fit(self, raw_documents: Any, y: Any = None) -> Self:
        """Learn the vocabulary of ``raw_documents``.

        Parameters
        ----------
        raw_documents : iterable of str, Arrow string array, or generator of str or of batches
            As described for the class.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            When no term occurs or none is left by ``min_df``, ``max_df`` and ``max_features``.
        AttributeError, TypeError
            For a document that is neither str nor bytes, with its row.
        """
        self._learn(raw_documents, keep_rows=False)
        return self

    def fit_transform(self, raw_documents: Any, y: Any = None) -> Any:
        """Return ``fit(raw_documents).transform(raw_documents)``, reading the documents once.

        Parameters
        ----------
        raw_documents : as for :meth:`fit`
        y : ignored

        Returns
        -------
        X : CSR matrix of shape (n_documents, n_features) and of ``dtype``
            Term counts, columns sorted within each row.
        """
        rows, ids = self._learn(raw_documents, keep_rows=True)
        return self._rows(rows, ids, self._weights(), self._value_dtype())

    def _prepare(self, raw_documents: Any) -> Plan:
        if isinstance(raw_documents, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        self._validate_params()
        check_dtype(self.dtype)
        if isinstance(self.vocabulary, np.ndarray) and self.vocabulary.ndim != 1:
            raise ValueError(
                f"vocabulary must be a one-dimensional array; got one of shape {self.vocabulary.shape}"
            )
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

    def _count(self, counter: _core.TermCounter, plan: Plan, raw_documents: Any) -> CountedRows:
        """Count documents; return what has their rows."""
        n_threads = check_n_threads(self.n_threads)
        on_device = device_terms(self.device, plan, counter)
        for documents, offsets in self._analysed_batches(plan, raw_documents):
            if on_device is not None:
                on_device.add_documents(documents, n_threads)
            elif offsets is None:
                counter.add_documents(documents, n_threads)
            else:
                counter.add_terms(documents, offsets, n_threads)
        counter.merge(n_threads)
        return counter if on_device is None else on_device

    def _learn(self, raw_documents: Any, keep_rows: bool) -> tuple[CountedRows, NDArray[np.uint32]]:
        plan = self._prepare(raw_documents)
        self._validate_vocabulary()
        if self.fixed_vocabulary_:
            self._check_given_terms()
            rows = self._learn_fixed(plan, raw_documents, keep_rows, add=False)
            return rows, np.empty(0, dtype=np.uint32)
        counter = self._counter(plan, keep_rows, None)
        rows = self._count(counter, plan, raw_documents)
        ids = self._select(counter)
        self.__dict__.pop("_totals", None)
        return rows, ids

    def _learn_fixed(self, plan: Plan, raw_documents: Any, keep_rows: bool, add: bool) -> CountedRows:
        vocabulary = self._fitted_terms().compiled(plan.joined, plan.stop_words)
        counter = self._counter(plan, keep_rows, vocabulary)
        rows = self._count(counter, plan, raw_documents)
        columns = vocabulary.columns()
        df = np.zeros(len(vocabulary), dtype=np.int64)
        known = np.flatnonzero(columns >= 0).astype(np.uint32)
        df[columns[known]], _ = counter.frequencies(known, check_n_threads(self.n_threads))
        if not add:
            self.__dict__.pop("_document_frequency", None)
        self._add_fixed(df, counter.n_documents)
        return rows

    def _add_fixed(self, df: NDArray[np.int64], n_documents: int) -> None:
        known = "_document_frequency" in self.__dict__
        self._document_frequency = df + self._document_frequency if known else df
        self.n_documents_ = n_documents + self.n_documents_ if known else n_documents
        self._after_selection()

    def _select(self, counter: _core.TermCounter) -> NDArray[np.uint32]:
        """Learn the terms that min_df, max_df and max_features leave; return their ids in column order."""
        n_threads = check_n_threads(self.n_threads)
        selection = Selection(self.min_df, self.max_df, self.max_features, bool(self.binary), self.dtype)
        ids = selection.ids(counter, n_threads)
        self.n_documents_ = counter.n_documents
        self._terms = FittedTerms(counter.texts(ids, n_threads))
        self._document_frequency, self._term_frequency = counter.frequencies(ids, n_threads)
        self._after_selection()
        return ids

    def _after_selection(self) -> None:
        """Learn what follows from the document frequencies; a subclass has the idf here."""

    def _check_given_terms(self) -> None:
        for term in self.vocabulary:
            if not isinstance(term, str):
                raise TypeError(f"vocabulary must hold str; got {term!r} of type {type(term).__name__}")
        if self.lowercase and any(any(map(str.isupper, term)) for term in self.vocabulary):
            warnings.warn(
                "Upper case characters found in vocabulary while 'lowercase' is True."
                " These entries will not be matched with any documents",
                stacklevel=4,
            )

    # Matrices

    def transform(self, raw_documents: Any) -> Any:
        """Return the weights of the vocabulary's terms in each document; other terms are ignored.

        Parameters
        ----------
        raw_documents : as for :meth:`fit`

        Returns
        -------
        X : CSR matrix of shape (n_documents, n_features) and of ``dtype``
            Columns sorted within each row; an empty row for a document without known terms.
        """
        if isinstance(raw_documents, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        self._check_vocabulary()
        plan = self._plan()
        vocabulary = self._fitted_terms().compiled(plan.joined, plan.stop_words)
        rows = self._count(self._counter(plan, True, vocabulary), plan, raw_documents)
        return self._rows(rows, np.empty(0, dtype=np.uint32), self._weights(), self._value_dtype())

    def _weights(self) -> Weights:
        return Weights(tf="binary" if self.binary else "count")

    def _value_dtype(self) -> Any:
        return self.dtype

    def _rows(self, rows: CountedRows, ids: NDArray[np.uint32], weights: Weights, dtype: Any) -> Any:
        name = check_dtype(dtype).name
        native = name if name in ("float32", "float64") else "int64"
        n_threads = check_n_threads(self.n_threads)
        parts = rows.rows(ids, native, weights.tf, weights.norm, weights.idf, n_threads)
        check_idf_of(parts[1], weights.idf)
        return csr_matrix(parts, len(self._fitted_terms()), dtype)
