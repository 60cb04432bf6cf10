"""The choice of a method by evidence from the texts alone."""

from __future__ import annotations

import numpy as np
import pytest

from coterie.auto import MethodTrial, TextClusterer, choose_method
from coterie.auto.evidence import decide
from coterie.evaluate import evaluate

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
    method: str, information: float, error: float, stability: float, refine: bool = False
) -> MethodTrial:
    return MethodTrial(method, refine, information, error, stability, 0.1)


def test_the_most_informative_method_is_chosen() -> None:
    found = decide([trial("lsa", 1.0, 0.01, 0.2), trial("tfidf", 0.5, 0.01, 0.9)], 100)
    assert (found.method, found.refine, found.n_sampled) == ("lsa", False, 100)
    assert "words tell 1.000 nats" in found.reason
    assert "next is tfidf with 0.500" in found.reason
    assert str(found).splitlines()[1].startswith("* lsa")


def test_of_those_alike_the_stablest_is_chosen() -> None:
    trials = [
        trial("lsa", 1.0, 0.1, 0.2),
        trial("mixture", 0.95, 0.1, 0.6, True),
        trial("tfidf", 0.5, 0.1, 0.9),
    ]
    found = decide(trials, 100)
    assert (found.method, found.refine) == ("mixture", True)
    assert "as informative within the error: lsa" in found.reason


def test_of_those_alike_the_consensus_is_chosen() -> None:
    alike = [
        trial("lsa", 1.0, 0.1, 0.9),
        trial("consensus", 0.9, 0.1, 0.6),
        trial("consensus", 0.95, 0.1, 0.5, True),
    ]
    assert (decide(alike, 100).method, decide(alike, 100).refine) == ("consensus", False)
    apart = [trial("lsa", 1.0, 0.01, 0.9), trial("consensus", 0.9, 0.01, 0.6)]
    assert decide(apart, 100).method == "lsa"


def test_every_trial_is_reported() -> None:
    texts, _ = texts_of(120)
    shares: list[float] = []
    found = choose_method(texts, 3, progress=shares.append)
    assert [t.name for t in found.trials] == [
        name for method in ("consensus", "lsa", "mixture") for name in (method, f"{method}+refine")
    ]
    for t in found.trials:
        assert 0 <= t.information <= np.log(3) + 1e-9
        assert -0.5 <= t.stability <= 1
        assert t.seconds >= 0
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    assert found.n_sampled == 120
    assert choose_method(texts, 3, sample_size=60).n_sampled == 60


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
    with pytest.raises(TypeError, match="texts must be an iterable of str, not one str"):
        choose_method("a text", 2)
    with pytest.raises(ValueError, match="texts must have at least one document; got 0"):
        TextClusterer(2).fit([])
