"""Who is told about the iterations of a fit, and that listening changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie._iterations import iterations_told_to
from coterie.cluster import KMeans, choose_n_clusters

X = np.random.default_rng(0).random((400, 5), dtype=np.float32)


def bits(model: KMeans) -> list[bytes]:
    return [
        np.asarray(a).tobytes()
        for a in (model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_)
    ]


@pytest.mark.parametrize("options", [{}, {"memory_limit": "60MB"}, {"n_init": 3}])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_each_iteration_is_told_and_the_bits_stay(options: dict[str, object], form: type) -> None:
    kmeans = KMeans(7, random_state=0, tol=0, **options)
    silent = bits(kmeans.fit(form(X)))
    told: list[tuple[int, int, int]] = []
    with iterations_told_to(lambda *iteration: told.append(iteration)):
        assert bits(kmeans.fit(form(X))) == silent
    assert told[0] == (1, 400, 400)
    runs = "".join("\n" if i == 1 else "." for i, _, _ in told).split()
    assert len([i for i, _, _ in told if i == 1]) == options.get("n_init", 1)
    assert kmeans.n_iter_ in [len(run) + 1 for run in runs]
    assert all(0 <= changed <= n == 400 for _, changed, n in told)
    assert told[-1][1] == 0
    n_told = len(told)
    kmeans.fit(form(X))
    assert len(told) == n_told  # nobody listens any more


def test_verbose_prints_beside_a_listener(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[int] = []
    with iterations_told_to(lambda iteration, *_: told.append(iteration)):
        KMeans(3, random_state=0, verbose=1).fit(X)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in printed[:-1]] == [f"Iteration {i}" for i in told]


def test_an_error_of_the_listener_ends_the_fit() -> None:
    def listen(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), iterations_told_to(listen):
        KMeans(3, random_state=0).fit(X)


def test_the_search_for_a_number_of_clusters_is_not_told() -> None:
    told: list[int] = []
    with iterations_told_to(lambda iteration, *_: told.append(iteration)):
        choose_n_clusters(X, metric="euclidean", k_max=3, random_state=0)
    assert not told
