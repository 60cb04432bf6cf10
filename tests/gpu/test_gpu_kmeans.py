"""A GPU gives the bits of the CPU: the cases of the emulation, and sizes that only a GPU gets through."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans, _core
from tests.device import kmeans_cases as cases

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("shape", cases.SHAPES)
def test_every_size(device, shape, metric):
    X, centers = cases.rows_of("normal", *shape)
    cases.check_fit(X, centers, metric, device, n_iter=3)
    cases.check_distances(X, centers, metric, device)


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("kind", cases.KINDS)
def test_adversarial_rows(device, kind, metric):
    for n, d, k in ((200, 1, 21), (200, 70, 21), (3000, 100, 300), (5000, 384, 129)):
        X, centers = cases.rows_of(kind, n, d, k)
        cases.check_assignment(X, centers, metric, device)
        cases.check_distances(X[:400], centers, metric, device)
    cases.check_fit(X, centers, metric, device)


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("kind", cases.KINDS)
def test_adversarial_sparse_rows(device, kind, metric):
    for n, d, k in ((200, 60, 1), (200, 60, 150), (4000, 700, 130)):
        X, centers = cases.sparse_rows_of(kind, n, d, k)
        cases.check_assignment(X, centers, metric, device)
    cases.check_fit(X, centers, metric, device)


@pytest.mark.parametrize("metric", cases.METRICS)
def test_weights_and_empty_clusters(device, metric):
    random = np.random.default_rng(1)
    X, centers = cases.rows_of("small integers", 3000, 12, 30)
    centers[:7] = centers[7]
    cases.check_fit(X, centers, metric, device, random.integers(0, 4, 3000) / 3)


def test_wgmma_is_used_where_it_is(device):
    """On Hopper its own check must pass: where it does not, mma.sync takes over, and here that is a failure."""
    major, minor = _core.cuda_state()["devices"][device.index]["compute_capability"]
    used, why = _core.wgmma_state(device)
    built = "90a" in _core.cuda_state()["architectures"]
    assert used == ((major, minor) == (9, 0) and built), why


WITHOUT_WGMMA = """
from coterie import _core
from tests.device import kmeans_cases, top_k_cases
device = _core.Device("cuda")
assert not _core.wgmma_state(device)[0]
X, centers = kmeans_cases.rows_of("normal", 5000, 100, 300)
kmeans_cases.check_fit(X, centers, "euclidean", device)
top_k_cases.check_pair(X[:700], X, 9, "cuda")
"""


def test_without_wgmma_the_bits_are_the_same(device):
    """The products that every other device has, on this one; a process asks once which it uses."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "COTERIE_CUDA_WGMMA": "0"}
    command = [sys.executable, "-c", WITHOUT_WGMMA]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("metric", cases.METRICS)
@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0])
def test_rows_that_cannot_change_are_skipped(device, metric, spread):
    X, centers = cases.groups_of(60_000, 64, 200, spread)
    assert cases.check_skipping(X + 3, centers + 3, metric, device) < 1
    sparse = sp.csr_array(np.where(X > 0.5, X, 0).astype(np.float32))
    assert cases.check_skipping(sparse, centers, metric, device) < 1


@pytest.mark.parametrize("metric", cases.METRICS)
def test_seeds_are_the_rows_that_the_cpu_draws(device, metric):
    X, _ = cases.rows_of("normal", 40_000, 32, 1)
    weight = np.random.default_rng(2).random(40_000)
    cases.check_seeding(X, 50, metric, device)
    cases.check_seeding(X, 20, metric, device, weight, max_rows=5000)
    sparse, _ = cases.sparse_rows_of("normal", 20_000, 300, 1)
    cases.check_seeding(sparse, 30, metric, device)
    cases.check_seeding(sparse, 20, metric, device, weight[:20_000], max_rows=5000)


@pytest.mark.parametrize("metric", cases.METRICS)
def test_the_emulation_shows_what_the_gpu_does(device, metric):
    """Also where the CPU takes another path: the filter's own counts are bounded by the emulation's."""
    X, centers = cases.rows_of("normal", 700, 96, 140)
    emulated = _core.DeviceSamples(X, None, metric, _core.Device("emulated"), 1).lloyd(centers, 4, 0.0, None)
    found = _core.DeviceSamples(X, None, metric, device, 1).lloyd(centers, 4, 0.0, None)
    cases.assert_same_run(emulated, found)
    assert found[6] == emulated[6]


@pytest.mark.parametrize(("n", "d", "k"), [(100_000, 384, 1000), (60_000, 768, 4096), (300_000, 128, 100)])
def test_large_rows(device, n, d, k):
    random = np.random.default_rng(n)
    topics = random.standard_normal((k, d)).astype(np.float32)
    X = topics[random.integers(0, k, n)] + 1.5 * random.standard_normal((n, d), dtype=np.float32) + 2
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    cases.check_fit(X, X[:k].copy(), "euclidean", device, n_iter=4)


def test_the_same_run_again_has_the_same_bits(device):
    X, centers = cases.rows_of("normal", 50_000, 64, 200)
    samples = _core.DeviceSamples(X, None, "euclidean", device, 0)
    first = samples.lloyd(centers, 8, 0.0, None)
    for _ in range(5):
        cases.assert_same_run(first, samples.lloyd(centers, 8, 0.0, None))


def test_tensors_are_read_where_they_lie(device):
    torch = pytest.importorskip("torch")
    X, _ = cases.rows_of("normal", 5000, 48, 1)
    on_gpu = torch.from_numpy(X).cuda()
    here = KMeans(20, random_state=0).fit(X)
    there = KMeans(20, random_state=0, device="auto").fit(on_gpu)
    np.testing.assert_array_equal(here.labels_, there.labels_)
    np.testing.assert_array_equal(here.cluster_centers_, there.cluster_centers_)
    np.testing.assert_array_equal(here.predict(X), there.predict(on_gpu))
    wide = torch.from_numpy(np.hstack([X, X])).cuda()
    np.testing.assert_array_equal(here.predict(X), there.predict(wide[:, :48]))


def test_too_many_rows_for_the_memory_name_the_sizes(device):
    torch = pytest.importorskip("torch")
    held = torch.empty(device.free_memory - (1 << 30), dtype=torch.uint8, device="cuda")
    rows = np.zeros((1 << 19, 1024), np.float32)
    with pytest.raises(MemoryError, match=r"the rows take 2.00 GiB and .* GiB of .* GiB are free"):
        _core.DeviceSamples(rows, None, "euclidean", device, 0)
    assert held.numel() > 0
    del held
    torch.cuda.empty_cache()
