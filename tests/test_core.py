"""The floor that every op stands on, as far as Python sees it: threads and the choice of instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from coterie import _core


def in_new_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_instruction_set_can_be_chosen(every_isa: list[str]) -> None:
    assert every_isa[0] == "portable"
    for name in every_isa:
        _core.set_isa(name)
        assert _core.active_isa() == name


def test_auto_is_the_last_instruction_set(every_isa: list[str]) -> None:
    _core.set_isa("auto")
    assert _core.active_isa() == every_isa[-1]


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
