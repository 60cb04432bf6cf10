"""The journey from texts to topics, and topics over time."""

from __future__ import annotations

import numpy as np
import pytest

from coterie.text import CHINESE_STOP_WORDS
from coterie.topics import find_topics, topics_over_time

FRUIT = "apple banana cherry grape melon peach plum pear lemon lime"
TRAINS = "train engine rail station wagon track signal driver ticket tunnel"


def texts(n: int = 60) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice((FRUIT, TRAINS)[i % 2].split(), 8)) for i in range(n)]


def test_topics_are_found_and_described() -> None:
    stages = []
    documents = [*texts(), ""]
    result = find_topics(documents, n_topics=2, progress=lambda stage, share: stages.append((stage, share)))
    of_fruit = next(t for t in result.topics if t.terms[0][0] in FRUIT)
    assert {term for term, _ in of_fruit.terms} == set(FRUIT.split())
    assert of_fruit.size == 30
    assert sum(t.share for t in result.topics) == pytest.approx(1)
    assert all(i % 2 == 0 for i in of_fruit.documents)
    assert of_fruit.coherence > 0
    assert result.labels[:60:2].tolist() == [of_fruit.topic] * 30
    assert result.empty_documents.tolist() == [60]
    assert result.metrics["n_empty"] == 1
    assert list(result.timings) == ["count", "topics", "explain"]
    assert stages[-1] == ("explain", 1.0)
    again = result.model.transform(documents)
    assert again.tobytes() == result.mixtures.tobytes()


def test_the_number_is_searched_for() -> None:
    result = find_topics(texts(), n_topics=[2, 4], max_iter=20)
    assert result.search is not None
    assert [trial.n_topics for trial in result.search.trials] == [2, 4]
    assert len(result.topics) == result.search.n_topics == result.parameters["n_topics"]
    auto = find_topics(texts(), n_topics="auto", max_iter=20)
    assert [trial.n_topics for trial in auto.search.trials] == [5]


def test_a_given_vocabulary_is_counted() -> None:
    result = find_topics(texts(), n_topics=2, vocabulary=["apple", "train"], max_iter=10)
    assert result.model.named_steps["vectorizer"].get_feature_names_out().tolist() == ["apple", "train"]
    assert result.matrix.shape == (60, 2)


def test_chinese_is_segmented() -> None:
    pytest.importorskip("rjieba", reason='the extra "zh" is not installed')
    documents = ["我们喜欢吃苹果和香蕉", "香蕉和苹果都很好吃", "火车站的火车很快", "我们坐火车去车站"] * 10
    result = find_topics(documents, n_topics=2, language="zh", random_state=1)
    terms = {term for topic in result.topics for term, _ in topic.terms}
    assert {"苹果", "火车"} <= terms
    assert not terms & set(CHINESE_STOP_WORDS)


def test_limits_are_widened_where_nothing_would_be_left() -> None:
    result = find_topics(["red apple", "slow train", "tall tree"], max_iter=3)
    assert result.parameters["min_df"] == 1
    assert result.mixtures.shape == (3, 3)  # without a number at most as many topics as texts


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="at least one document"):
        find_topics([])
    with pytest.raises(TypeError, match="iterable of str"):
        find_topics("red apple")
    with pytest.raises(ValueError, match="empty vocabulary"):
        find_topics(["", "the of"])
    with pytest.raises(ValueError, match="n_topics must be >= 1; got 0"):
        find_topics(texts(), n_topics=0)
    with pytest.raises(ValueError, match="n_topics must be at most the number of documents, 2; got 3"):
        find_topics(["red apple", "slow train"], n_topics=3)
    with pytest.raises(ValueError, match="n_topics must be at most the number of documents, 40; got 41"):
        find_topics(["red apple", "slow train"] * 20, n_topics=[2, 41])
    with pytest.raises(ValueError, match="n_topics must be one of 'auto'; got 'many'"):
        find_topics(texts(), n_topics="many")
    with pytest.raises(ValueError, match="all 60 rows are empty"):
        find_topics(texts(), vocabulary=["zebra"])


def test_shares_are_means_of_periods() -> None:
    mixtures = np.array([[1, 0], [0, 1], [0.5, 0.5], [0, 1], [1, 0]])
    found = topics_over_time(mixtures, [0.0, 1.0, np.nan, 9.0, 10.0], n_periods=5)
    assert found.starts.tolist() == [0, 2, 4, 6, 8]
    assert found.end == 10
    assert found.sizes.tolist() == [2, 0, 0, 0, 2]
    np.testing.assert_array_equal(found.shares[[0, 4]], [[0.5, 0.5], [0.5, 0.5]])
    assert np.isnan(found.shares[1:4]).all()
    assert topics_over_time(mixtures, [3.0] * 5).sizes.tolist() == [5]


def test_bad_times_are_named() -> None:
    with pytest.raises(ValueError, match=r"one element per document, 2; got shape \(3,\)"):
        topics_over_time(np.ones((2, 2)), [1, 2, 3])
    with pytest.raises(ValueError, match="finite number"):
        topics_over_time(np.ones((2, 2)), [np.nan, np.nan])
    with pytest.raises(ValueError, match="n_periods must be >= 1; got 0"):
        topics_over_time(np.ones((2, 2)), [0, 1], n_periods=0)
