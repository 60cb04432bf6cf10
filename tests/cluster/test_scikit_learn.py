"""The estimators are scikit-learn estimators, and agree with scikit-learn's where both compute the same thing."""

import pytest

from coterie import EMAKMeans, KMeans, MiniBatchKMeans, TwoLevelKMeans
from estimator_checks import parametrize_with_checks

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "seeds are drawn by position, so repeating a row is not the same draw as doubling its weight"
    ),
    "check_sample_weight_equivalence_on_sparse_data": "as for dense data",
}


@parametrize_with_checks(
    [
        KMeans(n_clusters=3),
        KMeans(n_clusters=3, metric="cosine"),
        MiniBatchKMeans(n_clusters=3),
        TwoLevelKMeans(n_clusters=3),
        EMAKMeans(n_clusters=3),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_checks(estimator, check):
    check(estimator)
