"""Rows of documents, seen from more than one side, each brought nearer to its neighbours."""

from __future__ import annotations

from typing import cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from coterie import _core
from coterie._validation import CsrParts, check_n_threads, rows_argument
from coterie.encode.cooccurrence import CooccurrenceEncoder
from coterie.encode.lsa import LsaEncoder
from coterie.similarity import cosine_top_k

Rows = NDArray[np.float32]

# Clusters need the space of the leading directions, not each direction to the last digit.
N_ITER = 2
_N_NEIGHBOURS = 10
# Neighbours are looked for among so many documents, so that the cost grows with the corpus, not with its square.
_N_CANDIDATES = 20_000


def views_of(
    texts: list[str],
    encoder: LsaEncoder,
    rows: Rows,
    weights: sp.csr_array,
    seed: int,
    n_threads: int | None,
) -> tuple[Rows, ...]:
    """Return two kinds of rows: latent semantic analysis, and another that sees the same documents differently.

    Where documents are long that is the co-occurrence of words in windows. A short document is its own window, so
    that this would only repeat the first; there it is the pieces of words alone, which bring stems and compounds
    together that the weights of whole words keep apart.
    """
    smoothed = near_neighbours(rows, seed, n_threads)
    if len(encoder.vectorizers_) > 1:  # pieces of words were taken because documents are short
        n_words = len(encoder.vectorizers_[0].vocabulary_)
        pieces = LsaEncoder(encoder.n_components, n_iter=N_ITER, random_state=seed, n_threads=n_threads)
        of_others = pieces.fit_transform(weights[:, n_words:])
    else:
        words = CooccurrenceEncoder(
            language=encoder.language, n_iter=N_ITER, random_state=seed, n_threads=n_threads
        )
        try:
            of_others = words.fit_transform(texts)
        except ValueError:  # no two words are near each other more often than by chance
            return (smoothed,)
    return smoothed, near_neighbours(of_others, seed, n_threads)


def near_neighbours(rows: Rows, seed: int, n_threads: int | None) -> Rows:
    """Add to each unit row its nearest neighbours, weighed by their cosine: words that it might have used as well.

    This is one step of diffusion on the graph of neighbours, and brings together what belongs together.
    """
    n = rows.shape[0]
    if n <= 2:
        return rows
    chosen = np.arange(n)
    if n > _N_CANDIDATES:
        chosen = np.sort(np.random.RandomState(seed).permutation(n)[:_N_CANDIDATES])
    found = cosine_top_k(
        rows, None if len(chosen) == n else rows[chosen], k=min(_N_NEIGHBOURS, n - 1), n_threads=n_threads
    )
    near = sp.csr_array(
        (np.maximum(found.flat_similarities, 0), chosen[found.flat_indices], found.indptr),
        shape=(n, n),
        dtype=np.float32,
    )
    mixed = sp.csr_array(near + sp.eye_array(n, dtype=np.float32, format="csr"))
    mixed.sort_indices()
    return _core.project_rows(cast(CsrParts, rows_argument(mixed)), rows, True, check_n_threads(n_threads))
