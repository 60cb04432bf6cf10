"""The stages of a run over files, each within the limit and each from where an earlier run was stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie._validation import check_integer, check_integer_or_auto, check_seed
from coterie.cluster import KMeans
from coterie.cluster.auto_k import KSearch, choose_rows, search_sample
from coterie.evaluate import evaluate
from coterie.journey import Assignment, ClusterSummary
from coterie.journey._clock import Clock
from coterie.journey._grouping import default_n_clusters
from coterie.outofcore._corpus import Corpus, Vocabulary, count_again, keep_vocabulary, read_corpus
from coterie.outofcore._explain import assign_and_sum, internal_scores
from coterie.outofcore._input import Input
from coterie.outofcore._memory import explain_bytes, fit_bytes, release_unused, resident_bytes
from coterie.outofcore._rows import SpilledRows, spill_rows
from coterie.outofcore._work import WorkFolder
from coterie.text import TfidfVectorizer
from coterie.topics import top_terms
from coterie.topics.class_tfidf import weigh_terms

_BYTES_PER_TERM = 250  # the term, its place in a dict and in the compiled vocabulary, its weight
_SEARCH_SAMPLE = 2000


@dataclass
class Run:
    """One run. The methods are called in the order in which they stand."""

    source: Input
    work: WorkFolder
    clock: Clock
    limit: int
    parameters: dict[str, Any]
    base: int = field(default_factory=resident_bytes)

    def vectorize(self) -> tuple[Corpus, TfidfVectorizer, SpilledRows]:
        """Read the input twice, or a third time for wider limits where most documents are left without terms."""
        names = ("language", "ngram_range", "max_features", "stop_words", "n_threads")
        options = {name: self.parameters[name] for name in names}
        vocabulary = Vocabulary(self.parameters["min_df"], self.parameters["max_df"], options)
        with self.clock.stage("vocabulary"):
            count = self._counter("vocabulary", None)
            corpus, vectorizer = read_corpus(self.source, vocabulary, self.work, self.limit, count)
        with self.clock.stage("vectorize"):
            while True:
                n, d = corpus.n_documents, len(vectorizer.idf_)
                self._check_limit(n, d, 1.0, self._least_clusters(), self.base + _BYTES_PER_TERM * d)
                count = self._counter("vectorize", corpus.n_documents)
                rows = spill_rows(self.source, vectorizer, self.work, corpus.n_documents, count)
                if vocabulary.is_last(vectorizer) or rows.n_filled * 2 >= corpus.n_documents:
                    break
                count_again(self.source, vocabulary, self.limit, count)
                self.work.remove("rows")
                vectorizer = vocabulary.chosen(after=vectorizer)
                keep_vocabulary(vectorizer, self.work)
        vectorizer.__dict__.pop("_totals", None)  # the counts of the terms that were dropped
        return corpus, vectorizer, rows

    def cluster(self, rows: SpilledRows) -> tuple[KMeans, KSearch | None]:
        """Fit the rows with terms."""
        options = {name: self.parameters[name] for name in ("metric", "random_state", "n_threads", "device")}
        with self.clock.stage("cluster"):
            k, search = self._n_clusters(rows)
            n, d = rows.shape
            held = release_unused()
            self._check_limit(n, d, rows.n_stored / max(1, rows.n_filled), k, held)
            kmeans = KMeans(
                k,
                n_init=self.parameters["n_init"],
                max_iter=self.parameters["max_iter"],
                memory_limit=self.limit - held,
                checkpoint=self.work.file("fit"),
                resume=True,
                **options,
            ).fit(rows.filled())
            # As after a fit in memory: how it was made is no part of the model.
            kmeans.set_params(memory_limit=None, checkpoint=None, resume=False)
        return kmeans, search

    def explain(
        self, rows: SpilledRows, kmeans: KMeans, vectorizer: TfidfVectorizer, corpus: Corpus
    ) -> tuple[Assignment, list[ClusterSummary], dict[str, float]]:
        """Label all rows, say what the clusters are about, and score them."""
        k = kmeans.n_clusters
        with self.clock.stage("explain"):
            explained = assign_and_sum(rows, kmeans, k, self.parameters["n_representatives"])
            weights = weigh_terms(sp.csr_array(explained.sums))
            names, n_terms = vectorizer.get_feature_names_out(), self.parameters["n_terms"]
            terms = top_terms(weights, names, n_terms)
            sizes = np.bincount(explained.found.labels, minlength=k).tolist()
            summaries = [
                ClusterSummary(c, sizes[c], terms[c], explained.representatives[c]) for c in range(k)
            ]
        with self.clock.stage("evaluate"):
            metrics = internal_scores(rows, explained, kmeans.metric, kmeans.n_threads)
            metrics = _with_external(metrics, corpus, explained.found, rows.shape[0] - rows.n_filled)
        return explained.found, summaries, metrics

    def _counter(self, stage: str, n_documents: int | None) -> Any:
        def count(n: int) -> None:
            self.clock.report(stage, n / n_documents if n_documents else 0.0)

        return count

    def _n_clusters(self, rows: SpilledRows) -> tuple[int, KSearch | None]:
        wanted, n, n_filled = self.parameters["n_clusters"], rows.shape[0], rows.n_filled
        if wanted is None:
            return default_n_clusters(n_filled), None
        if isinstance(wanted, str):
            check_integer_or_auto("n_clusters", wanted, minimum=1)
            rng = check_seed(self.parameters["random_state"])
            sample = rows.filled_rows(choose_rows(n_filled, _SEARCH_SAMPLE, rng))
            search = search_sample(
                sample, n_filled, self.parameters["metric"], None, rng, self.parameters["n_threads"], None
            )
            return search.n_clusters, search
        k = check_integer("n_clusters", wanted, minimum=1)
        if k > n_filled:
            raise ValueError(
                f"n_clusters must be at most the number of documents with terms, {n_filled} of {n}; got {k}"
            )
        return k, None

    def _least_clusters(self) -> int:
        wanted = self.parameters["n_clusters"]
        return 2 if wanted in (None, "auto") else check_integer("n_clusters", wanted, minimum=1)

    def _check_limit(self, n: int, d: int, nonzeros_per_row: float, k: int, held: int) -> None:
        """Say what is needed before hours of work, not after them."""
        needed = held + max(fit_bytes(n, d, k, nonzeros_per_row), explain_bytes(n, d, k))
        if needed > self.limit:
            raise ValueError(
                f"memory_limit={self.limit} bytes is too small for {n:,} documents, {d:,} terms and {k:,} clusters: "
                f"at least {needed} bytes are needed"
            )


def _with_external(
    metrics: dict[str, float], corpus: Corpus, found: Assignment, n_empty: int
) -> dict[str, float]:
    codes = corpus.label_codes
    if codes is None:
        return {**metrics, "n_empty": float(n_empty)}
    known = codes >= 0
    if known.all():
        return {**metrics, **evaluate(codes, found.labels), "n_empty": float(n_empty)}
    scores = evaluate(codes[known], found.labels[known]) if known.any() else {}
    return {**metrics, "n_empty": float(n_empty), **scores}
