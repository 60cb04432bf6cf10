"""Types of the compiled module; its documentation is in the Python functions that call it."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._core_device import Device as Device
from coterie._core_device import DeviceEmbeddings as DeviceEmbeddings
from coterie._core_device import DevicePass as DevicePass
from coterie._core_device import DeviceSamples as DeviceSamples
from coterie._core_device import DeviceTermCounter as DeviceTermCounter
from coterie._validation import CsrParts, RowsArgument

def default_thread_count() -> int: ...
def active_isa() -> str: ...
def available_isas() -> list[str]: ...
def set_isa(name: str) -> None: ...
def compiler() -> str: ...
def cuda_state() -> dict[str, Any]: ...
def wgmma_state(device: Device) -> tuple[bool, str]: ...

# topics
def truncated_svd(
    X: CsrParts,
    n_components: int,
    n_oversamples: int,
    n_iter: int,
    without: NDArray[np.float64] | None,
    seed: int,
    n_threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]: ...
def positive_pmi(
    sequence: NDArray[np.int32],
    offsets: NDArray[np.int64],
    n_terms: int,
    window: int,
    smoothing: float,
    n_threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]: ...
def project_rows(
    X: CsrParts, term_vectors: NDArray[np.float32], unit_rows: bool, n_threads: int
) -> NDArray[np.float32]: ...
def cluster_sums(
    X: CsrParts,
    labels: NDArray[np.int32],
    n_clusters: int,
    row_weights: NDArray[np.float64] | None,
    n_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]: ...
def complement_weights(
    X: CsrParts, labels: NDArray[np.int32], n_clusters: int, n_threads: int
) -> NDArray[np.float32]: ...
def dirichlet_mixture(
    X: CsrParts,
    n_clusters: int,
    alpha: float,
    beta: float,
    n_passes: int,
    block_size: int,
    takes_mode: bool,
    seed: int,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], float]: ...
def mixture_posterior(
    X: CsrParts,
    tokens: TermTopics,
    sizes: NDArray[np.int64],
    alpha: float,
    beta: float,
    with_probabilities: bool,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]: ...

# indptr of the terms, topics, counts
TermTopics = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]

def latent_dirichlet_allocation(
    X: CsrParts,
    alpha: NDArray[np.float64],
    beta: float,
    n_iter: int,
    learns: bool,
    n_samples: int,
    background: TermTopics | None,
    seed: int,
    n_threads: int,
) -> tuple[TermTopics, int, NDArray[np.float64], float, float, int]: ...
def topic_mixtures(
    X: CsrParts,
    term_topics: TermTopics,
    totals: NDArray[np.int64],
    alpha: NDArray[np.float64],
    beta: float,
    max_iter: int,
    tol: float,
    n_threads: int,
) -> NDArray[np.float32]: ...
def mixture_log_likelihood(
    X: CsrParts,
    term_topics: TermTopics,
    totals: NDArray[np.int64],
    alpha: NDArray[np.float64],
    beta: float,
    mixtures: NDArray[np.float32],
    n_threads: int,
) -> NDArray[np.float64]: ...

# similarity
def cosine_top_k(
    X: object,  # RowsArgument, or a DLPack capsule of rows on the device
    Y: object,  # the same; None beside a capsule: X itself
    k: int,
    threshold: float,
    excluded: NDArray[np.int32] | None,
    n_threads: int,
    device: Device | None = ...,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
def jaccard_top_k(
    X: CsrParts,
    Y: CsrParts,
    k: int,
    threshold: float,
    excluded: NDArray[np.int32] | None,
    n_threads: int,
    device: Device | None = ...,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...
def identical_rows(X: RowsArgument, n_threads: int) -> NDArray[np.int32]: ...
def cosine_components(
    X: RowsArgument, threshold: float, n_threads: int, device: Device | None = ...
) -> NDArray[np.int32]: ...
def jaccard_components(
    X: RowsArgument, threshold: float, n_threads: int, device: Device | None = ...
) -> NDArray[np.int32]: ...
def minhash_components(
    X: RowsArgument,
    cosine: bool,
    threshold: float,
    n_bands: int,
    rows_per_band: int,
    seed: int,
    n_threads: int,
) -> NDArray[np.int32]: ...
def pair_similarities(
    X: RowsArgument, cosine: bool, first: NDArray[np.int32], second: NDArray[np.int32], n_threads: int
) -> NDArray[np.float32]: ...

# cluster
# labels, centers, inertia, n_iter, converged, candidates_per_row, filter
LloydRun = tuple[NDArray[np.int32], NDArray[np.float32], float, int, bool, float, str]

OnIteration = Callable[[int, int], None] | None
DataRange = tuple[int, int, NDArray[np.float32], NDArray[np.uint32], NDArray[np.uint32]]
# sums, cluster_weight, changed, scored, candidates, digits of the inertia and of the squared norms, filter
PassResult = tuple[
    NDArray[np.int64], NDArray[np.int64], int, int, int, NDArray[np.uint32], NDArray[np.uint32], str
]
# Changed labels, rows scored, candidates, inertia, squared norm, filter.
StreamedPass = tuple[int, int, int, NDArray[np.uint32], NDArray[np.uint32], str]

class Samples:
    def __init__(
        self, x: object, weight: NDArray[np.float64] | None, metric: str, n_threads: int
    ) -> None: ...
    def mean_feature_variance(self) -> float: ...
    def kmeans_plusplus(
        self, n_clusters: int, n_local_trials: int, seed: int, max_rows: int = ...
    ) -> NDArray[np.int64]: ...
    def kmeans_parallel(self, n_clusters: int, seed: int, max_rows: int = ...) -> NDArray[np.int64]: ...
    def lloyd(
        self,
        centers: NDArray[np.float32],
        max_iter: int,
        tol: float,
        on_iteration: OnIteration,
        tol_is_relative: bool = ...,
    ) -> LloydRun: ...
    def assign(self, centers: NDArray[np.float32], filter: str = ...) -> NDArray[np.int32]: ...
    def nearest_two(
        self, centers: NDArray[np.float32], filter: str = ...
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]: ...
    def distances(self, centers: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def inertia(self, centers: NDArray[np.float32], labels: NDArray[np.int32]) -> float: ...
    # labels, centers, cluster_weight, loss; with squared_norm also what is left of the centres in features that are
    # not here, and their squared norms
    def minibatch_step(
        self,
        centers: NDArray[np.float32],
        cluster_weight: NDArray[np.float64],
        squared_norm: NDArray[np.float64] | None = ...,
    ) -> tuple[
        NDArray[np.int32],
        NDArray[np.float32],
        NDArray[np.float64],
        float,
        NDArray[np.float64],
        NDArray[np.float64],
    ]: ...
    @property
    def n_samples(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    def data_range(self) -> DataRange: ...
    def squared_norm_digits(self) -> NDArray[np.uint32]: ...
    def feature_sums(self, feature_scale: NDArray[np.float64]) -> NDArray[np.int64]: ...
    def start_centers(self, centers: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def partial_step(
        self,
        centers: NDArray[np.float32],
        feature_scale: NDArray[np.float64],
        weight_scale: float,
        previous_labels: NDArray[np.int32],
        with_inertia: bool,
    ) -> tuple[
        NDArray[np.int32], NDArray[np.int64], NDArray[np.int64], int, int, int, NDArray[np.uint32], str
    ]: ...
    def moved_rows(
        self,
        n_clusters: int,
        feature_scale: NDArray[np.float64],
        weight_scale: float,
        source: NDArray[np.int32],
        target: NDArray[np.int32],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def new_centers(
        self,
        centers: NDArray[np.float32],
        feature_scale: NDArray[np.float64],
        weight_scale: float,
        sums: NDArray[np.int64],
        cluster_weight: NDArray[np.int64],
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]: ...
    def own_distances(
        self, centers: NDArray[np.float32], labels: NDArray[np.int32]
    ) -> NDArray[np.float64]: ...

class StreamedLloyd:
    def __init__(
        self, n_samples: int, n_clusters: int, is_sparse: bool, metric: str, *scales_and_threads: Any
    ) -> None: ...
    def start(self, centers: NDArray[np.float32], are_new: bool) -> None: ...
    def begin(self, is_last: bool) -> None: ...
    def add(self, block: Samples, first: int, labels: NDArray[np.int32]) -> None: ...
    def finish(self) -> StreamedPass: ...
    def cluster_weight(self) -> NDArray[np.int64]: ...
    def own_distances(self, block: Samples, labels: NDArray[np.int32]) -> NDArray[np.float64]: ...
    def update_centers(
        self, moved: Samples, source: NDArray[np.int32], target: NDArray[np.int32]
    ) -> NDArray[np.float64]: ...
    def centers(self) -> NDArray[np.float32]: ...
    def nonzero_centers(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]: ...

AnySamples = Samples | DeviceSamples

def integer_scales(
    largest: NDArray[np.float32], total_weight: float, metric: str
) -> tuple[NDArray[np.float64], float]: ...
def variance_from_sums(
    n_samples: int, squared_norm: float, sums: NDArray[np.int64], feature_scale: NDArray[np.float64]
) -> float: ...
def rows_to_seed_from(n_samples: int, n_clusters: int, seed: int) -> NDArray[np.int64]: ...
def seed_filter_bytes(n_features: int) -> int: ...
def linkage(
    distances: NDArray[np.float64], weights: NDArray[np.float64], method: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]: ...

# ---- text ---------------------------------------------------------------------------------------------------------

class Strings:
    def __init__(self, strings: list[Any] | tuple[Any, ...]) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, i: int) -> Any: ...
    @property
    def first_not_str(self) -> int: ...

TextDocuments = Strings | tuple[str, ...] | list[NDArray[Any]]

class TermList:
    def __init__(self, terms: Iterable[str]) -> None: ...
    def __len__(self) -> int: ...
    def to_list(self) -> list[str]: ...

class Vocabulary:
    def __init__(self, terms: TermList, joined: bool, stop_words: TermList) -> None: ...
    def __len__(self) -> int: ...
    def columns(self) -> NDArray[np.int32]: ...

class TermCounter:
    def __init__(
        self,
        analyzer: str,
        ngram_range: tuple[int, int],
        min_token_chars: int,
        lowercase: bool,
        strip_accents: str,
        stop_words: TermList,
        vocabulary: Vocabulary | None,
        keep_rows: bool,
    ) -> None: ...
    @property
    def n_documents(self) -> int: ...
    def add_documents(self, documents: TextDocuments, n_threads: int) -> None: ...
    def add_terms(self, terms: TextDocuments, offsets: NDArray[np.int64], n_threads: int) -> None: ...
    def add_totals(
        self,
        terms: TermList,
        document_frequency: NDArray[np.int64],
        term_frequency: NDArray[np.int64],
        n_documents: int,
        joined: bool,
    ) -> None: ...
    def add_counter(self, other: TermCounter, n_threads: int) -> None: ...
    def merge(self, n_threads: int) -> None: ...
    def sort_by_text(self, ids: NDArray[np.uint32], n_threads: int) -> NDArray[np.uint32]: ...
    def texts(self, ids: NDArray[np.uint32], n_threads: int) -> TermList: ...
    def select(self, least: float, most: float, n_threads: int) -> NDArray[np.uint32]: ...
    def frequencies(
        self, ids: NDArray[np.uint32], n_threads: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def rows(
        self,
        ids: NDArray[np.uint32],
        dtype: str,
        tf: str,
        norm: str,
        idf: NDArray[np.float64] | None,
        n_threads: int,
    ) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int64]]: ...

def inverse_document_frequency(
    document_frequency: NDArray[np.int64], n_documents: int, smooth: bool
) -> NDArray[np.float64]: ...
def weight_rows(
    data: NDArray[Any],
    indices: NDArray[np.int32],
    indptr: NDArray[np.int64],
    tf: str,
    norm: str,
    idf: NDArray[np.float64] | None,
    n_threads: int,
) -> None: ...
def term_sequences(
    documents: TextDocuments,
    min_token_chars: int,
    lowercase: bool,
    strip_accents: str,
    vocabulary: Vocabulary,
    first_row: int,
    n_threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...
def hash_documents(
    documents: TextDocuments,
    analyzer: str,
    ngram_range: tuple[int, int],
    min_token_chars: int,
    lowercase: bool,
    strip_accents: str,
    stop_words: TermList,
    n_features: int,
    alternate_sign: bool,
    binary: bool,
    norm: str,
    dtype: str,
    n_threads: int,
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int64]]: ...
def hash_terms(
    terms: TextDocuments,
    offsets: NDArray[np.int64],
    n_features: int,
    alternate_sign: bool,
    binary: bool,
    norm: str,
    dtype: str,
    n_threads: int,
) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int64]]: ...
