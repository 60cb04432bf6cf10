"""How many clusters there are to be."""

from __future__ import annotations

from typing import Any

import scipy.sparse as sp

from coterie._validation import check_integer, check_option
from coterie.cluster.auto_k import KSearch, choose_n_clusters
from coterie.journey._clock import Clock


def decide_n_clusters(
    wanted: int | str,
    X: sp.csr_array,
    n_documents: int,
    how_to_search: dict[str, Any],
    clock: Clock,
) -> tuple[int, KSearch | None]:
    if isinstance(wanted, str):
        check_option("n_clusters", wanted, ("auto",))
        search = choose_n_clusters(
            X, progress=lambda share: clock.report("cluster", 0.9 * share), **how_to_search
        )
        return search.n_clusters, search
    k = check_integer("n_clusters", wanted, minimum=1)
    if k > X.shape[0]:
        raise ValueError(
            f"n_clusters must be at most the number of documents with terms, {X.shape[0]} of {n_documents}; got {k}"
        )
    return k, None
