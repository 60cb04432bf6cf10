"""What goes in: the texts and labels of a call, checked, and the texts as TF-IDF rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie.evaluate.external import encode_labels
from coterie.text import TfidfVectorizer


def check_texts(texts: Iterable[str]) -> Any:
    if isinstance(texts, str | bytes):
        raise TypeError(f"texts must be an iterable of str, not one {type(texts).__name__}")
    documents: Any = texts if hasattr(texts, "__len__") else list(texts)
    if len(documents) == 0:
        raise ValueError("texts must have at least one document; got 0")
    return documents


def check_labels(labels: Any, n_documents: int) -> NDArray[np.int64]:
    classes = encode_labels("labels", labels)
    if len(classes) != n_documents:
        raise ValueError(f"labels must have one element per text; got {len(classes)} for {n_documents} texts")
    return classes


def vectorize(
    documents: Any, min_df: int | float, max_df: int | float, options: dict[str, Any]
) -> tuple[TfidfVectorizer, sp.csr_array]:
    """Fit with these limits, or with the first wider ones that leave half of the documents with terms."""
    wider = [(min_df, max_df), (1, max_df), (1, 1.0)]
    for low, high in wider:
        vectorizer = TfidfVectorizer(min_df=low, max_df=high, **options)
        last = (low, high) == (1, 1.0)
        try:
            X = sp.csr_array(vectorizer.fit_transform(documents))
        except ValueError:  # no term is left, or none was there
            if last:
                raise
            continue
        if last or np.count_nonzero(np.diff(X.indptr)) * 2 >= X.shape[0]:
            break
    return vectorizer, X
