"""KMeans over CSR shards on disk: the bits of the fit in memory, in memory that the stored elements decide."""

import itertools
import subprocess
import sys
import tracemalloc
import types
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans
from coterie.cluster import RowFiles
from coterie.cluster._blocks import BlockSize, read_blocks, sparse_block_size
from coterie.cluster._checkpoint import Checkpoint
from coterie.cluster._sources import ArrayRows

N_ROWS, N_FEATURES = 1200, 300
SPLITS = (0, 1, 400, 400, 1100, N_ROWS)


def sparse_rows(n=N_ROWS, d=N_FEATURES, seed=0):
    rng = np.random.default_rng(seed)
    dense = rng.random((n, d)) * (rng.random((n, d)) < 0.03)
    dense[np.arange(n), rng.integers(0, 9, n)] = 3  # nine groups
    dense[5] = 0
    return sp.csr_array(dense.astype(np.float32))


X = sparse_rows()


def bits(model):
    fitted = model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_
    return [np.asarray(a).tobytes() for a in fitted]


def npz_files(folder, rows=X, compressed=False):
    for i, (a, b) in enumerate(itertools.pairwise(SPLITS)):
        sp.save_npz(folder / f"rows-{i}.npz", rows[a:b], compressed=compressed)
    return folder


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [2, 9, 33])
@pytest.mark.parametrize("compressed", [False, True])
def test_shards_give_the_bits_of_the_fit_in_memory(metric, k, compressed, tmp_path, every_n_threads):
    options = {"metric": metric, "random_state": 3, "max_iter": 8}
    expected = bits(KMeans(k, **options).fit(X))
    folder = npz_files(tmp_path, compressed=compressed)
    for n_threads in every_n_threads:
        assert bits(KMeans(k, n_threads=n_threads, memory_limit="60MB", **options).fit(folder)) == expected
    assert bits(KMeans(k, checkpoint=tmp_path / "state", resume=True, **options).fit(folder)) == expected


@pytest.mark.filterwarnings("ignore:only .* of n_clusters=150 clusters have rows")
class TestManyClusters:
    """More than 128, whose rows keep bounds from the first pass on, and some of them empty at the start."""

    K = 150
    X = sp.csr_array(
        sp.random_array((N_ROWS, 40), density=0.1, rng=np.random.default_rng(5), dtype=np.float32)
    )
    START = np.vstack([X[:100].toarray(), X[50:100].toarray() * np.float32(0.5)])
    OPTIONS = types.MappingProxyType({"init": START, "max_iter": 12, "tol": 0})
    WEIGHT = np.random.default_rng(1).integers(0, 4, N_ROWS) / 2

    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    @pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
    def test_any_blocks_give_the_bits_of_the_fit_in_memory(
        self, metric, weight, every_n_threads, monkeypatch
    ):
        options = {"metric": metric, **self.OPTIONS}
        expected = bits(KMeans(self.K, **options).fit(self.X, sample_weight=weight))
        for n_rows, n_threads in itertools.product((7, 500, N_ROWS), every_n_threads):
            size = BlockSize(n_rows)
            monkeypatch.setattr("coterie.cluster._stream.sparse_block_size", lambda *_, size=size: size)
            model = KMeans(self.K, n_threads=n_threads, memory_limit="1GB", **options)
            assert bits(model.fit(self.X, sample_weight=weight)) == expected

    def test_several_starts(self):
        options = {"n_init": 3, "random_state": 0, "max_iter": 4}
        assert bits(KMeans(self.K, memory_limit="60MB", **options).fit(self.X)) == bits(
            KMeans(self.K, **options).fit(self.X)
        )

    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    @pytest.mark.parametrize("stopped_after", [1, 3])
    def test_stopped_and_resumed(self, metric, stopped_after, tmp_path, monkeypatch):
        options = {"metric": metric, **self.OPTIONS}
        expected = KMeans(self.K, **options).fit(self.X)
        assert expected.n_iter_ > 5
        saved = []

        def stopping(checkpoint, state, save=Checkpoint.save):
            save(checkpoint, state)
            saved.append(state.lloyd.n_iter)
            if len(saved) == stopped_after:
                raise KeyboardInterrupt

        model = KMeans(self.K, checkpoint=tmp_path, resume=True, **options)
        monkeypatch.setattr(Checkpoint, "save", stopping)
        with pytest.raises(KeyboardInterrupt):
            model.fit(self.X)
        assert bits(model.fit(self.X)) == bits(expected)


