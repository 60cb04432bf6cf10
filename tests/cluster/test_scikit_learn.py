"""The estimators are scikit-learn estimators, and agree with scikit-learn's where both compute the same thing."""

import numpy as np
import pytest

from coterie import EMAKMeans, KMeans, MiniBatchKMeans, TwoLevelKMeans
from estimator_checks import parametrize_with_checks

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "seeds are drawn by position, so repeating a row is not the same draw as doubling its weight"
    ),
    "check_sample_weight_equivalence_on_sparse_data": "as for dense data",
}


@pytest.mark.parametrize("make", [KMeans, MiniBatchKMeans, TwoLevelKMeans, EMAKMeans])
def test_a_failed_fit_of_another_width_leaves_the_earlier_fit(make):
    X = np.random.default_rng(0).random((20, 4), dtype=np.float32)
    wider = np.hstack([X, X])
    fitted = make(n_clusters=3, random_state=0).fit(X)
    expected = fitted.predict(X)
    with_nan = np.where(wider == wider.max(), np.nan, wider)
    for bad, weight in ((wider[:2], None), (with_nan, None), (wider, -np.ones(20))):
        with pytest.raises(ValueError, match=r"n_samples=2|NaN|sample_weight"):
            fitted.fit(bad, sample_weight=weight)
        assert fitted.n_features_in_ == 4
        np.testing.assert_array_equal(fitted.predict(X), expected)
    unfitted = make(n_clusters=3)
    with pytest.raises(ValueError, match="n_samples=2"):
        unfitted.fit(X[:2])
    assert not hasattr(unfitted, "n_features_in_")


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
