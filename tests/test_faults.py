"""Memory that runs out inside of an op, NumPy's too, and interpreters without a global lock."""

import os
import subprocess
import sys
import sysconfig
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import (
    DirichletMixture,
    KMeans,
    LatentDirichletAllocation,
    TfidfVectorizer,
    cosine_top_k,
    jaccard_top_k,
    near_duplicates,
)

PREPARE = """
import ctypes, gc, resource, sys
import numpy as np, scipy.sparse as sp
from coterie import KMeans, TfidfVectorizer, cosine_top_k
rng = np.random.default_rng(0)
dense = rng.standard_normal((12_000, 128), dtype=np.float32)
sparse = sp.csr_array(sp.random(6000, 3000, density=0.01, format="csr", dtype=np.float32, random_state=0))
texts = [" ".join(f"word{i * j % 9973}" for j in range(1, 60)) for i in range(6000)]
"""
OPS = {
    "TfidfVectorizer": "lambda: TfidfVectorizer(ngram_range=(1, 2), n_threads=2).fit_transform(texts).data",
    "KMeans": "lambda: KMeans(40, random_state=0, max_iter=3, n_threads=2).fit(dense).cluster_centers_",
    "KMeans on CSR": "lambda: KMeans(40, random_state=0, max_iter=3, n_threads=2).fit(sparse).cluster_centers_",
    "cosine_top_k on CSR": "lambda: cosine_top_k(sparse, k=9, n_threads=2).flat_indices",
}
# The address space ends so many bytes after what is mapped: each allocation in turn is the one that fails.
SWEEP = """
def mapped():
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

expected = op().tobytes()
op()
gc.collect()
before, refused, made = resident(), 0, 0
give_back = getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)  # glibc keeps what was freed mapped
for step in range(40):
    give_back(0)
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + (1 << 16) + step * step * 30_000, resource.RLIM_INFINITY))
    try:
        found = op().tobytes()
        assert found == expected, "other bits"
        made += 1
    except MemoryError:
        refused += 1
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    found = None
gc.collect()
assert op().tobytes() == expected, "broken afterwards"
print(refused, made, resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the size of an address space is read from /proc")
@pytest.mark.parametrize("name", OPS)
def test_memory_that_runs_out_is_a_memory_error(name):
    code = textwrap.dedent(PREPARE) + f"op = {OPS[name]}\n" + SWEEP
    # Freed memory goes back at once, so that the next allocation asks the system again.
    returns = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | returns, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused, made, grown = map(int, done.stdout.split())
    assert refused + made == 40
    assert refused > 0
    assert grown < 40e6  # what allocators keep, not forty times what an op takes


def test_estimators_shared_by_threads_answer_as_in_one():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3000, 24), dtype=np.float32)
    sparse = sp.csr_array(sp.random(2000, 300, density=0.05, format="csr", dtype=np.float32, random_state=0))
    texts = [f"word{i % 97} and word{i % 31} of word{i % 7}" for i in range(2000)]
    counts = (sparse[:500] * 9).ceil()
    kmeans = KMeans(12, random_state=0, n_threads=3).fit(rows)
    vectorizer = TfidfVectorizer(n_threads=2).fit(texts)
    ops = [
        lambda: kmeans.predict(rows).tobytes(),
        lambda: kmeans.predict_top_two(rows)[1].tobytes(),
        lambda: vectorizer.transform(texts).data.tobytes(),
        lambda: cosine_top_k(sparse, k=5, n_threads=2).flat_indices.tobytes(),
        lambda: near_duplicates(sparse, threshold=0.5, n_threads=4).labels.tobytes(),
        lambda: jaccard_top_k(sparse, k=5, n_threads=2).flat_similarities.tobytes(),
        lambda: LatentDirichletAllocation(4, max_iter=3, random_state=0).fit(counts).components_.tobytes(),
        lambda: DirichletMixture(9, max_iter=3, random_state=0).fit(counts).labels_.tobytes(),
        lambda: KMeans(5, random_state=0, max_iter=3).fit(lambda: [rows[:999], rows[999:]]).labels_.tobytes(),
    ]
    alone = [op() for op in ops]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda op: op(), ops * 8))
    assert together == alone * 8


def test_documents_may_be_replaced_by_another_thread_while_they_are_read():
    texts = [f"word{i % 97} and word{i % 31} of word{i % 7}" for i in range(500)]
    expected = TfidfVectorizer().fit_transform(texts)
    done = threading.Event()

    def replace():  # by equal strings, over and over
        while not done.is_set():
            for i, text in enumerate(texts):
                texts[i] = "".join(list(text))

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(replace) for _ in range(2)]
        try:
            found = [TfidfVectorizer().fit_transform(texts) for _ in range(10)]
        finally:
            done.set()
        assert [writer.result() for writer in writers] == [None, None]
    for X in found:
        assert X.data.tobytes() == expected.data.tobytes()
        assert X.indices.tobytes() == expected.indices.tobytes()


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter is no free-threaded build"
)
def test_the_module_leaves_a_free_threaded_interpreter_without_a_lock():
    """Python switches the lock on when it imports a module that does not declare to work without."""
    code = "import sys, coterie._core; print(sys._is_gil_enabled())"
    done = subprocess.run(
        [sys.executable, "-X", "gil=0", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
    code = "import sys, warnings; warnings.simplefilter('error'); import coterie._core; print(sys._is_gil_enabled())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