@pytest.mark.parametrize(
    "most", [BlockSize(1), BlockSize(500, 1), BlockSize(300, 700), BlockSize(5000, 10**6)]
)
def test_blocks_hold_no_more_elements_than_asked_for(most):
    blocks = list(read_blocks(ArrayRows(X), most))
    for block in blocks:
        assert block.shape[0] <= most.rows
        assert most.nonzeros is None or block.shape[0] == 1 or block.nnz <= most.nonzeros
    joined = sp.vstack(blocks)
    np.testing.assert_array_equal(joined.toarray(), X.toarray())


def test_a_limit_counts_stored_elements_and_not_width():
    wide = sp.csr_array((X.data, X.indices * 3000, X.indptr), shape=(N_ROWS, N_FEATURES * 3000))
    start = wide[:1].toarray()
    options = {"init": start, "max_iter": 2}
    streamed = KMeans(1, memory_limit="250MB", **options).fit(wide)  # 256 dense rows would take 900 MB
    assert bits(streamed) == bits(KMeans(1, **options).fit(wide))


def test_block_sizes():
    with pytest.raises(ValueError, match=r"memory_limit=1000 bytes is too small for it: at least \d+ bytes"):
        sparse_block_size(1000, 500, 10.0, 100, "for it")
    small = sparse_block_size(10**6, 0, 10.0, 100, "for it")
    assert small.rows * (10 * 40 + 120) <= 10**6
    assert small.nonzeros <= small.rows * 10
    # Packing the centres of a feature for a block costs what few of its elements do.
    assert sparse_block_size(None, 0, 10.0, 10**9, "for it").nonzeros == 16 * 10**9


