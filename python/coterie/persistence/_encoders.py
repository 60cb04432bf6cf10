"""When the state of an encoder that a folder held is sound."""

from __future__ import annotations

from typing import Any


def problem_of_lsa(encoder: Any) -> str | None:
    n_terms, shape = len(encoder.term_sums_), encoder.components_.shape
    if shape != (encoder.n_components_, n_terms) or 0 in shape or len(encoder.singular_values_) != shape[0]:
        return f"directions of shape {shape} for {encoder.n_components_} components of {n_terms} terms"
    known = [len(vectorizer.vocabulary_) for vectorizer in encoder.vectorizers_]
    if known and sum(known) != n_terms:
        return f"{sum(known)} terms in its vocabularies for {n_terms} columns"
    return None


def problem_of_onnx(encoder: Any) -> str | None:
    kept = encoder.dim_
    encoder.fit()  # opens the model, and sets what it really gives
    return None if encoder.dim_ == kept else f"rows of {encoder.dim_} numbers, where {kept} are wanted"


def problem_of_static(encoder: Any) -> str | None:
    kept = (encoder.n_words_, encoder.dim_)
    encoder._validate_params()
    encoder._read_vectors()
    if (encoder.n_words_, encoder.dim_) != kept or len(encoder.word_weights_) != encoder.n_words_:
        return (
            f"{encoder.n_words_} vectors of {encoder.dim_} numbers, where {kept[0]} of {kept[1]} are wanted"
        )
    encoder.common_direction_ = vars(encoder).get("common_direction_")
    if encoder.common_direction_ is not None and len(encoder.common_direction_) != encoder.dim_:
        return (
            f"a common direction of {len(encoder.common_direction_)} numbers, where {encoder.dim_} are wanted"
        )
    return None


def problem_of_word_vectors(encoder: Any) -> str | None:
    n_words, shape = len(encoder.word_weights_), encoder.word_vectors_.shape
    if shape != (n_words, encoder.n_components_) or 0 in shape or len(encoder.singular_values_) != shape[1]:
        return f"vectors of shape {shape} for {encoder.n_components_} components of {n_words} words"
    known = [len(vectorizer.vocabulary_) for vectorizer in encoder.vectorizers_]
    if known != [n_words]:
        return f"vocabularies of {known} words for {n_words} vectors"
    encoder._check_parameters()
    return None
