"""A run over files that was stopped, wherever it was, ends with the files of one that was not."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("typer")

from outofcore_corpora import assert_same_outputs, documents, in_memory, write

from coterie.io import read_texts
from coterie.outofcore import _rows, cluster_files, work_folder_of

# argv: corpus, output, which write is the last, what happens at it. "later": not a write, but so many milliseconds of
# the process's own CPU time after its first one, which do not depend on what else the machine does.
PROGRAM = """
import os, signal, sys
import numpy as np, scipy.sparse as sp
from coterie import io
from coterie.outofcore import _input, _rows, cluster_files

path, output, last, where = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
_rows.SHARD_BYTES = 5000
_input.read_texts = lambda *a, **k: io.read_texts(*a, batch_size=100, **k)
n = 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def counted():
    global n
    n += 1
    return n == last

def renaming(rename):
    def run(*args):
        here = counted()
        if here and where == "before":
            die()
        rename(*args)
        if here and where == "after":
            die()
    return run

def halving(function):
    def run(file, *args, **kwargs):
        if counted():
            with open(file if isinstance(file, (str, os.PathLike)) else file.name, "wb") as half:
                half.write(b"PK" + bytes(500))
            die()
        function(file, *args, **kwargs)
    return run

def arming(rename):
    def run(*args):
        global n
        n += 1
        rename(*args)
        if n == 1:
            signal.setitimer(signal.ITIMER_PROF, last / 1000)
    return run

if where == "later":
    os.replace, os.rename = arming(os.replace), arming(os.rename)
elif where == "half":
    np.savez, sp.save_npz = halving(np.savez), halving(sp.save_npz)
else:
    os.replace, os.rename = renaming(os.replace), renaming(os.rename)
