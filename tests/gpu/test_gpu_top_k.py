"""Neighbours on a GPU have the bits of the CPU: the cases of the emulation, and larger ones."""

import numpy as np
import pytest
import scipy.sparse as sp

from coterie.similarity import cosine_top_k
from tests.device import top_k_cases as cases

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("shape", cases.SHAPES)
def test_every_size_of_searches(device, make, shape):
    n, m, d, k = shape
    cases.check_pair(make("normal", n, d), make("normal", m, d, seed=1), k, "cuda")


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("kind", [kind for kind in cases.KINDS if kind != "huge"])
def test_adversarial_searches(device, make, kind):
    cases.check_pair(make(kind, 1200, 100), make(kind, 1500, 100, seed=1), 20, "cuda")


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("threshold", [-0.1, 0.0, 0.3])
def test_thresholds_of_searches(device, make, threshold):
    cases.check_pair(make("duplicates", 1300, 60), make("normal", 1400, 60, seed=1), 12, "cuda", threshold)


@pytest.mark.parametrize(("make", "d"), [(cases.dense, 384), (cases.sparse, 1000)])
def test_large_searches(device, make, d):
    cases.check_pair(make("normal", 5000, d), make("normal", 30_000, d, seed=1), 10, "cuda")


@pytest.mark.parametrize("make", [cases.dense, cases.sparse])
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.9])
def test_all_that_reach_a_threshold(device, make, threshold):
    cases.check_pair(make("duplicates", 1300, 60), make("normal", 2500, 60, seed=1), None, "cuda", threshold)


@pytest.mark.parametrize("threshold", [0.5, 0.9, 0.97, 1.0])
def test_near_duplicates(device, threshold):
    X = cases.near_copies(6000, 64)
    cases.check_groups(X, threshold, "cuda")
    cases.check_groups(sp.csr_array(X), threshold, "cuda")


def test_more_pairs_than_there_is_room_for(device):
    cases.check_groups(
        np.vstack([np.eye(2, 8, dtype=np.float32)[[i % 2]] + i / 1e6 for i in range(6000)]), 0.5, "cuda"
    )


@pytest.mark.parametrize("k", [10, None])
def test_tensors_are_searched_where_they_lie(device, k):
    torch = pytest.importorskip("torch")
    X, Y = cases.dense("normal", 3000, 48), cases.dense("normal", 9000, 48, seed=1)
    wide = torch.from_numpy(np.hstack([X, X])).cuda()
    there = torch.from_numpy(Y).cuda()
    for rows, others, host in ((wide[:, :48], there, Y), (there, None, None)):
        here = cosine_top_k(X if others is not None else Y, host, k=k, threshold=0.3)
        cases.assert_same(here, cosine_top_k(rows, others, k=k, threshold=0.3, device="auto"))
