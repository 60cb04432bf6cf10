"""The words of texts in order, as the columns of a fitted vectorizer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import check_n_threads


def term_sequences(vectorizer: Any, texts: Any) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the columns of all words end to end, and where each document's begin.

    The vectorizer is of single words, analysed by compiled code. What is not in its vocabulary is left out.
    """
    plan = vectorizer._prepare(texts)
    if not plan.native or plan.analyzer != "word" or plan.ngram_range != (1, 1):
        raise ValueError("the vectorizer must be of single words without callables")
    vocabulary = vectorizer._fitted_terms().compiled(plan.joined, plan.stop_words)
    n_threads = check_n_threads(vectorizer.n_threads)
    columns: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    offsets = [np.zeros(1, np.int64)]
    n_documents = n_columns = 0
    for documents, _ in vectorizer._analysed_batches(plan, texts):
        found, starts = _core.term_sequences(
            documents,
            plan.min_token_chars,
            plan.lowercase,
            plan.strip_accents,
            vocabulary,
            n_documents,
            n_threads,
        )
        columns.append(found)
        offsets.append(starts[1:] + n_columns)
        n_documents += len(starts) - 1
        n_columns += len(found)
    return np.concatenate(columns), np.concatenate(offsets)
