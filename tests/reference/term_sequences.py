"""The words of documents in order, as columns of a vocabulary, by Python's regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping


def term_sequences(
    texts: Iterable[str], vocabulary: Mapping[str, int], stop_words: frozenset[str] = frozenset()
) -> list[list[int]]:
    words = (re.findall(r"(?u)\b\w\w+\b", text.lower()) for text in texts)
    return [[vocabulary[w] for w in found if w in vocabulary and w not in stop_words] for found in words]
