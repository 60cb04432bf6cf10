"""What estimators tell scikit-learn of the input they take."""

from __future__ import annotations

from typing import Any


def of_texts(tags: Any) -> Any:
    """Return the tags for input that is one text a row."""
    tags.input_tags.string = True
    tags.input_tags.two_d_array = False
    tags.input_tags.one_d_array = True
    return tags


def of_counts(tags: Any) -> Any:
    """Return the tags for rows of numbers of terms, dense or sparse, that become float32."""
    tags.input_tags.sparse = True
    tags.input_tags.positive_only = True
    tags.transformer_tags.preserves_dtype = ["float32"]
    return tags
