"""Which terms min_df, max_df and max_features leave."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie import _core


@dataclass(frozen=True)
class Selection:
    """scikit-learn's rule. Term frequencies are compared in ``dtype``, the document frequencies when ``binary``."""

    min_df: Any
    max_df: Any
    max_features: int | None
    binary: bool
    dtype: Any

    @staticmethod
    def keeps_all(min_df: Any, max_df: Any, max_features: int | None) -> bool:
        """Return whether the parameters drop no term, whatever the documents."""
        keeps_rare = min_df <= 1 if isinstance(min_df, Integral) else min_df == 0
        return bool(keeps_rare and not isinstance(max_df, Integral) and max_df >= 1 and max_features is None)

    def ids(self, counter: _core.TermCounter, n_threads: int) -> NDArray[np.uint32]:
        """Return the ids of the terms that are left, in column order."""
        n_documents = counter.n_documents
        high: Any = self.max_df if isinstance(self.max_df, Integral) else self.max_df * n_documents
        low: Any = self.min_df if isinstance(self.min_df, Integral) else self.min_df * n_documents
        ids = counter.select(low, high, n_threads)
        if not len(ids) and not len(counter.select(0, np.inf, n_threads)):
            raise ValueError("empty vocabulary; perhaps the documents only contain stop words")
        if high < low:
            raise ValueError("max_df corresponds to < documents than min_df")
        ids = counter.sort_by_text(ids, n_threads)
        if self.max_features is not None and len(ids) > self.max_features:
            totals = counter.frequencies(ids, n_threads)[0 if self.binary else 1].astype(self.dtype)
            # scikit-learn's own expression: ties fall as this sort, which is not stable, lets them fall.
            ids = ids[np.sort((-totals).argsort()[: self.max_features])]
        if not len(ids):
            raise ValueError("After pruning, no terms remain. Try a lower min_df or a higher max_df.")
        return ids
