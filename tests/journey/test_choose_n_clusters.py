"""The search for the number of clusters: found where it is clear, and honest where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import TfidfVectorizer
from coterie.cluster import KTrial, choose_n_clusters
from coterie.cluster.auto_k import _grid, _shuffle_terms, decide


def topics(n_topics: int, n: int = 600, seed: int = 0) -> sp.csr_array:
    """Documents of eight words each, all from the thirty words of one topic."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 30, (n, 8)) + 30 * rng.integers(0, n_topics, (n, 1))
    rows = np.repeat(np.arange(n), 8)
    return sp.csr_array(
        (np.ones(8 * n, np.float32), (rows, words.ravel())), shape=(n, 30 * n_topics), dtype=np.float32
    )


def trial(k: int, gap: float, stability: float = 0.9, error: float = 0.01, shared: float = 1.0) -> KTrial:
    return KTrial(k, 0.1 + gap, 0.1, gap, error, 5.0, stability, shared, 0.05)


@pytest.mark.parametrize("n_topics", [3, 6, 11])
@pytest.mark.parametrize("form", [sp.csr_array, sp.csr_array.toarray])
def test_planted_topics_are_found(n_topics: int, form: Any) -> None:
    search = choose_n_clusters(form(topics(n_topics)))
    assert (search.n_clusters, search.is_clear) == (n_topics, True)
    assert search.reason.startswith(f"k={n_topics} has the best evidence")


def test_words_without_topics_give_no_clear_k() -> None:
    rng = np.random.default_rng(1)
    X = sp.csr_array(sp.random(800, 400, density=0.02, random_state=rng, dtype=np.float32, format="csr"))
    search = choose_n_clusters(X)
    assert not search.is_clear
    assert search.reason.startswith("No clear k")
    assert search.n_clusters in [t.n_clusters for t in search.trials]


def test_the_search_is_reproducible_and_its_table_complete(every_n_threads: tuple[int, ...]) -> None:
    X = topics(5)
    first, *others = [choose_n_clusters(X, random_state=3, n_threads=n) for n in every_n_threads]
    assert all(other == first for other in others)
    lines = str(first).splitlines()
    assert len(lines) == len(first.trials) + 2
    assert [line[:1] for line in lines[1:-1]].count("*") == 1
    assert lines[-1] == first.reason


def test_time_and_memory_are_bounded_by_the_sample() -> None:
    search = choose_n_clusters(topics(4, n=3000), sample_size=200, k_max=9)
    assert search.n_sampled == 200
    assert [t.n_clusters for t in search.trials] == [2, 3, 4, 6, 8]


def test_empty_rows_and_tiny_or_uniform_corpora_are_answered() -> None:
    few = choose_n_clusters(topics(2, n=6))
    assert (few.n_clusters, few.is_clear, few.trials) == (1, False, [])
    assert few.reason == "Too few documents to compare numbers of clusters: 6 with terms."
    nothing = choose_n_clusters(np.zeros((50, 3)))
    assert nothing.reason == "Too few documents to compare numbers of clusters: 0 with terms."
    alike = choose_n_clusters(np.ones((50, 3)))
    assert (alike.n_clusters, alike.trials) == (1, [])
    X = sp.vstack([topics(3), sp.csr_array((200, 90), dtype=np.float32)], format="csr")
    assert choose_n_clusters(X).n_sampled == 600


def test_duplicates_do_not_ask_for_more_clusters_than_there_are_documents() -> None:
    X = sp.csr_array(np.repeat(np.eye(7, dtype=np.float32), 20, axis=0))
    assert max(t.n_clusters for t in choose_n_clusters(X).trials) < 7


def test_shuffling_keeps_what_it_promises() -> None:
    X = topics(4)
    X.data[:] = 1
    shuffled = _shuffle_terms(X, "euclidean", np.random.RandomState(0))
    assert np.array_equal(shuffled.sum(axis=0), X.sum(axis=0))
    assert np.array_equal(shuffled.sum(axis=1), X.sum(axis=1))
    dense = _shuffle_terms(X.toarray(), "euclidean", np.random.RandomState(0))
    assert np.array_equal(np.sort(dense, axis=0), np.sort(X.toarray(), axis=0))
    assert (dense != X.toarray()).any()


