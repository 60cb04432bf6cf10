"""The fitted terms of a vectorizer: as compiled tables, and as a dict once somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core


class FittedTerms:
    """The vocabulary in column order: the compiled list, the dict, or both; the missing one is made if needed."""

    def __init__(self, terms: _core.TermList | None = None, mapping: dict[str, int] | None = None) -> None:
        self._terms = terms
        self._mapping = mapping
        self._compiled: dict[tuple[bool, tuple[str, ...]], _core.Vocabulary] = {}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, int]) -> FittedTerms:
        return cls(mapping=mapping if isinstance(mapping, dict) else dict(mapping))

    def __len__(self) -> int:
        return len(self._terms) if self._terms is not None else len(self._mapping or ())

    @property
    def terms(self) -> _core.TermList:
        if self._terms is None:
            mapping = self._mapping or {}
            self._terms = _core.TermList(sorted(mapping, key=mapping.__getitem__))
        return self._terms

    @property
    def mapping(self) -> dict[str, int]:
        if self._mapping is None:
            self._mapping = {term: column for column, term in enumerate(self.terms.to_list())}
        return self._mapping

    def names(self) -> NDArray[np.object_]:
        if self._terms is None and self._mapping is not None:
            return np.asarray(sorted(self._mapping, key=self._mapping.__getitem__), dtype=object)
        return np.asarray(self.terms.to_list(), dtype=object)

    def compiled(self, joined: bool, stop_words: tuple[str, ...]) -> _core.Vocabulary:
        """Return the table for transform; ``joined`` as in Plan."""
        key = (joined, stop_words)
        if key not in self._compiled:
            self._compiled = {key: _core.Vocabulary(self.terms, joined, _core.TermList(stop_words))}
        return self._compiled[key]

    def __getstate__(self) -> dict[str, Any]:
        return {
            "_terms": self._terms,
            "_mapping": self._mapping if self._terms is None else None,
            "_compiled": {},
        }
