"""The examples in the docstrings of evaluation, topics and the journey print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "coterie.cluster.auto_k",
    "coterie.evaluate.external",
    "coterie.evaluate.internal",
    "coterie.journey._cluster_texts",
    "coterie.topics.class_tfidf",
    "coterie.topics.explain",
    "coterie.topics.representatives",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.attempted > 0
    assert outcome.failed == 0
