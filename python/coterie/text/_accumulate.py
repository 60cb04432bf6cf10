"""Learning in pieces: partial_fit and merge, and the vocabulary made of the totals when it is asked for."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from coterie.text._analysis import Plan
from coterie.text._selection import Selection
from coterie.text._totals import TermTotals


class AccumulateMixin:
    """Part of CountVectorizer, which has the attributes and methods that are used here."""

    def partial_fit(self: Any, raw_documents: Any, y: Any = None) -> Any:
        """Add ``raw_documents`` to what has been learned; the order of the calls changes nothing.

        The totals of all terms are kept, so that ``min_df``, ``max_df`` and ``max_features`` apply to all documents
        together: the vocabulary is that of one ``fit`` on all of them. It is made when it is next asked for.

        Parameters
        ----------
        raw_documents : as for :meth:`fit`
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            After a ``fit`` that dropped terms, whose totals are then unknown.
        """
        plan = self._prepare(raw_documents)
        if not self.__sklearn_is_fitted__():
            self._validate_vocabulary()
        if self._is_fixed():
            self._learn_fixed(plan, raw_documents, keep_rows=False, add=True)
            return self
        totals = self._known_totals(plan) if self.__sklearn_is_fitted__() else TermTotals(plan.joined)
        counter = self._counter(plan, False, None)
        self._count(counter, plan, raw_documents)
        totals.add_counter(counter)
        self._replace_totals(totals)
        return self

    def merge(self: Any, *others: Any) -> Any:
        """Add what other fitted vectorizers have learned: their document frequencies and documents add up.

        The result is that of one ``fit`` on all documents, in whichever order and grouping vectorizers are merged.

        Parameters
        ----------
        *others : vectorizers of the same class
            With equal parameters, but for ``n_threads``. They are not changed.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            For another class.
        ValueError
            When parameters differ, or when the totals of dropped terms are unknown: after ``fit`` with ``min_df``,
            ``max_df`` or ``max_features`` other than the defaults. ``partial_fit`` keeps all totals.

        Examples
        --------
        >>> from coterie import CountVectorizer
        >>> first = CountVectorizer().partial_fit(["red fish", "blue fish"])
        >>> second = CountVectorizer().partial_fit(["blue sea"])
        >>> first.merge(second).get_feature_names_out().tolist()
        ['blue', 'fish', 'red', 'sea']
        >>> first.document_frequency_.tolist()
        [2, 2, 1, 1]
        """
        for other in others:
            self._check_mergeable(other)
        if self._is_fixed():
            for other in others:
                self._add_fixed(other.document_frequency_, other.n_documents_)
            return self
        plan = self._plan()
        merged = TermTotals(plan.joined)
        for vectorizer in (self, *others):
            merged.add_totals(vectorizer._known_totals(plan))
        self._replace_totals(merged)
        return self

    def _settle(self: Any) -> None:
        """Make the vocabulary if partial_fit or merge has made it out of date."""
        if "_totals" not in self.__dict__ or "_terms" in self.__dict__:
            return
        totals: TermTotals = self.__dict__["_totals"]
        if self.max_features is not None and not totals.has_term_frequency:
            raise ValueError("max_features needs term frequencies, which a merged vectorizer did not keep")
        self._select(totals.counter)

    def _replace_totals(self: Any, totals: TermTotals) -> None:
        self.fixed_vocabulary_ = False
        self._totals = totals
        self.n_documents_ = totals.counter.n_documents
        for name in ("_terms", "_document_frequency", "_term_frequency", "_idf"):
            self.__dict__.pop(name, None)

    def _known_totals(self: Any, plan: Plan) -> TermTotals:
        """Return the totals of all terms, or raise where a fit has dropped some."""
        if "_totals" in self.__dict__:
            totals: TermTotals = self.__dict__["_totals"]
            return totals
        if not Selection.keeps_all(self.min_df, self.max_df, self.max_features):
            raise ValueError(
                f"fit with min_df={self.min_df}, max_df={self.max_df}, max_features={self.max_features} did not keep"
                " the totals of all terms; use partial_fit instead of fit"
            )
        known = TermTotals(plan.joined)
        known.add(
            self._fitted_terms().terms,
            self.document_frequency_,
            self.__dict__.get("_term_frequency"),
            self.n_documents_,
        )
        return known

    def _is_fixed(self: Any) -> bool:
        return bool(getattr(self, "fixed_vocabulary_", False)) and "_totals" not in self.__dict__

    def _check_mergeable(self: Any, other: Any) -> None:
        if type(other) is not type(self):
            raise TypeError(
                f"merge needs vectorizers of class {type(self).__name__}; got {type(other).__name__}"
            )
        for vectorizer in (self, other):
            check_is_fitted(vectorizer)
        theirs = other.get_params(deep=False)
        for name, value in self.get_params(deep=False).items():
            if name not in ("n_threads", "vocabulary") and theirs[name] != value:
                raise ValueError(f"merge needs equal parameters; got {name}={value!r} and {theirs[name]!r}")
        fixed = self._is_fixed(), other._is_fixed()
        if fixed[0] != fixed[1] or (fixed[0] and self.vocabulary_ != other.vocabulary_):
            raise ValueError("merge needs equal parameters; got two values of vocabulary")
