"""A fit that was killed, wherever it was, ends with the bits of one that was not."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from coterie import KMeans

OPTIONS = {"n_clusters": 11, "n_init": 2, "random_state": 3, "tol": 0}

# Fits within a checkpoint folder and saves what came out. argv: rows, folder, output, what is to kill it: a name, or
# seconds of its own CPU time after its first checkpoint, which do not depend on what else the machine does.
PROGRAM = """
import os, signal, sys
import numpy as np
from coterie import KMeans
from coterie.cluster import _checkpoint
from tests.cluster.test_checkpoint import OPTIONS

rows, folder, output, where = sys.argv[1:]
n_saved = 0

def killing(function, before):
    def run(*args, **kwargs):
        global n_saved
        n_saved += 1
        if n_saved == 3 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        function(*args, **kwargs)
        if n_saved == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    return run

def killing_later(function, seconds):
    def run(*args, **kwargs):
        global n_saved
        n_saved += 1
        function(*args, **kwargs)
        if n_saved == 1:
            signal.setitimer(signal.ITIMER_PROF, seconds)
    return run

def half_savez(stream, **arrays):
    global n_saved
    n_saved += 1
    if n_saved == 3:
        stream.write(b"PK" + bytes(1000))
        stream.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    np_savez(stream, **arrays)

np_savez = np.savez
if where == "half written":
    np.savez = half_savez
elif where[0].isdigit():
    os.replace = killing_later(os.replace, float(where))
elif where != "nowhere":
    os.replace = killing(os.replace, where == "before the rename")
model = KMeans(checkpoint=folder, resume=True, memory_limit="60MB", **OPTIONS).fit(rows)
np.savez(output, labels=model.labels_, centers=model.cluster_centers_, inertia=model.inertia_, n_iter=model.n_iter_)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    X, _ = make_blobs(60_000, 10, centers=11, cluster_std=5, random_state=0)
    path = tmp_path_factory.mktemp("rows") / "rows.npy"
    np.save(path, X.astype(np.float32))
    return path


@pytest.fixture(scope="module")
def expected(rows):
    model = KMeans(**OPTIONS).fit(np.load(rows))
    assert model.n_iter_ > 8  # there is something to interrupt
    return model


def start(rows, folder, where):
    tests = Path(__file__).resolve().parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")]),
    }
    arguments = [sys.executable, "-c", PROGRAM, rows, folder / "checkpoint", folder / "out.npz", where]
    return subprocess.Popen([str(a) for a in arguments], env=environment)


def assert_same(folder, expected):
    with np.load(folder / "out.npz") as found:
        assert found["labels"].tobytes() == expected.labels_.tobytes()
        assert found["centers"].tobytes() == expected.cluster_centers_.tobytes()
        assert float(found["inertia"]) == expected.inertia_
        assert int(found["n_iter"]) == expected.n_iter_
    assert [p.name for p in (folder / "checkpoint").iterdir()] == ["checkpoint.npz"]


def test_killed_at_random_moments(rows, expected, tmp_path):
    # The fit takes several times the CPU time of all four, so that two of them hit it on a faster machine, too.
    chance, n_killed = random.Random(0), 0
    for _ in range(4):
        n_killed += start(rows, tmp_path, 0.001 + chance.random() * 0.02).wait() == -signal.SIGPROF
    assert n_killed >= 2
    assert start(rows, tmp_path, "nowhere").wait() == 0
    assert_same(tmp_path, expected)


@pytest.mark.parametrize("where", ["half written", "before the rename", "after the rename"])
def test_killed_inside_the_write_of_a_checkpoint(rows, expected, tmp_path, where):
    assert start(rows, tmp_path, where).wait() == -signal.SIGKILL
    assert start(rows, tmp_path, "nowhere").wait() == 0
    assert_same(tmp_path, expected)


def test_resume_after_the_end_repeats_the_result(rows, expected, tmp_path):
    for _ in range(2):
        model = KMeans(checkpoint=tmp_path, resume=True, **OPTIONS).fit(str(rows))
        assert model.labels_.tobytes() == expected.labels_.tobytes()
        assert model.inertia_ == expected.inertia_


def test_without_resume_the_fit_starts_anew(rows, tmp_path):
    first = KMeans(11, random_state=0, checkpoint=tmp_path, max_iter=3).fit(str(rows))
    other = KMeans(11, random_state=1, checkpoint=tmp_path, max_iter=3).fit(str(rows))
    assert first.inertia_ != other.inertia_


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_clusters": 12}, "differs in n_clusters"),
        ({"metric": "cosine"}, "differs in metric"),
        ({"random_state": 4}, "differs in random_state"),
        ({"tol": 0.1, "max_iter": 7}, "differs in max_iter, tol"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused(rows, tmp_path, change, words):
    KMeans(checkpoint=tmp_path, **OPTIONS).fit(str(rows))
    with pytest.raises(ValueError, match=words):
        KMeans(checkpoint=tmp_path, resume=True, **(OPTIONS | change)).fit(str(rows))


def test_a_checkpoint_of_other_rows_or_weights_is_refused(rows, tmp_path):
    X = np.load(rows)
    KMeans(checkpoint=tmp_path, **OPTIONS).fit(X)
    model = KMeans(checkpoint=tmp_path, resume=True, **OPTIONS)
    with pytest.raises(ValueError, match="differs in X"):
        model.fit(X[:-1])
    with pytest.raises(ValueError, match="differs in sample_weight"):
        model.fit(X, sample_weight=np.arange(len(X)))


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_damaged_checkpoint_is_refused(rows, tmp_path, size):
    KMeans(checkpoint=tmp_path, **OPTIONS).fit(str(rows))
    os.truncate(tmp_path / "checkpoint.npz", size)
    with pytest.raises(ValueError, match=r"checkpoint.npz' is damaged"):
        KMeans(checkpoint=tmp_path, resume=True, **OPTIONS).fit(str(rows))


def test_arguments():
    X = np.ones((4, 2), np.float32)
    with pytest.raises(ValueError, match="resume=True needs checkpoint"):
        KMeans(2, resume=True).fit(X)
    with pytest.raises(TypeError, match="checkpoint must be a folder's path or None; got 3"):
        KMeans(2, checkpoint=3).fit(X)
    with pytest.raises(ValueError, match="checkpoint must be a folder's path or None; got ''"):
        KMeans(2, checkpoint="").fit(X)
