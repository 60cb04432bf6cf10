"""The choice of a method by evidence from the texts alone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from coterie.auto import MethodTrial, TextClusterer, choose_method
from coterie.auto._consensus import _BETAS, mixture_of, n_rounds, votes
from coterie.auto._corpus import Corpus
from coterie.auto.evidence import decide
from coterie.evaluate import evaluate
from coterie.refine import predictive_information

WORDS = (
    "apple banana cherry grape melon peach plum pear",
    "train engine rail station wagon signal track bridge",
    "violin cello opera concert aria chorus tenor score",
)


def texts_of(n: int, seed: int = 0) -> tuple[list[str], list[int]]:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, n).tolist()
    texts = [" ".join(rng.choice(WORDS[c].split(), 4, replace=False)) for c in classes]
    return texts, classes


def trial(
    method: str,
    nats: tuple[float, ...],
    shares: tuple[float, ...],
    stability: float = 0.5,
    refine: bool = False,
) -> MethodTrial:
    return MethodTrial(method, refine, nats, shares, stability, 0.1)


USUAL = trial("consensus", (1.05,), (0.71,))


def test_a_method_with_surely_more_of_both_is_chosen() -> None:
    better = trial("lsa", (1.14, 1.16, 1.15), (0.75, 0.76, 0.77), refine=True)
    found = decide([USUAL, better, trial("mixture", (1.09, 1.11, 1.10), (0.73, 0.74, 0.75))], 100)
    assert (found.method, found.refine, found.n_sampled) == ("lsa", True, 100)
    assert found.reason == (
        "lsa+refine: words tell 1.150 nats about its clusters, 76% of what there is to tell, and they come back from "
        "run to run (ARI 0.50); both are more than those of consensus, 1.050 nats and 71%."
    )
    assert str(found).splitlines()[2].startswith("* lsa+refine")


@pytest.mark.parametrize(
    ("nats", "shares"),
    [
        ((1.14, 1.16, 1.15), (0.69, 0.71, 0.70)),  # even clusters: more to tell, a smaller share of it told
        ((0.93, 0.95, 0.94), (0.75, 0.76, 0.77)),  # one large cluster: little to tell, most of it told
        ((1.50, 1.08, 1.02), (0.75, 0.76, 0.77)),  # more in one run of three
        ((1.00, 1.10, 1.05), (0.70, 0.72, 0.71)),
        ((1.30,), (0.80,)),  # one run, of which nobody knows how much the next will differ
    ],
)
def test_otherwise_the_consensus_is_chosen(nats: tuple[float, ...], shares: tuple[float, ...]) -> None:
    found = decide([trial("lsa", nats, shares, stability=0.9), USUAL], 100)
    assert (found.method, found.refine) == ("consensus", False)
    assert "no other method has surely more of both" in found.reason


def test_without_the_consensus_the_first_method_has_its_place() -> None:
    others = [trial("mixture", (1.0, 1.1), (0.7, 0.8)), trial("lsa", (0.9, 1.2), (0.8, 0.7))]
    assert decide(others, 100).method == "mixture"
    surely = trial("tfidf", (1.5, 1.6), (0.95, 1.0))
    assert decide([*others, surely], 100).method == "tfidf"


def test_every_trial_is_reported() -> None:
    texts, _ = texts_of(120)
    shares: list[float] = []
    found = choose_method(texts, 3, progress=shares.append)
    assert [t.name for t in found.trials] == [
        name for method in ("consensus", "lsa", "mixture") for name in (method, f"{method}+refine")
    ]
    for t in found.trials:
        assert len(t.informations) == len(t.shares) == (1 if t.method == "consensus" else 3)
        assert 0 <= t.information <= np.log(3) + 1e-9
        assert 0 <= t.share <= 1 + 1e-9
        assert -0.5 <= t.stability <= 1
        assert t.seconds >= 0
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    assert found.n_sampled == 120
    assert choose_method(texts, 3, sample_size=60).n_sampled == 60


def test_the_trial_of_all_documents_is_the_result() -> None:
    texts, _ = texts_of(120)
    clusterer = TextClusterer(3, random_state=4).fit(texts)
    assert clusterer.search_ is not None
    assert clusterer.search_.n_sampled == 120
    chosen = next(t for t in clusterer.search_.trials if t.name == clusterer.method_)
    share = predictive_information(clusterer.encoder_.term_weights(texts), clusterer.labels_)
    assert share == pytest.approx(chosen.informations[0], abs=0.05)  # other folds
    of_some = TextClusterer(3, random_state=4, sample_size=60).fit(texts)
    assert of_some.search_ is not None
    assert of_some.search_.n_sampled == 60
    assert len(of_some.labels_) == 120


def test_few_clusters_are_voted_on_more_often() -> None:
    assert [n_rounds(k) for k in (2, 15, 20, 25, 62, 63, 1000)] == [4, 4, 3, 2, 1, 1, 1]
    texts, _ = texts_of(60)
    corpus = Corpus.of(texts, 3, ("consensus",), "en", 0, None)
    assert len(votes(corpus, 3, 0)) == 4 * 12
    many = Corpus.of(
        [f"{text} word{i % 70:02d}" for i, text in enumerate(texts * 3)], 63, ("consensus",), "en", 0, None
    )
    assert len(votes(many, 63, 0)) == 12


@pytest.mark.parametrize("method", ["auto", "consensus", "lsa", "tfidf", "mixture"])
def test_clear_clusters_are_found(method: str) -> None:
    texts, classes = texts_of(150)
    clusterer = TextClusterer(3, method=method)
    labels = clusterer.fit_predict(texts)
    least = 0.5 if method in ("tfidf", "mixture") else 0.9
    assert evaluate(classes, labels)["nmi"] > least
    assert labels.dtype == np.int32
    assert (clusterer.search_ is not None) == (method == "auto")
    assert clusterer.margins_.shape == (150,)
    assert clusterer.encoder_.transform(texts).shape[0] == 150


def test_the_same_seed_gives_the_same_clusters_on_any_number_of_threads() -> None:
    texts, _ = texts_of(100)
    first, *others = [TextClusterer(3, random_state=1, n_threads=n).fit_predict(texts) for n in (1, 2, 3)]
    for other in others:
        assert np.array_equal(first, other)


def test_beta_is_the_likeliest_that_keeps_the_clusters_wanted() -> None:
    few = Corpus.of(texts_of(150)[0], 3, ("mixture",), "en", 0, 1)
    found = {beta: mixture_of(few.counts, 3, beta, 0, 1) for beta in _BETAS}
    assert {m.n_clusters_ for m in found.values()} == {3}
    assert few.beta == max(found, key=lambda beta: found[beta].log_likelihood_)
    rng = np.random.default_rng(0)
    starts = 5 * rng.integers(0, 40, 300)
    texts = [" ".join(f"word{i:03d}" for i in rng.choice(np.arange(start, start + 8), 3)) for start in starts]
    many = Corpus.of(texts, 40, ("mixture",), "en", 0, 1)
    found = {beta: mixture_of(many.counts, 40, beta, 0, 1) for beta in _BETAS}
    likeliest = max(found, key=lambda beta: found[beta].log_likelihood_)
    assert found[many.beta].n_clusters_ == max(m.n_clusters_ for m in found.values())
    assert found[likeliest].n_clusters_ < 36


@pytest.mark.parametrize("method", ["auto", "consensus", "lsa", "tfidf", "mixture"])
def test_as_many_texts_as_clusters(method: str) -> None:
    assert len(TextClusterer(2, method=method).fit_predict(["red apple", "slow train"])) == 2


def test_refinement_is_made_where_asked_for() -> None:
    texts, _ = texts_of(100)
    assert TextClusterer(3, method="tfidf", refine=False).fit(texts).refinement_ is None
    refined = TextClusterer(3, method="tfidf", refine=True).fit(texts)
    assert refined.refinement_ is not None
    assert np.array_equal(refined.labels_, refined.refinement_.labels)


def test_bad_arguments_are_named() -> None:
    texts, _ = texts_of(20)
    with pytest.raises(ValueError, match="n_clusters must be at most the number of documents, 20; got 21"):
        TextClusterer(21).fit(texts)
    with pytest.raises(ValueError, match="n_clusters must be >= 2; got 1"):
        choose_method(texts, 1)
    with pytest.raises(TypeError, match="n_clusters must be an integer; got 'auto'"):
        choose_method(texts, "auto")
    with pytest.raises(ValueError, match="n_clusters must be an integer or 'auto'; got 'many'"):
        TextClusterer("many").fit(texts)
    with pytest.raises(
        ValueError, match="method must be one of 'auto', 'consensus', 'lsa', 'tfidf', 'mixture'; got 'best'"
    ):
        TextClusterer(method="best").fit(texts)
    with pytest.raises(
        ValueError, match="methods must be one of 'consensus', 'lsa', 'tfidf', 'mixture'; got 'lda'"
    ):
        choose_method(texts, 3, methods=("lda",))
    with pytest.raises(ValueError, match="refine must be one of 'auto'; got 'never'"):
        TextClusterer(3, refine="never").fit(texts)
    unread = TextClusterer(3, method="tfidf", sample_size=0)
    with pytest.raises(ValueError, match="sample_size must be >= 50; got 0"):
        unread.fit(texts)
    assert not hasattr(unread, "encoder_")
    with pytest.raises(TypeError, match="texts must be an iterable of str, not one str"):
        choose_method("a text", 2)
    with pytest.raises(ValueError, match="texts must have at least one document; got 0"):
        TextClusterer(2).fit([])


@pytest.mark.parametrize("method", ["auto", "lsa"])
def test_the_number_of_clusters_can_be_searched_for(method: str) -> None:
    texts, classes = texts_of(200)
    found = TextClusterer("auto", method=method).fit(texts)
    assert found.k_search_ is not None
    assert len(set(found.labels_.tolist())) == found.k_search_.n_clusters >= 3
    assert evaluate(classes, found.labels_)["purity"] > 0.95
    assert TextClusterer(3, method=method).fit(texts).k_search_ is None


def test_too_few_texts_to_search_are_one_cluster() -> None:
    for texts in (["red apple"], ["red apple", "slow train"], texts_of(9)[0]):
        found = TextClusterer("auto").fit(texts)
        assert found.labels_.tolist() == [0] * len(texts)
        assert found.search_ is found.refinement_ is None


def test_fewer_clusters_than_wanted_are_said_once() -> None:
    with pytest.warns(ConvergenceWarning, match="only 1 of n_clusters=2 clusters have rows") as said:
        TextClusterer(2).fit(["red apple"] * 30)
    assert len(said) == 1
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TextClusterer(2).fit(["red apple", "slow train"] * 15)  # finer votes find no more than two
