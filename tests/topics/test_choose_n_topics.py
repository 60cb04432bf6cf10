"""Coherence and diversity against their definitions, and the search for the number of topics."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie.topics import choose_n_topics, topic_coherence, topic_diversity


def planted(n: int = 400, K: int = 5, terms_each: int = 12, seed: int = 0) -> sp.csr_array:
    """Documents of one topic each; the topics share no term."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, K * terms_each), dtype=np.float32)
    for i, k in enumerate(rng.integers(0, K, n)):
        np.add.at(X[i], k * terms_each + rng.integers(0, terms_each, 15), 1)
    return sp.csr_array(X)


@pytest.mark.parametrize("measure", ["umass", "npmi"])
def test_coherence_is_that_of_the_definition(measure: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, (60, 20))
    topics = np.array([rng.permutation(20)[:6] for _ in range(7)])
    has = X > 0
    wanted = []
    for topic in topics:
        scores = []
        for v, w in combinations(topic, 2):
            both, dv, dw = (has[:, v] & has[:, w]).sum(), has[:, v].sum(), has[:, w].sum()
            if measure == "umass":
                scores.append(np.log((both + 1) / dv))
            elif both == 0:
                scores.append(-1)
            else:
                p = both / 60
                scores.append(np.log(p / (dv / 60) / (dw / 60)) / -np.log(p))
        wanted.append(np.mean(scores))
    np.testing.assert_allclose(topic_coherence(X, topics, measure=measure), wanted, rtol=1e-12)


def test_terms_in_every_document_are_coherent() -> None:
    assert topic_coherence(np.ones((5, 3)), [[0, 1, 2]]).tolist() == [1.0]
    assert topic_coherence([[1, 0, 0]] * 4, [[1, 2]]).tolist() == [-1.0]


def test_bad_topics_are_named() -> None:
    X = np.ones((4, 3))
    with pytest.raises(TypeError, match="topics must be integers"):
        topic_coherence(X, [[0.5, 1.0]])
    with pytest.raises(ValueError, match="two or more terms"):
        topic_coherence(X, [[0], [1]])
    with pytest.raises(ValueError, match=r"columns of X, in \[0, 3\); got 0 to 3"):
        topic_coherence(X, [[0, 3]])
    with pytest.raises(ValueError, match="measure must be one of"):
        topic_coherence(X, [[0, 1]], measure="cv")
    with pytest.raises(ValueError, match="at least one term"):
        topic_diversity([])


def test_the_planted_number_is_chosen() -> None:
    shares = []
    search = choose_n_topics(planted(), [2, 5, 25], max_iter=60, progress=shares.append)
    assert search.n_topics == 5
    assert "coherence" in str(search)
    assert shares == [pytest.approx((i + 1) / 9) for i in range(9)]
    by_number = {trial.n_topics: trial for trial in search.trials}
    assert list(by_number) == [2, 5, 25]
    assert by_number[5].perplexity.mean < by_number[2].perplexity.mean
    assert by_number[5].stability.mean > by_number[25].stability.mean
    assert by_number[5].bic.mean < by_number[25].bic.mean
    for trial in search.trials:
        assert trial.perplexity.low <= trial.perplexity.mean <= trial.perplexity.high
        assert 0 < trial.diversity.mean <= 1
        assert trial.bic.mean > trial.aic.mean
        assert trial.umass.mean <= 0.1


def test_the_search_repeats_itself() -> None:
    X = planted(120, 3)
    first, second = (choose_n_topics(X, [2, 3], n_runs=2, max_iter=10, n_threads=n) for n in (1, 3))
    assert first == second


def test_one_run_has_no_intervals_and_no_stability() -> None:
    (trial,) = choose_n_topics(planted(60, 2), [2], n_runs=1, max_iter=5).trials
    assert trial.stability is None
    assert trial.npmi.low == trial.npmi.mean == trial.npmi.high


def test_incoherent_topics_leave_the_choice_to_perplexity() -> None:
    X = np.zeros((40, 80))
    X[np.arange(40), np.arange(40)] = X[np.arange(40), np.arange(40) + 40] = (
        1  # no two documents share a term
    )
    search = choose_n_topics(X, [2, 3], n_runs=2, max_iter=5)
    assert "no number gives coherent topics" in search.reason
    assert search.n_topics == min(search.trials, key=lambda trial: trial.perplexity.mean).n_topics


def test_default_numbers_need_ten_documents_for_each_topic() -> None:
    search = choose_n_topics(planted(120, 2), n_runs=1, max_iter=2)
    assert [trial.n_topics for trial in search.trials] == [5, 10]


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="at least 20 documents of two or more tokens; got 3"):
        choose_n_topics(np.ones((3, 4)), [2])
    with pytest.raises(ValueError, match="n_topics must be >= 1; got 0"):
        choose_n_topics(planted(30), [0])
    with pytest.raises(TypeError, match="n_topics must be an integer"):
        choose_n_topics(planted(30), [2.5])
    with pytest.raises(ValueError, match="at least one number"):
        choose_n_topics(planted(30), [])
    with pytest.raises(TypeError, match="n_topics must be an iterable of integers; got 5"):
        choose_n_topics(planted(30), 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="X must hold counts, >= 0; got -1"):
        choose_n_topics(-np.ones((30, 4)), [2])
    with pytest.raises(ValueError, match=r"at least two terms; got shape \(30, 1\)"):
        choose_n_topics(np.full((30, 1), 3), [2])
