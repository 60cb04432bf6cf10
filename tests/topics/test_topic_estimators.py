"""The topic models are scikit-learn estimators."""

from __future__ import annotations

import numpy as np

from coterie import DirichletMixture, LatentDirichletAllocation
from estimator_checks import parametrize_with_checks


class OfRoundedCounts:
    """The data of scikit-learn's checks are no counts; the checks are about everything else."""

    def _validate_counts(self, X, *, reset):
        data, indices, indptr, n_features = super()._validate_counts(X, reset=reset)
        return np.rint(np.abs(data)), indices, indptr, n_features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags


class MixtureOfRounded(OfRoundedCounts, DirichletMixture):
    pass


class AllocationOfRounded(OfRoundedCounts, LatentDirichletAllocation):
    pass


NOT_FOR_COUNTS = {
    "check_clustering": "blobs of coordinates, rounded and made positive, are no clusters of counts",
    "check_estimator_sparse_array": "it takes whatever has predict_proba for a classifier",
    "check_estimator_sparse_matrix": "it takes whatever has predict_proba for a classifier",
}


@parametrize_with_checks(
    [MixtureOfRounded(5, max_iter=5), AllocationOfRounded(3, max_iter=5)],
    expected_failed_checks=lambda estimator: NOT_FOR_COUNTS if hasattr(estimator, "predict_proba") else {},
)
def test_estimator_checks(estimator, check) -> None:
    check(estimator)
