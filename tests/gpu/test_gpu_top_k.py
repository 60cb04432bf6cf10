"""Neighbours on a GPU have the bits of the CPU: the cases of the emulation, and larger ones."""

import pytest

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
