"""What is measured: one case per row of the table. A new row is a new entry here; a new op also a file in rivals/."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.peers import gates
from bench.peers.goals import Goal, bandwidth, megabytes_per_core, quicker
from bench.peers.rivals import kmeans, lda, tfidf, top_k
from bench.roofline import Work

Data = dict[str, Any]


@dataclass(frozen=True)
class Case:
    name: str
    input: Data  # see inputs.load
    params: Data
    rivals: dict[str, Callable[..., Any]]
    gate: gates.Gate
    work: Callable[
        [Data, Data, Data], Work
    ]  # (input, parameters, coterie's answer): what has to be done at least
    rate: Callable[[Data, Data, Data], tuple[float, str]]  # the same: how much is done, and its unit
    goals: Sequence[Goal] = ()


def _text_bytes(data: Data) -> int:
    return sum(len(text.encode()) for text in data["texts"])


def _tfidf_work(data: Data, params: Data, answer: Data) -> Work:
    """Read the text once, write CSR once (float32 values, int32 columns, int64 row starts)."""
    X = answer["X"]
    return Work(_text_bytes(data) + 8 * X.nnz + 8 * X.shape[0], 3 * X.nnz)


def _lloyd_work(data: Data, params: Data, answer: Data) -> Work:
    """n_iter assignments and a last one: each reads X once and takes 2 flops per row, centre and (stored) value."""
    X, k = data["X"], len(data["start"])
    is_dense = isinstance(X, gates.ndarray)
    stored, bytes_per_value = (X.size, 4) if is_dense else (X.nnz, 8)
    passes = answer["n_iter"] + 1
    return Work(passes * stored * bytes_per_value, passes * 2 * stored * k, is_matrix_product=is_dense)


def _top_k_dense_work(data: Data, params: Data, answer: Data) -> Work:
    X, Q = data["X"], data["Q"]
    return Work(4 * (X.size + Q.size), 2 * len(Q) * X.size, is_matrix_product=True)


def _top_k_sparse_work(data: Data, params: Data, answer: Data) -> Work:
    """Every pair of stored values in one column is a product; nothing pruned. Rows come from cache after one pass."""
    X = data["X"]
    in_column = gates.column_counts(X).astype("float64")
    return Work(8 * X.nnz, 2 * float((in_column**2).sum()))


def _lda_work(data: Data, params: Data, answer: Data) -> Work:
    """Each iteration reads and writes the topic of every token, and draws it anew in no less than 8 operations."""
    n_tokens = float(data["X"].sum()) * params["iterations"]["coterie"]
    return Work(4 * n_tokens, 8 * n_tokens)


def _tokens(data: Data, params: Data, answer: Data) -> tuple[float, str]:
    return float(data["X"].sum()) * params["iterations"]["coterie"] / 1e6, "million tokens"


def _megabytes(data: Data, params: Data, answer: Data) -> tuple[float, str]:
    return _text_bytes(data) / 1e6, "MB"


def _iterations(data: Data, params: Data, answer: Data) -> tuple[float, str]:
    return answer["n_iter"], "iterations"


def _queries(data: Data, params: Data, answer: Data) -> tuple[float, str]:
    return len(answer["indices"]), "queries"


def tfidf_case(
    corpus: str, goals: Sequence[Goal] = (), limit: int | None = None, n: int = 1, min_df: int = 1
) -> Case:
    rivals = {name: r for name, r in tfidf.RIVALS.items() if n == 1 or name != "polars"}
    grams = "unigrams" if n == 1 else f"1- to {n}-grams, min_df={min_df}"
    size = f" ({limit:,} documents)" if limit else ""
    spec: Data = {"kind": "texts", "corpus": corpus} | ({"limit": limit} if limit else {})
    params = {"n": n, "min_df": min_df}
    name = f"TF-IDF, {corpus}{size}, {grams}"
    return Case(name, spec, params, rivals, gates.same_matrix, _tfidf_work, _megabytes, goals)


def dense_case(n: int, d: int, k: int, goals: Sequence[Goal] = (), n_iter: int = 20) -> Case:
    spec = {"kind": "dense", "n": n, "d": d, "n_groups": max(k // 2, 2), "k": k}
    name = f"K-means, dense {n:,} x {d}, k={k}, {n_iter} iterations"
    params = {"n_iter": n_iter}
    return Case(name, spec, params, kmeans.DENSE_RIVALS, gates.same_optimum, _lloyd_work, _iterations, goals)


def lsa_case(corpus: str, d: int, k: int, limit: int | None = None, n_iter: int = 20) -> Case:
    spec = {"kind": "lsa", "corpus": corpus, "limit": limit, "d": d, "k": k}
    size = f" ({limit:,} documents)" if limit else ""
    name = f"K-means, dense rows (LSA, {d} components) of {corpus}{size}, k={k}, {n_iter} iterations"
    params = {"n_iter": n_iter}
    return Case(name, spec, params, kmeans.DENSE_RIVALS, gates.same_optimum, _lloyd_work, _iterations)


def sparse_case(
    corpus: str, k: int, goals: Sequence[Goal] = (), limit: int | None = None, n_iter: int = 20
) -> Case:
    spec = {"kind": "tfidf", "corpus": corpus, "limit": limit, "min_df": 1, "k": k}
    size = f" ({limit:,} documents)" if limit else ""
    name = f"K-means, TF-IDF rows (CSR) of {corpus}{size}, k={k}, {n_iter} iterations"
    params = {"n_iter": n_iter}
    return Case(name, spec, params, kmeans.SPARSE_RIVALS, gates.same_optimum, _lloyd_work, _iterations, goals)


def top_k_dense_case(n: int, d: int, n_queries: int, goals: Sequence[Goal] = (), k: int = 10) -> Case:
    spec = {"kind": "dense", "n": n, "d": d, "n_groups": 200, "n_queries": n_queries}
    name = f"cosine top-{k}, dense {n_queries:,} queries x {n:,} rows x {d}"
    gate = gates.same_neighbours
    return Case(name, spec, {"k": k}, top_k.DENSE_RIVALS, gate, _top_k_dense_work, _queries, goals)


def top_k_sparse_case(corpus: str, limit: int, goals: Sequence[Goal] = (), k: int = 10) -> Case:
    spec = {"kind": "tfidf", "corpus": corpus, "limit": limit, "min_df": 1}
    name = f"cosine top-{k}, TF-IDF rows of {limit:,} {corpus} with themselves"
    gate = gates.same_neighbours
    return Case(name, spec, {"k": k}, top_k.SPARSE_RIVALS, gate, _top_k_sparse_work, _queries, goals)


def lda_case(
    corpus: str, k: int, iterations: dict[str, int], goals: Sequence[Goal] = (), limit: int | None = None
) -> Case:
    spec: Data = {"kind": "counts", "corpus": corpus} | ({"limit": limit} if limit else {})
    size = f" ({limit:,} documents)" if limit else ""
    name = f"LDA, {corpus}{size}, {k} topics"
    params = {"k": k, "iterations": iterations}
    return Case(name, spec, params, lda.RIVALS, gates.same_perplexity, _lda_work, _tokens, goals)


# Iterations that bring coterie to tomotopy's held-out perplexity on 20 Newsgroups, and as many passes of the others
# as a run of some minutes allows: after five they were 20 % above it.
AT_50 = {"coterie": 300, "tomotopy": 200, "scikit-learn": 20, "gensim": 20}
AT_1000 = {"coterie": 250, "tomotopy": 50, "scikit-learn": 10, "gensim": 10}

# superkmeans prunes by chance, and fastkmeans takes no first centres.
EXACT = ("scikit-learn", "scikit-learn-intelex", "faiss")
UNIGRAMS = (quicker(20, ["scikit-learn"], n_threads=2), megabytes_per_core(100))
WITHOUT_TILES = (
    quicker(1.3, EXACT, "the best exact rival", ours="coterie, AVX2 only"),
    quicker(1.5, EXACT, "the best exact rival", ours="coterie, AVX-512 only"),
)
CSR = (quicker(20, ["scikit-learn"]), quicker(10, ["scikit-learn-intelex"]))

FULL = [
    tfidf_case("arxiv_titles", UNIGRAMS),
    tfidf_case("20newsgroups", UNIGRAMS),
    tfidf_case("english", UNIGRAMS),
    tfidf_case("20newsgroups", [quicker(15, ["scikit-learn"], n_threads=2)], n=2, min_df=2),
    dense_case(
        200_000,
        384,
        1000,
        [quicker(8, EXACT, "the best exact rival"), quicker(4, ["superkmeans"]), *WITHOUT_TILES],
    ),
    dense_case(200_000, 384, 100, [quicker(4, called="the best rival"), bandwidth(60), *WITHOUT_TILES]),
    dense_case(1_000_000, 8, 16),
    lsa_case("arxiv_titles", 128, 1000),
    sparse_case("arxiv_titles", 100, CSR),
    sparse_case("20newsgroups", 100, CSR),
    top_k_dense_case(100_000, 384, 10_000, [quicker(6, ["faiss"])]),
    top_k_sparse_case("arxiv_titles", 50_000, [quicker(5, ["sparse_dot_topn"])]),
    *(
        lda_case(
            corpus,
            k,
            iterations,
            [quicker(ratio, ["tomotopy"]), quicker(20, ["scikit-learn"]), quicker(20, ["gensim"])],
        )
        for corpus in ("20newsgroups", "arxiv_abstracts", "arxiv_titles")
        for k, iterations, ratio in ((50, AT_50, 2), (1000, AT_1000, 4))
    ),
]

QUICK = [
    tfidf_case("arxiv_titles", limit=100_000),
    tfidf_case("20newsgroups"),
    dense_case(50_000, 384, 100),
    sparse_case("arxiv_titles", 100, limit=25_000, n_iter=10),
    top_k_dense_case(50_000, 384, 1_000),
    top_k_dense_case(50_000, 384, 1_000, k=500),
    top_k_sparse_case("arxiv_titles", 10_000),
    lda_case("20newsgroups", 50, AT_50, limit=3_000),
]

TINY = [  # for a look at whether everything runs
    tfidf_case("arxiv_titles", limit=2_000),
    dense_case(2_000, 16, 10, n_iter=5),
    lsa_case("arxiv_titles", 16, 100, limit=2_000, n_iter=5),
    sparse_case("arxiv_titles", 10, limit=2_000, n_iter=5),
    top_k_dense_case(2_000, 32, 100),
    top_k_sparse_case("arxiv_titles", 2_000),
    lda_case("20newsgroups", 5, {"coterie": 5, "tomotopy": 5, "scikit-learn": 2, "gensim": 2}, limit=300),
]
SIZES = {"full": FULL, "quick": QUICK, "tiny": TINY}
