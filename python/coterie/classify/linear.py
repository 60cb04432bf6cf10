"""Linear classifiers of encoded texts, one score per label, calibrated on documents they had not seen."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted, validate_data

from coterie._calibration import best_threshold, fit_sigmoid
from coterie._earlier_fit import keeps_earlier_fit
from coterie._validation import (
    check_integer,
    check_option,
    check_real,
    check_seed,
    check_sparse_structure,
    refuse_masked,
)
from coterie.classify.labels import check_labels, class_names, indicator, rows_of


class LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One linear support vector machine per label, with calibrated probabilities and a threshold per label.

    Probabilities and thresholds are learnt from scores that cross-validation gives each training document while it is
    left out, so that they hold for new documents.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of regularisation, between 1e-100 and 1e100.
    class_weight : {"balanced"} or None, default=None
        "balanced" weighs a label's documents by the inverse of their number.
    thresholds : "f1" or float, default="f1"
        From which probability on a label is given to a document that may have several: a number in [0, 1] for all, or
        for each label the one with the best F1 on the documents left out. A label whose best F1 is below 0.1 is only
        given to documents that are more probable than any left out.
    n_folds : int, default=3
        Parts of the cross-validation, >= 2.
    max_iter : int, default=1000
        Most iterations per machine, >= 1.
    random_state : int, RandomState or None, default=0
        Draws the folds and the order of the solver.

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,), object of str or int64
        The labels in order.
    multi_label_ : bool
        Whether documents have collections of labels.
    coef_ : ndarray of shape (n_labels, n_features), float32
    intercept_ : ndarray of shape (n_labels,), float64
    calibration_ : ndarray of shape (n_labels, 2), float64
        a and b of ``P = 1 / (1 + exp(-(a score + b)))``, a >= 0.
    thresholds_ : ndarray of shape (n_labels,), float64
    n_features_in_ : int

    Notes
    -----
    With single labels the probabilities of a document are divided by their sum, and the most probable label is
    predicted, the first of equals. A label of fewer than ``n_folds`` documents has too few to leave out; its
    calibration is that of scores on the documents it was trained on. scikit-learn's
    :class:`~sklearn.svm.LinearSVC` does the training.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999. Zadrozny and Elkan, "Transforming classifier
    scores into accurate multiclass probability estimates", KDD 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie.classify import LinearClassifier
    >>> X = np.array([[0.0, 1.0], [0.1, 0.9], [0.2, 1.0], [1.0, 0.0], [0.9, 0.1], [1.0, 0.2]])
    >>> classifier = LinearClassifier().fit(X, ["b", "b", "b", "a", "a", "a"])
    >>> classifier.predict([[1.0, 0.1], [0.0, 0.8]]).tolist()
    ['a', 'b']
    >>> LinearClassifier().fit(X, [["x"], ["x"], ["x"], ["y"], ["y"], ["x", "y"]]).predict([[0.1, 0.9]])
    [('x',)]
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        class_weight: str | None = None,
        thresholds: Any = "f1",
        n_folds: int = 3,
        max_iter: int = 1000,
        random_state: Any = 0,
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.thresholds = thresholds
        self.n_folds = n_folds
        self.max_iter = max_iter
        self.random_state = random_state

    @keeps_earlier_fit
    def fit(self, X: Any, y: Any) -> Self:
        """Train one machine per label, then calibrate.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_documents, n_features)
        y : iterable of length n_documents
            As for :func:`coterie.classify.check_labels`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If labels are missing, or there are fewer than two labels to tell apart.
        """
        self._check_parameters()
        X = self._check_rows(X, reset=True)
        labels, self.multi_label_ = check_labels(y, n_documents=X.shape[0])
        self.classes_ = class_names(labels, self.multi_label_)
        if len(self.classes_) < 2 and not self.multi_label_:
            raise ValueError(
                f"labels must have at least 2 classes to tell apart; got only {self.classes_.tolist()[0]!r}"
            )
        table = indicator(labels, self.classes_, self.multi_label_)
        seed = int(check_seed(self.random_state).randint(2**31 - 1))
        weights, self.intercept_ = self._train(X, table, seed)
        self.coef_ = weights.astype(np.float32)
        scores = self._scores_left_out(X, table, seed)
        self.calibration_ = np.array(
            [fit_sigmoid(scores[:, j], table[:, j]) for j in range(len(self.classes_))]
        )
        probability = _probabilities(scores, self.calibration_, self.multi_label_)
        if isinstance(self.thresholds, str):
            chosen = [best_threshold(probability[:, j], table[:, j]) for j in range(len(self.classes_))]
        else:
            chosen = [float(self.thresholds)] * len(self.classes_)
        self.thresholds_ = np.array(chosen)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "thresholds_")

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the score of each label, before calibration.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_documents, n_features)

        Returns
        -------
        scores : ndarray of shape (n_documents, n_labels) or (n_documents,), float64
            Of single labels that are two only that of the second, as scikit-learn's scorers want it.
        """
        scores = self._scores(X)
        return scores[:, 1] if len(self.classes_) == 2 and not self.multi_label_ else scores

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_documents, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_documents, n_labels), float64
            In [0, 1]; the rows sum to 1 with single labels, and each label stands for itself with several.
        """
        return _probabilities(self._scores(X), self.calibration_, self.multi_label_)

    def predict(self, X: Any) -> Any:
        """Return the labels of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_documents, n_features)

        Returns
        -------
        labels : ndarray of shape (n_documents,), or list of tuples
            The most probable label; with several labels those that reach their threshold, by falling probability.
        """
        return self.labels_of(self.predict_proba(X))

    def labels_of(self, probabilities: NDArray[np.float64]) -> Any:
        """Return the labels that probabilities lead to, as :meth:`predict` does.

        Parameters
        ----------
        probabilities : ndarray of shape (n_documents, n_labels), float64

        Returns
        -------
        labels : ndarray of shape (n_documents,), or list of tuples
        """
        check_is_fitted(self)
        if not self.multi_label_:
            return self.classes_[probabilities.argmax(axis=1)]
        order = np.argsort(-probabilities, axis=1, kind="stable")
        kept = probabilities >= self.thresholds_
        names = self.classes_.tolist()
        return [
            tuple(names[j] for j in row if keep[j]) for row, keep in zip(order.tolist(), kept, strict=True)
        ]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of documents whose label, or whose whole collection of labels, is right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_documents, n_features)
        y : iterable of length n_documents
        sample_weight : array-like of shape (n_documents,), optional

        Returns
        -------
        float
            In [0, 1].
        """
        labels, _ = check_labels(y, multi_label=self.multi_label_)
        found = self.predict(X)
        if self.multi_label_:
            right = [set(a) == set(b) for a, b in zip(labels, found, strict=True)]
        else:
            right = [a == b for a, b in zip(labels, found.tolist(), strict=True)]
        return float(np.average(np.array(right, dtype=np.float64), weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    def _scores(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        return _score(X, self.coef_, self.intercept_)

    def _check_rows(self, X: Any, *, reset: bool) -> Any:
        refuse_masked("X", X)
        check_sparse_structure(X)
        X = validate_data(self, X, reset=reset, accept_sparse="csr", dtype=np.float64)
        if sp.issparse(X) and X.indices.dtype != np.int32 and max(X.nnz, X.shape[1]) < 2**31:
            # All that liblinear takes.
            indices, indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
            X = sp.csr_array((X.data, indices, indptr), shape=X.shape)
        return X

    def _check_parameters(self) -> None:
        if check_real("C", self.C, minimum=0) == 0:
            raise ValueError("C must be > 0; got 0")
        check_real("C", self.C, minimum=1e-100, maximum=1e100)  # liblinear does not end beyond
        check_integer("n_folds", self.n_folds, minimum=2)
        check_integer("max_iter", self.max_iter, minimum=1, maximum=np.iinfo(np.int32).max)
        if self.class_weight is not None:
            check_option("class_weight", self.class_weight, ("balanced",))
        if isinstance(self.thresholds, str):
            check_option("thresholds", self.thresholds, ("f1",))
        else:
            check_real("thresholds", self.thresholds, minimum=0, maximum=1)

    def _train(
        self, X: Any, table: NDArray[np.bool_], seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return one row of weights and one intercept per label; a label of all or no documents is a constant."""
        weights = np.zeros((table.shape[1], X.shape[1]))
        intercepts = np.zeros(table.shape[1])
        for j in range(table.shape[1]):
            n_positive = int(table[:, j].sum())
            if n_positive in (0, len(table)):
                intercepts[j] = 1.0 if n_positive else -1.0
                continue
            machine = LinearSVC(
                C=self.C, class_weight=self.class_weight, max_iter=self.max_iter, random_state=seed
            )
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", ConvergenceWarning
                )  # max_iter is the budget that was asked for
                machine.fit(X, table[:, j])
            weights[j], intercepts[j] = machine.coef_[0], float(machine.intercept_[0])
        return weights, intercepts

    def _scores_left_out(self, X: Any, table: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
        """Score each document by machines that did not see it; labels too rare for that by those that did."""
        scores = _score(X, self.coef_, self.intercept_)
        counts = table.sum(axis=0)
        often = np.flatnonzero(np.minimum(counts, len(table) - counts) >= self.n_folds)
        if len(often):
            for seen, left_out in self._folds(table[:, often], seed):
                weights, intercepts = self._train(rows_of(X, seen), table[np.ix_(seen, often)], seed)
                scores[np.ix_(left_out, often)] = _score(rows_of(X, left_out), weights, intercepts)
        return scores

    def _folds(self, table: NDArray[np.bool_], seed: int) -> Any:
        """Stratified by each document's rarest label, so that every fold has every label that allows it."""
        rarity = np.where(table, table.sum(axis=0), len(table) + 1)
        strata = np.where(table.any(axis=1), rarity.argmin(axis=1), table.shape[1])
        sizes = np.bincount(strata)
        options = {"n_splits": self.n_folds, "shuffle": True, "random_state": seed}
        if sizes[sizes > 0].min() < self.n_folds:
            return KFold(**options).split(strata)
        return StratifiedKFold(**options).split(strata, strata)


def _score(X: Any, weights: NDArray[Any], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
    product = sp.csr_array(X) @ weights.T if sp.issparse(X) else X @ weights.T
    return np.asarray(product, dtype=np.float64) + intercepts


def _probabilities(
    scores: NDArray[np.float64], calibration: NDArray[np.float64], multi_label: bool
) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = expit(scores * calibration[:, 0] + calibration[:, 1])
    if not multi_label:
        probability /= probability.sum(axis=1, keepdims=True)
    return probability