@pytest.mark.slow
def test_the_limit_holds(tmp_path):
    """A process that fits three shards of 16 MB each, one of them packed, within 45 MB grows by no more than that."""
    n, per_row = 40_000, 50
    indices = np.sort(np.random.default_rng(0).integers(0, 2000, (n, per_row), dtype=np.int32), axis=1)
    places = np.arange(0, n * per_row + 1, per_row)
    rows = sp.csr_array((np.ones(n * per_row, np.float32), indices.ravel(), places), shape=(n, 2000))
    for shard in range(3):
        sp.save_npz(tmp_path / f"rows-{shard}.npz", rows, compressed=shard == 1)
    program = (
        "import sys, numpy as np, scipy.sparse as sp; from coterie import KMeans\n"
        "start = np.eye(3, 2000, dtype=np.float32)\n"
        "KMeans(3, init=start, max_iter=1).fit(sp.csr_array(np.ones((4, 2000), np.float32)))\n"
        "from coterie.compare._memory import peak_memory; before = peak_memory()\n"
        "KMeans(3, init=start, tol=0, max_iter=2, n_threads=2, memory_limit='45MB').fit(sys.argv[1])\n"
        "print(peak_memory() - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert 0 < int(run.stdout) < 45e6


@pytest.mark.slow
def test_the_limit_holds_for_many_centres(tmp_path):
    """The least limit that is taken, for 200 centres of 20,000 features, holds over two starts with checkpoints."""
    indices = np.sort(np.random.default_rng(0).integers(0, 20_000, (20_000, 20), dtype=np.int32), axis=1)
    places = np.arange(0, indices.size + 1, 20)
    rows = (np.ones(indices.size, np.float32), indices.ravel(), places)
    sp.save_npz(tmp_path / "rows.npz", sp.csr_array(rows, shape=(20_000, 20_000)), compressed=False)
    program = (
        "import re, sys, numpy as np, scipy.sparse as sp; from coterie import KMeans\n"
        "options = {'init': 'random', 'n_init': 2, 'max_iter': 2, 'n_threads': 2}\n"
        "KMeans(3, **options).fit(sp.csr_array(np.eye(9, dtype=np.float32)))\n"
        "from coterie.compare._memory import peak_memory; before, limit = peak_memory(), 1000\n"
        "while True:\n"
        "    model = KMeans(200, memory_limit=limit, checkpoint=sys.argv[1] + '/state', **options)\n"
        "    try:\n"
        "        model.fit(sys.argv[1] + '/rows.npz')\n"
        "        break\n"
        "    except ValueError as error:\n"
        "        limit = int(re.search('at least ([0-9]+) bytes', str(error))[1])\n"
        "print(peak_memory() - before, limit)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    grown, limit = map(int, run.stdout.split())
    assert 60e6 < grown < limit < 160e6


class TestFiles:
    @pytest.mark.parametrize("compressed", [False, True])
    @pytest.mark.parametrize(("n", "stored"), [(1, None), (7, 30), (400, 1), (10**6, None), (10**6, 5000)])
    def test_blocks_are_the_rows_of_the_file(self, tmp_path, n, stored, compressed):
        wide = sp.csr_array((X.data.astype(np.float64), X.indices.astype(np.int64), X.indptr), shape=X.shape)
        wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
        sp.save_npz(tmp_path / "rows.npz", wide, compressed=compressed)
        blocks = [rows for _, rows in RowFiles(tmp_path).blocks(n, stored)]
        assert all(rows.dtype == np.float64 for rows in blocks)
        for rows in blocks:
            assert rows.shape[0] <= n
            assert stored is None or rows.shape[0] == 1 or rows.nnz <= stored
        if stored is not None:  # one row more would not fit
            for rows, after in itertools.pairwise(blocks):
                assert rows.shape[0] == n or rows.nnz + after[:1].nnz > stored
        joined = sp.csr_array(sp.vstack(blocks))
        for name in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(joined, name), getattr(X, name))

    @pytest.mark.parametrize("shape", [(0, 5), (3, 5), (3, 0)])
    def test_a_file_without_elements(self, tmp_path, shape):
        sp.save_npz(tmp_path / "rows.npz", sp.csr_array(shape, dtype=np.float32))
        assert [rows.shape for _, rows in RowFiles(tmp_path).blocks(100)] == [shape]

    def test_no_file_is_held_whole(self, tmp_path):
        """The arrays on the way from a file of 4 MB in blocks of 80 kB take less than 1 MB."""
        rows = sp.csr_array(sp.vstack([X] * 48))
        for compressed in (False, True):
            sp.save_npz(tmp_path / "rows.npz", rows, compressed=compressed)
            tracemalloc.start()
            try:
                assert sum(block.nnz for _, block in RowFiles(tmp_path).blocks(10**6, 10_000)) == rows.nnz
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert 80_000 < peak < 1e6 < rows.nnz * 8


class TestFaults:
    def test_a_shard_that_disappears_is_named(self, tmp_path):
        files = RowFiles(npz_files(tmp_path))
        (tmp_path / "rows-3.npz").unlink()
        with pytest.raises(FileNotFoundError, match=r"file of rows disappeared: .*rows-3\.npz"):
            KMeans(3).fit(files)

    def test_shards_of_different_widths_are_both_named(self, tmp_path):
        npz_files(tmp_path)
        sp.save_npz(tmp_path / "rows-4.npz", X[:, :290])
        with pytest.raises(ValueError, match=r"rows-4\.npz has 290 features, .*rows-0\.npz has 300"):
            KMeans(3).fit(tmp_path)

    def test_a_value_that_is_not_finite_is_named_by_its_row_in_the_whole(self, tmp_path):
        bad = X.copy()
        bad.data[bad.indptr[1150]] = np.nan
        column = bad.indices[bad.indptr[1150]]
        with pytest.raises(ValueError, match=rf"X\[1150, {column}\]=nan"):
            KMeans(3).fit(npz_files(tmp_path, bad))

    @pytest.mark.parametrize("size", [0, 30, 2000])
    def test_a_shard_cut_short_is_named(self, tmp_path, size):
        with open(npz_files(tmp_path) / "rows-3.npz", "r+b") as file:
            file.truncate(size)
        with pytest.raises(ValueError, match=r"rows-3\.npz' is no CSR matrix of scipy\.sparse\.save_npz"):
            KMeans(3).fit(tmp_path)

    @pytest.mark.parametrize("compressed", [False, True])
    def test_a_changed_byte_is_found(self, tmp_path, compressed):
        path = npz_files(tmp_path, compressed=compressed) / "rows-3.npz"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"rows-3\.npz' is no CSR matrix"):
            KMeans(3).fit(tmp_path)

    def test_other_matrices_and_wrong_indices_are_refused(self, tmp_path):
        sp.save_npz(tmp_path / "a.npz", X.tocsc())
        with pytest.raises(ValueError, match=r"a\.npz' is no CSR matrix .*: its format is csc, not csr"):
            KMeans(3).fit(tmp_path)
        wrong = X.copy()
        wrong.indices[3] = N_FEATURES
        sp.save_npz(tmp_path / "a.npz", wrong)
        with pytest.raises(ValueError, match=r"a\.npz' is no CSR matrix .*X\.indices must be within"):
            KMeans(3).fit(tmp_path)
        np.savez(tmp_path / "a.npz", values=np.ones(3))
        with pytest.raises(ValueError, match=r"a\.npz' is no CSR matrix"):
            KMeans(3).fit(tmp_path)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"shape": [N_ROWS + 1, N_FEATURES]}, "X.indptr must have 1202 elements"),
            ({"shape": [N_ROWS, -1]}, r"its shape is \(1200, -1\)"),
            ({"indptr": X.indptr + 1}, "it starts at 1"),
            ({"indptr": X.indptr[[0, 2, 1, *range(3, N_ROWS + 1)]]}, "X.indptr must not decrease"),
            ({"indptr": X.indptr * 2}, r"X.indptr ends at \d+, beyond the \d+ stored elements"),
            ({"data": X.data[:-1]}, r"X.indptr ends at \d+, beyond the \d+ stored elements"),
            ({"data": X.data[:, None]}, "X.data must be a list of numbers"),
            ({"data": X.data.astype("U1")}, "X.data must be a list of numbers; got <U1"),
            ({"indices": X.indices.astype(np.float32)}, "X.indices must be a list of numbers; got float32"),
            ({"indices": X.indices - 1}, r"X.indices must be within \[0, 300\); got -1"),
            (
                {"indices": X.indices + np.int64(1 << 32)},
                r"X.indices must be within \[0, 300\); got 4294967296",
            ),
        ],
    )
    def test_arrays_that_do_not_describe_a_matrix(self, tmp_path, changed, words):
        arrays = {"data": X.data, "indices": X.indices.astype(np.int64), "indptr": X.indptr, "shape": X.shape}
        np.savez(tmp_path / "a.npz", format=np.array(b"csr"), **(arrays | changed))
        with pytest.raises(
            ValueError, match=rf"a\.npz' is no CSR matrix of scipy\.sparse\.save_npz: .*{words}"
        ):
            KMeans(3, memory_limit="60MB").fit(tmp_path)

    def test_an_array_whose_header_promises_more_than_there_is(self, tmp_path):
        """Refused before an array of that size is asked for."""
        sp.save_npz(tmp_path / "a.npz", X, compressed=False)
        with zipfile.ZipFile(tmp_path / "a.npz") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        content = members["data.npy"]
        members["data.npy"] = content.replace(f"({X.nnz},)".encode(), f"({X.nnz * 10**10},)".encode())
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            for name, member in members.items():
                archive.writestr(name, member)
        with pytest.raises(ValueError, match=r"X\.data must have \d+ bytes; its archive has \d+"):
            KMeans(3).fit(tmp_path)

    def test_dense_and_sparse_files_do_not_mix(self, tmp_path):
        npz_files(tmp_path)
        np.save(tmp_path / "rows-9.npy", X[:50].toarray())
        with pytest.raises(
            ValueError, match=r"all dense or all sparse; .*rows-9\.npy is not as .*rows-0\.npz is"
        ):
            KMeans(3).fit(tmp_path)

    def test_the_archive_is_what_scipy_writes(self, tmp_path):
        with zipfile.ZipFile(npz_files(tmp_path) / "rows-3.npz") as archive:
            assert {"data.npy", "indices.npy", "indptr.npy"} <= set(archive.namelist())
