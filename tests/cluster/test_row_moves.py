"""RowMoves: every change of a sum comes once, cluster by cluster, and no two tasks write the same cache line."""

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
CPP = HERE.parents[1] / "cpp"
SUMS_IN_LINE = 8


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    path = tmp_path_factory.mktemp("row_moves") / "row_moves"
    sources = [str(HERE / "row_moves_by_hand.cpp"), str(CPP / "cluster/row_moves.cpp")]
    subprocess.run([compiler, "-std=c++20", "-O0", f"-I{CPP}", *sources, "-o", str(path)], check=True)
    return path


def row_moves(program, indptr, rows, labels, members, k, borders):
    numbers = [len(labels), len(rows), k, len(borders), *indptr, *rows, *labels, *members, *borders]
    given = " ".join(map(str, numbers))
    lines = subprocess.run([program], input=given, capture_output=True, text=True, check=True).stdout
    found = {"move": [], "task": []}
    for line in lines.splitlines():
        kind, *values = line.split()
        found[kind].append(tuple(map(int, values)))
    return found["move"], found["task"]


@pytest.mark.parametrize("n_moved", [0, 1, 60])
@pytest.mark.parametrize("borders", [[0, 50], [0, 10, 11, 40, 50]])
@pytest.mark.parametrize("k", [1, 8, 19])
def test_each_change_is_in_one_task(program, n_moved, borders, k):
    rng = np.random.default_rng([n_moved, len(borders), k])
    n, n_features = 60, borders[-1]
    nnz = rng.integers(1, 9, n)
    labels = np.where(rng.random(n) < 0.5, 0, rng.integers(0, k, n))  # one cluster gets half of the rows
    members = rng.integers(-1, k, n)
    rows = np.sort(rng.choice(n, n_moved, replace=False))
    indptr = np.concatenate([[0], np.cumsum(nnz)])

    moves, tasks = row_moves(program, indptr, rows, labels, members, k, borders)

    gets = [(row, labels[row], 0) for row in rows]
    gives = [(row, members[row], 1) for row in rows if members[row] >= 0]
    assert moves == sorted(gets + gives, key=lambda move: (move[1], move[0], move[2]))
    writes = np.zeros((len(moves), n_features), dtype=int)
    for begin, end, first, last in tasks:
        writes[begin:end, first:last] += 1
        assert len({moves[m][1] // SUMS_IN_LINE for m in range(begin, end)}) == 1  # the clusters of one line
    assert (writes == 1).all()
    for one, next_one in pairwise(tasks):
        assert one[1] == next_one[0] or (one[:2] == next_one[:2] and one[3] == next_one[2])


def test_only_a_line_with_a_large_share_is_cut(program):
    labels, members = [0] * 9 + [8], [-1] * 10
    _, tasks = row_moves(program, range(11), range(10), labels, members, 16, [0, 10, 20, 30, 40])
    assert tasks == [(0, 9, 0, 10), (0, 9, 10, 20), (0, 9, 20, 30), (0, 9, 30, 40), (9, 10, 0, 40)]