cluster_files(path, output, n_clusters=9, n_init=2, label_field="label", resume=True, report=False)
"""
OPTIONS = {"n_clusters": 9, "n_init": 2, "label_field": "label", "report": False}


@pytest.fixture(autouse=True)
def many_shards(monkeypatch):
    monkeypatch.setattr(_rows, "SHARD_BYTES", 5000)
    monkeypatch.setattr(
        "coterie.outofcore._input.read_texts", lambda *a, **k: read_texts(*a, batch_size=100, **k)
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    path = write(folder / "documents.jsonl", documents(2000))
    with pytest.MonkeyPatch.context() as patched:  # a column's type in the table depends on the batches
        patched.setattr("coterie.io._read.read_texts", lambda *a, **k: read_texts(*a, batch_size=100, **k))
        return path, in_memory(path, folder / "expected", {"label_field": "label"}, n_init=2)


def start(path, output, last=0, where="after"):
    arguments = [sys.executable, "-c", PROGRAM, path, output, last, where]
    return subprocess.Popen([str(a) for a in arguments], stderr=subprocess.PIPE)


def finish(process):
    _, stderr = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL, -signal.SIGPROF), stderr.decode()
    return process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("where", ["before", "after", "half"])
def test_killed_again_and_again_inside_writes(shared, tmp_path, where):
    path, expected = shared
    output = tmp_path / "found"
    n_killed = 0
    while not finish(start(path, output, 3 + 3 * n_killed, where)):
        n_killed += 1
    assert n_killed >= 2
    assert_same_outputs(output, expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found"]


@pytest.mark.slow
def test_killed_at_random_moments(shared, tmp_path):
    path, expected = shared
    output, chance, n_killed = tmp_path / "found", random.Random(2), 0
    work = work_folder_of(output)
    while not finish(start(path, output, chance.randint(1, 150), "later")) and work.exists():
        n_killed += 1  # and not at its exit, with everything done
    assert n_killed >= 3
    assert_same_outputs(output, expected)


def test_stopped_by_an_exception_and_resumed(shared, tmp_path, monkeypatch):
    path, expected = shared
    real, n_saved = _rows.sp.save_npz, 0

    def full_disk(*args, **kwargs):
        nonlocal n_saved
        n_saved += 1
        if n_saved == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "rows.npz")
        real(*args, **kwargs)

    monkeypatch.setattr(_rows.sp, "save_npz", full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        cluster_files(path, tmp_path / "found", **OPTIONS)
    work = work_folder_of(tmp_path / "found")
    assert len(list(work.glob("rows/rows-*.npz"))) == 2
    assert not (tmp_path / "found").exists()
    cluster_files(path, tmp_path / "found", resume=True, **OPTIONS)
    assert n_saved > 3
    assert_same_outputs(tmp_path / "found", expected)
    assert not work.exists()


def stop_after_vocabulary(path, output, **options):
    """Leave the work of a run that was stopped when the vocabulary was there."""

    def stop(stage, share):
        if stage == "vectorize" and share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster_files(path, output, progress=stop, **(OPTIONS | options))
    assert work_folder_of(output).exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_clusters": 8}, "differs in n_clusters"),
        ({"min_df": 1, "random_state": 5}, "differs in min_df, random_state"),
        ({"id_field": "name"}, "differs in reading"),
    ],
)
def test_the_work_of_another_run_is_refused(shared, tmp_path, change, words):
    path, expected = shared
    stop_after_vocabulary(path, tmp_path / "found")
    with pytest.raises(ValueError, match=words):
        cluster_files(path, tmp_path / "found", resume=True, **(OPTIONS | change))
    cluster_files(path, tmp_path / "found", **OPTIONS)  # anew
    assert_same_outputs(tmp_path / "found", expected)


def test_other_threads_and_limits_may_resume(shared, tmp_path):
    path, expected = shared
    stop_after_vocabulary(path, tmp_path / "found")
    cluster_files(path, tmp_path / "found", resume=True, memory_limit="2GB", n_threads=None, **OPTIONS)
    assert_same_outputs(tmp_path / "found", expected)


def test_a_changed_input_is_refused(shared, tmp_path):
    path = tmp_path / "copy.jsonl"
    path.write_bytes(shared[0].read_bytes())
    stop_after_vocabulary(path, tmp_path / "found")
    with path.open("a") as file:
        file.write('{"text": "one more"}\n')
    with pytest.raises(ValueError, match="differs in paths"):
        cluster_files(path, tmp_path / "found", resume=True, **OPTIONS)

    def append(stage, share):
        if stage == "explain" and share == 1:
            with path.open("a") as file:
                file.write('{"text": "one more", "label": "x"}\n')

    with pytest.raises(ValueError, match=r"2,0\d\d documents in its (last reading|first)"):
        cluster_files(path, tmp_path / "found", progress=append, **OPTIONS)


def test_an_input_that_disappears(shared, tmp_path):
    path = tmp_path / "copy.jsonl"
    path.write_bytes(shared[0].read_bytes())

    def remove(stage, share):
        if stage == "cluster" and share == 1:
            path.unlink()

    with pytest.raises(FileNotFoundError, match=r"copy\.jsonl"):
        cluster_files(path, tmp_path / "found", progress=remove, **OPTIONS)
    assert not (tmp_path / "found").exists()


def test_a_shard_that_disappears(shared, tmp_path):
    path, expected = shared
    rows = work_folder_of(tmp_path / "found") / "rows"

    def remove(stage, share):
        if stage == "explain" and share == 0:
            sorted(rows.iterdir())[1].unlink()

    with pytest.raises(FileNotFoundError, match=r"file of rows.*rows-\d+-\d+\.npz"):
        cluster_files(path, tmp_path / "found", progress=remove, **OPTIONS)
    # What is missing is made again.
    cluster_files(path, tmp_path / "found", resume=True, **OPTIONS)
    assert_same_outputs(tmp_path / "found", expected)


def test_foreign_files_and_other_runs_are_left_alone(shared, tmp_path):
    work = work_folder_of(tmp_path / "found")
    work.mkdir()
    (work / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match=r"holds 'mine\.txt', which coterie did not write"):
        cluster_files(shared[0], tmp_path / "found", **OPTIONS)
    assert (work / "mine.txt").read_text() == "keep"
    (work / "mine.txt").unlink()

    def second(stage, share):
        if stage == "vectorize" and share == 0:
            with pytest.raises(FileExistsError, match="another run is w"):
                cluster_files(shared[0], tmp_path / "found", resume=True, **OPTIONS)

    cluster_files(shared[0], tmp_path / "found", progress=second, **OPTIONS)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 KB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(shared, tmp_path, small_disk):
    path, expected = shared
    with pytest.raises(OSError, match="No space left on device"):
        cluster_files(path, small_disk / "found", **OPTIONS)
    assert not (small_disk / "found").exists()
    work = work_folder_of(small_disk / "found")
    assert not [p for p in work.rglob("*") if ".coterie-staging-" in p.name]
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    cluster_files(path, small_disk / "found", resume=True, **OPTIONS)
    assert_same_outputs(small_disk / "found", expected)


@pytest.mark.slow
def test_a_limit_on_the_size_of_files(shared, tmp_path):
    """What a file system or a quota refuses in the middle of a file is an OSError, and leaves no half shard."""
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from coterie.outofcore import cluster_files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    cluster_files(sys.argv[1], sys.argv[2], n_clusters=9, report=False)\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, shared[0], tmp_path / "found"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(run.stdout) == errno.EFBIG
    assert not list(tmp_path.rglob("rows-*.npz"))
    assert not (tmp_path / "found").exists()


def test_memory_limits(shared, tmp_path):
    with pytest.raises(
        ValueError, match=r"memory_limit=1000000 bytes is too small: the vocabulary of the first"
    ):
        cluster_files(shared[0], tmp_path / "found", memory_limit="1MB", **OPTIONS)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match='memory_limit must be bytes or a size such as "2GB"'):
        cluster_files(shared[0], tmp_path / "found", memory_limit="lots")
    with pytest.raises(ValueError, match=r"too small for .* at least \d+ bytes are needed") as refused:
        cluster_files(shared[0], tmp_path / "found", memory_limit=_rss() + (30 << 20), **OPTIONS)
    needed = int(str(refused.value).split("at least ")[1].split()[0])
    assert 0 < needed - _rss() < 200 << 20


def _rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_work_folder_is_plain_files(shared, tmp_path):
    stop_after_vocabulary(shared[0], tmp_path / "found")
    work = work_folder_of(tmp_path / "found")
    assert {p.name for p in work.iterdir()} == {"run.json", "corpus.json", "labels.npy", "rows", "vocabulary"}
    assert json.loads((work / "run.json").read_text())["n_clusters"] == 9
    assert np.load(work / "labels.npy").shape == (
        json.loads((work / "corpus.json").read_text())["n_documents"],
    )
