"""Checks of the parameters of topic models."""

from __future__ import annotations

from typing import Any

import numpy as np

from coterie._validation import check_integer, check_n_threads, check_real

MOST_TOPICS = 65535
_PRIOR_LIMIT = 1e9  # of the compiled ops, whose probabilities are quotients of priors and counts
_LEAST_PRIOR = 1e-9  # of mixtures: counts over products of two priors are float32


def check_prior(name: str, value: object) -> float:
    """Return a Dirichlet parameter as float, or raise naming it."""
    prior = check_real(name, value)
    if prior <= 0:
        raise ValueError(f"{name} must be > 0; got {prior}")
    if prior >= _PRIOR_LIMIT:
        raise ValueError(f"{name} must be < {_PRIOR_LIMIT:g}; got {prior}")
    return prior


def check_allocation(estimator: Any) -> None:
    """Check the parameters of LatentDirichletAllocation."""
    check_integer("n_components", estimator.n_components, minimum=1, maximum=MOST_TOPICS)
    for name in ("doc_topic_prior", "topic_word_prior"):
        value = getattr(estimator, name)
        if value is not None and check_prior(name, value) < _LEAST_PRIOR:
            raise ValueError(f"{name} must be >= {_LEAST_PRIOR:g}; got {value}")
    for name in ("max_iter", "batch_iter"):
        check_integer(name, getattr(estimator, name), minimum=1)
    if not isinstance(estimator.learn_priors, bool | np.bool_):
        raise TypeError(f"learn_priors must be True or False; got {estimator.learn_priors!r}")
    check_real("learning_decay", estimator.learning_decay, minimum=0)
    check_real("learning_offset", estimator.learning_offset, minimum=1)
    check_folding_in(estimator)
    check_n_threads(estimator.n_threads)


def check_folding_in(estimator: Any) -> tuple[int, float]:
    """Return the limits of ``transform``, or raise naming the one that is wrong."""
    max_iter = check_integer("max_doc_update_iter", estimator.max_doc_update_iter, minimum=1)
    return max_iter, check_real("mean_change_tol", estimator.mean_change_tol, minimum=0)
