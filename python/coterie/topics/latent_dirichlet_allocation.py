"""LatentDirichletAllocation: documents as mixtures of topics, by sparse Metropolis-Hastings sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from coterie import _core
from coterie._earlier_fit import keeps_earlier_fit
from coterie._tags import of_counts
from coterie._validation import CsrParts, check_n_threads, check_seed
from coterie.topics._completion import halves
from coterie.topics._counts import csr_of, has_enough_documents, validate_counts
from coterie.topics._parameters import check_allocation, check_folding_in
from coterie.topics._term_topics import faded, matrix_of, summed, totals_of
from coterie.topics.class_tfidf import top_terms

_MAX_SEED = 2**62
_SAMPLES = 8  # states of the sampler that are averaged: 1 to 2 % of the held-out perplexity on 20 Newsgroups


class LatentDirichletAllocation(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Latent Dirichlet allocation: topics as distributions over terms, documents as mixtures of topics.

    The interface is that of :class:`sklearn.decomposition.LatentDirichletAllocation`. The fit samples the topic of
    every token by Metropolis-Hastings steps whose cost does not depend on the number of topics, on integer counts and
    with random numbers that are a function of (seed, iteration, token): the same seed gives the same bits on any
    number of threads and any instruction set.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics, between 1 and 65,535; it may exceed the number of documents.
    doc_topic_prior : float or None, default=None
        Prior tokens of each topic in a document (alpha), between 1e-9 and 1e9. None means 1 / n_components.
    topic_word_prior : float or None, default=None
        Prior tokens of each term in a topic (beta), between 1e-9 and 1e9. None means 0.01.
    learn_priors : bool, default=True
        Start from the priors above and learn both from the counts, alpha for each topic alone. False keeps them.
        ``partial_fit`` learns them from batches with at least ten documents for each topic.
    max_iter : int, default=300
        Iterations of ``fit``, >= 1; each draws the topic of every token twice.
    batch_iter : int, default=100
        Iterations of each ``partial_fit``, >= 1.
    learning_decay, learning_offset : float, default=0.7 and 10.0
        Before batch number t (from 1) of ``partial_fit``, the counts so far are multiplied by
        ``1 - (learning_offset + t) ** -learning_decay``, rounded up or down at random. ``learning_decay`` is >= 0,
        ``learning_offset`` >= 1.
    max_doc_update_iter : int, default=100
        Most iterations of ``transform`` for one document, >= 1.
    mean_change_tol : float, default=1e-3
        ``transform`` stops when the expected tokens of a topic change by less on average.
    random_state : int, RandomState instance or None, default=None
        Seed. The same int gives the same bits on every machine.
    n_threads : int or None, default=None
        Threads; None means every core the process may use. It changes no bit of the result.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features), float64
        Tokens of each term in each topic, plus ``topic_word_prior_``. Made anew from sparse counts on each access.
    topic_word_distribution_ : ndarray of shape (n_components, n_features), float64
        ``components_`` with rows that sum to 1. Made anew on each access.
    topic_sizes_ : ndarray of shape (n_components,), float64
        Tokens of each topic.
    doc_topic_prior_ : ndarray of shape (n_components,), float64
        alpha, learned or as given.
    topic_word_prior_ : float
        beta, learned or as given.
    log_likelihood_ : float
        ln p(words, topics) of the last state of the sampler, mixtures and topics integrated out; of the last batch
        after ``partial_fit``.
    bound_ : float
        ``exp(-log_likelihood_ / tokens)``, which bounds the perplexity of the training documents from above.
    empty_documents_ : ndarray, int64
        Rows of the last fit (or batch) without any term, in increasing order; ``transform`` gives them the prior.
    n_iter_ : int
        Iterations of the sampler so far.
    n_batch_iter_ : int
        Batches so far; 1 after ``fit``.
    n_features_in_ : int
        Number of terms.
    feature_names_in_ : ndarray of shape (n_features_in\_,), object
        Only when ``X`` has string column names.

    Notes
    -----
    A token of term w in document d, itself not counted, has the target

    .. math:: p(k) \propto (C_{dk} + \alpha_k) \frac{C_{wk} + \beta}{C_k + V\beta}.

    Counts of the document change with each of its tokens, those of other documents between phases. The topics are the
    average over up to 8 states late in the run. Memory of a fit: about 30 bytes a token.

    References
    ----------
    Blei, Ng and Jordan, "Latent Dirichlet allocation", JMLR 2003. Chen, Li, Zhu and Chen, "WarpLDA: a cache efficient
    O(1) algorithm for latent Dirichlet allocation", VLDB 2016. Minka, "Estimating a Dirichlet distribution", 2000.

    Examples
    --------
    >>> from coterie import CountVectorizer, LatentDirichletAllocation
    >>> texts = ["red apple red cherry", "sweet red apple pie", "slow train late train", "late bus slow train"] * 10
    >>> vectorizer = CountVectorizer()
    >>> X = vectorizer.fit_transform(texts)
    >>> lda = LatentDirichletAllocation(n_components=2, random_state=0).fit(X)
    >>> sorted(terms[0][0] for terms in lda.top_terms(vectorizer.get_feature_names_out(), 1))
    ['red', 'train']
    >>> mixtures = lda.transform(vectorizer.transform(["apple pie", "a train"]))
    >>> bool(mixtures[0].argmax() != mixtures[1].argmax())
    True
    """

    doc_topic_prior_: NDArray[np.float64]
    topic_word_prior_: float
    log_likelihood_: float
    bound_: float
    empty_documents_: NDArray[np.int64]
    n_iter_: int
    n_batch_iter_: int
    n_features_in_: int

    def __init__(
        self,
        n_components: int = 10,
        *,
        doc_topic_prior: float | None = None,
        topic_word_prior: float | None = None,
        learn_priors: bool = True,
        max_iter: int = 300,
        batch_iter: int = 100,
        learning_decay: float = 0.7,
        learning_offset: float = 10.0,
        max_doc_update_iter: int = 100,
        mean_change_tol: float = 1e-3,
        random_state: Any = None,
        n_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.doc_topic_prior = doc_topic_prior
        self.topic_word_prior = topic_word_prior
        self.learn_priors = learn_priors
        self.max_iter = max_iter
        self.batch_iter = batch_iter
        self.learning_decay = learning_decay
        self.learning_offset = learning_offset
        self.max_doc_update_iter = max_doc_update_iter
        self.mean_change_tol = mean_change_tol
        self.random_state = random_state
        self.n_threads = n_threads

    @keeps_earlier_fit
    def fit(self, X: Any, y: None = None) -> Self:
        """Learn the topics of documents.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms, integers >= 0, as :class:`coterie.CountVectorizer` gives them.
        y : None
            Ignored.

        Returns
        -------
        self : LatentDirichletAllocation

        Raises
        ------
        ValueError
            For a parameter out of range, an entry that is no count (its row and column are named), or no document
            with terms.
        TypeError
            For a parameter of the wrong kind.
        """
        check_allocation(self)
        counts = self._validate_counts(X, reset=True)
        if not counts[0].any():
            raise ValueError(f"X must have a document with terms; all {len(counts[2]) - 1} rows are empty")
        self._start()
        self._learn(counts, self.max_iter, _SAMPLES, None)
        return self

    def partial_fit(self, X: Any, y: None = None) -> Self:
        """Learn from a batch of documents, after the batches before; the corpus need not fit into memory.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms, as for ``fit``, but a batch may have no terms at all. Batches of thousands of documents
            learn more from each document than small ones.
        y : None
            Ignored.

        Returns
        -------
        self : LatentDirichletAllocation
        """
        check_allocation(self)
        is_first = not hasattr(self, "_term_topics")
        counts = self._validate_counts(X, reset=is_first)
        if is_first:
            self._start()
        self._learn(counts, self.batch_iter, 1, None if is_first else self._faded())
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the mixture of topics of each document, with the topics as they are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms.

        Returns
        -------
        mixtures : ndarray of shape (n_samples, n_components), float32
            Rows sum to 1. Each document alone decides its bits, whatever the batch. A document without terms has
            ``doc_topic_prior_``, normalised.
        """
        check_is_fitted(self)
        return self._mixtures(self._validate_counts(X, reset=False))

    def score(self, X: Any, y: None = None) -> float:
        """Return the log-likelihood of the second half of each document given its first half.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms.
        y : None
            Ignored.

        Returns
        -------
        float
            In nats, summed over the tokens that are predicted; higher is better. See ``perplexity``.
        """
        return self._completion(X)[0]

    def perplexity(self, X: Any) -> float:
        """Return the perplexity of documents by completion.

        The tokens of a document, in the order of the terms, go in turn to its first and its second half. The mixture
        is that of the first half; the second half is predicted. Not scikit-learn's bound, which sees all tokens.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Counts of terms of documents that were not fitted.

        Returns
        -------
        float
            ``exp(-score(X) / predicted tokens)``, >= 1; lower is better. ValueError if no document has two tokens.
        """
        log_likelihood, n_predicted = self._completion(X)
        if n_predicted == 0:
            raise ValueError("X must have a document of at least 2 tokens, or there is nothing to predict")
        return float(np.exp(-log_likelihood / n_predicted))

    def top_terms(
        self, feature_names: Sequence[str] | NDArray[Any], n_terms: int = 10
    ) -> list[list[tuple[str, float]]]:
        """Return the most probable terms of each topic.

        Parameters
        ----------
        feature_names : sequence of n_features str
            The terms, as a vectorizer's ``get_feature_names_out`` gives them.
        n_terms : int, default=10
            At most so many for each topic, >= 1.

        Returns
        -------
        list of n_components lists of (str, float)
            Terms with probabilities, falling; ties by feature index. Without terms that have no token.
        """
        check_is_fitted(self)
        counts = sp.csr_array(self._counts().T, dtype=np.float64)
        mass = np.repeat(
            self.topic_sizes_ + self.n_features_in_ * self.topic_word_prior_, np.diff(counts.indptr)
        )
        counts.data = (counts.data / self._n_samples + self.topic_word_prior_) / mass
        return top_terms(counts, feature_names, n_terms)

    @property
    def components_(self) -> NDArray[np.float64]:
        """Tokens of each term in each topic, plus the prior."""
        check_is_fitted(self, "_term_topics")
        of_sample: NDArray[np.float64] = self._counts().toarray().T / self._n_samples
        return of_sample + self.topic_word_prior_

    @property
    def topic_word_distribution_(self) -> NDArray[np.float64]:
        """Probability of each term in each topic."""
        components = self.components_
        components /= components.sum(axis=1, keepdims=True)
        return components

    @property
    def topic_sizes_(self) -> NDArray[np.float64]:
        """Tokens of each topic."""
        check_is_fitted(self, "_term_topics")
        return self._totals() / self._n_samples

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_term_topics")

    def __sklearn_tags__(self) -> Any:
        return of_counts(super().__sklearn_tags__())

    @property
    def _n_features_out(self) -> int:
        return len(self.doc_topic_prior_)

    def _start(self) -> None:
        k = self.n_components
        alpha = 1 / k if self.doc_topic_prior is None else float(self.doc_topic_prior)
        self.doc_topic_prior_ = np.full(k, alpha)
        self.topic_word_prior_ = 0.01 if self.topic_word_prior is None else float(self.topic_word_prior)
        self._seed = int(check_seed(self.random_state).randint(_MAX_SEED, dtype=np.int64))
        self.n_iter_ = self.n_batch_iter_ = 0

    def _learn(
        self, counts: CsrParts, n_iter: int, n_samples: int, background: _core.TermTopics | None
    ) -> None:
        learns = self.learn_priors and (n_samples > 1 or has_enough_documents(counts, self.n_components))
        found, self._n_samples, alpha, beta, self.log_likelihood_, n_tokens = (
            _core.latent_dirichlet_allocation(
                counts,
                self.doc_topic_prior_,
                self.topic_word_prior_,
                n_iter,
                bool(learns),
                n_samples,
                background,
                self._seed + self.n_batch_iter_,
                check_n_threads(self.n_threads),
            )
        )
        self.doc_topic_prior_, self.topic_word_prior_ = alpha, beta
        self._term_topics = found if background is None else summed(found, background, len(alpha))
        self.bound_ = float(np.exp(-self.log_likelihood_ / n_tokens)) if n_tokens else 1.0
        self.empty_documents_ = np.flatnonzero(np.asarray(csr_of(counts).sum(axis=1)).ravel() == 0)
        self.n_iter_ += n_iter
        self.n_batch_iter_ += 1

    def _faded(self) -> _core.TermTopics:
        """Counts of the batches before, as they count in the next one."""
        keep = 1 - (float(self.learning_offset) + self.n_batch_iter_) ** -float(self.learning_decay)
        seed = self._seed + self.n_batch_iter_
        return faded(self._term_topics, len(self.doc_topic_prior_), keep / self._n_samples, seed)

    def _mixtures(self, counts: CsrParts) -> NDArray[np.float32]:
        return _core.topic_mixtures(
            counts,
            self._term_topics,
            self._totals(),
            self.doc_topic_prior_,
            self.topic_word_prior_ * self._n_samples,
            *check_folding_in(self),
            check_n_threads(self.n_threads),
        )

    def _completion(self, X: Any) -> tuple[float, int]:
        """Log-likelihood of the second halves, and their tokens."""
        check_is_fitted(self)
        first, second = halves(self._validate_counts(X, reset=False))
        return self._predicted(second, self._mixtures(first)), int(second[0].sum(dtype=np.float64))

    def _log_likelihood(self, X: Any) -> float:
        """Log-likelihood of all tokens given the mixtures of the same documents."""
        counts = self._validate_counts(X, reset=False)
        return self._predicted(counts, self._mixtures(counts))

    def _predicted(self, counts: CsrParts, mixtures: NDArray[np.float32]) -> float:
        model = self._term_topics, self._totals(), self.doc_topic_prior_
        beta = self.topic_word_prior_ * self._n_samples
        n_threads = check_n_threads(self.n_threads)
        return float(_core.mixture_log_likelihood(counts, *model, beta, mixtures, n_threads).sum())

    def _counts(self) -> sp.csr_array:
        return matrix_of(self._term_topics, len(self.doc_topic_prior_))

    def _totals(self) -> NDArray[np.int64]:
        return totals_of(self._term_topics, len(self.doc_topic_prior_))

    def _validate_counts(self, X: Any, *, reset: bool) -> CsrParts:
        return validate_counts(self, X, reset=reset)
