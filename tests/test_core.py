"""The floor that every op stands on, as far as Python sees it: threads and the choice of instruction set."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from coterie import KMeans, TfidfVectorizer, _core
from coterie.similarity import cosine_top_k


def in_new_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_each_instruction_set_can_be_chosen(every_isa: list[str]) -> None:
    assert _core.available_isas()[0] == "portable"
    for name in _core.available_isas():
        _core.set_isa(name)
        assert _core.active_isa() == name


def test_auto_is_the_last_instruction_set(every_isa: list[str]) -> None:
    _core.set_isa("auto")
    assert _core.active_isa() == _core.available_isas()[-1]


def test_unknown_instruction_set_is_refused_with_the_list(every_isa: list[str]) -> None:
    before = _core.active_isa()
    with pytest.raises(ValueError, match=r"'sse9' is not an instruction set.*available: portable"):
        _core.set_isa("sse9")
    assert _core.active_isa() == before


def test_environment_chooses_the_instruction_set(every_isa: list[str]) -> None:
    for name in every_isa:
        done = in_new_process("from coterie import _core; print(_core.active_isa())", COTERIE_CPU=name)
        assert (done.returncode, done.stdout.strip()) == (0, name), done.stderr


def test_environment_with_an_unknown_instruction_set_is_an_error() -> None:
    done = in_new_process("from coterie import _core; _core.active_isa()", COTERIE_CPU="sse9")
    assert done.returncode == 1
    assert "ValueError: [COTERIE_CPU] 'sse9' is not an instruction set this CPU can run" in done.stderr


def test_environment_chooses_the_thread_count() -> None:
    code = "from coterie import _core; print(_core.default_thread_count())"
    assert in_new_process(code, COTERIE_NUM_THREADS="5").stdout.strip() == "5"
    assert int(in_new_process(code, COTERIE_NUM_THREADS="0").stdout) >= 1  # not a count: the default


def test_default_thread_count_follows_the_affinity_mask() -> None:
    one = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{one}}}); "
        "from coterie import _core; print(_core.default_thread_count())"
    )
    assert in_new_process(code, COTERIE_NUM_THREADS="").stdout.strip() == "1"


IMPORTS = """
import os, signal, threading, time, warnings
import numpy as np
import scipy.sparse as sp
from coterie import KMeans, TfidfVectorizer
from coterie.similarity import cosine_top_k
warnings.simplefilter("ignore")
"""


@pytest.mark.slow
def test_other_signals_and_threads_go_on_while_an_op_works() -> None:
    code = IMPORTS + textwrap.dedent("""
        X = np.random.default_rng(0).standard_normal((100_000, 64), dtype=np.float32)
        signals, beats, stop = [], [], threading.Event()
        signal.signal(signal.SIGALRM, lambda *_: signals.append(len(beats)))
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        threading.Thread(target=lambda: [beats.append(1) for _ in iter(lambda: stop.wait(0.01), True)]).start()
        model = KMeans(400, init=X[:400], tol=0, max_iter=30).fit(X)
        signal.setitimer(signal.ITIMER_REAL, 0)
        stop.set()
        quiet = KMeans(400, init=X[:400], tol=0, max_iter=30).fit(X)
        print(bool(signals), len(beats) > 5, model.cluster_centers_.tobytes() == quiet.cluster_centers_.tobytes())
        """)
    done = in_new_process(code)
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_forked_in_the_middle_of_work_can_work() -> None:
    code = IMPORTS + textwrap.dedent("""
        X = np.random.default_rng(0).standard_normal((20_000, 16), dtype=np.float32)
        fit = lambda: KMeans(20, random_state=0, max_iter=5, tol=0, n_threads=4).fit(X).labels_.tobytes()
        expected, stop = fit(), threading.Event()
        busy = [threading.Thread(target=lambda: [fit() for _ in iter(stop.is_set, True)]) for _ in range(2)]
        for thread in busy:
            thread.start()
        outcomes = []
        for _ in range(6):
            time.sleep(0.03)
            child = os.fork()
            if child == 0:
                signal.alarm(90)  # a child that hangs is killed, and counts as failed
                os._exit(0 if fit() == expected else 1)
            outcomes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        stop.set()
        print(*outcomes)
    """)
    done = in_new_process(code)
    assert done.stdout.split() == ["0"] * 6, done.stderr


def test_different_ops_at_once_give_what_each_gives_alone() -> None:
    rows = np.random.default_rng(0).standard_normal((2000, 24), dtype=np.float32)
    texts = [f"word{i % 97} and word{i % 31} of word{i % 7}" for i in range(3000)]
    ops = [
        lambda: KMeans(12, random_state=0, n_threads=3).fit(rows).cluster_centers_.tobytes(),
        lambda: TfidfVectorizer(n_threads=2).fit_transform(texts).data.tobytes(),
        lambda: cosine_top_k(rows, k=5, n_threads=4).flat_indices.tobytes(),
    ]
    alone = [op() for op in ops]
    with ThreadPoolExecutor(9) as pool:
        together = list(pool.map(lambda op: op(), ops * 6))
    assert together == alone * 6