def test_the_grid_is_geometric() -> None:
    assert _grid(200) == [2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181]
    assert _grid(1) == []


def test_the_rule_of_the_choice() -> None:
    clear = decide([trial(2, 0.02), trial(4, 0.1), trial(6, 0.095), trial(8, 0.03)], 100)
    assert (clear.n_clusters, clear.is_clear) == (4, True)
    flat = decide(
        [
            trial(2, 0.1),
            trial(4, 0.11),
            trial(8, 0.1),
            trial(16, 0.0, shared=0.5),
            trial(32, 0.1, shared=0.2),
        ],
        100,
    )
    assert (flat.n_clusters, flat.is_clear) == (8, False)
    assert "cannot tell k=2 to k=8 apart" in flat.reason
    noise = decide([trial(2, 0.01, 0.2), trial(4, 0.015, 0.1), trial(8, -0.05, 0.3)], 100)
    assert (noise.n_clusters, noise.is_clear) == (8, False)
    assert "no better than shuffled" in noise.reason
    rising = decide([trial(2, 0.1), trial(4, 0.2), trial(8, 0.3)], 100)
    assert (rising.n_clusters, rising.is_clear) == (8, False)
    assert "k=8 is the largest tried and more may be better" in rising.reason
    shaky = decide([trial(2, 0.02), trial(4, 0.1, 0.3), trial(8, 0.03, shared=0.8)], 100)
    assert (shaky.n_clusters, shaky.is_clear) == (4, False)
    assert "the clusters change from fit to fit (ARI 0.30 at k=4)" in shaky.reason


def test_a_coarse_split_does_not_hide_the_finer_one_inside_it() -> None:
    coarse = [trial(2, 0.3, shared=0.6), trial(4, 0.1, shared=1.3), trial(8, 0.1, shared=1.9)]
    found = decide([*coarse, trial(16, 0.1, shared=1.85), trial(32, 0.1, shared=1.4)], 100)
    assert (found.n_clusters, found.is_clear) == (16, False)
    assert "finer divisions come back too (they share 1.90 nats from fit to fit, k=2 0.60)" in found.reason
    assert "k=16 is the finest that shares as much" in found.reason
    alone = decide([trial(2, 0.3, shared=0.6), trial(4, 0.1, shared=0.7), trial(8, 0.1, shared=0.5)], 100)
    assert (alone.n_clusters, alone.is_clear) == (2, True)


def test_coarser_divisions_that_come_back_are_named() -> None:
    stability = {2: 0.4, 3: 0.7, 4: 0.6, 6: 0.55, 8: 0.6, 11: 0.3, 16: 0.45, 23: 0.3}
    trials = [trial(k, 0.02 * k, ari, shared=0.1 * k) for k, ari in stability.items()]
    found = decide(trials, 100)
    assert found.n_clusters == 23
    assert [t.n_clusters for t in found.coarser] == [3, 8]  # 16 is a peak too, but changes from fit to fit
    assert found.reason.endswith("Coarser divisions come back too: k=3 (ARI 0.70), k=8 (ARI 0.60).")


def test_shared_information_is_that_of_planted_clusters() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(10 * np.eye(6), 60, axis=0) + rng.random((360, 6))
    found = {t.n_clusters: t for t in choose_n_clusters(X).trials}
    assert found[6].shared_information == pytest.approx(np.log(6), abs=0.06)  # less what chance gives
    assert found[3].shared_information < found[6].shared_information


def test_many_fine_classes_ask_for_many_clusters(load_rows: Callable[..., list[dict[str, Any]]]) -> None:
    texts = [row["text"] for row in load_rows("clinc150")]  # 150 intents
    search = choose_n_clusters(TfidfVectorizer(min_df=2, stop_words="auto").fit_transform(texts))
    assert search.n_clusters >= 64  # the sample has thirteen documents of each


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="k_max must be >= 2; got 1"):
        choose_n_clusters(topics(2), k_max=1)
    with pytest.raises(ValueError, match="sample_size must be >= 10; got 3"):
        choose_n_clusters(topics(2), sample_size=3)
    with pytest.raises(ValueError, match="metric must be one of 'cosine', 'euclidean'; got 'l1'"):
        choose_n_clusters(topics(2), metric="l1")
