"""Document frequencies of all terms seen so far: what partial_fit grows and merge adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core


class TermTotals:
    """Totals of every term, pruned or not. Additions commute: any order and grouping gives the same totals.

    Parameters
    ----------
    joined : bool
        Whether terms with spaces are n-grams of tokens, as in Plan.
    """

    def __init__(self, joined: bool) -> None:
        self.joined = joined
        self.has_term_frequency = True
        self._counter = _core.TermCounter(
            "word", (1, 1), 1, False, "none", _core.TermList([]), vocabulary=None, keep_rows=False
        )

    @property
    def counter(self) -> _core.TermCounter:
        """The compiled totals; read only."""
        return self._counter

    def add_counter(self, counter: _core.TermCounter) -> None:
        """Add the counts of a merged counter."""
        self._counter.add_counter(counter, 0)

    def add(
        self,
        terms: _core.TermList,
        document_frequency: NDArray[np.int64],
        term_frequency: NDArray[np.int64] | None,
        n_documents: int,
    ) -> None:
        """Add totals per term; without term frequencies ``max_features`` can no longer be applied."""
        self.has_term_frequency &= term_frequency is not None
        tf = document_frequency if term_frequency is None else term_frequency
        self._counter.add_totals(terms, document_frequency, tf, n_documents, self.joined)

    def add_totals(self, other: TermTotals) -> None:
        """Add all of ``other``."""
        self.has_term_frequency &= other.has_term_frequency
        self._counter.add_counter(other.counter, 0)

    def __getstate__(self) -> dict[str, Any]:
        ids = self._counter.select(0, np.inf, 0)
        df, tf = self._counter.frequencies(ids, 0)
        return {
            "joined": self.joined,
            "has_term_frequency": self.has_term_frequency,
            "terms": self._counter.texts(ids, 0),
            "document_frequency": df,
            "term_frequency": tf,
            "n_documents": self._counter.n_documents,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["joined"])  # type: ignore[misc]
        self.add(state["terms"], state["document_frequency"], state["term_frequency"], state["n_documents"])
        self.has_term_frequency = state["has_term_frequency"]
