"""KMeans over rows that are read in every iteration: the bits of the fit in memory, whatever the rows come from."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import make_blobs

from coterie import KMeans
from coterie.cluster import RowFiles
from coterie.cluster._blocks import BlockSize, parse_bytes, read_blocks
from coterie.cluster._sources import CallableRows

N_ROWS, N_FEATURES = 3001, 12
SPLITS = (0, 700, 701, 1900, N_ROWS)


def rows_of(n=N_ROWS, d=N_FEATURES, seed=0):
    X, _ = make_blobs(n, d, centers=9, cluster_std=4, random_state=seed)
    return X.astype(np.float32)


X = rows_of()


def bits(model):
    fitted = model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_
    return [np.asarray(a).tobytes() for a in fitted]


def pieces(rows=X):
    return [rows[a:b] for a, b in itertools.pairwise(SPLITS)]


def fit_in_least_memory(model, rows, **options):
    """Fit in blocks of the fewest rows: raise the limit to what each refusal asks for."""
    limit = 1
    while True:
        try:
            return model.set_params(memory_limit=limit).fit(rows, **options)
        except ValueError as error:
            needed = re.search("at least ([0-9]+) bytes are needed", str(error))
            if needed is None or int(needed[1]) <= limit:
                raise
            limit = int(needed[1])


def npy_files(folder, parts):
    paths = [folder / f"part-{i}.npy" for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        np.save(path, part)
    return paths


def parquet_file(folder):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), N_FEATURES)
    table = pa.table({"id": pa.array(range(N_ROWS)), "embedding": lists})
    parquet.write_table(table, folder / "rows.parquet", row_group_size=800)
    return folder / "rows.parquet"


def arrow_file(folder):
    pa = pytest.importorskip("pyarrow")
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), N_FEATURES)
    table = pa.table({"embedding": lists})
    with pa.ipc.new_file(str(folder / "rows.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=900)
    return folder / "rows.arrow"


def memory_map(folder):
    np.save(folder / "all.npy", X)
    return np.load(folder / "all.npy", mmap_mode="r")


SOURCES = {
    "array": lambda folder: X,
    "memory map": memory_map,
    "npy files": lambda folder: npy_files(folder, pieces()),
    "folder": lambda folder: str(npy_files(folder, pieces())[0].parent),
    "float64, Fortran order, big endian": lambda folder: npy_files(
        folder, [X[:900].astype(np.float64), np.asfortranarray(X[900:2000]), X[2000:].astype(">f4")]
    ),
    "parquet": parquet_file,
    "arrow": arrow_file,
    "callable": lambda folder: lambda: (part for part in pieces()),
    "callable of lists": lambda folder: lambda: [X[:5].tolist(), X[5:]],
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_bits_of_the_fit_in_memory(name, tmp_path):
    expected = bits(KMeans(9, random_state=0).fit(X))
    source = SOURCES[name](tmp_path)
    streamed = fit_in_least_memory(KMeans(9, random_state=0), source)
    assert bits(streamed) == expected
    assert streamed.n_features_in_ == N_FEATURES
    np.testing.assert_array_equal(streamed.predict(X), streamed.labels_)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("init", ["k-means++", "random", "array"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_way_to_start_gives_the_same_bits(metric, init, weighted, every_n_threads):
    weight = np.random.default_rng(0).random(N_ROWS) if weighted else None
    if weighted:
        weight[:600] = 0  # a block without weight
    start = X[:7] if init == "array" else init
    options = {
        "init": start,
        "n_init": 1 if init == "array" else 2,
        "metric": metric,
        "random_state": 4,
        "max_iter": 6,
    }
    expected = bits(KMeans(7, **options).fit(X, sample_weight=weight))
    for n_threads in every_n_threads:
        model = KMeans(7, n_threads=n_threads, **options)
        assert bits(fit_in_least_memory(model, lambda: pieces(), sample_weight=weight)) == expected


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_blocks(metric):
    S = sp.random(900, 70, density=0.1, format="csr", dtype=np.float32, random_state=0)
    expected = bits(KMeans(6, metric=metric, random_state=1).fit(S))
    model = KMeans(6, metric=metric, random_state=1)
    assert bits(model.fit(lambda: (S[a : a + 250] for a in range(0, 900, 250)))) == expected
    assert bits(fit_in_least_memory(model, S)) == expected


def test_seeds_are_drawn_from_the_same_sample_of_many_rows():
    many = rows_of(34_000, 3)
    expected = KMeans(4, random_state=0, max_iter=3).fit(many)
    streamed = KMeans(4, random_state=0, max_iter=3).fit(
        lambda: (many[a : a + 5000] for a in range(0, 34_000, 5000))
    )
    assert bits(streamed) == bits(expected)


@pytest.mark.parametrize("init", ["k-means++", "k-means||"])
def test_many_seeds_are_drawn_as_in_memory(init):
    X = rows_of(6000, 12)
    weight = np.random.default_rng(1).random(6000)
    options = {"init": init, "random_state": 0, "max_iter": 3}
    expected = KMeans(80, **options).fit(X, sample_weight=weight)
    streamed = KMeans(80, memory_limit="18MB", **options).fit(X, sample_weight=weight)
    assert bits(streamed) == bits(expected)


def test_empty_clusters_take_the_farthest_rows():
    start = np.repeat(X[:1], 8, axis=0)  # seven of eight start empty
    expected = KMeans(8, init=start).fit(X)
    assert len(set(expected.labels_)) == 8
    assert bits(fit_in_least_memory(KMeans(8, init=start), lambda: pieces())) == bits(expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_more_clusters_than_distinct_rows():
    few = np.repeat(np.eye(2, dtype=np.float32), 50, axis=0)
    expected = KMeans(5, random_state=0).fit(few)
    assert bits(KMeans(5, random_state=0).fit(lambda: [few[:30], few[30:]])) == bits(expected)


class TestMemory:
    def test_a_limit_that_is_too_small_says_what_is_needed(self):
        words = (
            r"memory_limit=1000000 bytes is too small for n_clusters=9 and 12 features: at least \d+ bytes"
        )
        with pytest.raises(ValueError, match=words):
            KMeans(9, memory_limit="1MB").fit(X)

    @pytest.mark.parametrize("rows", [X, sp.csr_array(X)])
    @pytest.mark.parametrize("most", [256, 700, 5000])
    def test_blocks_are_no_larger_than_asked_for(self, rows, most):
        parts = [rows[a:b] for a, b in itertools.pairwise(SPLITS)]
        blocks = list(read_blocks(CallableRows(lambda: parts), BlockSize(most)))
        assert max(block.shape[0] for block in blocks) <= most
        joined = sp.vstack(blocks).toarray() if sp.issparse(rows) else np.concatenate(blocks)
        np.testing.assert_array_equal(joined, X)

    @pytest.mark.parametrize(
        ("text", "size"), [("2GB", 2 * 10**9), ("512 MiB", 512 << 20), ("1.5k", 1500), (7, 7), (None, None)]
    )
    def test_sizes(self, text, size):
        assert parse_bytes("memory_limit", text) == size

    @pytest.mark.parametrize(
        ("limit", "error", "words"),
        [
            ("much", ValueError, "memory_limit must be bytes or a size"),
            (0, ValueError, "memory_limit must be > 0; got 0"),
            (2.5, TypeError, "memory_limit must be an integer"),
            (True, TypeError, "memory_limit must be an integer"),
        ],
    )
    def test_not_a_size(self, limit, error, words):
        with pytest.raises(error, match=words):
            KMeans(3, memory_limit=limit).fit(X)

    def test_the_limit_holds(self, tmp_path):
        """A process that fits 120 MB of rows within 60 MB grows by no more than that."""
        wide = np.random.default_rng(0).standard_normal((30_000, 1000), np.float32)
        npy_files(tmp_path, np.array_split(wide, 3))
        del wide
        program = (
            "import sys, numpy as np; from coterie import KMeans\n"
            "start = np.eye(3, 1000, dtype=np.float32)\n"
            "model = KMeans(3, init=start, tol=0, max_iter=2, n_threads=2, memory_limit='60MB')\n"
            "KMeans(3, init=start, max_iter=1).fit(np.ones((4, 1000)))\n"
            "from coterie.compare._memory import peak_memory; before = peak_memory()\n"
            "model.fit(sys.argv[1])\n"
            "print(peak_memory() - before)\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
        )
        assert 0 < int(run.stdout) < 60e6


class TestFaults:
    def test_shards_of_different_widths_are_both_named(self, tmp_path):
        npy_files(tmp_path, [X[:50], X[50:90, :7]])
        with pytest.raises(ValueError, match=r"part-1.npy has 7 features, .*part-0.npy has 12"):
            KMeans(3).fit(tmp_path)
        with pytest.raises(ValueError, match=r"block 1 has 7 features, block 0 has 12"):
            KMeans(3).fit(lambda: [X[:50], X[50:90, :7]])

    def test_a_shard_that_disappears_is_named(self, tmp_path):
        paths = npy_files(tmp_path, pieces())
        files, n_passes = RowFiles(paths), 0

        def blocks():
            nonlocal n_passes
            n_passes += 1
            if n_passes == 4:
                paths[2].unlink()
            return (rows for _, rows in files.blocks(500))

        with pytest.raises(FileNotFoundError, match=r"file of rows disappeared: .*part-2.npy"):
            KMeans(9, random_state=0).fit(blocks)

    def test_a_file_cut_short_is_named(self, tmp_path):
        (path,) = npy_files(tmp_path, [X])
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(ValueError, match=r"part-0.npy' ends within row \d+ of \(3001, "):
            KMeans(3).fit(path)

    @pytest.mark.parametrize(("make", "part"), [(np.ascontiguousarray, "row"), (np.asfortranarray, "column")])
    def test_a_file_cut_short_while_it_is_read_is_named(self, tmp_path, make, part):
        (path,) = npy_files(tmp_path, [make(X)])
        blocks = RowFiles(path).blocks(500)
        next(blocks)
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(ValueError, match=rf"part-0.npy' ends within {part} \d+ of \(3001, "):
            list(blocks)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_value_that_is_not_finite_is_named_by_its_row_in_the_whole(self, value):
        bad = X.copy()
        bad[2987, 4] = value
        with pytest.raises(ValueError, match=rf"X\[2987, 4\]={value}"):
            fit_in_least_memory(KMeans(3), lambda: pieces(bad))

    def test_the_row_is_named_beyond_millions_of_rows(self):
        block = np.ones((100_000, 2), np.float32)
        block[::2] = 0
        bad = block[:9].copy()
        bad[1, 1] = np.nan
        with pytest.raises(ValueError, match=r"X\[7000001, 1\]=nan"):
            KMeans(2, init=block[:2]).fit(lambda: itertools.chain(itertools.repeat(block, 70), [bad]))

    def test_float64_beyond_float32_is_refused(self):
        bad = X.astype(np.float64)
        bad[2000, 1] = 1e300
        with pytest.raises(ValueError, match=r"X\[2000, 1\]=inf"):
            KMeans(3).fit(lambda: pieces(bad))

    @pytest.mark.parametrize("n_later", [N_ROWS - 1, N_ROWS + 1, 0])
    def test_another_number_of_rows_in_a_later_pass(self, n_later):
        n_passes = 0

        def blocks():
            nonlocal n_passes
            n_passes += 1
            return [X] if n_passes <= 3 else [np.resize(X, (n_later, N_FEATURES))]

        with pytest.raises(
            ValueError, match=rf"X gave (at least )?{n_later} rows in a later pass and 3001 in the first"
        ):
            KMeans(3, random_state=0).fit(blocks)

    @pytest.mark.parametrize("first_changed", [4, 7])
    def test_other_rows_in_a_later_pass(self, first_changed):
        n_passes = 0

        def blocks():
            nonlocal n_passes
            n_passes += 1
            changed = X.copy()
            changed[2000, 3] += 1
            return [X if n_passes < first_changed else changed]

        with pytest.raises(ValueError, match="X gave other rows in a later pass than in the first"):
            KMeans(3, random_state=0).fit(blocks)
        assert n_passes >= first_changed

    def test_an_iterator_that_cannot_restart(self):
        spent = iter(pieces())
        with pytest.raises(ValueError, match="X gave"):
            KMeans(3).fit(lambda: spent)

    def test_exceptions_of_the_reader_are_carried_out(self):
        def blocks():
            yield X[:100]
            raise ConnectionError("the store is gone")

        with pytest.raises(ConnectionError, match="the store is gone"):
            KMeans(3).fit(blocks)
        assert not [t for t in threading.enumerate() if t.name == "coterie-reader"]

    @pytest.mark.parametrize(
        ("rows", "error", "words"),
        [
            (list, ValueError, "X gave no row"),
            (lambda: [X[:2]], ValueError, "n_samples=2 should be >= n_clusters=3"),
            (lambda: [X[0]], ValueError, "block 0 must have two dimensions"),
            (lambda: [np.array([["a"]])], ValueError, "block 0 must hold numbers"),
            ("nowhere.npy", FileNotFoundError, "no such file of rows: 'nowhere.npy'"),
            (["rows.txt"], ValueError, "file 'rows.txt' must be .npy"),
        ],
    )
    def test_what_is_no_source(self, rows, error, words):
        with pytest.raises(error, match=words):
            KMeans(3).fit(rows)

    def test_files_without_rows_to_read(self, tmp_path):
        with pytest.raises(ValueError, match=r"has no \.npy, \.npz, Parquet or Arrow file"):
            KMeans(3).fit(tmp_path)
        np.save(tmp_path / "flat.npy", X[0])
        with pytest.raises(ValueError, match=r"flat\.npy' must hold a two-dimensional array"):
            KMeans(3).fit(tmp_path)

    def test_columns_are_chosen_by_name(self, tmp_path):
        pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        lists = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), N_FEATURES)
        doubled = pa.FixedSizeListArray.from_arrays(pa.array((2 * X).ravel()), N_FEATURES)
        parquet.write_table(pa.table({"a": lists, "b": doubled}), tmp_path / "two.parquet")
        with pytest.raises(ValueError, match=r"must have one column of lists; it has \['a', 'b'\]"):
            KMeans(3).fit(tmp_path)
        with pytest.raises(ValueError, match=r"no column of lists 'c'; it has \['a', 'b'\]"):
            KMeans(3).fit(RowFiles(tmp_path, column="c"))
        model = KMeans(3, random_state=0).fit(RowFiles(tmp_path, column="b"))
        assert bits(model) == bits(KMeans(3, random_state=0).fit(2 * X))

    def test_init_callables_need_the_rows(self):
        with pytest.raises(
            TypeError, match="init must be a name or an array of centres for X that is streamed"
        ):
            KMeans(3, init=lambda X, k, random_state: X[:k], n_init=1).fit(lambda: pieces())


def test_interrupt_ends_an_endless_pass():
    def blocks():
        for i in itertools.count():
            if i == 20:
                os.kill(os.getpid(), signal.SIGINT)
            yield X

    with pytest.raises(KeyboardInterrupt):
        KMeans(9).fit(blocks)


def test_interrupt_does_not_wait_for_a_source_that_hangs():
    waiting = threading.Event()

    def blocks():
        yield X
        os.kill(os.getpid(), signal.SIGINT)
        waiting.wait(600)

    with pytest.raises(KeyboardInterrupt):
        KMeans(9).fit(blocks)
    assert [t for t in threading.enumerate() if t.name == "coterie-reader"]  # still there, and left behind
    waiting.set()
